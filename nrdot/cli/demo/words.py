"""The words around the figures of `nrdot demo`, the same on the terminal and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.report.words import less
from nrdot.simulate.money import FREE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nrdot.simulate.comparison import Comparison, Figures
    from nrdot.simulate.money import Priced
    from nrdot.stages import Reason

NOTICEABLE = 1.005  # a scale that is worth a word
SAME_INTERVAL = "less, same interval"
HEADLINE = "balanced"  # the profile that most hosts take


def every(interval: float) -> str:
    return f"{interval:g} s"


def critical(figures: Figures) -> str:
    """Of the never-filtered processes; 0/0 would read as if some had been hidden."""
    return f"{figures.critical_exported}/{figures.critical}" if figures.critical else "none"


def brief(reason: Reason) -> str:
    """A reason in a word or two, where a column has no room for a sentence."""
    return reason.name.lower().replace("_", " ")


def side_by_side(found: Comparison) -> list[tuple[str, list[str]]]:
    """What each profile comes to, a line for each figure: of no optimizer first, then of the profiles."""
    none, columns = found.none, (found.none, *found.profiles)
    lines: list[tuple[str, Callable[[Figures], str]]] = [
        ("exports every", lambda one: every(one.interval)),
        ("by themselves", lambda one: f"{one.processes if one is none else one.kept:,.0f}"),
        ("groups", lambda one: "-" if one is none else f"{one.groups:.0f}"),
        ("points an hour", lambda one: f"{one.points_hourly:,.0f}"),
        ("less", lambda one: "-" if one is none else less(one.points_hourly, none.points_hourly)),
        (SAME_INTERVAL, lambda one: "-" if one is none else _at_its_interval(one)),
        ("critical covered", lambda one: "-" if one is none else critical(one)),
        ("CPU with a name", lambda one: "100%" if one is none else f"{one.cpu_covered:.0%}"),
    ]
    return [(title, list(map(figure, columns))) for title, figure in lines]


def _at_its_interval(one: Figures) -> str:
    return less(one.points_hourly, one.same_interval_hourly)


def briefly(found: Comparison, *, live: bool) -> list[str]:
    """What must be known of the figures before anybody quotes them."""
    scaled = [_scaled(found)] if found.scale > NOTICEABLE else []
    return [*_more(found), _samples(found, live=live), *scaled]


def _more(found: Comparison) -> list[str]:
    """Why a profile sends more than no optimizer, which nobody expects."""
    none = found.none
    return [
        f"{one.profile} sends more because it exports every {every(one.interval)}, no optimizer every "
        f"{every(none.interval)}: it is for seeing all, not for saving."
        for one in found.profiles
        if one.points_hourly > none.points_hourly and one.interval < none.interval
    ]


def within_free(bills: Sequence[tuple[Priced, Sequence[float]]]) -> list[str]:
    """Why a bill is nothing, for each meter of which that is so."""
    return [
        f"0.00 on {meter.name}: so little is within an account's free allowance."
        for meter, bill in bills
        if meter.meter.prices.get(FREE) and not all(bill)
    ]


def method(found: Comparison, *, live: bool) -> list[str]:
    """How the figures came about, and what they leave out."""
    return [*briefly(found, live=live), _exports(found), _SERIES, _BASELINE, _ANOMALIES]


_SERIES = (
    "In money, series are those at a time: a vendor that bills every series of an hour bills more where "
    "processes come and go. nrdot simulate counts them."
)
_BASELINE = (
    "No optimizer means every process by itself, with the same metrics, as the OpenTelemetry Collector's "
    "process scraper sends them. A profile with a shorter interval than the scraper's may send more."
)
_ANOMALIES = (
    "Anomalies need ten minutes of a process's history, so none counts in a shorter time; a running agent "
    "keeps those processes as well."
)


def _samples(found: Comparison, *, live: bool) -> str:
    extent = found.extent
    what = "This host's processes were sampled" if live else "The capture holds the processes"
    return (
        f"{what} {extent.samples} times, {extent.spacing:.3g} s apart, {extent.seconds:.0f} s in all. Every "
        "profile judged the same samples through the agent's own stages; nothing was sent anywhere."
    )


def _scaled(found: Comparison) -> str:
    seconds, minutes = found.extent.seconds, found.extent.seconds * found.scale / 60
    return (
        "So short a time holds few exports, so every time in the profiles, the baseline's too, was divided "
        f"by {found.scale:.3g}: {seconds:.0f} s stand for {minutes:.1f} minutes. Meanwhile {found.began} "
        f"processes began and {found.ended} ended. In real minutes there would be more of them, and each "
        "that is exported begins and ends series: a host with many short lives saves less than this says. "
        "To measure it: nrdot record --duration 1h, then nrdot simulate."
    )


def _exports(found: Comparison) -> str:
    counts = ", ".join(f"{one.profile} {one.exports}" for one in found.profiles)
    return (
        f"Exports that were seen: {counts}. The first of each is left out, because it begins every series; "
        "an hour has as many as the profile's own interval says. Zeros that begin a series and marks that "
        "end one count."
    )

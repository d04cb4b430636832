"""The page that `nrdot demo` writes: one file, no network, no script. All text from the host is escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from nrdot import __version__
from nrdot.cli.demo.words import HEADLINE, critical, every, method
from nrdot.cli.output import amount
from nrdot.cli.words import REASONS
from nrdot.report.words import less
from nrdot.simulate.fleet import Fleet, vendors

if TYPE_CHECKING:
    from nrdot.simulate.comparison import Comparison, Figures, Kept
    from nrdot.simulate.money import Priced


def page(found: Comparison, hosts: int, *, live: bool) -> str:
    template = Template(files("nrdot.cli.demo").joinpath("page.html").read_text(encoding="utf-8"))
    when = datetime.fromtimestamp(found.time_ns // 1_000_000_000, UTC)
    columns, meters = (found.none, *found.profiles), vendors()
    return template.substitute(
        host=escape(found.host.name or found.host.id or "this host"),
        when=f"{when:%Y-%m-%d %H:%M} UTC",
        processes=f"{found.none.processes:,.0f}",
        cpus=found.host.cpus,
        seconds=f"{found.extent.seconds:.0f} s",
        baseline=every(found.none.interval),
        answers="\n".join(_answers(found)),
        bars=_bars(columns),
        baseline_note=f"No optimizer: every process each {every(found.none.interval)}.",
        rows="\n".join(_row(one, found.none) for one in columns),
        kept="\n".join(_kept(one, opened=one.profile == HEADLINE) for one in found.profiles),
        meter_names="".join(f"<th>{escape(one.profile)}</th>" for one in columns),
        hosts=f"{hosts:,} hosts" if hosts > 1 else "one host",
        money="\n".join(_money(meter, [Fleet(one, hosts) for one in columns]) for meter in meters),
        formulas="\n".join(map(_formula, meters)),
        method="\n".join(f"<li>{escape(line)}</li>" for line in method(found, live=live)),
        version=escape(__version__),
    )


def _answers(found: Comparison) -> list[str]:
    one = next((one for one in found.profiles if one.profile == HEADLINE), found.profiles[0])
    fewer = "fewer" if one.points_hourly <= found.none.points_hourly else "more"
    answers = [
        (
            less(one.points_hourly, found.none.points_hourly).removesuffix(" more"),
            f"{fewer} points under {one.profile} than every process each {every(found.none.interval)}",
        ),
        (f"{one.kept:.0f}", f"of {one.processes:,.0f} processes by themselves, the others in exact sums"),
        (f"{one.cpu_covered:.0%}", "of the CPU in use belongs to a process with a name of its own"),
        (critical(one), "never-filtered processes exported by themselves")
        if one.critical
        else (
            "none",
            "of this host's processes is named as critical; a class or an override does that",
        ),
    ]
    return [
        f'<div class="answer"><strong>{escape(figure)}</strong><span>{escape(words)}</span></div>'
        for figure, words in answers
    ]


def _bars(columns: tuple[Figures, ...]) -> str:
    longest = max(one.points_hourly for one in columns) or 1.0
    lines = []
    for index, one in enumerate(columns):
        width = 100 * one.points_hourly / longest
        kind = "bar" if index else "bar none"
        lines.append(
            f'<span>{escape(one.profile)}</span><div class="track"><div class="{kind}" '
            f'style="width:{width:.2f}%"></div></div><span class="figure">{one.points_hourly:,.0f}</span>'
        )
    return "\n".join(lines)


def _row(one: Figures, none: Figures) -> str:
    first = one is none
    nothing = "<td>-</td>"
    cells = [  # what decides comes first: a telephone shows no more without being asked
        f"<td>{one.points_hourly:,.0f}</td>",
        nothing if first else _saved(one.points_hourly, none.points_hourly),
        nothing if first else f"<td>{one.cpu_covered:.0%}</td>",
        nothing if first else f"<td>{escape(critical(one))}</td>",
        f"<td>{one.processes if first else one.kept:,.0f} of {one.processes:,.0f}</td>",
        nothing if first else f"<td>{one.groups:.0f}</td>",
        f"<td>{every(one.interval)}</td>",
        nothing if first else _saved(one.points_hourly, one.same_interval_hourly),
    ]
    kind = ' class="none"' if first else ""
    return f'<tr{kind}><td class="word">{escape(one.profile)}</td>{"".join(cells)}</tr>'


def _saved(points: float, than: float) -> str:
    kind = "less" if points <= than else "more"
    return f'<td class="{kind}">{less(points, than)}</td>'


def _kept(one: Figures, *, opened: bool) -> str:
    state = " open" if opened else ""
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in one.reasons.items()) or "none"
    rows = "\n".join(_process(process) for process in one.top)
    more = sum(one.reasons.values()) - len(one.top)
    rest = f'<p class="note">and {more} more.</p>' if more > 0 else ""
    return (
        f"<details{state}><summary>{escape(one.profile)} <small>{escape(counts)}</small></summary>"
        '<div class="scroll"><table><thead><tr><th class="word">process</th><th class="minor">pid</th>'
        '<th class="minor">score</th><th>cores</th><th class="minor">memory</th><th class="word">why</th>'
        "</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>{rest}</details>"
    )


def _process(one: Kept) -> str:
    cells = (
        f'<td class="minor">{one.pid}</td><td class="minor">{one.score:.2f}</td><td>{one.cpu:.2f}</td>'
        f'<td class="minor">{amount(one.rss)}</td>'
    )
    why = escape(REASONS[one.reason])
    return f'<tr><td class="word"><code>{escape(one.name)}</code></td>{cells}<td class="wide">{why}</td></tr>'


def _money(meter: Priced, columns: list[Fleet]) -> str:
    cells = "".join(f"<td>{meter.monthly(one):,.2f} {meter.currency}</td>" for one in columns)
    return f'<tr><td class="word">{escape(meter.name)}</td>{cells}</tr>'


def _formula(meter: Priced) -> str:
    return f"<li>{escape(meter.name)}: <code>{escape(meter.formula)}</code></li>"

"""`nrdot simulate`: what profiles would have sent of a capture."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Config, Json, configuration, warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.progress import Progress

    from nrdot.config.schema.profiles import Profile
    from nrdot.config.settled.configuration import Configuration
    from nrdot.simulate.plan import Study

SHIPPED = ("conservative", "balanced", "aggressive")


def simulate(
    captures: Annotated[list[Path], typer.Argument(help="Captures, one host each.", metavar="CAPTURE")],
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            "-p",
            help="Profile to try, by name or file; the shipped ones where absent.",
            metavar="P",
        ),
    ] = None,
    config: Config = None,
    export: Annotated[
        Path | None,
        typer.Option(help="Write the OTLP JSON lines that the agent would have sent.", metavar="FILE"),
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(
            help="Write the ledgers that the agents would have kept, a folder a capture, for nrdot report.",
            metavar="DIR",
        ),
    ] = None,
    grid: Annotated[
        bool, typer.Option("--grid", help="Try thresholds and top-N around the profile, all of them.")
    ] = False,
    solve: Annotated[
        bool, typer.Option("--solve", help="Search a profile as the configuration's `solver` says.")
    ] = False,
    thresholds: Annotated[
        str | None, typer.Option(help="Thresholds of the grid, with commas.", metavar="LIST")
    ] = None,
    tops: Annotated[
        str | None,
        typer.Option("--top", help="Largest consumers kept in the grid, with commas.", metavar="LIST"),
    ] = None,
    tries: Annotated[
        int, typer.Option(help="Candidates that a genetic algorithm may try.", min=2, metavar="N")
    ] = 60,
    html: Annotated[
        Path | None, typer.Option(help="What coverage costs, as a chart in a page.", metavar="FILE")
    ] = None,
    pricing: Annotated[
        Path | None, typer.Option(help="Your own prices, over the shipped ones.", metavar="FILE")
    ] = None,
    hosts: Annotated[
        int | None, typer.Option(help="Hosts that the captures stand for, in money.", min=1, metavar="N")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", help="Processes that work; one a core where absent.", min=1, metavar="N"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Run captures under profiles: points, series, bytes, money, coverage; and which one to take.

    With -c and no --profile the configuration's own profile holds, and its timetable by the capture's time.
    Limits and weights of the recommendation are the configuration's `optimization_dimensions`.
    """
    from nrdot.cli.output import print_json
    from nrdot.cli.simulate_tables import hosts_of, show, show_advice, show_curve
    from nrdot.pricing.prices import load_pricing
    from nrdot.simulate.money import margins
    from nrdot.simulate.plan import Study, curve
    from nrdot.simulate.study import cores
    from nrdot.simulate.together import unmatched

    found = configuration(config)
    prices = load_pricing(pricing, os.environ)
    meter = margins(prices)[0]
    names = profile or ([found.settings.profile] if config else list(SHIPPED))
    _check_search({"--thresholds": thresholds, "--top": tops}, grid=grid, solve=solve)
    _check(names, captures, export, ledger, html, searching=grid or solve)
    if grid or solve:
        names = names[:1] if profile or config else ["balanced"]
    chosen = {name: _profile(found, name) for name in names}
    with _bar(quiet=json) as bar:
        study = Study(captures, found, jobs or cores(), hosts, prices, bar.expect, bar.done)
        documents = study.profiles(chosen, scheduled=not profile, ledger=ledger)
        candidates = _candidates(study, chosen[names[0]], thresholds, tops, tries, grid=grid, solve=solve)
        candidates = candidates and documents | candidates
    warn(study.left_out)
    warn(unmatched(study.outcomes[names[0]]))
    if export is not None:
        _export(study.captures, found, chosen, export, scheduled=not profile)
    counted = hosts or len(study.captures)
    drawn = curve(candidates) if candidates else None
    advice = study.advice(candidates or documents)
    if html is not None:
        costs = f"those of {hosts_of(counted)} by {meter.name}: {meter.formula}"
        _draw(html, candidates, advice, _named(study), costs)
    if json:
        told = {"grid": drawn} if drawn else {}
        print_json({"profiles": documents, "recommended": advice, **told, "left_out": study.left_out})
        return
    show(documents, meter, _named(study) if study.left_out else "")
    if drawn:
        show_curve(candidates, drawn["pareto"], counted)
    if all(one["points_unoptimized"] for one in documents.values()):
        show_advice(advice, counted)


def _check(
    names: list[str],
    captures: list[Path],
    export: Path | None,
    ledger: Path | None,
    html: Path | None,
    *,
    searching: bool,
) -> None:
    """Options that contradict each other, captures that do not exist. Raises UsageError."""
    from nrdot.errors import UsageError

    for capture in captures:
        if not capture.exists():
            raise UsageError(f"{capture}: no such file; nothing is simulated; name captures that are there")
    for option, value in (("--export", export), ("--ledger", ledger)):
        if value is not None and (len(names) > 1 or searching):
            raise UsageError(
                f"{option}: several profiles would write over each other; name one with --profile"
            )
    if html is not None and not searching:
        raise UsageError("--html draws what --grid or --solve finds; add one of them")
    folders = [capture.name.partition(".")[0] for capture in captures]
    if ledger is not None and len(set(folders)) < len(folders):
        raise UsageError("--ledger: two captures of one name would write into one folder; rename one")
    if ledger is not None and ledger.exists() and any(ledger.iterdir()):
        raise UsageError(f"--ledger: {ledger} is not empty, and rows would count twice; name another folder")


def _check_search(lists: dict[str, str | None], *, grid: bool, solve: bool) -> None:
    """Raises UsageError."""
    from nrdot.errors import UsageError

    if grid and solve:
        raise UsageError("--grid and --solve are two ways to search; name one of them")
    for option, given in lists.items():
        if given is not None and not (grid or solve):
            raise UsageError(f"{option} is for a search; add --grid")


def _profile(found: Configuration, name: str) -> Profile:
    from nrdot.config.reading.load import load_profile

    directory = Path(found.file).parent if found.file else Path()
    return found.profiles.get(name) or load_profile(name, directory, os.environ)


def _export(
    captures: Sequence[Path],
    found: Configuration,
    chosen: dict[str, Profile],
    export: Path,
    *,
    scheduled: bool,
) -> None:
    from nrdot.export.file import FileExporter
    from nrdot.simulate.run import simulate as run
    from nrdot.simulate.run import under

    ((name, profile),) = chosen.items()
    export.unlink(missing_ok=True)
    with closing(FileExporter(export, rotate=0)) as exporter:
        for capture in captures:
            run(capture, under(found, name, profile), exporter, scheduled=scheduled)


def _candidates(
    study: Study,
    profile: Profile,
    thresholds: str | None,
    tops: str | None,
    tries: int,
    *,
    grid: bool,
    solve: bool,
) -> dict[str, dict[str, Any]]:
    from nrdot.simulate.grid import THRESHOLDS, TOPS, lattice

    if solve and study.configuration.settings.solver.algorithm == "genetic_algorithm":
        return study.search(profile, tries)
    if not (grid or solve):
        return {}
    chosen = lattice(
        _numbers("--thresholds", thresholds, 1.0) or THRESHOLDS,
        [round(top) for top in _numbers("--top", tops, 1e6)] or TOPS,
    )
    return study.candidates(profile, chosen)


def _numbers(option: str, text: str | None, most: float) -> list[float]:
    """Raises UsageError."""
    from nrdot.errors import UsageError

    if text is None:
        return []
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError:
        found = [-1.0]
    if not all(0 <= number <= most for number in found):
        raise UsageError(f"{option}: '{text}' is no list of numbers from 0 to {most:g}, such as 0.3,0.5,0.8")
    return list(dict.fromkeys(found))


def _draw(
    html: Path,
    candidates: dict[str, dict[str, Any]],
    advice: dict[str, Any],
    captures: str,
    costs: str,
) -> None:
    from nrdot.cli.output import keep
    from nrdot.simulate.curve import page
    from nrdot.simulate.grid import pareto

    keep(page(candidates, pareto(candidates), advice, costs, captures), html, what="the page")
    typer.echo(f"wrote {html}", err=True)


def _named(study: Study) -> str:
    """The captures that the figures are of, and how many they are not of."""
    counted, left = len(study.captures), len(study.left_out)
    many = f"{counted} captures" if counted > 1 else study.captures[0].name
    return f"{many}; {left} more could not be read" if left else many


class _Bar:
    """Progress on standard error, where somebody looks at it."""

    def __init__(self, shown: Progress | None) -> None:
        self._shown = shown
        self._task = shown.add_task("simulating", total=0) if shown else None
        self._total = 0

    def expect(self, more: int) -> None:
        self._total += more
        if self._shown is not None and self._task is not None:
            self._shown.update(self._task, total=self._total)

    def done(self) -> None:
        if self._shown is not None and self._task is not None:
            self._shown.advance(self._task)


@contextmanager
def _bar(*, quiet: bool) -> Iterator[_Bar]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from nrdot.cli.output import errors

    if quiet or not errors().is_terminal:
        yield _Bar(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors(), transient=True) as shown:
        yield _Bar(shown)

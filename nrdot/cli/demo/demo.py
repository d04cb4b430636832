"""`nrdot demo`: this host for half a minute, under each shipped profile and under none."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Config, Json, Procfs, configuration
from nrdot.cli.options import seconds as time_of
from nrdot.cli.simulate import SHIPPED

if TYPE_CHECKING:
    from nrdot.batch import Batch
    from nrdot.config.settled.configuration import Configuration
    from nrdot.simulate.comparison import Comparison, Extent, Figures

SAMPLES = 30  # that are taken, where the time allows a second between two
SHORTEST = 20  # seconds; less shows no second export
LONGEST = 86400
HOSTS = 100  # like this one, in money: a single one costs cents
INTERRUPTED = 130


def watching(text: str | float) -> float:
    """A duration, or a number of seconds."""
    found = float(text) if str(text).isdecimal() else time_of(text)
    if not SHORTEST <= found <= LONGEST:
        raise typer.BadParameter(f"'{text}' is not between {SHORTEST}s and 1d")
    return found


def demo(
    capture: Annotated[
        Path | None,
        typer.Option(help="Look at this capture instead of the host, as it is now.", metavar="FILE"),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(
            "--duration",
            "--seconds",
            help="How long to watch, 20s at least; 30s where absent.",
            parser=watching,
            show_default=False,
            metavar="TIME",
        ),
    ] = 30.0,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="HTML page to write.", metavar="FILE")
    ] = Path("nrdot-demo.html"),
    config: Config = None,
    hosts: Annotated[int, typer.Option(help="Hosts like this one, in money.", min=1, metavar="N")] = HOSTS,
    json: Json = False,
    procfs: Procfs = None,
) -> None:
    """Show what would be sent of this host under each profile and under none, why, and what it saves.

    Where a configuration is named, its classes, overrides and rules count; the profiles are the shipped ones.
    """
    from nrdot.cli.output import console, errors, keep, print_json, writable

    writable(output)
    found = configuration(config, procfs, quiet=True)
    comparison = _compared(found, capture, seconds, quiet=json)
    from nrdot.cli.demo.page import page

    keep(page(comparison, hosts, live=capture is None), output, what="the page")
    if json:
        print_json(_document(comparison, hosts))
    else:
        from nrdot.cli.demo.tables import show

        show(console(), comparison, hosts, live=capture is None)
    errors().print(f"page: {output}", soft_wrap=True, markup=False)


def _compared(found: Configuration, capture: Path | None, seconds: float, *, quiet: bool) -> Comparison:
    if capture is not None:
        return _compare(capture, found, quiet=quiet)
    with tempfile.TemporaryDirectory(prefix="nrdot-demo-") as folder:
        taken = Path(folder) / "capture.jsonl"
        _record(taken, found, seconds, quiet=quiet)
        return _compare(taken, found, quiet=quiet)


def _compare(
    capture: Path, found: Configuration, planned: Extent | None = None, *, quiet: bool = True
) -> Comparison:
    from nrdot.cli.output import progress
    from nrdot.config.reading.load import load_profile
    from nrdot.simulate.comparison import compare

    profiles = {name: load_profile(name, Path(), os.environ) for name in SHIPPED}
    with progress("the same samples under each profile", quiet=quiet):
        return compare(capture, found, profiles, planned)


def _record(capture: Path, found: Configuration, seconds: float, *, quiet: bool) -> None:
    from nrdot.agent.loop.signals import Requests, signals
    from nrdot.agent.once.recording import record_host
    from nrdot.clock import SystemClock

    clock = SystemClock()
    requests = Requests(clock)
    interval = min(max(seconds / SAMPLES, 1.0), found.settings.agent.interval)
    with signals(requests), _watching(capture, found, seconds, interval, quiet=quiet) as seen:
        record_host(
            found,
            clock,
            capture,
            stop=requests.stopping,
            duration=seconds + interval / 2,
            interval=interval,
            command_lines=True,
            progress=seen,
        )
    if requests.stopping.is_set():
        raise typer.Exit(INTERRUPTED)


@contextmanager
def _watching(
    capture: Path, found: Configuration, seconds: float, interval: float, *, quiet: bool
) -> Iterator[Callable[[Batch], None] | None]:
    """A screen on standard error that follows; nothing where nobody looks at one."""
    from nrdot.cli.output import errors

    if quiet or not errors().is_terminal:
        yield None
        return
    from nrdot.cli.demo.live import LiveScreen
    from nrdot.simulate.comparison import Extent

    planned = Extent(round(seconds / interval) + 1, seconds, interval)
    log = logging.getLogger("nrdot")
    before = log.level
    log.setLevel(logging.ERROR)  # what the stages warn of is said once, by the comparison at the end
    try:
        with LiveScreen(errors(), seconds, interval, lambda: _compare(capture, found, planned)) as screen:
            yield screen.seen
    finally:
        log.setLevel(before)


def _document(found: Comparison, hosts: int) -> dict[str, Any]:
    from nrdot.simulate.fleet import Fleet, vendors

    def figures(one: Figures) -> dict[str, Any]:
        top = [{**asdict(kept), "reason": kept.reason.name.lower()} for kept in one.top]
        money = {meter.key: round(meter.monthly(Fleet(one, hosts)), 2) for meter in vendors()}
        return {**asdict(one), "top": top, "usd_monthly": money}

    return {
        "host": {"id": found.host.id, "name": found.host.name, "cpus": found.host.cpus},
        "seconds": found.extent.seconds,
        "samples": found.extent.samples,
        "scale": found.scale,
        "hosts": hosts,  # that money is of
        "no_optimizer": figures(found.none),
        "profiles": {one.profile: figures(one) for one in found.profiles},
    }

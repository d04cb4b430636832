"""`nrdot profile timeline`: which profile holds when, and which rule decides."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Json

if TYPE_CHECKING:
    from nrdot.config.settled.configuration import Configuration
    from nrdot.schedule.clock import ZoneClock
    from nrdot.schedule.holding import Segment
    from nrdot.schedule.timetable import Timetable

MOST_DAYS = 3660
TIME = "2027-01-31T18:00:00Z, 2027-01-31 18:00 in the file's zone, Sat 12:00, or now"


def timeline(
    file: Annotated[Path, typer.Argument(help="A configuration file.", metavar="FILE")],
    days: Annotated[int, typer.Option(help="How many days to show.", min=1, max=MOST_DAYS, metavar="N")] = 7,
    at: Annotated[str, typer.Option(help=f"One moment only: {TIME}.", metavar="TIME")] = "",
    begin: Annotated[
        str, typer.Option("--from", help="Where to begin; now where absent.", metavar="TIME")
    ] = "",
    zone: Annotated[
        str, typer.Option(help="Zone of whoever looks; this machine's where absent.", metavar="ZONE")
    ] = "",
    region: Annotated[
        str, typer.Option(help="As a host of this region; the file's where absent.", metavar="NAME")
    ] = "",
    host: Annotated[
        str, typer.Option("--host-id", help="As this host, which the canary may pick.", metavar="ID")
    ] = "",
    json: Json = False,
) -> None:
    """Show which profile holds when, and which rule decides."""
    from nrdot.cli.options import configuration
    from nrdot.cli.output import print_json
    from nrdot.cli.profiles.precedence import document, moment_of, stamp, tell, time_of
    from nrdot.clock import SystemClock
    from nrdot.schedule.timetable import timetable

    found = configuration(file, quiet=json)
    if at:
        moment = moment_of(found, at, host=host, region=region or None)
        if json:
            print_json({"at": stamp(moment.at, moment.table.clock), **document(moment.holding)})
        else:
            tell(moment, viewer(zone))
        return
    table = timetable(found, host_id=host, region=region or None)
    now = SystemClock().wall_ns() // 1_000_000_000
    start = time_of(begin, table) if begin else now // 60 * 60
    segments = table.between(start, start + days * 86_400)
    if json:
        _print_json(found, table, segments)
        return
    from nrdot.cli.profiles.strip import draw

    draw(segments, table.clock, viewer(zone), days)


def viewer(name: str) -> ZoneClock:
    """The clock of whoever looks. Raises UsageError."""
    from nrdot.config.problem import MalformedError
    from nrdot.config.values.zones import zone
    from nrdot.errors import UsageError
    from nrdot.schedule.clock import ZoneClock

    try:
        return ZoneClock(zone(name or local_zone()))
    except MalformedError as error:
        if not name:
            return ZoneClock(UTC)
        raise UsageError(f"--zone: {error}; {error.hint}") from None


def local_zone() -> str:
    """The IANA name of this machine's zone; UTC where it does not say."""
    import os

    stated = os.environ.get("TZ", "").lstrip(":")
    if stated:
        return stated
    target = Path("/etc/localtime").resolve().as_posix()
    _, mark, name = target.partition("/zoneinfo/")
    return name if mark else "UTC"


def _print_json(found: Configuration, table: Timetable, segments: list[Segment]) -> None:
    from nrdot.cli.output import print_json
    from nrdot.cli.profiles.precedence import document, stamp

    transitions: list[dict[str, Any]] = [
        {
            "from": stamp(one.start, table.clock),
            "to": stamp(one.end, table.clock),
            **document(one.holding),
        }
        for one in segments
    ]
    print_json({"file": found.file, "timezone": found.settings.timezone, "transitions": transitions})

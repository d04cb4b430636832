"""`nrdot audit`: who changed the configuration, and whether that record is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Config, Json

if TYPE_CHECKING:
    from nrdot.audit.verify import Verification

NO = 1
SHOWN = 3  # changed settings in a line of the table
Directory = Annotated[
    Path | None,
    typer.Option("--directory", help="The trail itself: STATE_DIR/audit, or a copy of it.", metavar="DIR"),
]


def log(
    config: Config = None,
    directory: Directory = None,
    since: Annotated[
        str | None, typer.Option(help="Only what is newer: 7d, or an RFC 3339 time.", metavar="TIME")
    ] = None,
    json: Json = False,
) -> None:
    """Show every change of the configuration in effect: when, who, what and why."""
    from nrdot.audit.disk import Disk
    from nrdot.audit.verify import entries
    from nrdot.cli.output import console, print_json, table

    horizon = _horizon(since)
    where = _trail(config, directory)
    every = list(entries(where, Disk()))
    found = [entry for entry in every if entry.time_ns >= horizon]
    _complain(where)
    if json:
        print_json({"entries": [dict(entry.content) for entry in found]})
    elif not found:
        what = "no entry" if since is None or not every else f"no entry since {since}"
        console().print(f"{where}: {what}", markup=False, soft_wrap=True)
    if not every:
        raise typer.Exit(NO)
    if json or not found:
        return
    shown = table("entry", "time", "type", "user", "what", "why", "approval", right={"entry"})
    for entry in found:
        said = entry.content
        shown.add_row(
            str(entry.number),
            said["timestamp"],
            said["change_type"],
            str(said.get("user", "-")),
            _what(said),
            _why(said),
            str(said.get("approval_id") or "-"),
        )
    console().print(shown)


def _why(said: Mapping[str, Any]) -> str:
    why = str(said.get("justification") or "-")
    return why if "reason_of" not in said else f"{why} (given for entry {said['reason_of']})"


def _complain(where: Path) -> None:
    """What is listed may not be all that was written: say so beside it."""
    from nrdot.audit.disk import Disk
    from nrdot.audit.trail import HEAD
    from nrdot.audit.verify import verify as look

    fault = look(where, Disk(), copy=not (where / HEAD).exists()).fault
    if fault is not None:
        words = f"{where}: entries are missing or broken, the first of them {fault.number}: {fault.what}"
        typer.echo(f"nrdot: warning: {words}; see nrdot audit verify", err=True)


def verify(
    config: Config = None,
    directory: Directory = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="The directory holds a copy, which has no head.")
    ] = False,
    json: Json = False,
) -> None:
    """Prove that no entry was edited, moved, removed or added; name the first broken one, exit status 1."""
    from nrdot.audit.disk import Disk
    from nrdot.audit.verify import verify as look
    from nrdot.cli.output import console, print_json

    where = _trail(config, directory)
    found = look(where, Disk(), copy=copy)
    if json:
        print_json({"whole": found.whole, **asdict(found)})
    else:
        console().print(_told(where, found, copy=copy), markup=False, soft_wrap=True)
    if not found.whole or not found.entries:
        raise typer.Exit(NO)


def state_dir(config: Path | None) -> Path:
    """Of a configuration, or probably of one that cannot be used. Raises ConfigError."""
    import os

    from nrdot.cli.options import configuration
    from nrdot.errors import ConfigError
    from nrdot.govern.choosing import probable_state_dir

    try:
        return Path(configuration(config, quiet=True).settings.agent.state_dir)
    except ConfigError as error:
        probable = probable_state_dir(config, os.environ)
        if not probable.is_dir():
            raise
        typer.echo(f"nrdot: warning: {error}; looking at {probable}", err=True)
        return probable


def _trail(config: Path | None, directory: Path | None) -> Path:
    """Nothing is not an empty trail: a name that is mistyped must not look like all is well."""
    from nrdot.audit.trail import FOLDER
    from nrdot.errors import UsageError

    where = directory or state_dir(config) / FOLDER
    if not where.is_dir():
        what = "is not a directory" if where.exists() else "there is no such directory"
        raise UsageError(
            f"{where}: {what}; a trail lies in STATE_DIR/audit: name it, or the -c FILE of its agent"
        )
    return where


def _horizon(since: str | None) -> int:
    """Unix nanoseconds from which entries are wanted."""
    from datetime import UTC, datetime

    from nrdot.clock import SystemClock
    from nrdot.config.problem import MalformedError
    from nrdot.config.values.units import duration

    if since is None:
        return 0
    try:
        return SystemClock().wall_ns() - round(duration(since) * 1e9)
    except MalformedError:
        pass
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        words = f"'{since}' is neither a duration nor a time; write 7d or 2027-01-31T00:00:00Z"
        raise typer.BadParameter(words, param_hint="--since") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e9)


def _what(said: Mapping[str, Any]) -> str:
    """What an entry changed, in a few words."""
    from nrdot.config.showing.effective import gathered

    if "verdicts" in said:
        more = said.get("not_named", 0)
        names = sorted({one["name"] for one in said["verdicts"]})
        count = len(said["verdicts"]) + more
        return f"{count} verdict{'' if count == 1 else 's'}: {_few(names)}"
    if "dropped" in said:
        return f"entries through {said['dropped']['through']} were kept long enough and are removed"
    before, after = said.get("previous_value") or {}, said.get("new_value") or {}
    if not said.get("previous_configuration") and said["change_type"] != "schedule":
        return f"{len(before | after)} settings" if before or after else "-"
    changes = list(gathered(before, after))
    parts = [f"{path}: {_short(was)} -> {_short(now)}" for path, was, now in changes[:SHOWN]]
    return "; ".join(parts) + (f"; {len(changes) - SHOWN} more" if len(changes) > SHOWN else "") or "-"


def _few(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _told(where: Path, found: Verification, *, copy: bool) -> str:
    if found.fault is not None:
        fault = found.fault
        place = f"{fault.file}:{fault.line}" if fault.line else fault.file
        return f"{place}: entry {fault.number} is broken: {fault.what}"
    if not found.entries:
        return f"{where}: there is no entry, so nothing is proved"
    signed = f", {found.retired} older ones signed off by retention" if found.retired else ""
    many = "entry" if found.entries == 1 else "entries"
    end = "; a copy cannot prove that nothing came after" if copy else ""
    return (
        f"{found.entries} {many}, {found.first} to {found.last}, whole{signed}; last hash {found.hash}{end}"
    )

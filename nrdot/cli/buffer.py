"""`nrdot buffer`: what waits on disk for an endpoint, and whether it is whole."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Config, Json, configuration

if TYPE_CHECKING:
    from nrdot.buffer.encryption import Keyring
    from nrdot.buffer.inspection import BufferStatus, WaitingRecord
    from nrdot.buffer.letters import Letter

NO = 1
SUFFIX = ".segment"  # of a letter's file; people need not write it
Directory = Annotated[
    Path, typer.Argument(help="A destination's buffer: STATE_DIR/buffer/NAME.", metavar="DIR")
]


def status(directory: Directory, json: Json = False) -> None:
    """Show what waits, since when, and what became of everything that was ever put in."""
    from nrdot.buffer.files import Files
    from nrdot.buffer.inspection import status as look
    from nrdot.cli.output import print_json

    found = look(Files(), _existing(directory))
    document = {
        **asdict(found),
        "oldest": None if found.oldest_ns is None else _time(found.oldest_ns),
        "gaps": len(found.gaps),
    }
    if json:
        print_json(document)
        return
    _show_status(found)


def verify(directory: Directory, config: Config = None, json: Json = False) -> None:
    """Read every byte and compare it with its checksum; exit status 1 where something is damaged."""
    from nrdot.buffer.files import Files
    from nrdot.buffer.inspection import verify as look
    from nrdot.cli.output import console, print_json, table

    found = look(Files(), _existing(directory), _keys(config))
    if json:
        print_json({"whole": found.whole, **asdict(found)})
    else:
        held = f", {found.held} of them without their key at hand" if found.held else ""
        console().print(
            f"{found.files} files, {found.records} readable records, {found.points:,} points{held}"
        )
        if found.faults or found.unfinished:
            shown = table("file", "at byte", "bytes", "what", right={"at byte", "bytes"})
            for fault in (*found.faults, *found.unfinished):
                shown.add_row(fault.file, str(fault.offset), str(fault.size), fault.what)
            console().print(shown)
        if not found.whole:
            console().print("what is damaged is read around; nrdot buffer repair sets it aside")
    if not found.whole:
        raise typer.Exit(NO)


def dump(
    directory: Directory,
    config: Config = None,
    dead: Annotated[bool, typer.Option("--dead", help="The dead letters in place of what waits.")] = False,
    json: Json = False,
) -> None:
    """Print what waits, one OTLP JSON line a record; with --json one document about the records instead."""
    from nrdot.buffer.files import Files
    from nrdot.buffer.inspection import dump as records
    from nrdot.buffer.inspection import dump_letters
    from nrdot.cli.output import print_json

    waiting = (dump_letters if dead else records)(Files(), _existing(directory), _keys(config))
    if json:
        print_json({"records": [_about(one) for one in waiting]})
        return
    import sys

    from nrdot.export.otlp_json import line

    unreadable = 0
    for one in waiting:
        if one.record is None:
            unreadable += 1
        else:
            sys.stdout.write(line(one.record.payload).decode().rstrip("\n") + "\n")
    if unreadable:
        typer.echo(f"nrdot: {unreadable} records need a key that is not here, or are damaged", err=True)
        raise typer.Exit(NO)


def letters(directory: Directory, config: Config = None, json: Json = False) -> None:
    """List the dead letters: requests that the endpoint refused for good, and why."""
    from rich.text import Text

    from nrdot.buffer.files import Files
    from nrdot.buffer.inspection import dead_letters
    from nrdot.cli.output import amount, console, print_json, table

    found = list(dead_letters(Files(), _existing(directory), _keys(config)))
    if json:
        print_json({"letters": [_about_letter(one) for one in found]})
        return
    if not found:
        console().print("no dead letters")
        return
    shown = table(
        "letter", "refused", "records", "points", "size", "why", right={"records", "points", "size"}
    )
    for one in found:
        points = sum(record.points for _, record in one.records)
        why = one.reason + (f" ({one.unreadable})" if one.unreadable else "")
        shown.add_row(
            one.name.removesuffix(SUFFIX),
            _time(one.time_ns),
            str(len(one.records)),
            f"{points:,}",
            amount(one.size),
            Text(why),
        )
    console().print(shown)
    console().print("nrdot buffer replay sends them again; nrdot buffer dump --dead shows what is in them")


def replay(
    directory: Directory,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Names as `letters` lists them; all where absent.", metavar="LETTER"),
    ] = None,
    json: Json = False,
) -> None:
    """Send dead letters again: the agent that runs does so within seconds, or the next one that starts."""
    from nrdot.buffer.files import Files
    from nrdot.buffer.inspection import replay as send
    from nrdot.buffer.letters import LETTERS
    from nrdot.cli.output import console, print_json
    from nrdot.errors import UsageError

    files, wanted = Files(), [f"{name.removesuffix(SUFFIX)}{SUFFIX}" for name in names or ()]
    there = set(files.names(_existing(directory) / LETTERS))
    for name in wanted:
        if name not in there:
            raise UsageError(
                f"{directory}: there is no dead letter {name.removesuffix(SUFFIX)}; nothing is sent"
            )
    sent = send(files, directory, wanted or None)
    if json:
        print_json({"replayed": [name.removesuffix(SUFFIX) for name in sent]})
    else:
        what = "dead letter is" if len(sent) == 1 else "dead letters are"
        console().print(f"{len(sent)} {what} sent again")


def repair(directory: Directory, config: Config = None, json: Json = False) -> None:
    """Set aside what is damaged and take back what can be read again; not while an agent runs."""
    from nrdot.buffer.files import Files
    from nrdot.buffer.repair import repair as mend
    from nrdot.cli.output import console, print_json
    from nrdot.clock import SystemClock

    done = mend(Files(), _existing(directory), SystemClock(), _keys(config))
    if json:
        print_json(asdict(done))
        return
    for words, names in (
        ("rewritten without what was damaged", done.rewritten),
        ("taken back", done.restored),
        ("of no use, left where it is", done.set_aside),
    ):
        for name in names:
            console().print(f"{name}: {words}", markup=False)
    left = done.statistics
    console().print(
        f"{done.lost_points:,} points were lost; {left.records} records wait in {left.segments} segments"
    )


def _existing(directory: Path) -> Path:
    """Nothing is not an empty buffer: a name that is mistyped must not look like all is well."""
    from nrdot.errors import UsageError

    if not directory.is_dir():
        what = "is not a directory" if directory.exists() else "there is no such directory"
        raise UsageError(f"{directory}: {what}; a buffer lies in STATE_DIR/buffer/NAME")
    locked = (directory / "lock").is_file() and not (directory / "config").is_dir()  # else a STATE_DIR
    if not any(directory.glob("*.segment")) and not locked:
        inside = sorted(str(path) for path in directory.glob("buffer/*/"))
        where = f"name one of {', '.join(inside)}" if inside else "a buffer lies in STATE_DIR/buffer/NAME"
        raise UsageError(f"{directory}: no buffer in it; {where}")
    return directory


def _keys(config: Path | None) -> Keyring:
    from nrdot.agent.delivery.destinations import keyring
    from nrdot.buffer.encryption import NO_KEYS

    return NO_KEYS if config is None else keyring(configuration(config))


def _time(nanoseconds: int) -> str:
    return (
        datetime.fromtimestamp(nanoseconds / 1e9, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def _about(one: WaitingRecord) -> dict[str, Any]:
    return {
        "sequence": one.sequence,
        "priority": one.priority.name.lower(),
        "points": one.points,
        "time": _time(one.time_ns),
        "bytes": one.stored,
        "file": one.file,
        "readable": one.record is not None,
    }


def _about_letter(one: Letter) -> dict[str, Any]:
    return {
        "name": one.name.removesuffix(SUFFIX),
        "time": _time(one.time_ns),
        "reason": one.reason,
        "records": len(one.records),
        "points": sum(record.points for _, record in one.records),
        "bytes": one.size,
        "unreadable": one.unreadable,
    }


def _show_status(found: BufferStatus) -> None:
    from rich.text import Text

    from nrdot.cli.output import amount, console, table

    waiting = ", ".join(f"{count} {name}" for name, count in found.waiting.items() if count)
    lines: list[tuple[str, str]] = [
        ("waiting", f"{found.records} records, {amount(found.bytes)}" + (f" ({waiting})" if waiting else "")),
        ("oldest", "-" if found.oldest_ns is None else _time(found.oldest_ns)),
        ("on disk", f"{found.segments} segments, {amount(found.disk_bytes)}"),
        ("points put in", f"{found.produced:,}"),
        ("delivered", f"{found.delivered:,}"),
        ("rejected", f"{found.rejected:,}"),
        *((f"dropped: {reason}", f"{count:,}") for reason, count in found.dropped.items()),
        ("dead letters", str(found.letters)),
        ("gaps to tell", str(len(found.gaps))),
        *((f"needs key {key}", f"{count} records") for key, count in found.encrypted.items()),
        *(("set aside", name) for name in found.set_aside),
        *(("not used", name) for name in found.unused),
        ("last used by", f"pid {found.owner}" if found.owner else "-"),
    ]
    shown = table("about", "now")
    for about, now in lines:
        shown.add_row(about, Text(now))
    console().print(shown)

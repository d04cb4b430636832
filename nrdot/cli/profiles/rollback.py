"""`nrdot profile rollback`: the previous audited configuration again."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from nrdot.cli.options import Config, Json

if TYPE_CHECKING:
    from nrdot.audit.entry import Entry

NO = 1
PATIENCE = 20.0  # seconds for a running agent to take it up
LOOK = 0.2  # seconds


def rollback(
    config: Config = None,
    justification: Annotated[str, typer.Option(help="Why, for the audit trail.", metavar="TEXT")] = "",
    approval_id: Annotated[str, typer.Option(help="Where it was approved.", metavar="ID")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    json: Json = False,
) -> None:
    """Put the previous audited configuration back, until the file changes.

    The file itself is left alone. The agent applies the earlier configuration as it applies any change, with
    an entry in its audit trail; at once where it runs, else at its next start.
    """
    from nrdot.agent.state import in_use
    from nrdot.audit.disk import Disk
    from nrdot.audit.trail import FOLDER
    from nrdot.audit.verify import entries
    from nrdot.cli.output import console, print_json
    from nrdot.config.showing.effective import differences, gathered
    from nrdot.govern.archive import Archive, Rollback

    state = _state(config)
    archive = Archive(state, Disk())
    trail = list(entries(state / FOLDER, Disk()))
    now, then = _pair(trail, state)
    path = archive.document(then)
    if path is None:
        _refuse(f"{state}: the configuration before ({then}) is not kept any more; nothing is changed")
    before, after = differences(archive.values(now) or {}, archive.values(then) or {})
    answer = {"from": now, "to": then, "document": str(path), "previous_value": before, "new_value": after}
    if dry_run:
        outcome = "nothing is changed: --dry-run"
    else:
        archive.save_rollback(Rollback(then, _user(), justification, approval_id))
        _hand_over(archive.rollback_file, state)
        running = bool(in_use(state))
        outcome = _awaited(state, trail[-1].number) if running else "it takes effect when the agent starts"
    if json:
        print_json({**answer, "outcome": outcome})
        return
    for setting, was, will in gathered(before, after):
        console().print(f"{setting}: {_shown(was)} -> {_shown(will)}", markup=False, soft_wrap=True)
    console().print(f"configuration {now} -> {then}: {outcome}", markup=False, soft_wrap=True)
    console().print(f"the document is {path}; put your file right before it changes again", markup=False)


def _state(config: Path | None) -> Path:
    """The state directory of the agent that runs with this file, and of no other. Raises ConfigError.

    A file that cannot be used may not even name it; what is found in its probable place counts only if it
    was kept for this very file.
    """
    from nrdot.audit.disk import Disk
    from nrdot.cli.options import configuration
    from nrdot.errors import ConfigError
    from nrdot.govern.archive import Archive
    from nrdot.govern.choosing import probable_state_dir

    try:
        return Path(configuration(config, quiet=True).settings.agent.state_dir)
    except ConfigError as error:
        probable = probable_state_dir(config, os.environ)
        if config is not None and Archive(probable, Disk()).last_good(str(config.absolute())) is not None:
            return probable
        words = f"nothing is rolled back, because {probable} keeps no configuration of this file"
        raise ConfigError(f"{error}; {words}") from None


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def _pair(trail: list[Entry], state: Path) -> tuple[str, str]:
    """The ids of the configuration in effect, and of the one before."""
    changes = [entry.content for entry in trail if entry.content.get("previous_configuration") is not None]
    if not changes or not changes[-1]["previous_configuration"]:
        _refuse(
            f"{state}: the audit trail knows of no configuration before the present one; nothing is changed"
        )
    return str(changes[-1]["configuration"]), str(changes[-1]["previous_configuration"])


def _awaited(state: Path, last: int) -> str:
    """What became of the wish, as the audit trail tells it."""
    from threading import Event

    from nrdot.audit.disk import Disk
    from nrdot.audit.trail import FOLDER
    from nrdot.audit.verify import entries
    from nrdot.clock import SystemClock

    clock, never = SystemClock(), Event()
    end = clock.monotonic() + PATIENCE
    while clock.monotonic() < end:
        for entry in entries(state / FOLDER, Disk()):
            kind = entry.content["change_type"]
            if entry.number > last and kind == "rollback":
                return f"applied, audit entry {entry.number}"
            if entry.number > last and kind == "refused":
                _refuse(f"the rollback is refused: {entry.content.get('justification', '')}")
        clock.wait(never, LOOK)
    return f"asked for; the agent has not answered within {PATIENCE:.0f} s, see its log"


def _user() -> str:
    """Who asks; behind sudo, who that is."""
    import getpass

    return os.environ.get("SUDO_USER") or os.environ.get("NRDOT_CHANGE_USER") or getpass.getuser()


def _hand_over(path: Path, state: Path) -> None:
    """The agent may be another user than root, and must read it."""
    if sys.platform != "win32" and os.geteuid() == 0:
        owner = state.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
        os.chown(path.parent, owner.st_uid, owner.st_gid)


def _refuse(words: str) -> NoReturn:
    typer.echo(f"nrdot: {words}", err=True)
    raise typer.Exit(NO)

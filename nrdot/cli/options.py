"""Options that several commands share, and the configuration that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nrdot.agent.wire import Stages
    from nrdot.batch import Batch
    from nrdot.config.settled.configuration import Configuration
    from nrdot.govern.course import Course

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration file; the defaults where absent.", metavar="FILE"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Procfs = Annotated[
    Path | None, typer.Option(help="Process file system to read; agent.procfs where absent.", metavar="DIR")
]


SERVICE = Path("/etc/nrdot/nrdot.yaml")  # where packages, the unit file and the image have it


def passed_over(config: Path | None, service: Path = SERVICE) -> list[str]:
    """That a host has a configuration and nobody named one, so that verdicts are not those of its agent."""
    try:
        there = config is None and service.is_file()
    except PermissionError:  # a folder that only root may look into
        there = False
    if not there:
        return []
    return [f"the defaults hold here, not {service}; `-c {service}` asks as the agent of this host does"]


def seconds(text: str | float) -> float:
    """A duration as the configuration writes it: 30s, 5m, 1h. An option's default is a number already."""
    if not isinstance(text, str):
        return text
    from nrdot.config.problem import MalformedError
    from nrdot.config.values.units import duration

    try:
        found = duration(text)
    except MalformedError as error:
        raise typer.BadParameter(f"{error}; {error.hint}" if error.hint else str(error)) from error
    if found <= 0:
        raise typer.BadParameter("longer than nothing is wanted, for example 30s")
    return found


def configuration(path: Path | None, procfs: Path | None = None, *, quiet: bool = False) -> Configuration:
    """What a command works with; warnings go to standard error unless it is `quiet`. Raises ConfigError."""
    import dataclasses

    import msgspec

    from nrdot.checks.loading import load

    found = load(path)
    for problem in () if quiet else found.warnings:
        typer.echo(str(problem), err=True)
    if procfs is None:
        return found
    agent = msgspec.structs.replace(found.settings.agent, procfs=str(procfs))
    return dataclasses.replace(found, settings=msgspec.structs.replace(found.settings, agent=agent))


def looked_at(
    config: Path | None, procfs: Path | None, *, quiet: bool = False
) -> tuple[Course, Stages, Batch]:
    """This host now, as the agent would judge it under a configuration; `quiet` shows no sign of life."""
    from nrdot.agent.once.survey import survey
    from nrdot.cli.output import progress
    from nrdot.clock import SystemClock

    found = configuration(config, procfs)
    warn(passed_over(config))
    with progress("two samples, one second apart", quiet=quiet):
        now, stages, batch = survey(found, SystemClock())
    warn(stages.scorer.unmatched(batch.table))
    return now, stages, batch


def warn(problems: Iterable[object]) -> None:
    """Each as a line on standard error."""
    for one in problems:
        typer.echo(f"nrdot: warning: {one}", err=True)

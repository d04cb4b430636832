"""`nrdot profile show`: a profile or a configuration, as written or as what it comes to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from nrdot.cli.options import Json
from nrdot.cli.profiles.listing import InDirectory, Name, found_profile

if TYPE_CHECKING:
    from nrdot.config.problem import Mark
    from nrdot.config.problem import Path as Steps
    from nrdot.config.reading.load import FoundProfile
    from nrdot.config.settled.configuration import Configuration
    from nrdot.config.showing.flat import Line
    from nrdot.simulate.moment import Moment


class Told(NamedTuple):
    """One setting as it is shown."""

    path: str
    value: Any
    written: str
    mark: Mark | None  # where it was written; None for a default


def show(
    name: Name,
    directory: InDirectory = Path(),
    effective: Annotated[
        bool, typer.Option("--effective", help="What holds in the end, and where each value comes from.")
    ] = False,
    at: Annotated[
        str,
        typer.Option(
            help="What holds at this time, and who decides; see `profile timeline`.", metavar="TIME"
        ),
    ] = "",
    region: Annotated[
        str,
        typer.Option(help="With --at: as a host of this region; the file's where absent.", metavar="NAME"),
    ] = "",
    host: Annotated[
        str,
        typer.Option("--host-id", help="With --at: as this host, which the canary may pick.", metavar="ID"),
    ] = "",
    json: Json = False,
) -> None:
    """Show a profile or a configuration as its author wrote it, or with --effective what it comes to."""
    from nrdot.cli.output import console, print_json, table
    from nrdot.cli.profiles.precedence import precedence, tell

    configuration = _configuration(name, directory)
    moment = _moment(configuration, name, at, region, host)
    configuration = moment.configuration if moment else configuration
    lines, file = _settings(configuration) if configuration else _profile(found_profile(name, directory))
    if json:
        values = {line.path: line.value for line in lines}
        print_json(
            {
                "profile": name,
                "values": values,
                "origins": {line.path: str(line.mark or "") for line in lines},
                **(precedence(moment) if moment else {}),
            }
        )
        return
    if moment:
        tell(moment)
    elif not effective:
        print(file.read_text(encoding="utf-8"), end="")
        return
    shown = table("setting", "value", "from")
    for line in lines:
        shown.add_row(line.path, line.written, _short(line.mark))
    console().print(shown)


def _moment(configuration: Configuration | None, name: str, at: str, region: str, host: str) -> Moment | None:
    from nrdot.cli.profiles.precedence import moment_of
    from nrdot.errors import UsageError

    if not at:
        if region or host:
            raise UsageError("--region and --host-id say where, and --at says when: give it too, or neither")
        return None
    if configuration is None:
        raise UsageError(f"--at: {name} is a profile and says nothing about time; name a configuration")
    return moment_of(configuration, at, host=host, region=region or None)


def _configuration(name: str, directory: Path) -> Configuration | None:
    """What a file holds where it is a configuration, None where it is a profile or a profile's name."""
    from nrdot.checks.loading import load
    from nrdot.config.reading.load import is_profile

    path = directory / name
    if not name.endswith((".yaml", ".yml")) or is_profile(path, os.environ):
        return None
    return load(path)


def _settings(configuration: Configuration) -> tuple[list[Told], Path]:
    """The settings, then the host's profile with what the file lays over it, then the other profiles."""
    from nrdot.config.showing.flat import flat, flat_settings

    lines = list(_told(flat_settings(configuration), configuration.origins))
    own = configuration.settings.profile
    for name in (own, *(other for other in configuration.profiles if other != own)):
        base = "" if name == own else f"profiles.{name}."
        lines += _told(flat(configuration.profiles[name]), configuration.profile_origins[name], base)
    return lines, Path(configuration.file)


def _profile(found: FoundProfile) -> tuple[list[Told], Path]:
    from nrdot.config.showing.flat import flat

    return list(_told(flat(found.profile), found.origins)), found.file


def _told(lines: Iterable[Line], origins: Mapping[Steps, Mark], base: str = "") -> Iterator[Told]:
    """Values and their places under paths as people write them."""
    from nrdot.config.problem import spell
    from nrdot.config.showing.flat import place

    for line in lines:
        yield Told(
            base + spell(line.path),
            line.written if line.hidden else line.value,
            line.written,
            place(line.path, origins),
        )


def _short(mark: Mark | None) -> str:
    """A place; a shipped profile's file by its name, because nobody edits it where it lies."""
    from nrdot.config.paths import shipped_profiles

    if mark is None:
        return "default"
    shipped = {str(path): name for name, path in shipped_profiles().items()}
    name = shipped.get(mark.file)
    return f"shipped {name}:{mark.line}:{mark.column}" if name else str(mark)

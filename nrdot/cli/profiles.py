"""`nrdot profile`: looking at profiles, and checking what people wrote."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Json

if TYPE_CHECKING:
    from nrdot.config.load import FoundProfile
    from nrdot.config.problem import Mark, Problem
    from nrdot.config.problem import Path as Steps
    from nrdot.config.schema_profile import Profile

NO = 1
Name = Annotated[str, typer.Argument(help="A profile by name, or a file.", metavar="NAME")]
InDirectory = Annotated[
    Path, typer.Option("--directory", help="Where `profiles/NAME.yaml` of your own lie.", metavar="DIR")
]


class Document(StrEnum):
    configuration = "configuration"
    profile = "profile"


def list_profiles(directory: InDirectory = Path(), json: Json = False) -> None:
    """Show the profiles that can be named: the shipped ones and those in `profiles/` here."""
    from nrdot.cli.output import console, print_json, table
    from nrdot.config.paths import shipped_profiles

    files = {**shipped_profiles(), **{path.stem: path for path in sorted(directory.glob("profiles/*.yaml"))}}
    found = {name: _found(name, directory).profile for name in files}
    if json:
        lines = [{"name": name, "file": str(files[name]), **_brief(one)} for name, one in found.items()]
        print_json({"profiles": lines})
        return
    numbers = ("threshold", "exports every", "budget")
    shown = table("name", *numbers, "for", right=set(numbers))
    for name, one in found.items():
        figures = (f"{one.threshold:g}", f"{one.export_interval:g} s", f"{one.budget:,} series")
        shown.add_row(name, *figures, one.description)
    console().print(shown)


def show(
    name: Name,
    directory: InDirectory = Path(),
    effective: Annotated[
        bool, typer.Option("--effective", help="What holds in the end, and where each value comes from.")
    ] = False,
    json: Json = False,
) -> None:
    """Show a profile as its author wrote it, or with --effective what it comes to."""
    from nrdot.cli.output import console, print_json, table

    found = _found(name, directory)
    values = dict(_flat(found.profile))
    places = _origins(values, found.origins)
    if json:
        print_json({"profile": name, "values": values, "origins": places})
        return
    if not effective:
        print(found.file.read_text(encoding="utf-8"), end="")
        return
    shown = table("setting", "value", "from")
    for path, value in values.items():
        shown.add_row(path, _written(value), places[path] or "default")
    console().print(shown)


def lint(
    files: Annotated[list[Path], typer.Argument(help="Configurations or profiles.", metavar="FILE...")],
    json: Json = False,
) -> None:
    """Tell everything that is wrong with files, and what to write instead; exit status 1 on errors."""
    from nrdot.agent.checks import lint as look
    from nrdot.cli.output import console, print_json
    from nrdot.config.problem import Severity

    found = {file: look(file) for file in files}
    failed = any(problem.severity is Severity.ERROR for problems in found.values() for problem in problems)
    if json:
        print_json({"files": [_problems(file, problems) for file, problems in found.items()]})
    else:
        for file, problems in found.items():
            for problem in problems:
                _tell(problem)
            if not problems:
                console().print(f"{file}: nothing to say", markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(NO)


def schema(
    of: Annotated[Document, typer.Option(help="Which kind of document.")] = Document.configuration,
) -> None:
    """Print the JSON Schema of a configuration or a profile, for editors."""
    from nrdot.cli.output import print_json
    from nrdot.config.reference import configuration_schema, profile_schema

    print_json(configuration_schema() if of is Document.configuration else profile_schema())


def _found(name: str, directory: Path) -> FoundProfile:
    """A profile by name, or by a file whose own directory then counts. Raises InvalidConfigurationError."""
    from nrdot.config.load import find_profile

    here = directory
    if name.endswith((".yaml", ".yml")):
        here, name = directory / Path(name).parent, Path(name).name
    return find_profile(name, here, os.environ)


def _brief(one: Profile) -> dict[str, Any]:
    return {
        "description": one.description,
        "extends": one.extends,
        "threshold": one.threshold,
        "export_interval": one.export_interval,
        "budget": one.budget,
    }


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting by its path, depth first."""
    import msgspec

    for field in msgspec.structs.fields(value):
        inner = getattr(value, field.name)
        here = f"{path}.{field.encode_name}".lstrip(".")
        if isinstance(inner, msgspec.Struct):
            yield from _flat(inner, here)
        else:
            yield here, msgspec.to_builtins(inner)


def _origins(values: Mapping[str, Any], origins: Mapping[Steps, Mark]) -> dict[str, str]:
    """The place of each value, or of the table or phrase around it; empty for a default."""
    places = {}
    for path in values:
        steps: Steps = tuple(path.split("."))
        while len(steps) > 1 and steps not in origins:
            steps = steps[:-1]
        whole = steps == tuple(path.split("."))
        mark = origins.get(steps)
        places[path] = str(mark) if mark and mark.file and (whole or _a_word(steps, origins)) else ""
    return places


def _a_word(steps: Steps, origins: Mapping[Steps, Mark]) -> bool:
    """A table that was written as one word says every value in it."""
    return not any(other[: len(steps)] == steps and len(other) > len(steps) for other in origins)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(_written(one) for one in value) or "[]"
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _problems(file: Path, problems: list[Problem]) -> dict[str, Any]:
    fields = ("severity", "line", "column", "path", "message", "hint")
    return {
        "file": str(file),
        "problems": [{name: getattr(problem, name) for name in fields} for problem in problems],
    }


def _tell(problem: Problem) -> None:
    from rich.text import Text

    from nrdot.cli.output import console

    colour = "red" if problem.severity == "error" else "yellow"
    line = Text(f"{problem.severity}: ", style=colour).append(str(problem), style="default")
    console().print(line, soft_wrap=True)

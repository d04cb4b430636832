"""`nrdot profile`: looking at profiles, and checking what people wrote."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Json

if TYPE_CHECKING:
    from nrdot.config.reading.load import FoundProfile
    from nrdot.config.schema.profiles import Profile

Name = Annotated[str, typer.Argument(help="A profile by name, or a file.", metavar="NAME")]
InDirectory = Annotated[
    Path, typer.Option("--directory", help="Where `profiles/NAME.yaml` of your own lie.", metavar="DIR")
]


class Document(StrEnum):
    configuration = "configuration"
    profile = "profile"
    tests = "tests"


def list_profiles(directory: InDirectory = Path(), json: Json = False) -> None:
    """Show the profiles that can be named: the shipped ones and those in `profiles/` here."""
    from nrdot.cli.output import console, print_json, table
    from nrdot.config.paths import shipped_profiles

    files = {**shipped_profiles(), **{path.stem: path for path in sorted(directory.glob("profiles/*.yaml"))}}
    found = {name: found_profile(name, directory).profile for name in files}
    if json:
        lines = [{"name": name, "file": str(files[name]), **_brief(one)} for name, one in found.items()]
        print_json({"profiles": lines})
        return
    numbers = ("threshold", "exports every", "budget")
    shown = table("name", *numbers, "for", right=set(numbers))
    shown.columns[0].no_wrap = True  # half a name cannot be typed
    for name, one in found.items():
        figures = (f"{one.threshold:g}", f"{one.export_interval:g} s", f"{one.budget:,} series")
        shown.add_row(name, *figures, one.description)
    console().print(shown)


def schema(
    of: Annotated[Document, typer.Option(help="Which kind of document.")] = Document.configuration,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the reference page for people instead, of all kinds.")
    ] = False,
) -> None:
    """Print the JSON Schema of a configuration, a profile or profile tests, for editors."""
    from nrdot.cli.output import print_json
    from nrdot.config.showing.reference import configuration_schema, expectations_schema, profile_schema
    from nrdot.config.showing.reference_page import reference_page

    if markdown:
        print(reference_page(), end="")
        return
    makers = {
        Document.configuration: configuration_schema,
        Document.profile: profile_schema,
        Document.tests: expectations_schema,
    }
    print_json(makers[of]())


def found_profile(name: str, directory: Path) -> FoundProfile:
    """A profile by name, or by a file whose own directory then counts. Raises InvalidConfigurationError."""
    from nrdot.config.reading.load import find_profile

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

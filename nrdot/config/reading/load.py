"""From a path to a checked configuration.

`load` gives one or raises with every problem at hand; `examine` gives both, for whoever shows problems.
Nothing here touches what a file talks about: endpoints, directories and keys are looked at in use.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from nrdot.config.document.remains import OfTheRest, remains
from nrdot.config.document.sources import misplaced, read_tree
from nrdot.config.document.tree import Table
from nrdot.config.problem import Findings, InvalidConfigurationError, Mark, Problem, Problems
from nrdot.config.reading import wishes
from nrdot.config.reading.ambient import Ambient
from nrdot.config.reading.check import BAD, Checker
from nrdot.config.reading.profiles import Library, overlay_of
from nrdot.config.reading.pushed import HEADER, joined, read_pushed
from nrdot.config.reading.rules import Rules, references
from nrdot.config.schema.export import Destination, File, Otlp
from nrdot.config.schema.profiles import Profile, profile_keys
from nrdot.config.schema.settings import Settings
from nrdot.config.settled.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.config.document.tree import Node
    from nrdot.config.problem import Path as Steps
    from nrdot.config.reading.pushed import Pushed

SETTING_KEYS = frozenset(field.encode_name for field in msgspec.structs.fields(Settings))
AGAIN = 8  # rounds of leaving out what is wrong
OVERLAY_KEYS = profile_keys() - SETTING_KEYS - {"extends"}


class Report(Protocol):
    """How a check from another room tells what it found."""

    def error(self, path: Steps, message: str, hint: str = "") -> None: ...

    def warn(self, path: Steps, message: str, hint: str = "") -> None: ...


class Check(Protocol):
    """A check that needs more than this room knows: patterns, selectors, schedules."""

    def __call__(self, configuration: Configuration, report: Report) -> None: ...


def load(
    path: Path | None,
    environ: Mapping[str, str],
    checks: Sequence[Check] = (),
    *,
    pushed: Pushed | None = None,
) -> Configuration:
    """The configuration in a file, or the defaults where there is none, with what a controller pushed.

    Raises InvalidConfigurationError, a ConfigError.
    """
    problems = Problems()
    configuration = _examined(path, environ, checks, problems, pushed)
    if configuration is None:
        raise InvalidConfigurationError(problems.sorted(), problems.read)
    return configuration


def examine(
    path: Path | None, environ: Mapping[str, str], checks: Sequence[Check] = ()
) -> tuple[Configuration | None, list[Problem]]:
    """The configuration, None where it has errors, and everything there is to say about it."""
    problems = Problems()
    configuration = _examined(path, environ, checks, problems)
    return configuration, problems.sorted()


def _examined(
    path: Path | None,
    environ: Mapping[str, str],
    checks: Sequence[Check],
    problems: Problems,
    pushed: Pushed | None = None,
) -> Configuration | None:
    local = _nothing("") if path is None else read_tree(path, environ, problems)
    return None if local is None else _made(local, path, environ, checks, problems, pushed=pushed)


def _made(
    local: Table,
    path: Path | None,
    environ: Mapping[str, str],
    checks: Sequence[Check],
    problems: Problems,
    *,
    pushed: Pushed | None = None,
) -> Configuration | None:
    """What a document makes, with what was pushed."""
    tree = local if pushed is None else joined(local, pushed)
    stranger = None if pushed is None else pushed.file
    configuration = _configuration(tree, path, environ, problems, stranger)
    if configuration is None:
        return None
    configuration = dataclasses.replace(configuration, local=local)
    _run(checks, configuration, problems)
    if problems.failed:
        return None
    return dataclasses.replace(configuration, warnings=tuple(problems.sorted()))


@dataclasses.dataclass(frozen=True)
class FoundProfile:
    """A profile by itself, complete, with where each of its values was written."""

    profile: Profile
    origins: Mapping[Steps, Mark]
    file: Path


def find_profile(name: str, directory: Path, environ: Mapping[str, str]) -> FoundProfile:
    """A profile by name or by file; `directory` is where own profiles may lie.

    Raises InvalidConfigurationError.
    """
    problems = Problems()
    library = Library({}, directory, _nothing(""), environ, problems)
    library.resolve(name, Mark(""), ())
    file = library.file(name)
    if problems.failed or file is None:
        raise InvalidConfigurationError(problems.sorted())
    return FoundProfile(library.profiles[name], library.origins[name], file)


def load_profile(name: str, directory: Path, environ: Mapping[str, str]) -> Profile:
    """The same without its origins."""
    return find_profile(name, directory, environ).profile


def is_profile(path: Path, environ: Mapping[str, str]) -> bool:
    """Whether a file that can be read holds a profile by itself, and not a configuration."""
    tree = read_tree(path, environ, Problems())
    return tree is not None and _is_profile(tree)


def _is_profile(tree: Table) -> bool:
    return bool(tree.entries) and tree.entries.keys() <= profile_keys()


def lint(path: Path, environ: Mapping[str, str], checks: Sequence[Check] = ()) -> list[Problem]:
    """Everything there is to say about a file: a configuration, a profile, or what a controller pushes."""
    problems = Problems()
    tree = read_tree(path, environ, problems)
    if tree is None:
        return problems.sorted()
    if not tree.entries:
        hint = "`profile: balanced` is a beginning, and the shortest of all is no file"
        problems.warn(tree.mark, (), "empty: nothing is set, so every default holds", hint)
    if HEADER in tree.entries:
        _lint_pushed(path, environ, checks, problems)
        return problems.sorted()
    if not _is_profile(tree):
        if _made(tree, path, environ, checks, problems) is None:
            _check_rest(tree, path, environ, checks, problems)
        return problems.sorted()
    name = path.stem
    library = Library({name: tree}, path.parent, _nothing(str(path)), environ, problems)
    library.lint(name)
    if name in library.profiles and not problems.failed:
        origins = {("profile",): tree.mark, **library.origins[name]}
        alone = Configuration(
            str(path), Settings(profile=name), library.profiles, (), origins, library.origins
        )
        _run(checks, alone, problems)
    return problems.sorted()


def _check_rest(
    tree: Table, path: Path, environ: Mapping[str, str], checks: Sequence[Check], problems: Problems
) -> None:
    """What checks have to say about a document that is wrong in itself: of all that is right in it."""
    rest: Table | None = tree
    found = problems
    for _ in range(AGAIN):  # a table without its bad value may lack it, and goes the next time
        rest = remains(rest, str(path), found.sorted()) if rest is not None else None
        if rest is None or problems.crowded:
            return
        found = Problems()
        configuration = _configuration(rest, path, environ, found)
        if configuration is not None:
            report = OfTheRest(configuration.origins, rest, tree, problems)
            for check in checks:
                check(configuration, report)
            return


def _lint_pushed(path: Path, environ: Mapping[str, str], checks: Sequence[Check], problems: Problems) -> None:
    """What a controller would push, by itself: what it names must be shipped or stand in it."""
    found = read_pushed(path, problems)
    if found is not None:
        _made(_nothing(str(path)), path, environ, checks, problems, pushed=found)


def _run(checks: Sequence[Check], configuration: Configuration, problems: Problems) -> None:
    """Every check, with the places of settings and of each profile's values."""
    places: dict[Steps, Mark] = {}
    for name, origins in configuration.profile_origins.items():
        places.update({("profiles", name, *steps): mark for steps, mark in origins.items()})
    places.update(configuration.origins)
    for check in checks:
        check(configuration, Findings(places, problems))


def _nothing(file: str) -> Table:
    return Table(Mark(file), {}, {})


def _configuration(
    tree: Table,
    path: Path | None,
    environ: Mapping[str, str],
    problems: Problems,
    stranger: str | None = None,
) -> Configuration | None:
    document, overlay = overlay_of(tree, OVERLAY_KEYS)
    checker = Checker(problems, _unknown)
    settings = checker.struct(document, Settings, ())
    above = Checker(problems, _unknown)
    if above.struct(overlay, Profile, ()) is BAD:
        overlay = Table(overlay.mark, {}, {})
    origins = {**above.origins, **checker.origins}
    findings = Findings(origins, problems)
    Rules(findings).check(checker.built)

    inline = _inline(tree)
    directory = path.parent if path else Path()
    library = Library(inline, directory, overlay, environ, problems, stranger=stranger)
    named = dict(references(checker.built))
    for steps, name in named.items():
        library.resolve(name, findings.mark(steps), steps)
    for name in inline:
        library.resolve(name, findings.mark(("profiles", name)), ("profiles", name))
    if settings is BAD:
        return None
    settings = _completed(settings, origins, environ, problems)
    if problems.failed:
        return None
    return Configuration(
        file=str(path) if path else "",
        settings=settings,
        profiles=library.profiles,
        warnings=(),
        origins=origins,
        profile_origins=library.origins,
        named=frozenset(named.values()),
        tree=tree,
        profile_trees=library.trees,
        read=problems.read,
        written=problems.written,
    )


def _inline(tree: Table) -> Mapping[str, Node]:
    profiles = tree.entries.get("profiles")
    return profiles.entries if isinstance(profiles, Table) else {}


def _unknown(key: str, node: Node) -> str:
    if key == "extends":
        return "in a configuration write `profile: NAME`; profiles extend each other"
    if key in wishes.NO_SETTINGS:  # whatever stands under it is called like a setting by chance
        return wishes.PLANS[key]
    if key in wishes.FOREIGN:
        return wishes.FOREIGN[key]
    return misplaced(node, SETTING_KEYS | OVERLAY_KEYS, key) or wishes.PLANS.get(key, "")


def _completed(
    settings: Settings, origins: Mapping[Steps, Mark], environ: Mapping[str, str], problems: Problems
) -> Settings:
    """With what the environment and the embedded default say where the file is silent."""
    ambient = Ambient(environ, problems)
    resource = ambient.resource(settings.resource)
    if settings.export:
        export = _filled(settings.export, origins, ambient, problems)
    elif ambient.names_a_destination():
        export = (Destination(otlp=ambient.otlp(None, frozenset())),)
    else:
        export = (Destination(file=File()),)
    state_dir = Path(settings.agent.state_dir)
    placed = tuple(
        msgspec.structs.replace(
            one, file=msgspec.structs.replace(one.file, path=str(state_dir / one.file.path))
        )
        if one.file
        else one
        for one in export
    )
    return msgspec.structs.replace(settings, resource=resource, export=placed)


def _filled(
    stated: tuple[Destination, ...], origins: Mapping[Steps, Mark], ambient: Ambient, problems: Problems
) -> tuple[Destination, ...]:
    alone = sum(one.otlp is not None for one in stated) == 1
    filled = []
    for index, one in enumerate(stated):
        otlp = one.otlp
        if otlp is not None:
            path: Steps = ("export", index, "otlp")
            known = frozenset(
                field.encode_name
                for field in msgspec.structs.fields(Otlp)
                if (*path, field.encode_name) in origins
            )
            silent = otlp.endpoint is None and otlp.metrics_endpoint is None
            if alone or silent:
                otlp = ambient.otlp(otlp, known)
            if otlp.endpoint is None and otlp.metrics_endpoint is None:
                problems.error(
                    origins[path], path, "`endpoint` is missing", "for example http://127.0.0.1:4318"
                )
        filled.append(msgspec.structs.replace(one, otlp=otlp))
    return tuple(filled)

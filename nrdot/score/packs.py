r"""Packs: what NRDOT knows about the programs that hosts run. Data in `classifiers/*.yaml`.

    pack: databases
    summary: Where data lives.
    classes:
      database:
        score: 0.9
        programs: [postgres, mysqld, "mongo[ds]", kafka.Kafka]    # names or shell patterns; letter case aside
        patterns: ["^java .*-Dsolr\\."]                           # RE2, over each name and the command line
        owners: [service]                                         # takes what nothing else claims
        kind: runtime                                             # or hint, or program, the default

`docs/formats/classifiers.md` is the reader's page. A pack never makes a process never-filtered: that is the
user's word alone.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nrdot.config.document.sources import read_tree
from nrdot.config.paths import data_dirs
from nrdot.config.problem import InvalidConfigurationError, Problems, did_you_mean
from nrdot.config.reading.check import Checker
from nrdot.config.values.units import Score, Section
from nrdot.errors import ConfigError
from nrdot.score.rules import ClassRule, Kind, OwnerKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.config.schema.scoring import Packs


class PackClass(Section, frozen=True):
    score: Score
    programs: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    owners: tuple[Literal["kernel", "pod", "container", "service", "session", "other"], ...] = ()
    kind: Literal["program", "runtime", "hint"] = "program"
    requirement: tuple[str, ...] = ()


class Pack(Section, frozen=True):
    pack: str
    summary: str
    classes: dict[str, PackClass]


def packs_of(stated: Packs, base: Path = Path()) -> tuple[ClassRule, ...]:
    """The classes of the packs that a configuration asks for: the shipped ones, then its own.

    Its directories lie below `base`. Raises ConfigError at the first that cannot be used.
    """
    if not stated.enabled:
        return ()
    return load_packs([base / name for name in stated.directories], stated.only, shipped_packs())


@cache
def shipped_packs() -> Mapping[str, tuple[ClassRule, ...]]:
    """Read once: they belong to the program, and change with it alone."""
    directory = next((path for path in data_dirs("classifiers") if path.is_dir()), None)
    return {} if directory is None else dict(load_pack(path) for path in _files(directory))


def load_packs(
    directories: Sequence[Path],
    only: Sequence[str] = (),
    earlier: Mapping[str, tuple[ClassRule, ...]] | None = None,
) -> tuple[ClassRule, ...]:
    """The classes of all packs, directory by directory and file by file in the order of their names.

    They come after `earlier` ones, and in the place of those of the same name. `only` names the packs to
    use; all where empty. Raises ConfigError at the first that cannot be used.
    """
    packs = dict(earlier or {})
    for directory in directories:
        try:
            if not directory.is_dir():
                raise ConfigError(f"{directory}: no such directory of packs; correct or remove it")
            packs |= dict(load_pack(path) for path in _files(directory))
        except OSError as error:
            raise ConfigError(
                f"{directory}: cannot be looked at for packs: {error.strerror}; correct or remove it"
            ) from None
    for name in only:
        if name not in packs:
            hint = did_you_mean(name, packs) or f"known are {', '.join(packs)}"
            raise ConfigError(f"packs.only: there is no pack {name!r}; {hint}")
    return tuple(rule for name, rules in packs.items() if not only or name in only for rule in rules)


def _files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.yaml"))


def load_pack(path: Path) -> tuple[str, tuple[ClassRule, ...]]:
    """The pack's name and its classes. A later pack of the same name takes the place of an earlier one."""
    problems = Problems()
    tree = read_tree(path, {}, problems, begin="pack:")
    if tree is None:
        raise InvalidConfigurationError(problems.sorted())
    pack: Pack = Checker(problems).struct(tree, Pack, ())
    if problems.failed:
        raise InvalidConfigurationError(problems.sorted())
    return pack.pack, tuple(_rule(pack.pack, name, one, path) for name, one in pack.classes.items())


def _rule(pack: str, name: str, one: PackClass, path: Path) -> ClassRule:
    if one.score >= 1.0:
        raise ConfigError(
            f"{path}: {name}: a pack's score stays below 1.0, which is never filtered;"
            " put the class into process_classification instead"
        )
    return ClassRule(
        name=name,
        score=one.score,
        patterns=one.patterns,
        requirement=one.requirement,
        programs=one.programs,
        owners=frozenset(OwnerKind(owner) for owner in one.owners),
        kind=Kind(one.kind),
        origin=f"packs.{pack}",
    )

"""What differs in effect between two configurations or profiles: resolved values, wherever they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.config.problem import spell
from nrdot.config.showing.flat import Line, flat, flat_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.config.problem import Path
    from nrdot.config.schema.profiles import Profile
    from nrdot.config.settled.configuration import Configuration

# Words for people: they decide nothing.
WORDS = frozenset({"description", "reason", "note", "extends"})
ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Difference:
    path: str
    before: str
    after: str


def of_profiles(before: Profile, after: Profile) -> list[Difference]:
    return list(_compared(dict(_profile(before)), dict(_profile(after))))


def of_configurations(before: Configuration, after: Configuration) -> list[Difference]:
    """Settings, the host's profile under its plain keys, and the other profiles that both name.

    A profile that only one of them names differs by being there.
    """
    return list(_compared(dict(_everything(before)), dict(_everything(after))))


def _everything(configuration: Configuration) -> Iterator[tuple[Path, Line]]:
    for line in flat_settings(configuration, named=True):
        yield line.path, line
    own = configuration.settings.profile
    yield from _profile(configuration.profile)
    for name, profile in configuration.profiles.items():
        if name != own:
            for path, line in _profile(profile):
                yield ("profiles", name, *path), line


def _profile(profile: Profile) -> Iterator[tuple[Path, Line]]:
    for line in flat(profile, named=True):
        yield line.path, line


def _compared(before: dict[Path, Line], after: dict[Path, Line]) -> Iterator[Difference]:
    told: set[Path] = set()
    for path in dict.fromkeys((*before, *after)):
        old, new = before.get(path), after.get(path)
        if path[-1] in WORDS or _alike(old, new):
            continue
        whole = path[:2] if path[0] in _NAMED else path
        if whole != path and (_lacks(before, whole) or _lacks(after, whole)):
            if whole not in told:
                told.add(whole)
                yield Difference(spell(whole), _summary(before, whole), _summary(after, whole))
            continue
        if _text(old) != _text(new) and not (_empty(old, new) and _has_entries(path, before, after)):
            yield Difference(spell(path), _text(old), _text(new))


# Sections of entries: one that is new or gone is told in one line.
_NAMED = frozenset(
    {
        "data_retention",
        "event_handling",
        "export",
        "label_based_scoring",
        "overrides",
        "process_classification",
        "profiles",
        "scopes",
        "time_based_rules",
    }
)


def _alike(old: Line | None, new: Line | None) -> bool:
    """What is not there says no more and no less than what is there and empty."""
    before, after = (None if line is None else line.value for line in (old, new))
    return before == after


def _lacks(lines: dict[Path, Line], whole: Path) -> bool:
    return not any(path[: len(whole)] == whole for path in lines)


def _summary(lines: dict[Path, Line], whole: Path) -> str:
    """What an entry says, without its words and what it leaves at rest."""
    if whole[0] == "profiles":
        return ABSENT if _lacks(lines, whole) else "there"
    said = [
        f"{spell(path[2:])}: {line.written}"
        for path, line in lines.items()
        if path[:2] == whole and path[-1] not in WORDS and line.value not in (None, False, [], (), {}, "")
    ]
    return ", ".join(said) or ABSENT


def _empty(old: Line | None, new: Line | None) -> bool:
    """One side has an empty table or list where the other has entries of its own."""
    return any(one is not None and one.value in ([], (), {}) for one in (old, new)) and None in (old, new)


def _has_entries(path: Path, before: dict[Path, Line], after: dict[Path, Line]) -> bool:
    return any(
        len(other) > len(path) and other[: len(path)] == path for lines in (before, after) for other in lines
    )


def _text(line: Line | None) -> str:
    if line is None:
        return ABSENT
    return str(line.value) if line.hidden else line.written

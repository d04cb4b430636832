"""Keys that load although nothing acts on them yet. Remove an entry with the change that makes it work.

A `*` stands for any step of a path. The most general entry that matches is the one that is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nrdot.config.problem import Mark, Path, Problems

NO_EFFECT: tuple[Path, ...] = (
    ("optimization_dimensions",),
    ("solver",),
)

# Wishes that the scenarios write in words, and what says the same in a way that acts.
WISHES: tuple[tuple[str, str], ...] = (
    ("tls 1.3", "it is the default: export[].otlp.tls.min_version"),
    ("pinning", "write export[].otlp.tls.pins"),
    ("mutual tls", "write export[].otlp.tls.cert and export[].otlp.tls.key"),
    ("key management", "write encryption.key_command"),
    ("rotation", "write encryption.old_key_files"),
    ("aes-256", "write encryption.key_file"),
)


def warn(origins: dict[Path, Mark], problems: Problems, entries: tuple[Path, ...] = NO_EFFECT) -> None:
    """Say for each key in the file whether it does nothing yet."""
    told: set[Path] = set()
    for path, mark in origins.items():
        if any(path[:length] in told for length in range(len(path))):
            continue
        own = path[2:] if path[:1] == ("profiles",) else path  # a profile's keys, wherever it stands
        if _listed(own, entries):
            told.add(path)
            problems.warn(mark, path, "no effect yet")


def _listed(path: Path, entries: Iterable[Path]) -> bool:
    return any(
        len(entry) == len(path) and all(step in ("*", own) for step, own in zip(entry, path, strict=True))
        for entry in entries
    )


def instead_of(wish: str) -> str:
    """What to write instead of a wish in words."""
    lowered = wish.lower()
    return next(
        (hint for words, hint in WISHES if words in lowered), "say it with the fields of this section"
    )

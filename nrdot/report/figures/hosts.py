"""Hosts as people call them: by name, and by id as well where a name does not tell two of them apart."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SHOWN = 8  # characters of an id beside a name, where they tell hosts apart


def named(hosts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """By id (rows of hosts.sql). No two hosts get the same words."""
    names = {row["host"]: row["name"] or row["host"] for row in hosts}
    found: dict[str, str] = {}
    for length in (0, SHOWN, None):
        words = {host: _words(name, host, length) for host, name in names.items() if host not in found}
        often = Counter([*words.values(), *found.values()])
        found |= {host: word for host, word in words.items() if often[word] == 1 or length is None}
    return found


def _words(name: str, host: str, length: int | None) -> str:
    return name if length == 0 or name == host else f"{name} ({host[:length]})"

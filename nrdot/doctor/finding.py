"""One thing that `nrdot doctor` found, and the mend."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    topic: str
    level: Level
    what: str
    mend: str = ""  # what to do about it; empty where all is well


def fine(topic: str, what: str) -> Finding:
    return Finding(topic, Level.OK, what)


def odd(topic: str, what: str, mend: str) -> Finding:
    return Finding(topic, Level.WARNING, what, mend)


def wrong(topic: str, what: str, mend: str) -> Finding:
    return Finding(topic, Level.ERROR, what, mend)

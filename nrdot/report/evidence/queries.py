"""The SQL files of `sql/` as text, and the window that they are asked for. Nothing here runs them.

`seen`, `outcome` and `presence` stand on the one table `ledger`; all else are queries on these.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

VIEWS = ("seen", "outcome")
TABLES = ("presence",)
QUERIES = (
    "coverage", "hosts", "gaps", "hours", "own_hours", "agents", "breaks", "destinations", "losses",
    "talkers", "allocation", "reasons", "critical", "classes",
)  # fmt: skip
DIMENSIONS = {
    "namespace": "namespace",
    "class": "class",
    "unit": "unit",
    "user": "owner",
    "host": "host",
    "tenant": "tenant",
    "profile": "profile",
}


@dataclass(frozen=True, slots=True)
class Window:
    """Unix seconds, `until` not included."""

    since: int
    until: int

    @property
    def seconds(self) -> int:
        return self.until - self.since


def text(name: str) -> str:
    """A SQL file as it ships."""
    return files("nrdot.report.evidence").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8").strip()


def filled(name: str, window: Window, by: str = "class") -> str:
    """The same with its three parameters. `by` is one of DIMENSIONS."""
    words = text(name).replace(":since", str(window.since)).replace(":until", str(window.until))
    return words.replace(":by", DIMENSIONS[by])


def stamp(seconds: float) -> str:
    return f"{utc(seconds):%Y-%m-%d %H:%M} UTC"


def rfc3339(seconds: float) -> str:
    """The same for scripts."""
    return f"{utc(seconds):%Y-%m-%dT%H:%M:00Z}"


def utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

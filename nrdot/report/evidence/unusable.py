# ruff: noqa: S608 - statements hold whole numbers and names of ours, nothing else
"""Rows that cannot be used, of JSON lines and of Parquet: what they are, how many, and how to go without.

A ledger that was copied, collected and converted by others holds what no agent writes. What is impossible is
left out and said, never added up: one negative number would make a saving of nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from nrdot.ledger.rows import HOUR, VERSION

LAST = 253_402_300_799  # the year 9999 ends: beyond, a time is none
LARGEST = 10**15  # beyond, a number of a row is none: what a host sends in an hour has four digits less
VERDICTS = ("keep", "roll_up", "drop", "group")
_LEAST = {"BIGINT": 0, "DOUBLE": -1}  # what was measured twice may differ by a trifle
_OTHERS = {"v", "t", "span", "seconds", "gap_seconds"}  # a gap is negative where the clock went back
_SHORT = "regexp_replace(filename, '^.*/(\\d{6}-)?', '')"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`noun` and `why` are read after a number: 1 row of a kind ..."""

    where: str
    noun: str
    why: str

    def count(self, table: str) -> str:
        """How many there are of it in each file."""
        return (
            f"SELECT {_SHORT} AS name, count(*) FROM {table} WHERE {self.where} GROUP BY name ORDER BY name"
        )


def of_lines(columns: dict[str, str]) -> list[Refusal]:
    no_row = f"kind IS NULL OR v IS NULL OR t IS NULL OR t NOT BETWEEN 0 AND {LAST}"
    other_day = """strftime(make_timestamp(t * 1000000), '%Y-%m-%d')
                   <> regexp_extract(filename, '(\\d{4}-\\d{2}-\\d{2})\\.jsonl', 1)"""
    return [
        Refusal(no_row, "line", "without a row"),
        *of_rows(),
        Refusal(_any(impossible(columns)), "row", "with a number that cannot be"),
        Refusal(other_day, "row", "whose time is not of the file's day: the clock jumped"),
    ]


def of_rows() -> list[Refusal]:
    verdicts = ", ".join(f"'{verdict}'" for verdict in VERDICTS)
    return [
        Refusal(f"v > {VERSION}", "row", "of a newer format than this nrdot reads (`v` above 1)"),
        Refusal("kind NOT IN ('seen', 'outcome')", "row", "of a kind that this nrdot does not know"),
        Refusal(
            f"v = {VERSION} AND kind = 'seen' AND coalesce(verdict, '') NOT IN ({verdicts})",
            "row",
            "of a verdict that this nrdot does not know",
        ),
    ]


def impossible(columns: dict[str, str]) -> list[str]:
    """A condition a column, so that Parquet's own statistics answer each without reading it."""
    found = [
        f'("{name}" < {_LEAST[kind]} OR "{name}" > {LARGEST})'
        for name, kind in columns.items()
        if kind in _LEAST and name not in _OTHERS
    ]
    return [*found, *(f"({name} < 0 OR {name} > {24 * HOUR})" for name in ("seconds", "span"))]


def _any(conditions: list[str]) -> str:
    return " OR ".join(conditions)

# ruff: noqa: S608 - statements hold whole numbers, names of ours and quoted paths, nothing else
"""The Parquet files of a ledger as one view `packed`: read where they lie, and once each.

Nothing here reads rows where the files' own statistics answer: a year of a fleet is many of them.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import duckdb

from nrdot.report.evidence.sentences import file, said
from nrdot.report.evidence.unusable import LAST, impossible, of_rows
from nrdot.report.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Ends = tuple[Any, Any]  # the first and the last

_REQUIRED = {"kind", "v", "t", "host"}
# The same in a copy, also in one whose minutes were folded into hours; parts of one day have other sums.
_SUMS = ("points_unoptimized", "points_sent", "bytes_sent", "own_points", "agent_cpu_seconds")


class Packed:
    def __init__(self, connection: Any, columns: dict[str, str], left_out: list[str]) -> None:
        self._connection = connection
        self._columns = columns
        self._left_out = left_out

    def view(self, paths: Sequence[Path]) -> bool:
        """Make `packed` of every file that is a ledger; whether there is one."""
        files, have = [], set()
        for path in paths:
            columns = self._columns_of(path)
            if columns is not None:
                files.append(path)
                have |= columns
        if not files:
            return False
        stated = ", ".join(
            f'"{name}"::{kind} AS "{name}"' if name in have else f'NULL::{kind} AS "{name}"'
            for name, kind in self._columns.items()
        )
        self._connection.execute(f"CREATE VIEW packed AS SELECT {stated} FROM {_read(files)}")
        if self._copies(files, have):
            copy = "copies.filename = every.filename AND copies.host = every.host"
            self._connection.execute(
                f"""CREATE OR REPLACE VIEW packed AS SELECT {stated} FROM {_read(files)} AS every
                    WHERE NOT EXISTS (SELECT 1 FROM packed_copies AS copies WHERE {copy}
                                      AND copies.day = every.t // 86400)"""
            )
        return True

    def usable(self) -> str:
        """What is to be read of it. Each condition by itself, so that statistics answer it."""
        unusable = [(one.where, one.noun, one.why) for one in of_rows()]
        unusable += [(one, "row", "with a number that cannot be") for one in impossible(self._columns)]
        found = []
        for where, noun, why in unusable:
            rows = self._one(f"SELECT count(*) FROM packed WHERE {where}")
            if rows:
                found.append(where)
                self._left_out.append(f"Parquet: {counted(rows, noun)} {why}; left out")
        return f" WHERE NOT coalesce({' OR '.join(found)}, false)" if found else ""

    def _columns_of(self, path: Path) -> set[str] | None:
        try:
            described = self._connection.execute(f"DESCRIBE SELECT * FROM read_parquet({file(path)})")
            have = {row[0] for row in described.fetchall()}
        except duckdb.Error as error:
            words = f"{path}: not Parquet as it should be: {said(error)}; the file was left out"
            self._left_out.append(words)
            return None
        missing = ", ".join(sorted(_REQUIRED - have))
        if missing:
            self._left_out.append(f"{path}: no ledger, it has no column {missing}; the file was left out")
            return None
        return have

    def _shared(self, files: Sequence[Path]) -> list[Ends]:
        """Days that two files may have of the same host. Months of one fleet, or hosts alone, have none."""
        days = {path: self._days(path) for path in files}
        pairs = [pair for pair in combinations(files, 2) if _meet(days[pair[0]], days[pair[1]])]
        hosts = {path: self._hosts(path) for path in {path for pair in pairs for path in pair}}
        shared = {
            (max(days[one][0], days[other][0]), min(days[one][1], days[other][1]))
            for one, other in pairs
            if _meet(hosts[one], hosts[other])
        }
        merged: list[Ends] = []
        for first, last in sorted(shared):
            if merged and first <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(last, merged[-1][1])
            else:
                merged.append((first, last))
        return merged

    def _days(self, path: Path) -> Ends:
        """By what the file says of itself, without reading a row; where it does not, any day."""
        low, high = self._connection.execute(
            f"""SELECT min(stats_min_value::BIGINT) // 86400, max(stats_max_value::BIGINT) // 86400
                FROM parquet_metadata({file(path)}) WHERE path_in_schema = 't'"""
        ).fetchone()
        return (0, LAST // 86400) if low is None or high is None else (low, high)

    def _hosts(self, path: Path) -> Ends:
        low, high = self._connection.execute(
            f"SELECT coalesce(min(host), ''), coalesce(max(host), '') FROM read_parquet({file(path)})"
        ).fetchone()
        return low, high

    def _copies(self, files: Sequence[Path], have: set[str]) -> bool:
        """Whether a day of a host is in two files with the same sums; then all but one are copies."""
        shared = self._shared(files)
        if not shared:
            return False
        sums = ", ".join(f'sum("{name}")' for name in _SUMS if name in have) or "count(*)"
        self._connection.execute("CREATE TABLE packed_copies (host VARCHAR, day BIGINT, filename VARCHAR)")
        for first, last in shared:
            self._connection.execute(
                f"""INSERT INTO packed_copies SELECT host, day, filename FROM (
                      SELECT *, row_number() OVER (PARTITION BY host, day, sums ORDER BY filename) AS place
                      FROM (SELECT host, t // 86400 AS day, filename, row({sums}) AS sums FROM {_read(files)}
                            WHERE t >= {first * 86400} AND t < {(last + 1) * 86400}
                            GROUP BY host, t // 86400, filename)
                    ) WHERE place > 1"""
            )
        days = int(self._one("SELECT count(*) FROM (SELECT DISTINCT host, day FROM packed_copies)"))
        if days:
            words = f"here twice as Parquet, counted once: {counted(days, 'day')} of a host"
            self._left_out.append(words)
        return days > 0

    def _one(self, query: str) -> Any:
        return self._connection.execute(query).fetchone()[0]


def _read(files: Sequence[Path]) -> str:
    names = ", ".join(map(file, files))
    return f"read_parquet([{names}], union_by_name = true, filename = true)"


def _meet(one: Ends, other: Ends) -> bool:
    return bool(one[0] <= other[1] and other[0] <= one[1])

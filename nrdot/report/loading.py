# ruff: noqa: S608 - statements hold whole numbers, names of ours and quoted paths, nothing else
"""A ledger's files as one view `ledger`.

JSON lines become a table, because they would be parsed anew for each query; Parquet is read where it lies.
What is not used is said in one line each: lines that are no rows, rows of other versions, days that lie here
twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from nrdot.ledger.rows import VERSION, every_column
from nrdot.report.files import Files, NoLedgerError, mend, since_day

if TYPE_CHECKING:
    from pathlib import Path

LAST = 253_402_300_799  # the year 9999 ends: beyond, a time is none
_UNUSABLE = (
    (
        f"kind IS NULL OR v IS NULL OR t IS NULL OR t NOT BETWEEN 0 AND {LAST}",
        "lines that are no rows",
    ),
    (f"v > {VERSION}", "rows of a newer format than this nrdot reads (`v` above 1)"),
    ("kind NOT IN ('seen', 'outcome')", "rows of a kind that this nrdot does not know"),
    (
        """strftime(make_timestamp(t * 1000000), '%Y-%m-%d')
           <> regexp_extract(filename, '(\\d{4}-\\d{2}-\\d{2})\\.jsonl', 1)""",
        "rows whose time is not of the file's day: the clock jumped",
    ),
)
_SHORT = "regexp_replace(filename, '^.*/(\\d{6}-)?', '')"
_REQUIRED = {"kind", "v", "t", "host"}


def load(connection: Any, files: Files, first_day: str, scratch: Path, left_out: list[str]) -> None:
    """Make `lines` and `ledger`. Raises NoLedgerError where a Parquet file is no ledger."""
    _Loading(connection, files, scratch, left_out).load(first_day)


def quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


class _Loading:
    def __init__(self, connection: Any, files: Files, scratch: Path, left_out: list[str]) -> None:
        self._connection = connection
        self._files = files
        self._scratch = scratch
        self._left_out = left_out
        self._columns = every_column()

    def load(self, first_day: str) -> None:
        self._lines(first_day)
        for where, words in _UNUSABLE:
            self._delete(where, words)
        self._drop_copies()
        if self._files.parquet:
            self._drop_packed()
        self._run(f"CREATE VIEW ledger AS {self._ledger()}")

    def _lines(self, first: str) -> None:
        paths = mend(since_day(self._files.lines, first), self._scratch, self._left_out)
        if not paths:
            empty = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in self._columns.items())
            self._run(f"CREATE TABLE lines AS SELECT {empty}, NULL::VARCHAR AS filename WHERE false")
            return
        try:
            self._run(f"CREATE TABLE lines AS {self._read(paths)}")
        except duckdb.Error:  # a frame that does not inflate stops the engine, so find it and go on without
            paths = mend(paths, self._scratch, self._left_out, deep=True)
            self._run(f"CREATE TABLE lines AS {self._read(paths)}")

    def _read(self, paths: list[Path]) -> str:
        """Lines that are no JSON become rows of nothing, which can be counted."""
        names = ", ".join(map(quoted, paths))
        stated = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in self._columns.items())
        return (
            f"SELECT * FROM read_json([{names}], format = 'newline_delimited', ignore_errors = true, "
            f"filename = true, columns = {{{stated}}})"
        )

    def _delete(self, where: str, words: str) -> None:
        query = f"SELECT {_SHORT} AS name, count(*) FROM lines WHERE {where} GROUP BY name ORDER BY name"
        counts = self._connection.execute(query).fetchall()
        if not counts:
            return
        self._run(f"DELETE FROM lines WHERE {where}")
        others = f" and {len(counts) - 1} more files" if len(counts) > 1 else ""
        total = sum(count for _, count in counts)
        self._left_out.append(f"{counts[0][0]}{others}: {total:,} {words}; left out")

    def _drop_copies(self) -> None:
        """A host's day that lies here twice counts once."""
        many = """SELECT host, t // 86400 AS day, min(filename) AS first FROM lines
                  GROUP BY host, day HAVING count(DISTINCT filename) > 1"""
        days = self._count(many)
        if days:
            self._run(f"""DELETE FROM lines USING ({many}) AS copies
                          WHERE lines.host = copies.host AND lines.t // 86400 = copies.day
                            AND lines.filename <> copies.first""")
            self._left_out.append(f"{days} days of a host lie here twice; the copies were left out")

    def _drop_packed(self) -> None:
        """Nor does one that was turned into Parquet and yet lies beside it."""
        both = f"""SELECT DISTINCT packed.host, packed.t // 86400 AS day FROM {self._packed()} AS packed
                   WHERE (packed.host, packed.t // 86400) IN (SELECT (host, t // 86400) FROM lines)"""
        if not self._count("SELECT * FROM lines"):
            return
        days = self._count(both)
        if days:
            self._run(f"""DELETE FROM lines USING ({both}) AS copies
                          WHERE lines.host = copies.host AND lines.t // 86400 = copies.day""")
            self._left_out.append(
                f"{days} days of a host lie here both as JSON lines and as Parquet; Parquet was read"
            )

    def _packed(self) -> str:
        paths = ", ".join(map(quoted, self._files.parquet))
        return f"read_parquet([{paths}], union_by_name = true)"

    def _ledger(self) -> str:
        names = ", ".join(f'"{name}"' for name in self._columns)
        lines = f"SELECT {names} FROM lines"
        if not self._files.parquet:
            return lines
        try:
            described = self._connection.execute(f"DESCRIBE SELECT * FROM {self._packed()}").fetchall()
        except duckdb.Error as error:
            raise NoLedgerError(
                f"Parquet that cannot be read: {' '.join(str(error).split())[:200]}"
            ) from None
        have = {row[0] for row in described}
        missing = _REQUIRED - have
        if missing:
            raise NoLedgerError(
                f"{self._files.parquet[0]}: no ledger, it has no column {', '.join(sorted(missing))}; "
                "take it out of the directory"
            )
        packed = ", ".join(
            f'"{name}"::{kind} AS "{name}"' if name in have else f'NULL::{kind} AS "{name}"'
            for name, kind in self._columns.items()
        )
        return f"{lines} UNION ALL SELECT {packed} FROM {self._packed()}"

    def _run(self, statement: str) -> None:
        self._connection.execute(statement)

    def _count(self, query: str) -> int:
        return int(self._connection.execute(f"SELECT count(*) FROM ({query})").fetchone()[0])

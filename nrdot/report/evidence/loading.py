# ruff: noqa: S608 - statements hold whole numbers, names of ours and quoted paths, nothing else
"""A ledger's files as one view `ledger`.

JSON lines become a table, because they would be parsed anew for each query; Parquet is read where it lies.
What is not used is said in one line each: files that cannot be read, rows that cannot be used, days that lie
here twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from nrdot.ledger.rows import every_column
from nrdot.report.evidence.files import Files, mend, since_day
from nrdot.report.evidence.packed import Packed
from nrdot.report.evidence.sentences import file, quoted, said
from nrdot.report.evidence.unusable import of_lines
from nrdot.report.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def load(connection: Any, files: Files, first_day: str, scratch: Path, left_out: list[str]) -> None:
    """Make `lines` and `ledger`."""
    _Loading(connection, files, scratch, left_out).load(first_day)


def as_it_lies(files: Files) -> str:
    """A query for every row of the files, good or not, as anybody would write it."""
    columns = every_column()
    names = ", ".join(f'"{name}"' for name in columns)
    parts = []
    if files.lines:
        read = read_lines([path.absolute() for path in files.lines], columns)
        parts.append(f"SELECT {names} FROM ({read})")
    if files.parquet:
        paths = ", ".join(file(path.absolute()) for path in files.parquet)
        # The first part names every column, also those that no file has.
        parts[:0] = [] if parts else [f"SELECT {names} FROM ({read_lines([], columns)})"]
        parts.append(f"SELECT * FROM read_parquet([{paths}], union_by_name = true)")
    return "\nUNION ALL BY NAME\n".join(parts)


def read_lines(paths: Sequence[Path], columns: dict[str, str]) -> str:
    """Lines that are no JSON become rows of nothing, which can be counted."""
    if not paths:
        empty = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items())
        return f"SELECT {empty}, NULL::VARCHAR AS filename WHERE false"
    names = ", ".join(map(file, paths))
    stated = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in columns.items())
    return (
        f"SELECT * FROM read_json([{names}], format = 'newline_delimited', ignore_errors = true, "
        f"filename = true, columns = {{{stated}}})"
    )


class _Loading:
    def __init__(self, connection: Any, files: Files, scratch: Path, left_out: list[str]) -> None:
        self._connection = connection
        self._files = files
        self._scratch = scratch
        self._left_out = left_out
        self._columns = every_column()

    def load(self, first_day: str) -> None:
        self._lines(first_day)
        for refusal in of_lines(self._columns):
            counts = self._connection.execute(refusal.count("lines")).fetchall()
            if counts:
                self._run(f"DELETE FROM lines WHERE {refusal.where}")
                more = f" and {counted(len(counts) - 1, 'more file')}" if len(counts) > 1 else ""
                rows = counted(sum(count for _, count in counts), refusal.noun)
                self._left_out.append(f"{counts[0][0]}{more}: {rows} {refusal.why}; left out")
        self._drop_copies()
        names = ", ".join(f'"{name}"' for name in self._columns)
        ledger = f"SELECT {names} FROM lines"
        packed = Packed(self._connection, self._columns, self._left_out)
        if packed.view(self._files.parquet):
            self._drop_packed()
            ledger += f" UNION ALL SELECT * FROM packed{packed.usable()}"
        self._run(f"CREATE VIEW ledger AS {ledger}")

    def _lines(self, first: str) -> None:
        paths = mend(since_day(self._files.lines, first), self._scratch, self._left_out)
        try:
            self._run(f"CREATE TABLE lines AS {read_lines(paths, self._columns)}")
        except duckdb.Error:  # what does not inflate stops the engine, so find it and go on without
            paths = mend(paths, self._scratch, self._left_out, deep=True)
            self._run(
                f"CREATE TABLE lines AS {read_lines(list(filter(self._readable, paths)), self._columns)}"
            )

    def _readable(self, path: Path) -> bool:
        try:
            self._connection.execute(
                f"SELECT max(t), count(kind) FROM ({read_lines([path], self._columns)})"
            ).fetchone()
        except duckdb.Error as error:
            self._left_out.append(f"{path}: cannot be read: {said(error)}; the file was left out")
            return False
        return True

    def _drop_copies(self) -> None:
        """A host's day that lies here twice counts once: the copy that goes furthest."""
        many = """SELECT host, day, arg_max(filename, (until, rows, filename)) AS kept
                  FROM (SELECT host, t // 86400 AS day, filename, max(t + coalesce(span, 60)) AS until,
                          count(*) AS rows FROM lines GROUP BY host, day, filename)
                  GROUP BY host, day HAVING count(*) > 1"""
        days = self._count(many)
        if days:
            self._name_clones()
            self._run(f"""DELETE FROM lines USING ({many}) AS copies
                          WHERE lines.host = copies.host AND lines.t // 86400 = copies.day
                            AND lines.filename <> copies.kept""")
            self._left_out.append(f"here twice, counted once: {counted(days, 'day')} of a host")

    def _name_clones(self) -> None:
        """Copies of a day share a boot; machines that were cloned with their id do not."""
        boots = """SELECT host, t // 86400 AS day, filename, list(DISTINCT boot) AS boots FROM lines
                   GROUP BY host, day, filename"""
        clones = self._connection.execute(f"""
            SELECT DISTINCT one.host FROM ({boots}) AS one JOIN ({boots}) AS other
              ON one.host = other.host AND one.day = other.day AND one.filename < other.filename
            WHERE NOT list_has_any(one.boots, other.boots) ORDER BY one.host
        """).fetchall()
        if clones:
            more = f" and {counted(len(clones) - 1, 'more id')}" if len(clones) > 1 else ""
            self._left_out.append(
                f"several machines call themselves {clones[0][0]}{more}, and one of them was counted; give "
                "each a machine id of its own"
            )

    def _drop_packed(self) -> None:
        """Nor does one that was turned into Parquet and yet lies beside it."""
        both = """SELECT DISTINCT packed.host, packed.t // 86400 AS day FROM packed
                  WHERE (packed.host, packed.t // 86400) IN (SELECT (host, t // 86400) FROM lines)"""
        if not self._count("SELECT * FROM lines"):
            return
        days = self._count(both)
        if days:
            self._run(f"""DELETE FROM lines USING ({both}) AS copies
                          WHERE lines.host = copies.host AND lines.t // 86400 = copies.day""")
            self._left_out.append(
                f"here both as JSON lines and as Parquet, read from Parquet: {counted(days, 'day')} of a host"
            )

    def _run(self, statement: str) -> None:
        self._connection.execute(statement)

    def _count(self, query: str) -> int:
        return int(self._connection.execute(f"SELECT count(*) FROM ({query})").fetchone()[0])

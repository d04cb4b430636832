# ruff: noqa: S608 - statements hold whole numbers, names of ours and quoted paths, nothing else
"""The SQL files of `sql/`, run by DuckDB over a ledger's files.

JSON lines are read once, into a table; Parquet is read where it lies, column by column. Both become the one
view `ledger`, and `seen`, `outcome` and `presence` stand on it. All else are queries of a few lines that
anyone can run, or have translated for the engine that holds a fleet's ledgers.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb

from nrdot.report.evidence.files import Files, NoLedgerError, newest_day, oldest_day
from nrdot.report.evidence.loading import load
from nrdot.report.evidence.queries import TABLES, VIEWS, Window, filled, stamp, utc
from nrdot.report.evidence.sentences import quoted, said
from nrdot.report.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

DAY, HOUR = 86400, 3600
MEMORY = "1400MB"  # of the engine; the rest of 2 GB is Python's
NAMED = 3  # things left out that an error names


@contextmanager
def _readable() -> Iterator[None]:
    """What only reading to the end shows, as one line."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise NoLedgerError(
            f"this window needs more than {MEMORY} of memory; name a shorter one with --since"
        ) from None
    except duckdb.Error as error:
        raise NoLedgerError(
            f"the ledger cannot be read to its end: {said(error)}; take that file out of the directory"
        ) from None


@dataclass(slots=True)
class Engine:
    """One ledger, open. Use it as a context manager: it holds scratch files."""

    files: Files
    now: int
    left_out: list[str] = field(default_factory=list)
    _connection: Any = None
    _scratch: Any = None

    def __enter__(self) -> Self:
        self._scratch = tempfile.TemporaryDirectory(prefix="nrdot-report-")
        self._connection = duckdb.connect(":memory:")
        self._run(f"SET memory_limit = '{MEMORY}'")
        self._run(f"SET temp_directory = {quoted(Path(self._scratch.name) / 'spill')}")
        self._run("SET preserve_insertion_order = false")
        self._run("SET autoinstall_known_extensions = false")  # a report asks no network
        self._run("SET enable_progress_bar = false")  # it would stand between the lines of the answer
        self.left_out.extend(self.files.left_out)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._scratch.cleanup()

    def open(self, since: float | datetime, until: datetime | None) -> Window:
        """Read what the window needs; `since` is a duration in seconds before its end, or a time.

        Raises NoLedgerError where nothing in the ledger lies in it.
        """
        with _readable():
            load(
                self._connection,
                self.files,
                self._first_day(since, until),
                Path(self._scratch.name),
                self.left_out,
            )
            window = self._window(since, until)
            for name in VIEWS:
                self._run(f"CREATE VIEW {name} AS {filled(name, window)}")
            for name in TABLES:
                self._run(f"CREATE TABLE {name} AS {filled(name, window)}")
            if not self._one("SELECT count(*) FROM presence WHERE covered > 0"):
                raise NoLedgerError(
                    f"no rows between {stamp(window.since)} and {stamp(window.until)}; "
                    f"{self._days()}; name a window with --since and --until"
                )
        return window

    def rows(self, name: str, window: Window, by: str = "class") -> list[dict[str, Any]]:
        """A query's answer. Raises NoLedgerError where a file turns out to be damaged."""
        with _readable():
            return list(self._dicts(filled(name, window, by)))

    def columns(self, name: str, window: Window) -> dict[str, Any]:
        """The same as numpy arrays, by column."""
        with _readable():
            found: dict[str, Any] = self._connection.execute(filled(name, window)).fetchnumpy()
        return found

    def _first_day(self, since: float | datetime, until: datetime | None) -> str:
        """Days before it are not even opened."""
        if isinstance(since, datetime):
            return (max(since, utc(DAY)) - timedelta(days=1)).date().isoformat()
        newest = newest_day(self.files.lines) or "9999-12-31"
        end = until or min(datetime.fromisoformat(newest).replace(tzinfo=UTC), utc(self.now))
        first = end.timestamp() - since - 2 * DAY
        return utc(first).date().isoformat() if first > 0 else "0000-00-00"

    def _window(self, since: float | datetime, until: datetime | None) -> Window:
        """Whole hours. It ends with the newest row that is not of the future."""
        latest = self.now + HOUR
        end = "t + coalesce(span, 60)"
        newest = self._one(f"SELECT max({end}) FROM ledger WHERE v = 1 AND {end} <= {latest}")
        future = self._one(f"SELECT count(*) FROM ledger WHERE v = 1 AND {end} > {latest}")
        if newest is None:
            newest, latest = self._one(f"SELECT max({end}) FROM ledger WHERE v = 1"), 0
            if newest is None:
                raise NoLedgerError(self._nothing())
            self.left_out.append("every row is of the future: this machine's clock is behind the ledger's")
        elif future:
            self.left_out.append(
                f"{counted(future, 'row')} of the future, after {stamp(latest)}: the clock jumped; left out"
            )
        stop = -int(-until.timestamp() // HOUR) * HOUR if until else int(newest)
        start = int(since.timestamp()) if isinstance(since, datetime) else stop - int(since)
        start = max(start, 0)  # no ledger is older than Unix time
        if start >= stop:
            raise NoLedgerError(
                f"--since ({stamp(start)}) is not before the end ({stamp(stop)}): no such window"
            )
        if not until and self.now - stop > 2 * HOUR and latest:
            self.left_out.append(f"nothing is newer than {stamp(stop)}: the window ends there, not now")
        return Window(start - start % HOUR, stop)

    def _nothing(self) -> str:
        """Why there is not one row, as far as it is known."""
        words = ["no row that can be read in this window"]
        if self.files.lines:
            words.append(self._days())
        return "; ".join([*words, *self.left_out[:NAMED]])

    def _days(self) -> str:
        """From when to when there is a ledger; days that no window needed were not opened."""
        low, high = self._connection.execute("SELECT min(t), max(t) FROM ledger").fetchone()
        days = [stamp(seconds)[:10] for seconds in (low, high) if seconds is not None]
        if self.files.lines:
            days += [oldest_day(self.files.lines), newest_day(self.files.lines)]
        first, last = min(days), max(days)
        return f"its day is {first}" if first == last else f"its days go from {first} to {last}"

    def _run(self, statement: str) -> None:
        self._connection.execute(statement)

    def _one(self, query: str) -> Any:
        return self._connection.execute(query).fetchone()[0]

    def _dicts(self, query: str) -> Iterator[dict[str, Any]]:
        answer = self._connection.execute(query)
        names = [column[0] for column in answer.description]
        for row in answer.fetchall():
            yield dict(zip(names, row, strict=True))

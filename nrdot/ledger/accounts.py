"""The arithmetic of the ledger: from ticks to the sums of a minute, by cell.

A process is in one cell at a time. What it uses between two exports is entered where it stands at the second,
as its increments are; what ended in between is entered as rolled up: that is where its increments went. So a
tick that exports nothing costs next to nothing: it notes who is new.

Everything is done in whole columns of the table, where rows in which nobody lives are nobody's: what a tick
costs are its calls and the memory that they touch, because both are cold when it begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nrdot.batch import CHILDREN, UNKNOWN, Counter, Gauge, distinct
from nrdot.ledger.activity import Activity, alike
from nrdot.ledger.cells import NOBODY, Cell, Cells, code, codes, translation
from nrdot.ledger.rows import Seen
from nrdot.ledger.sums import Sum, Sums
from nrdot.ledger.talkers import Talkers
from nrdot.stages import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from nrdot.batch import Batch, Identity, Ints, Rows, Table
    from nrdot.ledger.book import Book
    from nrdot.ledger.rows import Talker
    from nrdot.stages import Frame

_APART = CHILDREN.start - Counter.CPU_USER
_USER = slice(Counter.CPU_USER, None, _APART)  # a process's own, and of its children
_SYSTEM = slice(Counter.CPU_SYSTEM, None, _APART)
_NO_VERDICT = np.uint8(0)  # the code of who has none yet: rolled up, because nothing speaks for it
_NEVER_FILTERED = code(Verdict.KEEP, Reason.NEVER_FILTERED)


class _Prices(NamedTuple):
    """What everybody would cost, were everybody sent."""

    by_row: tuple[Ints, Ints]  # points and bytes
    points: NDArray[Any]  # the same by cell
    bytes: NDArray[Any]


@dataclass(slots=True)
class _Standing:
    """Who stands where; it holds until somebody comes, goes or moves."""

    alive: bytes  # the column of the table
    cells: Ints  # by row; nobody's where nobody lives
    processes: Ints  # by cell
    priced_at: float = -1.0
    prices: _Prices | None = None


class Accounts:
    """Sums are those since the last `close`; what is remembered of rows outlives it."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.samples = 0
        self.exports = 0
        self.own_points = 0  # the agent's own metrics
        self.own_bytes = 0
        self._sums = Sums()
        self._cells = Cells()
        # by row
        self._key: Ints = np.zeros(0, np.int64)
        self._code: NDArray[np.uint8] = np.zeros(0, np.uint8)  # verdict and reason under which it stands
        self._cell: Ints = np.zeros(0, np.int64)
        self._cpu: Ints = np.zeros((2, 0), np.int64)  # clock ticks that are entered: own, of children
        self._known: list[tuple[Identity, int]] = []  # words and parent
        self._standing: _Standing | None = None
        self._stood: bytes | None = None  # the codes of the last export, since when nobody was placed
        # processes and their memory at the last look, by cell
        self._held: tuple[NDArray[Any], NDArray[Any]] | None = None
        self._sent, self._scraped = Activity(), Activity()
        self._talkers = Talkers()
        # seconds since the first tick, on the clock that never jumps: now, and when what was last
        self._now = 0.0
        self._closed_at = 0.0
        self._looked_at = 0.0
        self._scraped_at = 0.0
        self._hz = 100
        self._named: list[Rows] = []  # rows with words that are not read yet
        self._born: set[int] = set()
        self._judged = False  # by a first whole export

    @property
    def seconds(self) -> float:
        """Since the last `close`, as far as they were sampled."""
        return self._now - self._closed_at

    def enter(self, batch: Batch, frame: Frame | None, records: Sequence[Any] = ()) -> None:
        """One tick, as the stages left it, with the rows of those that ended still in the table."""
        self._note(batch)
        self.samples += 1
        self._now += batch.seconds
        scrapes, since = 0.0, self._now - self._scraped_at
        if since >= self.book.baseline:
            scrapes, rest = divmod(since, self.book.baseline)
            self._scraped_at = self._now - rest
        unseen = self._held is None and not batch.first
        if not (scrapes or frame or unseen):
            return
        self._judged = self._judged or (frame is not None and frame.whole)
        self._read(batch)
        if unseen:
            self._look(batch.table)
        if frame is not None:
            self._place_anew(batch.table)
        if scrapes:
            self._scrape(batch, scrapes)
        if frame is None:
            return
        if frame.whole:
            self._export(batch)
        self._count_sent(batch, records)

    def close(self, common: dict[str, Any]) -> list[Seen]:
        """The rows since the last call, cell by cell; then everything begins anew.

        `common` are the fields of every row, in their order. Whoever was not looked at since is as he was.
        """
        if self._held is not None:
            self._count(*self._held)
        cells, now = self._cells.cells, self._now
        self._sums.add(Sum.ACTIVE_UNOPTIMIZED, self._scraped.active(self._cell, len(cells), now))
        self._sums.add(Sum.ACTIVE_SENT, self._sent.active(self._cell, len(cells), now))
        seconds = max(self.seconds, 1e-9)
        first, terms = tuple(common.values()), (self.book.baseline, self.book.interval)
        row: Callable[..., Seen] = Seen
        found = []
        for number, (lived, rss, ticks, *counted) in self._sums.close():
            words, verdict, reason = cells[number]
            means = lived and round(lived / seconds / 1000, 3), round(rss / seconds)
            used = means[0], lived and lived / 1000, ticks and round(ticks / self._hz, 4), means[1]
            found.append(row(*first, *words, verdict, reason, *terms, *used, *counted))
        self._closed_at = now
        self.samples, self.exports, self.own_points, self.own_bytes = 0, 0, 0, 0
        return found

    def close_hour(self) -> list[Talker]:
        """Who used most since the last call."""
        return self._talkers.close(self._hz)

    def tidy(self, table: Table) -> None:
        """Forget words that nobody uses; between two minutes."""
        if not (self._talkers.full or self._cells.full):
            return
        rows = np.flatnonzero(table.alive | table.dead)
        if self._talkers.full:
            self._talkers.forget(rows)
        if not self._cells.full:
            return
        old, self._cells = self._cells, Cells()
        used = set(self._cell.tolist()) | self._sent.used() | self._scraped.used()
        numbers = translation(old, self._cells, sorted(used))
        self._cell = numbers[self._cell]
        self._sent.renumber(numbers)
        self._scraped.renumber(numbers)
        for row in rows.tolist():
            self._key[row] = self._cells.key(old.words(int(self._key[row])))
        self._sums, self._standing, self._stood, self._held = Sums(), None, None, None

    def _note(self, batch: Batch) -> None:
        """Rows that were born, or have new words."""
        table, born = batch.table, batch.born
        self._hz = batch.host.hz
        if table.capacity > len(self._key):
            self._fit(table.capacity)
        if not batch.named.size:
            return
        self._named.append(batch.named)
        if born.size:
            # What ran before we came is not of this time.
            self._cpu[:, born] = np.where(table.found[born], _clock_ticks(table.counters[:, born]), 0)
            self._born.update(born.tolist())

    def _fit(self, capacity: int) -> None:
        more = capacity - len(self._key)
        self._key = np.pad(self._key, (0, more))
        self._code = np.pad(self._code, (0, more))
        self._cell = np.pad(self._cell, (0, more))
        self._cpu = np.pad(self._cpu, ((0, 0), (0, more)))
        self._known += [(UNKNOWN, 0)] * more
        self._sent.fit(capacity)
        self._scraped.fit(capacity)
        self._talkers.fit(capacity)

    def _read(self, batch: Batch) -> None:
        """The words of rows that are new: the series that they had before are others' now."""
        if not self._named:
            return
        table = batch.table
        rows = (
            distinct(table.capacity, np.concatenate(self._named)) if len(self._named) > 1 else self._named[0]
        )
        self.book.costs.name(batch, rows)
        for row in rows.tolist():
            identity, parent = table.identity[row], int(table.parent[row])
            before, self._known[row] = self._known[row], (identity, parent)
            if row in self._born or parent != before[1] or not alike(identity, before[0]):
                self._sent.end(row, int(self._cell[row]), self._now)
                self._scraped.end(row, int(self._cell[row]), self._now)
            self._key[row] = self._cells.key(self.book.words(table, row))
            self._talkers.name(row, identity.name)
        self._place(rows, self._said(table)[rows])
        self._named.clear()
        self._born.clear()

    def _place_anew(self, table: Table) -> None:
        """Where verdicts are new."""
        said = self._said(table)
        if (now := said.tobytes()) == self._stood:
            return
        moved = ((said != self._code) & table.alive).nonzero()[0]
        if moved.size:
            self._place(moved, said[moved])
        self._stood = now

    def _said(self, table: Table) -> NDArray[np.uint8]:
        """Verdicts. Before the first export there is only one that no export has to give: never filtered."""
        said = codes(table)
        if not self._judged:
            said[table.never_filtered & (said == _NO_VERDICT)] = _NEVER_FILTERED
        return said

    def _place(self, rows: Rows, said: NDArray[np.uint8]) -> None:
        self._code[rows] = said
        self._cell[rows] = self._cells.of(self._key[rows], said)
        self._standing = self._stood = None

    def _stand(self, table: Table) -> _Standing:
        alive = table.alive.tobytes()
        if self._standing is None or self._standing.alive != alive:
            cells = np.where(table.alive, self._cell, NOBODY)
            self._standing = _Standing(alive, cells, np.bincount(cells))
        return self._standing

    def _priced(self, table: Table) -> _Prices:
        """Asked for once at a tick; most of the time the answer is that of the tick before."""
        standing = self._stand(table)
        prices = standing.prices
        if prices is not None and standing.priced_at == self._now:
            return prices
        by_row = self.book.costs.everybody(table)
        if prices is None or prices.by_row is not by_row:
            cells, (points, sizes) = standing.cells, by_row
            prices = _Prices(by_row, np.bincount(cells, points), np.bincount(cells, sizes))
        standing.priced_at, standing.prices = self._now, prices
        return prices

    def _look(self, table: Table) -> None:
        """Processes and their memory, now and for the time since the last look."""
        standing = self._stand(table)
        self._held = standing.processes, np.bincount(standing.cells, table.gauges[Gauge.RSS])
        self._count(*self._held)

    def _count(self, processes: NDArray[Any], rss: NDArray[Any]) -> None:
        seconds, self._looked_at = self._now - self._looked_at, self._now
        self._sums.add(Sum.PROCESS_MILLISECONDS, processes * (1000 * seconds))
        self._sums.add(Sum.RSS_SECONDS, rss * seconds)

    def _scrape(self, batch: Batch, scrapes: float) -> None:
        """What the scraper that NRDOT replaces would have sent."""
        prices, living = self._priced(batch.table), batch.living
        self._sums.add(Sum.POINTS_UNOPTIMIZED, prices.points * scrapes)
        self._sums.add(Sum.BYTES_UNOPTIMIZED, prices.bytes * scrapes)
        series = prices.by_row[0][living]
        fresh = self._scraped.sent(living, series, self._now, _hour(batch))
        if fresh.size:
            self._sums.add(Sum.HOURLY_UNOPTIMIZED, np.bincount(self._cell[living[fresh]], series[fresh]))

    def _export(self, batch: Batch) -> None:
        """What all processes used since the last export, would be at this one, and what was left out."""
        table = batch.table
        prices, standing = self._priced(table), self._stand(table)
        self.exports += 1
        self._look(table)
        kept = table.alive & (table.verdict == Verdict.KEEP)
        sent = self.book.costs.points
        self._talkers.export(table, kept, self._use(table, standing.cells), sent)
        self._sums.add(Sum.POINTS_INTERVAL, prices.points)
        self._sums.add(Sum.BYTES_INTERVAL, prices.bytes)
        silent = (kept & (sent == 0)).nonzero()[0]
        if silent.size:
            cells, (points, sizes) = standing.cells[silent], prices.by_row
            self._sums.add(Sum.POINTS_SUPPRESSED, np.bincount(cells, points[silent]))
            self._sums.add(Sum.BYTES_SUPPRESSED, np.bincount(cells, sizes[silent]))
        critical = (table.alive & table.never_filtered).nonzero()[0]
        if critical.size:
            cells = standing.cells[critical]
            self._sums.add(Sum.CRITICAL_SEEN, np.bincount(cells))
            self._sums.add(Sum.CRITICAL_EXPORTED, np.bincount(cells, table.series[critical]))

    def _use(self, table: Table, cells: Ints) -> Ints:
        """Clock ticks since the last export, by row: of processes, and of the children that nobody saw."""
        now = _clock_ticks(table.counters)
        used: Ints = np.maximum(now - self._cpu, 0)
        self._cpu = now
        self._sums.add(Sum.CPU_TICKS, np.bincount(cells, used[0]))
        apart = np.where(table.alive, used[1], used[0] + used[1])
        rows = apart.nonzero()[0]
        if rows.size:
            self._sums.add(
                Sum.CPU_TICKS, np.bincount(self._cells.of(self._key[rows], _NO_VERDICT), apart[rows])
            )
        return used

    def _count_sent(self, batch: Batch, records: Sequence[Any]) -> None:
        """What was put: rows, groups, and the agent's own metrics, which are all the rest."""
        costs, hour, table = self.book.costs, _hour(batch), batch.table
        points, sizes = costs.points, costs.bytes
        self._sums.add(Sum.POINTS_SENT, np.bincount(self._cell, points))
        self._sums.add(Sum.BYTES_SENT, np.bincount(self._cell, sizes))
        living = ((points > 0) & table.alive).nonzero()[0]
        series = self._priced(table).by_row[0][living]
        fresh = self._sent.sent(living, series, self._now, hour)
        if fresh.size:
            self._sums.add(Sum.HOURLY_SENT, np.bincount(self._cell[living[fresh]], series[fresh]))
        for cost in costs.groups:
            group = cost.group
            cell = self._cells.number(
                Cell(self.book.words_of_group(group.kind, group.name), "group", group.kind)
            )
            self._sums.add_one(Sum.POINTS_SENT, cell, cost.points)
            self._sums.add_one(Sum.BYTES_SENT, cell, cost.bytes)
            if self._sent.sent_group(group.key, cell, cost.series, self._now, hour):
                self._sums.add_one(Sum.HOURLY_SENT, cell, cost.series)
        all_points = sum(record.points for record in records)
        all_bytes = sum(len(record.payload) for record in records)
        self.own_points += all_points - int(points.sum()) - sum(cost.points for cost in costs.groups)
        self.own_bytes += all_bytes - int(sizes.sum()) - sum(cost.bytes for cost in costs.groups)


def _clock_ticks(counters: Ints) -> Ints:
    """Of processes themselves, and of their children that nobody saw."""
    found: Ints = counters[_USER] + counters[_SYSTEM]
    return found


def _hour(batch: Batch) -> int:
    return batch.time_ns // 3_600_000_000_000

"""The arithmetic of the ledger: from ticks to the sums of a minute, by cell.

A process is in one cell at a time. What it uses between two exports is entered where it stands at the second,
as its increments are; what ended in between is entered as rolled up: that is where its increments went. So a
tick that exports nothing costs next to nothing: it notes who is new.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nrdot.batch import CHILDREN, UNKNOWN, Counter, Gauge, distinct
from nrdot.ledger.activity import Activity, alike
from nrdot.ledger.cells import Cell, Cells, translation
from nrdot.ledger.rows import Seen
from nrdot.ledger.talkers import Talkers
from nrdot.stages import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from nrdot.batch import Batch, Identity, Ints, Rows, Table
    from nrdot.ledger.cells import Words
    from nrdot.ledger.rows import Talker
    from nrdot.stages import Frame, GroupFrame


class Cost(Protocol):
    """What a group cost at an export."""

    @property
    def group(self) -> GroupFrame: ...
    @property
    def points(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def series(self) -> int: ...


class Costs(Protocol):
    """What the last export cost, by row, and what any process would cost alone."""

    @property
    def points(self) -> Ints: ...
    @property
    def bytes(self) -> Ints: ...
    @property
    def groups(self) -> Sequence[Cost]: ...

    def name(self, batch: Batch, rows: Rows) -> None: ...
    def plain(self, table: Table, rows: Rows) -> tuple[Ints, Ints]: ...


class Book(Protocol):
    """What the present configuration says of processes and their costs."""

    @property
    def costs(self) -> Costs: ...
    @property
    def baseline(self) -> float:
        """Seconds between two scrapes of the scraper that NRDOT replaces."""

    @property
    def interval(self) -> float:
        """Seconds between two exports."""

    def words(self, table: Table, row: int) -> Words: ...
    def words_of_group(self, kind: str, name: str) -> Words: ...


class Sum(IntEnum):
    """A row of `Accounts.sums`; the names of integers are those of the ledger's fields."""

    PROCESS_SECONDS = 0
    RSS_SECONDS = 1
    CPU_TICKS = 2
    POINTS_UNOPTIMIZED = 3
    BYTES_UNOPTIMIZED = 4
    POINTS_INTERVAL = 5
    BYTES_INTERVAL = 6
    POINTS_SUPPRESSED = 7
    BYTES_SUPPRESSED = 8
    POINTS_SENT = 9
    BYTES_SENT = 10
    HOURLY_UNOPTIMIZED = 11
    HOURLY_SENT = 12
    CRITICAL_SEEN = 13
    CRITICAL_EXPORTED = 14


# Means and sums as they are written, and the digits that they are rounded to.
_SHARES = [Sum.PROCESS_SECONDS, Sum.PROCESS_SECONDS, Sum.CPU_TICKS, Sum.RSS_SECONDS]
_DIGITS = np.array([[1e3], [1e3], [1e4], [1.0]])

_OWN = slice(Counter.CPU_USER, Counter.CPU_SYSTEM + 1)


class Accounts:
    """`sums` are those since the last `close`; what is remembered of rows outlives it."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.seconds = 0.0
        self.samples = 0
        self.exports = 0
        self.own_points = 0  # the agent's own metrics
        self.own_bytes = 0
        self.sums = np.zeros((len(Sum), 0))
        self._cells = Cells()
        self._key: Ints = np.zeros(0, np.int64)
        self._cell: Ints = np.zeros(0, np.int64)
        self._cpu: Ints = np.zeros((2, 0), np.int64)  # clock ticks that are entered: own, of children
        self._known: list[tuple[Identity, int]] = []  # words and parent, by row
        self._sent, self._scraped = Activity(), Activity()
        self._talkers = Talkers()
        self._now = 0.0  # seconds since the first tick, on the clock that never jumps
        self._since_scrape = 0.0
        self._since_look = 0.0  # seconds for which processes are not counted yet
        self._hz = 100
        self._named: list[Rows] = []  # rows with words that are not read yet
        self._born: set[int] = set()
        self._noted = False  # this batch's

    def enter(self, batch: Batch, frame: Frame | None, records: Sequence[Any] = ()) -> None:
        """One tick, as the stages left it, with the rows of those that ended still in the table."""
        self._note(batch)
        self._noted = False
        self.samples += 1
        self.seconds += batch.seconds
        self._now += batch.seconds
        self._since_look += batch.seconds
        self._since_scrape += batch.seconds
        scrapes = 0.0
        if self._since_scrape >= self.book.baseline:
            scrapes, self._since_scrape = divmod(self._since_scrape, self.book.baseline)
        if frame is None and not scrapes:
            return
        self._read(batch)
        if frame is not None:
            self._judge(batch, frame)
        self._look(batch)
        if scrapes or (frame is not None and frame.whole):
            cells, plain = self._cell[batch.living], self.book.costs.plain(batch.table, batch.living)
            if scrapes:
                self._scrape(batch, cells, plain, scrapes)
            if frame is not None and frame.whole:
                self._export(batch, cells, plain)
        if frame is not None:
            self._count_sent(batch, records)

    def settle(self, batch: Batch) -> None:
        """Before `close`, with the sample that comes next: what nobody looked at since is as it is now."""
        self._note(batch)
        if self._since_look:
            self._read(batch)
            self._look(batch)

    def close(self, common: dict[str, Any]) -> list[Seen]:
        """The rows since the last call, cell by cell; then everything begins anew.

        `common` are the fields of every row, in their order.
        """
        count = len(self._cells)
        self._widen()
        active = [
            side.active(self._cell, count, self._now)[np.newaxis] for side in (self._scraped, self._sent)
        ]
        table = np.concatenate([self.sums, *active])
        spoken = np.flatnonzero(table.any(axis=0))
        table = table[:, spoken]
        whole = np.rint(table).astype(np.int64).tolist()
        seconds = max(self.seconds, 1e-9)
        shares = table[_SHARES] / np.array([[seconds], [1.0], [self._hz], [seconds]])
        numbers = zip(
            *(np.rint(shares * _DIGITS) / _DIGITS).tolist(),
            *whole[Sum.POINTS_UNOPTIMIZED : Sum.HOURLY_UNOPTIMIZED],
            *table[len(Sum) :].tolist(),
            *whole[Sum.HOURLY_UNOPTIMIZED : len(Sum)],
            strict=True,
        )
        self.sums = np.zeros_like(self.sums)
        self.seconds, self.samples, self.exports, self.own_points, self.own_bytes = 0.0, 0, 0, 0, 0
        cells, terms = self._cells.cells, (self.book.baseline, self.book.interval)
        first = tuple(common.values())
        row: Callable[..., Seen] = Seen
        return [
            row(*first, *cells[cell].words, *cells[cell][1:], *terms, *line)
            for cell, line in zip(spoken.tolist(), numbers, strict=True)
        ]

    def close_hour(self) -> list[Talker]:
        """Who used most since the last call."""
        return self._talkers.close()

    def tidy(self, table: Table) -> None:
        """Forget words that nobody uses; between two minutes."""
        rows = np.flatnonzero(table.alive)
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
        self.sums = np.zeros((len(Sum), len(self._cells)))

    def _note(self, batch: Batch) -> None:
        """Rows that were born, or have new words."""
        if self._noted:
            return
        self._noted = True
        self._hz = batch.host.hz
        if batch.table.capacity > len(self._key):
            self._fit(batch.table.capacity)
        if not batch.named.size:
            return
        self._named.append(batch.named)
        if batch.born.size:
            born = batch.born
            counters, found = batch.table.counters, batch.table.found[born]
            # What ran before we came is not of this time.
            self._cpu[0, born] = np.where(found, counters[_OWN, born].sum(axis=0), 0)
            self._cpu[1, born] = np.where(found, counters[CHILDREN, born].sum(axis=0), 0)
            self._born.update(born.tolist())

    def _fit(self, capacity: int) -> None:
        more = capacity - len(self._key)
        self._key = np.pad(self._key, (0, more))
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
        self._place(table, rows)
        self._named.clear()
        self._born.clear()

    def _place(self, table: Table, rows: Rows) -> None:
        self._cell[rows] = self._cells.of(self._key[rows], table.verdict[rows], table.reason[rows])
        self._widen()

    def _widen(self) -> None:
        more = len(self._cells) - self.sums.shape[1]
        if more > 0:
            self.sums = np.pad(self.sums, ((0, 0), (0, more)))

    def _look(self, batch: Batch) -> None:
        """Processes and their memory, for the time since the last look."""
        living, seconds = batch.living, self._since_look
        self._since_look = 0.0
        if seconds:
            cells = self._cell[living]
            self._add(Sum.PROCESS_SECONDS, cells, None, seconds)
            self._add(Sum.RSS_SECONDS, cells, batch.table.gauges[Gauge.RSS, living], seconds)

    def _judge(self, batch: Batch, frame: Frame) -> None:
        """Verdicts are new: everybody to his cell, and the CPU since the last export with him."""
        table, living = batch.table, batch.living
        if not frame.whole:
            self._place(table, np.concatenate([frame.opening, frame.steady]))
            return
        self._place(table, living)
        now = np.array([table.counters[_OWN].sum(axis=0), table.counters[CHILDREN].sum(axis=0)])
        own, children = np.maximum(now - self._cpu, 0)
        self._cpu = now
        used = living[own[living] > 0]
        self._add(Sum.CPU_TICKS, self._cell[used], own[used])
        self._talkers.cpu(used, own[used] / self._hz, table.verdict[used] == Verdict.KEEP)
        grouped = children + np.where(table.alive, 0, own)
        apart = np.flatnonzero(grouped)
        if apart.size:
            below = np.full(len(apart), Reason.BELOW, np.uint8)
            cells = self._cells.of(self._key[apart], np.full_like(below, Verdict.ROLL_UP), below)
            self._widen()
            self._add(Sum.CPU_TICKS, cells, grouped[apart])
            self._talkers.cpu(apart, grouped[apart] / self._hz, np.zeros(len(apart), np.bool_))

    def _scrape(self, batch: Batch, cells: Ints, plain: tuple[Ints, Ints], scrapes: float) -> None:
        """What the scraper that NRDOT replaces would have sent."""
        points, sizes = plain
        self._add(Sum.POINTS_UNOPTIMIZED, cells, points, scrapes)
        self._add(Sum.BYTES_UNOPTIMIZED, cells, sizes, scrapes)
        fresh = self._scraped.sent(batch.living, points, self._now, _hour(batch))
        self._add(Sum.HOURLY_UNOPTIMIZED, cells[fresh], points[fresh])

    def _export(self, batch: Batch, cells: Ints, plain: tuple[Ints, Ints]) -> None:
        """What all processes would have been at this export, and what was left out of them."""
        table, living = batch.table, batch.living
        points, sizes = plain
        self.exports += 1
        self._add(Sum.POINTS_INTERVAL, cells, points)
        self._add(Sum.BYTES_INTERVAL, cells, sizes)
        sent = self.book.costs.points[living]
        kept = table.verdict[living] == Verdict.KEEP
        silent = np.flatnonzero(kept & (sent == 0))
        if silent.size:
            self._add(Sum.POINTS_SUPPRESSED, cells[silent], points[silent])
            self._add(Sum.BYTES_SUPPRESSED, cells[silent], sizes[silent])
        critical = table.never_filtered[living]
        if critical.any():
            self._add(Sum.CRITICAL_SEEN, cells[critical], None)
            self._add(Sum.CRITICAL_EXPORTED, cells[critical & table.series[living]], None)
        self._talkers.export(table, living, kept, sent)

    def _count_sent(self, batch: Batch, records: Sequence[Any]) -> None:
        """What was put: rows, groups, and the agent's own metrics, which are all the rest."""
        costs, hour = self.book.costs, _hour(batch)
        rows = np.flatnonzero(costs.points)
        points, sizes = costs.points[rows], costs.bytes[rows]
        cells = self._cell[rows]
        self._add(Sum.POINTS_SENT, cells, points)
        self._add(Sum.BYTES_SENT, cells, sizes)
        alive = batch.table.alive[rows]
        living, series = rows[alive], self.book.costs.plain(batch.table, rows[alive])[0]
        fresh = self._sent.sent(living, series, self._now, hour)
        self._add(Sum.HOURLY_SENT, self._cell[living[fresh]], series[fresh])
        for cost in costs.groups:
            group = cost.group
            cell = self._cells.number(
                Cell(self.book.words_of_group(group.kind, group.name), "group", group.kind)
            )
            self._widen()
            self.sums[Sum.POINTS_SENT, cell] += cost.points
            self.sums[Sum.BYTES_SENT, cell] += cost.bytes
            if self._sent.sent_group(group.key, cell, cost.series, self._now, hour):
                self.sums[Sum.HOURLY_SENT, cell] += cost.series
        all_points = sum(record.points for record in records)
        all_bytes = sum(len(record.payload) for record in records)
        self.own_points += all_points - int(points.sum()) - sum(cost.points for cost in costs.groups)
        self.own_bytes += all_bytes - int(sizes.sum()) - sum(cost.bytes for cost in costs.groups)

    def _add(self, entry: Sum, cells: Ints, weights: NDArray[np.generic] | None, times: float = 1.0) -> None:
        found = np.bincount(cells, weights, self.sums.shape[1])
        self.sums[entry] += found if times == 1.0 else found * times


def _hour(batch: Batch) -> int:
    return batch.time_ns // 3_600_000_000_000

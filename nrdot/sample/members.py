"""What sources that list every process anew at each sample share: who came, who went, and the batch.

The Linux source keeps its own books, because it lists /proc only when something was forked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from nrdot.batch import Batch, distinct
from nrdot.sample.rates import update_rates

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nrdot.batch import Flags, Host, Rows, Table

# How much older than the sample before a new process must be to have been hidden from us then. Less is the
# jitter of the clocks that starts are computed from.
HIDDEN_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Meeting:
    """Who is here at one sample. Places count along what was listed."""

    rows: list[int]  # the row of each that was listed
    born: list[int]  # places of those that were not here before
    died: list[int]  # rows whose process has ended


class Members:
    """The row of every process by its pid and start. Two processes with one pid differ by their start."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._row_of: dict[tuple[int, int], int] = {}
        self._key_of: dict[int, tuple[int, int]] = {}
        self._last: tuple[Sequence[int], Sequence[int]] = ((), ())
        self._rows: list[int] = []

    def meet(self, pids: list[int], starts: list[int]) -> Meeting:
        """Open rows for newcomers, in the order of the list, and close those of the missing.

        Raises ValueError when one process is listed twice.
        """
        if (pids, starts) == self._last:
            return Meeting(self._rows, [], [])
        keys = list(zip(pids, starts, strict=True))
        found = list(map(self._row_of.get, keys))
        stayed = set(found)
        newcomers: set[tuple[int, int]] = set()
        born: list[int] = []
        if None in stayed:
            stayed.remove(None)
            born = [place for place, row in enumerate(found) if row is None]
            newcomers = {keys[place] for place in born}
        if len(stayed) + len(newcomers) < len(keys):
            (twice, _), _ = Counter(keys).most_common(1)[0]
            raise ValueError(f"process {twice} is listed twice")
        died = self._bury(stayed) if len(stayed) < len(self._row_of) else []
        self._table.reserve(len(born))
        for place in born:
            row = found[place] = self._row_of[keys[place]] = self._table.open_row(*keys[place])
            self._key_of[row] = keys[place]
        self._last = (pids, starts)
        self._rows = cast("list[int]", found)
        return Meeting(self._rows, born, died)

    def _bury(self, stayed: set[int | None]) -> list[int]:
        gone = sorted(self._key_of.keys() - stayed)
        for row in gone:
            del self._row_of[self._key_of.pop(row)]
            self._table.close_row(row)
        return gone

    def row_of_pid(self, pid: int) -> int | None:
        """The row of a living process with this pid."""
        rows = np.flatnonzero(self._table.alive & (self._table.pid == pid))
        return int(rows[0]) if rows.size else None


def hidden_before(born_ns: int, last_ns: int) -> bool:
    """Whether a process that is new to us is older than the sample before.

    It was hidden from us then, so it counts from now on, like those that the first sample finds.
    """
    return born_ns < last_ns - HIDDEN_NS


def close_sample(
    table: Table,
    host: Host,
    *,
    time_ns: int,
    seconds: float,
    first: bool,
    moved: Iterable[int],
    born: Iterable[int],
    named: Iterable[int],
    died: Iterable[int],
    vanished: int = 0,
    unreadable: Iterable[str] = (),
) -> Batch:
    """Rates, observations and the batch, once everything stands in the columns."""
    new = rows_of(born)
    if new.size:
        found = new[table.found[new]]
        table.previous[:, found] = table.counters[:, found]
    update_rates(table, seconds, host.hz)
    living = table.living()
    table.observations[living] += 1
    limited: Flags = table.limited[living]
    return Batch(
        time_ns=time_ns,
        seconds=seconds,
        first=first,
        table=table,
        host=host,
        living=living,
        moved=distinct(table.capacity, moved if isinstance(moved, np.ndarray) else rows_of(moved)),
        born=new,
        named=distinct(table.capacity, rows_of(named)),
        died=rows_of(died),
        vanished=vanished,
        limited=int(np.count_nonzero(limited)),
        unreadable=tuple(sorted(unreadable)),
    )


def glanced(table: Table, host: Host, time_ns: int, rows: Iterable[int]) -> Batch:
    """The batch of a look at some rows between two samples."""
    none = rows_of(())
    return Batch(
        time_ns=time_ns,
        seconds=0.0,
        first=False,
        table=table,
        host=host,
        living=table.living(),
        moved=rows_of(rows),
        born=none,
        named=none,
        died=none,
    )


def rows_of(rows: Iterable[int]) -> Rows:
    return np.array(rows, np.intp) if isinstance(rows, list) else np.fromiter(rows, np.intp)

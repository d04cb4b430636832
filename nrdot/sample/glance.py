"""A look at some processes alone, between two samples.

Their counters and levels are written as they are now; all that a sample tells by what it found before stays
for it: rates, the number of threads by which the gate is chosen, parents, names, births and deaths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.batch import Gauge
from nrdot.sample import parse
from nrdot.sample.columns import Looks
from nrdot.sample.files import Gone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nrdot.batch import Ints, Table
    from nrdot.sample.columns import Columns
    from nrdot.sample.readings import Readings


class Glances:
    """Remembers what counters were at the last sample, so that the next one tells rates since then."""

    def __init__(self, table: Table, readings: Readings, columns: Columns) -> None:
        self._table = table
        self._readings = readings
        self._columns = columns
        self._before: dict[int, Ints] = {}  # counters at the last sample, by row

    def look(self, processes: Iterable[tuple[int, str, bytes]]) -> list[int]:
        """Row, pid and name of each, as stat has it; the rows that are as they were but for their numbers."""
        table, looks = self._table, Looks()
        for row, pid, name in processes:
            try:
                files = self._readings.read(row, pid, moving=True)
                end = parse.stat_head(files.stat)
                stat = parse.stat_fields(files.stat, end)
                same = stat.start == table.start[row] and stat.parent == table.parent[row]
                if same and parse.stat_name(files.stat, end) == name:
                    looks.add(row, stat, files, limited=self._readings.limited(row))
            except (*Gone, PermissionError, ValueError, LookupError):
                continue  # the next sample finds out why
        for row in looks.rows:
            self._before.setdefault(row, table.counters[:, row].copy())
        threads = table.gauges[Gauge.THREADS, looks.rows].copy()
        self._columns.write(looks)
        table.gauges[Gauge.THREADS, looks.rows] = threads
        return looks.rows

    def settle(self) -> None:
        """A sample begins, and `previous` is what it compares with."""
        for row, counters in self._before.items():
            self._table.previous[:, row] = counters
        self._before.clear()

"""A host of invented processes, as a sampler: whole numbers that a test knows, without any /proc."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Batch, Counter, Gauge, Host, Identity, Table
from nrdot.sample.members import glanced
from nrdot.sample.rates import update_rates

if TYPE_CHECKING:
    from random import Random

    from nrdot.batch import Ints, Rows

HOST = Host(id="h1", name="host-1", boot="b1", cpus=4, memory=8 << 30, hz=100)
START_NS = 1_800_000_000_000_000_000


@dataclass(slots=True)
class InventedProcess:
    pid: int
    start: int
    identity: Identity
    parent: int = 1
    counters: list[int] = field(default_factory=lambda: [0] * len(Counter))
    rss: int = 4096
    limited: bool = False
    row: int = -1


class InventedHost:
    """`stages.Sampler` over processes that the test starts, runs, renames and ends between samples."""

    def __init__(self, host: Host = HOST, *, interval: float = 15.0) -> None:
        self.host = host
        self.table = Table(8)
        self.interval = interval
        self.time_ns = START_NS
        self.measured = np.zeros(len(Counter), np.int64)  # what the table saw grow since its first sample
        self._processes: list[InventedProcess] = []
        self._ended: list[InventedProcess] = []
        self._named: set[int] = set()
        self._first = True
        self._before: dict[int, Ints] = {}  # counters at the last sample of rows that were glanced at

    @property
    def processes(self) -> list[InventedProcess]:
        return list(self._processes)

    def begin(self, pid: int, name: str, **words: object) -> InventedProcess:
        """A process that starts now."""
        start = (self.time_ns - START_NS) // 10_000_000 + 1_000_000
        process = InventedProcess(pid, start, Identity(name, **words))  # type: ignore[arg-type]  # words of Identity
        self._processes.append(process)
        return process

    def adopt(self, process: InventedProcess) -> None:
        """A process of another host object: the same machine, looked at by an agent that started again."""
        process.row = -1
        self._processes.append(process)

    def end(self, process: InventedProcess) -> None:
        self._processes.remove(process)
        if process.row >= 0:
            self._ended.append(process)

    def rename(self, process: InventedProcess, name: str) -> None:
        process.identity = replace(process.identity, name=name)
        if process.row >= 0:
            self._named.add(process.row)
            self.table.changed[process.row] = True

    def run(self, process: InventedProcess, counter: Counter, amount: int) -> None:
        process.counters[counter] += amount

    def live(self, random: Random) -> None:
        """Half of them use a little of some things, the others sleep."""
        for process in self._processes:
            if random.random() < 0.5:
                continue
            for counter in Counter:
                if random.random() < 0.3:
                    process.counters[counter] += random.randrange(1, 500)
            process.rss = random.randrange(0, 1 << 30) & ~4095

    def glance(self, rows: Rows) -> Batch:
        """Some of them alone, at once; the next sample compares with the last one."""
        table = self.table
        for process in self._processes:
            if process.row in rows:
                self._before.setdefault(process.row, table.counters[:, process.row].copy())
                table.counters[:, process.row] = process.counters
        return glanced(table, self.host, self.time_ns, rows.tolist())

    def sample(self) -> Batch:
        table, first = self.table, self._first
        if not first:
            self.time_ns += round(self.interval * 1e9)
        np.copyto(table.previous, table.counters)
        for row, counters in self._before.items():
            table.previous[:, row] = counters
        self._before.clear()
        died = []
        for process in self._ended:
            table.close_row(process.row)
            died.append(process.row)
        self._ended.clear()
        born = [self._row(process, first=first) for process in self._processes if process.row < 0]
        for process in self._processes:
            row = process.row
            table.identity[row] = process.identity
            table.counters[:, row] = process.counters
            table.gauges[Gauge.RSS, row] = process.rss
            table.limited[row] = process.limited
            table.parent[row] = process.parent
        if first:
            table.previous[:] = table.counters
        living = table.living()
        table.observations[living] += 1
        update_rates(table, 0.0 if first else self.interval, self.host.hz)
        self.measured += (table.counters - table.previous)[:, living].sum(axis=1)
        named = sorted({*self._named, *born})
        self._named.clear()
        self._first = False
        return Batch(
            time_ns=self.time_ns,
            seconds=0.0 if first else self.interval,
            first=first,
            table=table,
            host=self.host,
            living=living,
            moved=living,
            born=np.array(born, np.intp),
            named=np.array([row for row in named if table.alive[row]], np.intp),
            died=np.array(died, np.intp),
        )

    def _row(self, process: InventedProcess, *, first: bool) -> int:
        table = self.table
        process.row = row = table.open_row(process.pid, process.start)
        table.born_ns[row] = START_NS + (process.start - 1_000_000) * 10_000_000
        table.found[row] = first
        table.gauges[[Gauge.DESCRIPTORS, Gauge.SWAP], row] = -1
        table.gauges[Gauge.THREADS, row] = 1
        return row

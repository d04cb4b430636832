"""A synthetic host of 300 processes whose days look like a server's, and anomalies planted in it.

It is a sampler like any other: the same table, tick by tick, from a seeded generator. Ordinary days hold what
must raise no alarm: load that follows the hour, noise, steady high consumers, memory that a collector frees
every twenty minutes, hourly and nightly jobs, cron jobs that come and go. Planted are:

- burst    a process uses 0.6 to 1.5 cores more for five minutes
- leak     memory grows by 20 to 60 MiB a minute and stays
- stall    a process that always works stops working
- loop     a service ends and begins again every 20 seconds or so
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from nrdot.batch import Counter, Gauge, Host, Identity, Owner, Table
from nrdot.sample.members import close_sample
from nrdot.testing.clock import NOON_NS, ManualClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.batch import Batch

INTERVAL: Final = 15.0  # seconds, the agent's default
HZ: Final = 100
MIB: Final = 1 << 20
DAY: Final = 86400.0
KINDS: Final = ("burst", "leak", "stall", "loop")
# How many, their name, and the cores, bytes of I/O a second and MiB that they usually have.
IDLE, LIGHT, WEB, STEADY, DATABASE, COLLECTED, NIGHTLY, HOURLY = range(8)
_SORTS: Final = (
    (IDLE, 176, "daemon", 0.0, 0.0, 8),
    (LIGHT, 62, "helper", 0.01, 500.0, 20),
    (WEB, 30, "web-worker", 0.12, 2e4, 120),
    (STEADY, 4, "encoder", 0.8, 1e5, 300),
    (DATABASE, 12, "database", 0.25, 3e6, 400),
    (COLLECTED, 8, "runtime", 0.15, 1e4, 300),
    (NIGHTLY, 4, "nightly-report", 0.0, 0.0, 40),
    (HOURLY, 4, "hourly-sync", 0.0, 0.0, 30),
)


@dataclass(frozen=True, slots=True)
class Plant:
    """One anomaly: what happens to which process, from when and for how long, in seconds."""

    kind: str
    process: int
    begin: float
    lasting: float
    strength: float


class SyntheticHost:
    """Implements `stages.Sampler`. `rows` says where each of the 300 lives at the moment."""

    def __init__(self, seed: int, plants: Sequence[Plant] = ()) -> None:
        self.table = Table()
        self.clock = ManualClock(NOON_NS)
        self.host = Host("synthetic", "synthetic", "boot", cpus=16, memory=64 << 30, hz=HZ)
        self.now = -INTERVAL
        self._chance = np.random.default_rng(seed)
        self.plants = plants
        sorts = [one for one in _SORTS for _ in range(one[1])]
        self.sort = np.array([one[0] for one in sorts])
        # Each its own service, but for the workers of the web pool.
        self._names = [one[2] if one[0] == WEB else f"{one[2]}-{number}" for number, one in enumerate(sorts)]
        spread = self._chance.lognormal(0.0, 0.3, len(sorts))
        self.cpu = np.array([one[3] for one in sorts]) * np.where(self.sort == STEADY, 1.0, spread)
        self._io = np.array([one[4] for one in sorts]) * spread
        self._rss = np.array([one[5] for one in sorts]) * spread * MIB
        self._phase = self._chance.uniform(0, 1200, len(sorts))
        self._leaked = np.zeros(len(sorts))
        self._owed = np.zeros((2, len(sorts)))  # parts of clock ticks and bytes that are not whole yet
        self._pid = 1000
        self.rows = np.zeros(0, np.intp)
        self._jobs: list[int] = []
        self._next_loop: dict[int, float] = {}

    def sample(self) -> Batch:
        first = self.now < 0
        self.now += INTERVAL
        if not first:
            self.clock.advance(INTERVAL)
        table = self.table
        np.copyto(table.previous, table.counters)
        born, died = [], []
        if first:
            self.rows = np.array([self._open(name, found=True) for name in self._names], np.intp)
            born = self.rows.tolist()
        else:
            self._cron(born, died)
            self._loops(born, died)
            self._work()
        moved = np.flatnonzero(table.alive & ((table.counters != table.previous).any(axis=0)))
        return close_sample(
            table,
            self.host,
            time_ns=self.clock.wall_ns(),
            seconds=0.0 if first else INTERVAL,
            first=first,
            moved=[*moved.tolist(), *born],
            born=born,
            named=born,
            died=died,
        )

    def _open(self, name: str, *, found: bool = False) -> int:
        self._pid += 1
        row = self.table.open_row(self._pid, int(max(self.now, 0) * HZ) + self._pid)
        table = self.table
        table.born_ns[row] = self.clock.wall_ns() - (3600 * 10**9 if found else 10**9)
        table.found[row] = found
        table.identity[row] = Identity(name, owner=Owner(unit=f"{name}.service"))
        table.gauges[:, row] = (20 * MIB, 50 * MIB, 5 * MIB, 4, 20, -1)
        return row

    def _cron(self, born: list[int], died: list[int]) -> None:
        """A job each five minutes that one or two samples see."""
        for row in self._jobs:
            self.table.close_row(row)
            died.append(row)
        self._jobs = []
        if self.now % 300 < INTERVAL:
            self._jobs = [self._open("cron-job")]
            self.table.counters[Counter.CPU_USER, self._jobs] = int(self._chance.integers(5, 200))
            born.extend(self._jobs)

    def _loops(self, born: list[int], died: list[int]) -> None:
        """Services that a plant ends again and again."""
        for number, plant in enumerate(self.plants):
            if plant.kind != "loop" or not plant.begin <= self.now < plant.begin + plant.lasting:
                continue
            if self.now < self._next_loop.get(number, 0.0):
                continue
            self._next_loop[number] = self.now + plant.strength
            old = int(self.rows[plant.process])
            self.table.close_row(old)
            died.append(old)
            self.rows[plant.process] = row = self._open(self._names[plant.process])
            born.append(row)

    def _work(self) -> None:
        """What each process used in the interval that ends now."""
        chance, table, rows = self._chance, self.table, self.rows
        size = len(rows)
        cpu, io = self._usual()
        rss = self._rss * (1 + 0.02 * chance.standard_normal(size)) + self._sawtooth()
        for plant in self.plants:
            inside = min(max(self.now - plant.begin, 0.0), INTERVAL)  # of the plant within this interval
            if not inside or self.now >= plant.begin + plant.lasting:
                continue
            share = inside / INTERVAL
            if plant.kind == "burst":
                cpu[plant.process] += plant.strength * share
            elif plant.kind == "stall":
                cpu[plant.process] *= 1 - share
                io[plant.process] *= 1 - share
            elif plant.kind == "leak":
                self._leaked[plant.process] += plant.strength * MIB * inside / 60
        wanted = np.array([cpu * HZ, io]) * INTERVAL + self._owed
        whole = np.floor(wanted)
        self._owed = wanted - whole
        table.counters[Counter.CPU_USER, rows] += whole[0].astype(np.int64)
        table.counters[Counter.WRITTEN, rows] += whole[1].astype(np.int64)
        table.gauges[Gauge.RSS, rows] = (rss + self._leaked).astype(np.int64)

    def _usual(self) -> tuple[np.ndarray, np.ndarray]:
        chance, sort, size = self._chance, self.sort, len(self.rows)
        hour = (self.now / 3600 + 12) % 24
        day = 1 + 0.7 * np.sin((hour - 9) / 24 * 2 * np.pi)
        noise = chance.lognormal(0.0, 0.35, size)
        level = np.where(sort == WEB, day, 1.0) * np.where(sort == STEADY, 1.0, noise)
        cpu, io = self.cpu * level, self._io * level
        cpu[sort == IDLE] = np.where(chance.random((sort == IDLE).sum()) < 0.02, 0.001, 0.0)
        nightly = (sort == NIGHTLY) & (np.abs(hour - 2 - self._phase / 4800) < 1 / 6)
        hourly = (sort == HOURLY) & ((self.now + self._phase) % 3600 < 120)
        cpu += np.where(nightly, 0.9, 0.0) + np.where(hourly, 0.3, 0.0)
        io += np.where(nightly, 2e7, 0.0) + np.where(hourly, 2e6, 0.0)
        return cpu, io

    def _sawtooth(self) -> np.ndarray:
        share = ((self.now + self._phase) % 1200) / 1200
        teeth: np.ndarray = np.where(self.sort == COLLECTED, share * 150 * MIB, 0.0)
        return teeth


def plant(host: SyntheticHost, seed: int, count: int, begin: float, end: float) -> list[Plant]:
    """`count` anomalies of each kind, each on a process of its own, at any moment between the two."""
    chance = np.random.default_rng(seed)
    sorts = {
        "burst": np.flatnonzero(np.isin(host.sort, (IDLE, LIGHT, WEB))),
        "leak": np.flatnonzero(np.isin(host.sort, (IDLE, LIGHT, DATABASE))),
        "stall": np.flatnonzero(host.sort == STEADY).tolist()
        + np.flatnonzero((host.sort == DATABASE) & (host.cpu > 0.15)).tolist(),
        "loop": np.flatnonzero(host.sort == LIGHT),
    }
    strengths = {"burst": (0.6, 1.5), "leak": (20, 60), "stall": (0, 0), "loop": (15, 40)}
    lasting = {"burst": 300.0, "leak": 1200.0, "stall": 600.0, "loop": 600.0}
    taken: set[int] = set()
    plants = []
    for kind in KINDS:
        free = [int(one) for one in chance.permutation(sorts[kind]) if int(one) not in taken][:count]
        taken.update(free)
        plants += [
            Plant(kind, process, chance.uniform(begin, end), lasting[kind], chance.uniform(*strengths[kind]))
            for process in free
        ]
    return plants

"""What a node used and sent in the last hour, by namespace: the figures that the operator adds up.

    ledger's rows of a minute ─► sums by namespace ─┐
    table at each export ─► CPU by workload,        ├─► slots of the last hour ──► one table of text
                            what each shipped profile would keep ─┘

Everything happens on the pipeline's thread. An export costs a few sums over columns; a minute costs what the
node has of namespaces and workloads, never what it has of processes.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nrdot.agent.node.hour import add, grow, read, same, usage_of
from nrdot.batch import CHILDREN, Counter, Gauge, distinct
from nrdot.cluster.usage import PROFILES, document
from nrdot.config.paths import shipped_profiles
from nrdot.config.reading.load import load_profile
from nrdot.ledger.rows import MINUTE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.agent.node.hour import Slot, Workload
    from nrdot.batch import Batch, Identity, Ints
    from nrdot.config.schema.profiles import Profile
    from nrdot.config.settled.configuration import Configuration
    from nrdot.ledger.rows import Row
    from nrdot.stages import Frame

LONGEST = 12  # slots that are remembered: between 55 minutes and an hour
PLACES = 2048  # workloads that came by, after which those that are gone are forgotten
_OWN = slice(Counter.CPU_USER, Counter.CPU_SYSTEM + 1)


class Consumption:
    """`stages.Ledger`'s listener: `enter` at each tick before rows are freed, `minute` as one is written."""

    def __init__(self) -> None:
        self._scores: Mapping[str, float] = {}
        self._slots: deque[Slot] = deque(maxlen=LONGEST)
        self._names: list[Workload] = [("", "")]
        self._places: dict[Workload, int] = {("", ""): 0}
        self._place: Ints = np.zeros(0, np.int64)  # by row
        self._cpu: Ints = np.zeros(0, np.int64)  # clock ticks that are counted, by row
        self._used = np.zeros((0, 0))  # by measure and place, of the minute that is not over
        self._since_export = 0.0
        self._looked = 0.0  # seconds of this minute that exports have accounted for
        self.document: dict[str, Any] | None = None  # for the operator; None before the first minute is over

    def use(self, configuration: Configuration) -> None:
        """What the profiles that a namespace could be given keep, from now on."""
        self._scores = {
            name: (configuration.profiles.get(name) or _shipped(name)).threshold for name in PROFILES
        }

    def enter(self, batch: Batch, frame: Frame | None) -> None:
        """A tick; the rows of those that ended are still in the table."""
        self._fit(batch.table.capacity)
        self._name(batch)
        self._since_export += batch.seconds
        if frame is not None and frame.whole:
            self._add(batch, self._scores)

    def minute(self, rows: Sequence[Row]) -> None:
        """The ledger's rows of a minute, or of the part of one under one configuration."""
        made = read(rows)
        if made is None:
            return
        made.looked, self._looked = self._looked, 0.0
        used, self._used = self._used, np.zeros_like(self._used)
        for place in np.flatnonzero(used.any(axis=0)).tolist():
            namespace, workload = self._names[place]
            if not namespace:
                continue
            cpu, memory, *bands = used[:, place].tolist()
            grow(made.workloads, (namespace, workload), [cpu, memory])
            for profile, pair in zip(self._scores, zip(bands[::2], bands[1::2], strict=True), strict=True):
                grow(made.would.setdefault(namespace, {}), profile, list(pair))
        if self._slots and same(self._slots[-1], made):
            add(self._slots[-1], made)
        else:
            self._slots.append(made)
        self._forget()
        usage = usage_of(self._slots)
        # Before a minute is whole, a scrape a minute would be none or many times too much.
        self.document = document(usage) if usage.seconds >= MINUTE else None

    def _fit(self, capacity: int) -> None:
        if (more := capacity - len(self._place)) > 0:
            self._place = np.pad(self._place, (0, more))
            self._cpu = np.pad(self._cpu, (0, more))

    def _name(self, batch: Batch) -> None:
        table = batch.table
        for row in batch.named.tolist():
            workload = _workload(table.identity[row])
            place = self._places.get(workload)
            if place is None:
                place = self._places[workload] = len(self._names)
                self._names.append(workload)
            self._place[row] = place
        if batch.born.size:
            # What ran before we came is not of this time.
            born = batch.born
            self._cpu[born] = np.where(table.found[born], _clock_ticks(batch)[born], 0)
        missing = len(self._names) - self._used.shape[1]
        measures = 2 + 2 * len(self._scores)
        if missing > 0 or len(self._used) != measures:
            fresh = np.zeros((measures, len(self._names)))
            fresh[: len(self._used), : self._used.shape[1]] = self._used
            self._used = fresh

    def _add(self, batch: Batch, scores: Mapping[str, float]) -> None:
        """One export: who used what since the last one, and who would be kept by which profile."""
        table, seconds = batch.table, self._since_export
        self._since_export = 0.0
        self._looked += seconds
        now = _clock_ticks(batch)
        rows = np.flatnonzero(table.alive | table.dead)
        used = np.maximum(now[rows] - self._cpu[rows], 0) / batch.host.hz
        self._cpu[rows] = now[rows]
        places, count = self._place[rows], self._used.shape[1]
        living = table.alive[rows]
        self._used[0] += np.bincount(places, used, count)
        memory = np.where(living, table.gauges[Gauge.RSS, rows], 0) * seconds
        self._used[1] += np.bincount(places, memory, count)
        protected = table.never_filtered[rows]
        for number, threshold in enumerate(scores.values()):
            kept = (table.score[rows] >= threshold) | protected
            self._used[2 + 2 * number] += np.bincount(places[kept & living], minlength=count) * seconds
            self._used[3 + 2 * number] += np.bincount(places[kept], used[kept], count)

    def _forget(self) -> None:
        """Between two minutes nothing is under way, so places can be given anew once there are too many."""
        if len(self._names) <= PLACES:
            return
        used = distinct(len(self._names), np.append(self._place, 0))
        self._place = np.searchsorted(used, self._place)
        self._names = [self._names[place] for place in used.tolist()]
        self._places = {name: place for place, name in enumerate(self._names)}
        self._used = np.zeros((len(self._used), len(self._names)))


@lru_cache(len(PROFILES))
def _shipped(name: str) -> Profile:
    file = shipped_profiles()[name]
    return load_profile(str(file), file.parent, {})


def _clock_ticks(batch: Batch) -> Ints:
    counters = batch.table.counters
    return np.asarray(counters[_OWN].sum(axis=0) + counters[CHILDREN].sum(axis=0), np.int64)


def _workload(identity: Identity) -> Workload:
    owner = identity.owner
    if not owner.namespace:
        return "", ""
    return owner.namespace, owner.workload or f"Pod/{owner.pod}"

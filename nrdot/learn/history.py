"""A capture through the agent's own stages: what the model would have seen, and what came of it.

Once a minute a snapshot is taken of every living process: its features as the agent holds them (the values
of its last look, which for a sleeper is up to a minute ago), the CPU that it used in that minute, its class's
score. In between, what shows that a process mattered is noted with its time:

- a top consumer: among the ten largest of a minute by CPU or by I/O, and no trifle
- it left the band of its own history (the detector of `nrdot.decide`, with a short warm-up)
- it restarted: it lived at least half a minute, ended, and its like was born within a minute

Memory is left out of the consumers: who holds most of it now holds it in ten minutes as well, so there is
nothing to predict, and the top-N by memory keeps those anyway.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from nrdot.agent.judgement import build_scorer
from nrdot.agent.wire import build_identifier
from nrdot.batch import Counter
from nrdot.decide.anomaly import AnomalyDetector
from nrdot.sample.replay import ReplaySource
from nrdot.score.features import FEATURES, Features

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.batch import Batch, Floats, Identity, Ints, Rows
    from nrdot.config.settled.configuration import Configuration

STEP: Final = 60.0  # seconds between snapshots, and the minute over which consumers are compared
TOP: Final = 10
LEAST_CPU: Final = 0.01  # cores
LEAST_IO: Final = 10_000.0  # bytes a second
WARM_UP: Final = (
    120.0  # seconds of a capture before the first snapshot, and of a process before it has a band
)
SETTLED: Final = 30.0  # seconds that a process must have lived for its end to be a restart
REBORN: Final = 60.0  # seconds within which its like must be born


class Kind(IntEnum):
    """Why a process turned out to matter."""

    CONSUMER = 0
    DEPARTURE = 1
    RESTART = 2


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All living processes at one moment, one line each."""

    at: float  # seconds since the first sample
    process: Ints  # number of the process within its capture
    lines: Floats  # features
    cpu: Floats  # cores over the last minute
    pattern: Floats  # score of the class, 0 where there is none


@dataclass(slots=True)
class History:
    """What one capture holds for learning."""

    host: str
    seconds: float = 0.0
    processes: int = 0
    snapshots: list[Snapshot] = field(default_factory=list)
    events: list[tuple[float, int, Kind]] = field(default_factory=list)


def read_history(capture: Path, configuration: Configuration) -> History:
    """Replay a capture to its end. Raises CaptureError, and ConfigError on rules that cannot be built."""
    source = ReplaySource(capture)
    identifier = build_identifier(configuration)
    scorer = build_scorer(_without_model(configuration), source.clock)
    reader = _Reader(History(source.host.id), scorer.patterns.class_scores)
    while True:
        try:
            batch = identifier.identify(source.sample())
        except StopIteration:
            return reader.history
        scorer.score(batch)
        reader.take(batch)
        batch.table.release()


def _without_model(configuration: Configuration) -> Configuration:
    """Classes are wanted of the scorer; another model's opinion would only cost time."""
    settings = configuration.settings
    model = msgspec.structs.replace(settings.model, enabled=False)
    return replace(configuration, settings=msgspec.structs.replace(settings, model=model))


class _Reader:
    def __init__(self, history: History, class_scores: Floats) -> None:
        self.history = history
        self._class_scores = class_scores
        self._features = Features(class_scores)
        self._detector = AnomalyDetector(warm_up=WARM_UP)
        self._restarts = _Restarts()
        self._number = np.zeros(0, np.int64)  # of the process, by row
        self._lines = np.zeros((0, len(FEATURES)))
        self._used = np.zeros((2, 0))  # clock ticks of CPU and bytes since the last snapshot, by row
        self._since = 0.0  # time of the last snapshot

    def take(self, batch: Batch) -> None:
        table, history = batch.table, self.history
        self._fit(table.capacity)
        history.seconds += batch.seconds
        now = history.seconds
        self._begin(batch)
        seen = self._features.observe(batch)
        if seen.size:
            self._lines[seen] = self._features.matrix(table, seen)
        if not batch.first:
            moved = batch.moved
            grown = table.counters[:, moved] - table.previous[:, moved]
            self._used[0, moved] += grown[Counter.CPU_USER] + grown[Counter.CPU_SYSTEM]
            self._used[1, moved] += grown[Counter.READ] + grown[Counter.WRITTEN]
        outside = self._detector.observe(batch)
        self._note(now, self._number[outside], Kind.DEPARTURE)
        ended = self._restarts.take(batch, self._number, now)
        history.events.extend((at, process, Kind.RESTART) for at, process in ended)
        if now - self._since >= STEP:
            self._look(batch, now)

    def _begin(self, batch: Batch) -> None:
        born = batch.born
        first = self.history.processes
        self._number[born] = np.arange(first, first + born.size)
        self.history.processes += born.size
        self._used[:, born] = 0.0

    def _look(self, batch: Batch, now: float) -> None:
        """The end of a minute: who used most in it, then the snapshot."""
        rows, seconds = batch.living, now - self._since
        cpu = self._used[0] / batch.host.hz / seconds
        io = self._used[1] / seconds
        for usage, least in ((cpu, LEAST_CPU), (io, LEAST_IO)):
            self._note(now, self._number[_top(usage, rows, least)], Kind.CONSUMER)
        if now >= WARM_UP:
            pattern = np.nan_to_num(self._class_scores[batch.table.class_id[rows]], nan=0.0)
            shot = Snapshot(now, self._number[rows].copy(), self._lines[rows].copy(), cpu[rows], pattern)
            self.history.snapshots.append(shot)
        self._used[:] = 0.0
        self._since = now

    def _note(self, now: float, processes: Ints, kind: Kind) -> None:
        self.history.events.extend((now, process, kind) for process in processes.tolist())

    def _fit(self, capacity: int) -> None:
        more = capacity - self._number.size
        if more > 0:
            self._number = np.pad(self._number, (0, more))
            self._lines = np.pad(self._lines, ((0, more), (0, 0)))
            self._used = np.pad(self._used, ((0, 0), (0, more)))


def _top(usage: Floats, rows: Rows, least: float) -> Rows:
    ranked: Rows = rows[np.argsort(-usage[rows], kind="stable")[:TOP]]
    return ranked[usage[ranked] >= least]


class _Restarts:
    """Ends that were followed by the birth of a like: same name, same owner."""

    def __init__(self) -> None:
        self._of_row: dict[int, tuple[tuple[str, str], float]] = {}
        self._ended: defaultdict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)

    def take(self, batch: Batch, number: Ints, now: float) -> list[tuple[float, int]]:
        """Time of the end and number of each process that is known by now to have restarted.

        A row is never released and born again at one sample, so its number is still that of the dead.
        """
        for row in batch.died.tolist():
            key, since = self._of_row.pop(row)
            if now - since >= SETTLED:
                self._ended[key].append((now, int(number[row])))
        restarted = []
        for row in batch.born.tolist():
            key = _key(batch.table.identity[row])
            since = -SETTLED if batch.first else now
            self._of_row[row] = (key, since)
            recent = [one for one in self._ended.pop(key, []) if now - one[0] <= REBORN]
            restarted.extend(recent[:1])
            if recent[1:]:
                self._ended[key] = recent[1:]
        return restarted


def _key(identity: Identity) -> tuple[str, str]:
    owner = identity.owner
    return identity.name, owner.unit or owner.container or owner.pod_uid

"""The agent's own metrics: where each value comes from, and how they travel beside the processes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Counter
from nrdot.stages import Priority, Record, Verdict
from nrdot.telemetry.log import Log
from nrdot.telemetry.own import cpu_seconds, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nrdot.agent.delivery.drains import Destination
    from nrdot.agent.telling.status import Status
    from nrdot.batch import Batch
    from nrdot.clock import Clock
    from nrdot.ledger.store import Store
    from nrdot.pipeline import Tick
    from nrdot.stages import Buffer, BufferStatistics
    from nrdot.telemetry.log import LogWriter
    from nrdot.telemetry.meters import Meters

    Values = Iterable[tuple[float, Mapping[str, str]]]

_log = Log("agent")

# Forty points that say how the agent does: once a minute is what every dashboard and alert of them looks at.
# A little less than a minute, because the ticks of a minute's interval are not exactly one apart.
_AGAIN_NS = 55 * 10**9

_CPU = [Counter.CPU_USER, Counter.CPU_SYSTEM, Counter.CHILD_USER, Counter.CHILD_SYSTEM]


class SelfRecords:
    """`stages.SelfMetrics`: with the first export, then with those that come a minute after the last."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        self._sent_ns: int | None = None

    def records(self, time_ns: int) -> Sequence[Record]:
        if self._sent_ns is not None and 0 <= time_ns - self._sent_ns < _AGAIN_NS:
            return []
        payload, points = self._meters.otlp(time_ns)
        if not points:
            return []
        self._sent_ns = time_ns
        return [Record(payload, points, time_ns, Priority.OPTIONAL)]


class TickWatcher:
    """Keeps in the status what the table looked like at the last tick; a watcher of the daemon's ticks."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def __call__(self, tick: Tick) -> None:
        self._see(tick)
        self._compare(tick.batch)

    def _compare(self, batch: Batch) -> None:
        """The host's own account of its CPU beside the sum over processes and reaped children."""
        table, status, hz = batch.table, self._status, batch.host.hz
        busy = batch.host.busy / hz
        if status.host_baseline is None:
            status.host_baseline = busy
            return
        grown = table.counters[_CPU] - table.previous[_CPU]
        status.host_accounted += max(int(grown.sum()), 0) / hz
        status.host_busy = max(busy - status.host_baseline, status.host_busy)

    def _see(self, tick: Tick) -> None:
        table, living = tick.batch.table, tick.batch.living
        counts = np.bincount(table.verdict[living], minlength=len(Verdict))
        seen = replace(
            self._status.seen,
            verdicts=tuple((verdict.name.lower(), int(counts[verdict])) for verdict in Verdict),
            limited=tick.batch.limited,
        )
        # Verdicts are made at whole exports: whom a reload has just made critical is judged at the next one.
        if tick.frame is not None and tick.frame.whole:
            critical = table.never_filtered[living]
            kept = table.verdict[living] == Verdict.KEEP
            seen = replace(
                seen,
                critical=int(np.count_nonzero(critical)),
                covered=int(np.count_nonzero(critical & kept)),
            )
            if seen.covered < seen.critical:
                _log.error(
                    "processes that are never to be filtered are not exported",
                    missing=seen.critical - seen.covered,
                )
        self._status.seen = seen
        self._status.vanished += tick.batch.vanished
        self._status.short += tick.batch.short


def observe_status(meters: Meters, status: Status) -> None:
    """What the daemon's status answers."""
    meters.observe("nrdot.processes", lambda: [(n, {"verdict": v}) for v, n in status.seen.verdicts])
    meters.observe("nrdot.processes.limited", lambda: status.seen.limited)
    meters.observe("nrdot.processes.vanished", lambda: status.vanished)
    meters.observe("nrdot.descriptors.short", lambda: status.short)
    meters.observe("nrdot.points.unoptimized", lambda: status.unoptimized)
    meters.observe("nrdot.coverage.critical", lambda: status.seen.coverage)
    meters.observe("nrdot.host.cpu.busy", lambda: status.host_busy)
    meters.observe("nrdot.host.cpu.accounted", lambda: status.host_accounted)
    meters.observe("nrdot.host.cpu.unaccounted", lambda: status.host_busy - status.host_accounted)
    meters.observe("nrdot.ticks", lambda: _by_outcome(status.ticks))
    meters.observe("nrdot.tick.interval", lambda: status.interval)
    meters.observe("nrdot.tick.cpu", lambda: status.tick_cpu)
    meters.observe("nrdot.agent.cpu.time", _cpu)
    meters.observe("nrdot.agent.memory", resident_bytes)
    meters.observe("nrdot.config.reloads", lambda: _by_outcome(status.reloads))
    meters.observe("nrdot.config.info", lambda: [(1, _config(status))])
    meters.observe("nrdot.profile.info", lambda: [(1, _profile(status))] if status.profile else [])


def observe_log(meters: Meters, writer: LogWriter) -> None:
    """What the log does not show."""
    meters.observe("nrdot.log.suppressed", lambda: writer.suppressed)


def observe_ledger(meters: Meters, store: Store) -> None:
    """What the ledger's files hold."""
    meters.observe("nrdot.ledger.rows", lambda: _by_outcome({"written": store.written, "lost": store.lost}))
    meters.observe("nrdot.ledger.bytes", lambda: store.bytes)


def observe_destinations(meters: Meters, status: Status, clock: Clock) -> None:
    """What the buffers and drains of the destinations in use answer."""
    since = _SinceStart()

    def each(read: Callable[[Destination], Values]) -> Callable[[], Values]:
        def answer() -> Values:
            since.forget_but(status.destinations)
            for destination in status.destinations:
                for value, attributes in read(destination):
                    yield value, {**attributes, "destination": destination.name}

        return answer

    def age(destination: Destination) -> Values:
        oldest = destination.buffer.statistics().oldest_ns
        return [(0 if oldest is None else max(clock.wall_ns() - oldest, 0) / 1e9, {})]

    meters.observe("nrdot.buffer.bytes", each(lambda to: [(to.buffer.statistics().bytes, {})]))
    meters.observe("nrdot.buffer.records", each(lambda to: [(to.buffer.statistics().records, {})]))
    meters.observe("nrdot.buffer.age", each(age))
    meters.observe("nrdot.points", each(lambda to: _points(*since.start(to.buffer))))
    meters.observe("nrdot.dropped", each(lambda to: _dropped(*since.start(to.buffer))))
    meters.observe("nrdot.export.requests", each(lambda to: _by_outcome(to.drain.status().requests)))
    meters.observe("nrdot.export.wire", each(lambda to: [(to.drain.status().wire_bytes, {})]))
    meters.observe("nrdot.export.ratio", each(_ratio))


class _SinceStart:
    """A buffer on disk remembers what it did for earlier agents; our series have to begin at zero."""

    def __init__(self) -> None:
        self._first: dict[int, BufferStatistics] = {}

    def start(self, buffer: Buffer) -> tuple[BufferStatistics, BufferStatistics]:
        """Its statistics now, and those at our first look."""
        now = buffer.statistics()
        return now, self._first.setdefault(id(buffer), now)

    def forget_but(self, destinations: Sequence[Destination]) -> None:
        """An id is used again once its object is gone."""
        used = {id(destination.buffer) for destination in destinations}
        for gone in self._first.keys() - used:
            del self._first[gone]


def _ratio(destination: Destination) -> Values:
    ratio = destination.drain.status().ratio
    return [] if ratio is None else [(ratio, {})]


def _points(now: BufferStatistics, first: BufferStatistics) -> Values:
    dropped = sum(now.dropped.values()) - sum(first.dropped.values())
    return [
        (now.produced - first.produced, {"outcome": "produced"}),
        (now.delivered - first.delivered, {"outcome": "delivered"}),
        (now.rejected - first.rejected, {"outcome": "rejected"}),
        (dropped, {"outcome": "dropped"}),
    ]


def _dropped(now: BufferStatistics, first: BufferStatistics) -> Values:
    return [
        (points - first.dropped.get(reason, 0), {"reason": reason}) for reason, points in now.dropped.items()
    ]


def _by_outcome(counts: Mapping[str, int]) -> Values:
    return [(count, {"outcome": outcome}) for outcome, count in counts.items()]


def _cpu() -> Values:
    user, system = cpu_seconds()
    return [(user, {"state": "user"}), (system, {"state": "system"})]


def _profile(status: Status) -> Mapping[str, str]:
    return {"profile": status.profile["name"], "level": status.profile["level"]}


def _config(status: Status) -> Mapping[str, str]:
    return {"revision": status.revision, "valid": "false" if status.config_error else "true"}

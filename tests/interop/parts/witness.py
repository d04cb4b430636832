"""What hostmetrics saw of the processes that NRDOT saw, and what follows from it.

Two programs never look at the same moment, so a value is held against what the witness saw before and after:
a counter lies between the two, and where both are the same nothing is left to tolerance. Clocks are read at
slightly different places, so "before" and "after" leave a margin.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parts.points import Attributes, Kind, Point, Value

MARGIN_NS = 2_000_000_000

Key = tuple[int, str, "Attributes"]  # pid, metric, attributes of the point


@dataclass(frozen=True, slots=True)
class Bounds:
    low: float
    high: float

    def hold(self, value: float) -> bool:
        # Both sides divide the kernel's ticks by a hundred; sums of such quotients differ in the last bits.
        return self.low - 1e-6 <= value <= self.high + 1e-6


class Witness:
    """The points of hostmetrics, by process and metric."""

    def __init__(self, points: Iterable[Point]) -> None:
        self._seen: dict[Key, list[tuple[int, float]]] = defaultdict(list)
        self.resources: dict[int, dict[str, Value]] = {}
        for point in points:
            if point.pid is None or point.value is None:
                continue
            self._seen[point.pid, point.metric, point.attributes].append((point.time_ns, point.value))
            self.resources[point.pid] = dict(point.resource)
        for samples in self._seen.values():
            samples.sort()

    def increment(self, key: Key, start_ns: int, end_ns: int) -> Bounds:
        """What a counter grew by between two moments, at least and at most."""
        early, late = self._around(key, start_ns), self._around(key, end_ns)
        return Bounds(max(late.low - early.high, 0), late.high - early.low)

    def level(self, key: Key, time_ns: int) -> Bounds:
        """What a gauge showed around a moment: two samples to either side, because it may go up and down."""
        samples = self._seen[key]
        earlier = [value for time, value in samples if time <= time_ns - MARGIN_NS][-2:]
        later = [value for time, value in samples if time >= time_ns + MARGIN_NS][:2]
        between = [value for time, value in samples if abs(time - time_ns) < MARGIN_NS]
        values = [*earlier, *between, *later]
        return Bounds(min(values), max(values))

    def _around(self, key: Key, time_ns: int) -> Bounds:
        samples = self._seen[key]
        earlier = [value for time, value in samples if time <= time_ns - MARGIN_NS]
        later = [value for time, value in samples if time >= time_ns + MARGIN_NS]
        if not earlier or not later:
            raise ValueError(f"hostmetrics did not see {key} both before and after")
        return Bounds(earlier[-1], later[0])


@dataclass(frozen=True, slots=True)
class KernelIo:
    """What /proc/PID/io says of some processes at one moment.

    hostmetrics is no witness for disks: its `process.disk.io` is what passed through read and write calls,
    pipes and the page cache included (opentelemetry-collector-contrib issue 44785).
    """

    disk: dict[tuple[int, str], int]
    calls: dict[tuple[int, str], int]

    @classmethod
    def now(cls, pids: Iterable[int]) -> KernelIo:
        disk, calls = {}, {}
        for pid in pids:
            lines = Path(f"/proc/{pid}/io").read_text().splitlines()
            values = {key: int(value) for key, _, value in (line.partition(": ") for line in lines)}
            disk[pid, "read"], disk[pid, "write"] = values["read_bytes"], values["write_bytes"]
            calls[pid, "read"], calls[pid, "write"] = values["rchar"], values["wchar"]
        return cls(disk, calls)


def shapes(points: Iterable[Point], pid: int) -> dict[tuple[str, Attributes, str], Kind]:
    """Every metric of one process: name, attributes and type of number, to what kind of metric it is.

    Descriptions are left out: they are each program's own words.
    """
    return {
        (point.metric, point.attributes, point.number): point.kind.without_description
        for point in points
        if point.pid == pid and point.value is not None
    }


def last_values(points: Iterable[Point]) -> dict[Key, Point]:
    """The last point with a value of each series of a process."""
    found: dict[Key, Point] = {}
    for point in points:
        if point.pid is not None and point.value is not None:
            key = (point.pid, point.metric, point.attributes)
            if key not in found or point.time_ns >= found[key].time_ns:
                found[key] = point
    return found

"""One capture under several profiles beside no optimizer at all: the figures of `nrdot demo`.

A capture is often shorter than the times in profiles. Then the clock runs faster: every time in every
profile, the baseline's too, is divided by the same number, so that each profile exports several times and
all are treated alike. What follows is said wherever figures are shown: processes come and go as rarely as in
the capture, so a host with many short lives saves less than such figures say.

Points an hour are those of a usual export, times the exports of an hour by the profile's own interval. The
first export is left out, because it begins every series.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nrdot.batch import Gauge
from nrdot.config.schema.agent import SHORTEST
from nrdot.errors import CaptureError
from nrdot.sample.capture import CaptureReader
from nrdot.simulate.run import simulate, under
from nrdot.stages import Reason, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.batch import Host
    from nrdot.config.schema.profiles import Profile
    from nrdot.config.settled.configuration import Configuration
    from nrdot.pipeline import Tick

NONE = "no optimizer"
WANTED = 4  # exports of the slowest profile that a capture should see
LEAST = 2  # and that it must
SHOWN = 15  # kept processes that are remembered by name
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Extent:
    """How long a capture is, and how far apart its samples are, in seconds."""

    samples: int
    seconds: float
    spacing: float


@dataclass(frozen=True, slots=True)
class Kept:
    """A process that has its own series at the last export."""

    pid: int
    name: str
    score: float
    cpu: float  # cores
    rss: int  # bytes
    reason: Reason


@dataclass(slots=True)
class Figures:
    """What one profile would do to this host. Means are over exports without the first."""

    profile: str
    interval: float  # seconds between exports, unscaled
    exports: int = 0
    processes: float = 0.0
    kept: float = 0.0
    groups: float = 0.0
    points_hourly: float = 0.0
    bytes_hourly: float = 0.0  # before compression
    same_interval_hourly: float = 0.0  # points of every process at this profile's interval
    critical: int = 0  # never-filtered processes at the export that left out most of them
    critical_exported: int = 0
    cpu_covered: float = 1.0  # share of the CPU in use that kept processes used
    top: tuple[Kept, ...] = ()
    reasons: dict[str, int] = field(default_factory=dict)  # kept processes by reason, at the last export


@dataclass(frozen=True, slots=True)
class Comparison:
    host: Host
    time_ns: int  # of the last sample
    extent: Extent
    scale: float  # by which every time was divided; 1 for captures that are long enough
    began: int  # processes that began within the capture
    ended: int
    none: Figures
    profiles: tuple[Figures, ...]


def compare(
    capture: Path,
    configuration: Configuration,
    profiles: dict[str, Profile],
    planned: Extent | None = None,
) -> Comparison:
    """Raises CaptureError where a capture is too short for the slowest profile.

    `planned` is what a capture that is still being written will be in the end.
    """
    extent = planned or extent_of(capture)
    sampling, baseline = configuration.settings.agent.interval, configuration.settings.baseline.interval
    longest = max(baseline, *(profile.export_interval for profile in profiles.values()))
    scale = _scale(extent, sampling, longest)
    if extent.seconds * scale < LEAST * longest:
        raise CaptureError(
            f"{capture}: {extent.samples} samples over {extent.seconds:.0f} s are too few to see an export "
            f"each {longest:.0f} s twice; record longer, or more often"
        )
    run, witness = _Run(capture, extent, scale), _Witness()
    none = run.figures(_plain(configuration), NONE, _everything(configuration.profile, baseline), witness)
    figures = []
    for name, profile in profiles.items():
        one = run.figures(configuration, name, profile, _Witness())
        one.same_interval_hourly = none.points_hourly * baseline / one.interval
        figures.append(one)
    none.same_interval_hourly = none.points_hourly
    if witness.host is None:
        raise CaptureError(f"{capture}: no export came about; record longer")
    return Comparison(
        witness.host,
        witness.time_ns,
        extent,
        scale,
        witness.began,
        witness.ended,
        none,
        tuple(figures),
    )


def extent_of(capture: Path) -> Extent:
    """Raises CaptureError."""
    times = [(tick.t, tick.seconds) for tick in CaptureReader(capture)]
    gaps = [
        (now - before) / 1e9 if seconds is None else seconds
        for (before, _), (now, seconds) in pairwise(times)
    ]
    gaps = [gap for gap in gaps if gap > 0]
    if not gaps:
        raise CaptureError(f"{capture}: fewer than two samples; nothing can be compared")
    return Extent(len(times), sum(gaps), median(gaps))


def _scale(extent: Extent, sampling: float, longest: float) -> float:
    """Never so fast that exports come more often than samples."""
    wanted = WANTED * longest / extent.seconds
    return max(1.0, min(wanted, sampling / extent.spacing))


def _everything(profile: Profile, interval: float) -> Profile:
    """Every process by itself at the interval of the scraper that NRDOT replaces."""
    return msgspec.structs.replace(
        profile, full_visibility=True, budget=0, export_interval=interval, delta_encoding=False
    )


def _plain(configuration: Configuration) -> Configuration:
    """Without the zeros and end markers that other scrapers do not send."""
    settings = configuration.settings
    series = msgspec.structs.replace(settings.series, zero_points=False, end_markers=False)
    return replace(configuration, settings=msgspec.structs.replace(settings, series=series))


def _faster(profile: Profile, scale: float) -> Profile:
    return msgspec.structs.replace(
        profile,
        export_interval=profile.export_interval / scale,
        hold=profile.hold / scale,
        grace=profile.grace / scale,
        heartbeat=profile.heartbeat / scale,
        roll_up=msgspec.structs.replace(profile.roll_up, hold=profile.roll_up.hold / scale),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """One capture, run again and again."""

    capture: Path
    extent: Extent
    scale: float

    def figures(
        self, configuration: Configuration, name: str, profile: Profile, witness: _Witness
    ) -> Figures:
        settings = configuration.settings
        interval = min(settings.agent.interval, max(self.extent.spacing, SHORTEST))
        agent = msgspec.structs.replace(settings.agent, interval=interval)
        faster = replace(configuration, settings=msgspec.structs.replace(settings, agent=agent))
        candidate = under(faster, name, _faster(profile, self.scale))
        outcome = simulate(self.capture, candidate, progress=witness.look)
        covered = outcome.cpu_kept / outcome.cpu_used if outcome.cpu_used else 1.0
        return witness.figures(name, profile.export_interval, self.extent.seconds * self.scale, covered)


@dataclass(slots=True)
class _Witness:
    """Looks on while a capture runs through the stages."""

    host: Host | None = None
    time_ns: int = 0
    began: int = 0
    ended: int = 0
    whole: list[tuple[int, ...]] = field(default_factory=list)  # points, bytes, processes, kept, groups
    between: tuple[int, int] = (0, 0)  # points and bytes of what could not wait for an export
    critical: tuple[int, int] = (0, 0)
    top: tuple[Kept, ...] = ()
    reasons: dict[str, int] = field(default_factory=dict)

    def look(self, tick: Tick) -> None:
        batch, frame = tick.batch, tick.frame
        self.host, self.time_ns = batch.host, batch.time_ns
        if not batch.first:
            self.began += len(batch.born)
            self.ended += len(batch.died)
        if frame is None:
            return
        points = sum(record.points for record in tick.records)
        size = sum(len(record.payload) for record in tick.records)
        if not frame.whole:
            if self.whole:  # series that begin at the start say nothing of an hour
                self.between = self.between[0] + points, self.between[1] + size
            return
        table, living = batch.table, batch.living
        kept = living[table.verdict[living] == Verdict.KEEP]
        self.whole.append((points, size, len(living), len(kept), len(frame.groups)))
        critical = living[table.never_filtered[living]]
        exported = int(np.count_nonzero(table.series[critical]))
        if len(critical) - exported >= self.critical[0] - self.critical[1]:
            self.critical = len(critical), exported
        self._name(tick, kept)

    def figures(self, name: str, interval: float, seconds: float, covered: float) -> Figures:
        usual = np.array(self.whole[1:] or self.whole or [(0, 0, 0, 0, 0)], np.float64).mean(axis=0).tolist()
        exports, rest = HOUR / interval, HOUR / seconds
        return Figures(
            profile=name,
            interval=interval,
            exports=len(self.whole),
            processes=usual[2],
            kept=usual[3],
            groups=usual[4],
            points_hourly=usual[0] * exports + self.between[0] * rest,
            bytes_hourly=usual[1] * exports + self.between[1] * rest,
            critical=self.critical[0],
            critical_exported=self.critical[1],
            cpu_covered=covered,
            top=self.top,
            reasons=self.reasons,
        )

    def _name(self, tick: Tick, kept: np.ndarray) -> None:
        """Who is kept at this export: the never-filtered first, then by CPU, memory and score."""
        table = tick.batch.table
        rss = table.gauges[Gauge.RSS]
        order = np.lexsort((-table.score[kept], -rss[kept], -table.cpu[kept], ~table.never_filtered[kept]))
        self.top = tuple(
            Kept(
                pid=int(table.pid[row]),
                name=table.identity[row].name,
                score=float(table.score[row]),
                cpu=float(table.cpu[row]),
                rss=int(rss[row]),
                reason=Reason(int(table.reason[row])),
            )
            for row in kept[order][:SHOWN].tolist()
        )
        names, counts = np.unique(table.reason[kept], return_counts=True)
        by_count = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda pair: -pair[1])
        self.reasons = {Reason(number).name.lower(): count for number, count in by_count}

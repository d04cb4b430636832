"""What the shipped profiles make of the shipped captures: points, coverage, churn.

Those in `samples/captures/training` are for the model: their machine was so busy with other things that the
real services on them got little done, and the CPU is spread over daemons. Their coverage is stated.

CPU is compared at each sample from the first export on: what the processes that are kept at it used of it, of
all that were seen at both of its ends. A clock tick is a hundredth of a second, and most of these hosts use a
few dozen between two samples, so two or three daemons that woke up are a tenth of it. Beside it stands what a
backend has of the sample by name. An increment belongs to the verdict at the export after it, so that could
be more; but of a process that died before that export the increment is in its group's sums, and on hosts with
many short jobs it is less. What is promised is the first: a verdict can do nothing about a death.

Reductions compare with every process at the same interval; groups, zero points and end markers are counted.
They are promised from 300 processes on, so captures of smaller hosts count for coverage only, and the one of
68 processes for its own promise: never more points than without NRDOT. Those for training keep the first of
these promises too, which is why their coverage is less.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from programs import ROOT, NotMeasurable
from table import Row, at_least, at_most, stated

from nrdot.batch import Counter
from nrdot.checks.loading import load
from nrdot.config.reading.load import load_profile
from nrdot.simulate.run import simulate, under
from nrdot.stages import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.batch import Floats, Ints, Table
    from nrdot.config.settled.configuration import Configuration
    from nrdot.pipeline import Tick
    from nrdot.simulate.outcome import Outcome
    from nrdot.stages import Frame

CAPTURES = ROOT / "samples" / "captures"
LARGE = 300  # processes from which on the reductions are promised
LESS = {"balanced": 80.0, "aggressive": 95.0}  # percent
CRITICAL, COVERED, CHURN = 1.0, 0.9, 1.3
SMALL, STEADY = "sample-host-7", "sample-host-6"
# Whatever somebody may call critical: services with load, idle ones, and some that end and begin again.
NEVER_FILTERED = """\
process_classification:
  critical:
    score: 1.0
    patterns: [^postgres, ^redis-server, ^sync-agent, ^vault, ^cron_jobs]
"""
HOUR = 3600.0  # seconds
_CPU = [Counter.CPU_USER, Counter.CPU_SYSTEM]


@dataclass(slots=True)
class Watched:
    """What one replay showed beside the outcome, from its first export on."""

    processes: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)  # processes with series, at whole exports
    ever: set[tuple[int, int]] = field(default_factory=set)  # that had series: pid and start
    used: list[int] = field(default_factory=list)  # clock ticks between two samples
    covered: list[int] = field(default_factory=list)  # of them by kept processes
    named: list[int] = field(default_factory=list)  # of them, what went into series of a process
    since: list[Ints] = field(default_factory=list)  # by row, at each sample since the last whole export
    seconds: float = 0.0

    def see(self, tick: Tick) -> None:
        batch, table, frame = tick.batch, tick.batch.table, tick.frame
        self.processes.append(len(batch.living))
        if self.kept:
            self.seconds += batch.seconds
            rows = batch.living[table.observations[batch.living] > 1]
            used = (table.counters - table.previous)[_CPU][:, rows].sum(axis=0)
            self.used.append(int(used.sum()))
            self.covered.append(int(used[table.verdict[rows] == Verdict.KEEP].sum()))
            self.named.append(0)
            self.since.append(np.bincount(rows, used, table.capacity).astype(np.int64))
        if frame is not None:
            self.account(table, frame)
            opening = frame.opening
            self.ever.update(zip(table.pid[opening].tolist(), table.start[opening].tolist(), strict=True))
            if frame.whole:
                self.kept.append(int(np.count_nonzero(table.series & table.alive)))

    def account(self, table: Table, frame: Frame) -> None:
        """An export closes what was used before it: into series of a process, or into its group's."""
        sent = np.concatenate([frame.opening, frame.steady, frame.ending])
        own = np.flatnonzero(table.series & table.alive) if frame.whole else sent
        for age, used in enumerate(reversed(self.since), start=1):
            there = own[own < len(used)]
            self.named[-age] += int(used[there].sum())
            used[there] = 0
        if frame.whole:
            self.since.clear()

    @property
    def churn(self) -> float:
        """Processes that had series at any time of the replay, by those that have at a time."""
        return len(self.ever) / float(np.mean(self.kept))

    @property
    def shares(self) -> Floats:
        """Of the CPU at each sample at which any was used, what the kept processes had."""
        return self.shares_of(self.covered)

    def shares_of(self, part: list[int]) -> Floats:
        """At samples that an export came after."""
        closed = len(self.used) - len(self.since) if part is self.named else len(self.used)
        used = np.array(self.used[:closed])
        shares: Floats = np.array(part[:closed])[used > 0] / used[used > 0]
        return shares

    @property
    def share(self) -> float:
        return sum(self.covered) / sum(self.used)


@dataclass(frozen=True, slots=True)
class Replayed:
    name: str
    outcome: Outcome
    watched: Watched

    @property
    def large(self) -> bool:
        return float(np.median(self.watched.processes)) >= LARGE

    @property
    def less(self) -> float:
        """Percent."""
        return 100 * (1 - self.outcome.points / self.outcome.points_same_interval)


def run() -> list[Row]:
    captures = sorted(CAPTURES.glob("*.jsonl.zst"))
    if not captures:
        raise NotMeasurable("no captures in samples/captures; tests/bench/workloads/record.py records them")
    found = load(None)
    under_profile = {
        name: [replayed(capture, found, name) for capture in captures] for name in ("balanced", "aggressive")
    }
    rows = [row for name, all_of in under_profile.items() for row in reductions(name, all_of)]
    rows += critical(captures)
    rows += covered(under_profile["balanced"])
    training = [replayed(one, found, "balanced") for one in sorted(CAPTURES.glob("training/*.zst"))]
    if training:
        rows += trained(training)
    steady = next(one for one in under_profile["balanced"] if one.name == STEADY)
    rows.append(churn(steady.watched))
    return rows


def replayed(capture: Path, found: Configuration, name: str) -> Replayed:
    watched = Watched()
    configured = under(found, name, load_profile(name, Path(), {}))
    outcome = simulate(capture, configured, progress=watched.see)
    return Replayed(capture.name.partition(".")[0], outcome, watched)


def reductions(profile: str, all_of: Sequence[Replayed]) -> list[Row]:
    large = [one for one in all_of if one.large]
    small = next(one for one in all_of if one.name == SMALL)
    less = [one.less for one in large]
    between = f"{min(less):.1f} .. {max(less):.1f}"
    kept = np.mean([np.mean(one.watched.kept) for one in large])
    ratio = small.outcome.points / small.outcome.points_same_interval
    return [
        at_least(
            f"fewer points, {profile}, least of {len(large)} hosts", min(less), LESS[profile], "%", between
        ),
        stated("  processes kept at a time", float(kept), ""),
        at_most(f"  points of 68 processes, {profile} / without NRDOT", ratio, 1.0, "x"),
    ]


def critical(captures: Sequence[Path]) -> list[Row]:
    """With classes that are never filtered, under the profile that keeps least."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "critical.yaml"
        config.write_text(NEVER_FILTERED)
        found = load(config)
    outcomes = [replayed(capture, found, "aggressive").outcome for capture in captures]
    seen = sum(one.critical_seen for one in outcomes)
    exported = sum(one.critical_exported for one in outcomes)
    return [
        at_least("critical processes exported, aggressive", exported / seen, CRITICAL, "", f"of {seen:,}")
    ]


def churn(steady: Watched) -> Row:
    """Of an hour; a shorter capture gives a number but no verdict, and one that fails fails the hour too."""
    minutes = steady.seconds / 60
    ok = steady.churn <= CHURN if steady.churn > CHURN or minutes >= HOUR / 60 else None
    return Row(
        figure="series kept in an hour / at a time, steady capture, balanced",
        reach=f"at most {CHURN}",
        value=steady.churn,
        unit="x",
        ok=ok,
        spread=f"over {minutes:.0f} minutes",
    )


def covered(all_of: Sequence[Replayed]) -> list[Row]:
    """Over all samples, and at each of them, which is what is promised."""
    together = sum(sum(one.watched.covered) for one in all_of) / sum(sum(one.watched.used) for one in all_of)
    shares = np.concatenate([one.watched.shares for one in all_of])
    named = np.concatenate([one.watched.shares_of(one.watched.named) for one in all_of])
    closed = sum(sum(one.watched.used[: len(one.watched.used) - len(one.watched.since)]) for one in all_of)
    return [
        at_least("CPU of kept processes, balanced", together, COVERED, "", f"{len(all_of)} captures"),
        at_least(
            "  samples at which they have nine tenths", share_of(shares), 1.0, "", f"of {len(shares):,}"
        ),
        stated(
            "  samples of which a backend has nine tenths by name",
            share_of(named),
            "",
            f"together {sum(sum(one.watched.named) for one in all_of) / closed:.3f}",
        ),
        *(
            stated(
                f"  {one.name}, all its samples",
                one.watched.share,
                "",
                f"at one {min(one.watched.shares):.2f}, median {np.median(one.watched.shares):.2f}, "
                f"{share_of(one.watched.shares):.0%} reach it",
            )
            for one in all_of
        ),
    ]


def trained(all_of: Sequence[Replayed]) -> list[Row]:
    used = sum(sum(one.watched.used) for one in all_of)
    shares = np.concatenate([one.watched.shares for one in all_of])
    less = [one.less for one in all_of if one.large]
    return [
        stated(
            "  on the captures for training",
            sum(sum(one.watched.covered) for one in all_of) / used,
            "",
            f"{share_of(shares):.0%} of the samples reach it",
        ),
        at_least(
            f"  fewer points there, least of {len(less)} hosts",
            min(less),
            LESS["balanced"],
            "%",
            f"{min(less):.1f} .. {max(less):.1f}",
        ),
    ]


def share_of(shares: Floats) -> float:
    """Of the samples, those at which the kept processes have enough."""
    return float(np.mean(shares >= COVERED))

"""Why one process has its verdict, and the smallest change that would give it the other one.

Every reason is looked at again beside the one that the verdict names, because a process may have several:
to enter KEEP one of them is enough, to leave it all of them must go.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Gauge
from nrdot.decide.consumers import CPU, IO
from nrdot.stages import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.batch import Batch, Floats, Rows
    from nrdot.decide.policy import Policy
    from nrdot.decide.rules import Rules

STEP = 0.01  # what people write scores in
TOP = {"cpu": Reason.TOP_CPU, "memory": Reason.TOP_MEMORY, "io": Reason.TOP_IO}


@dataclass(frozen=True, slots=True)
class Check:
    """One reason for a series of its own: what the process has, and what it needs to have."""

    reason: Reason
    holds: bool
    value: float
    needed: float  # the value from which on the reason holds; NaN where no number says so
    rank: int = 0  # among the largest users, from 1; 0 where there is no rank
    places: int = 0  # how many of them are kept
    pod: bool = False  # it is not the process that is new but its pod


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that would change the verdict, or a fact that will do so by itself.

    `size` is how large the change is, as a share of what is there, so that changes can be compared.
    """

    setting: str
    value: float | bool | None  # what to write; None where it is not a setting that decides
    size: float


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything that made one verdict."""

    verdict: Verdict
    reason: Reason
    scope: int  # 0 is the host's profile, n the n-th scope
    threshold: float
    checks: tuple[Check, ...]
    changes: tuple[Change, ...]  # the smallest first
    together: bool  # all changes are needed; else any one of them is enough
    observed: bool  # everything is exported because the agent only observes; `reason` is the profile's


def decision(policy: Policy, batch: Batch, row: int) -> Decision:
    """For a living row, after the export that judged it."""
    table, columns = batch.table, policy.remembered
    scope = int(columns.scope[row])
    rules = policy.rules[scope]
    verdict, reason = Verdict(int(table.verdict[row])), Reason(int(table.reason[row]))
    checks = tuple(_checks(policy, batch, row, rules))
    kept = verdict == Verdict.KEEP
    if policy.observe:
        # Everything is exported; what counts is the verdict behind it.
        kept = bool(columns.would_keep[row])
        reason = Reason(int(columns.last_reason[row])) if kept else Reason.BELOW
    budget = float(columns.needs[row])
    changes = list(_ways_out(checks, rules, reason) if kept else _ways_in(checks, rules, reason, budget))
    changes.sort(key=lambda change: change.size)
    return Decision(
        verdict=verdict,
        reason=reason,
        scope=scope,
        threshold=rules.threshold,
        checks=checks,
        changes=tuple(changes),
        together=kept and len(changes) > 1,
        observed=policy.observe,
    )


def _checks(policy: Policy, batch: Batch, row: int, rules: Rules) -> Iterator[Check]:
    """Every reason that a process can have by itself, the strongest first."""
    table, columns = batch.table, policy.remembered
    age = (batch.time_ns - int(table.born_ns[row])) / 1e9
    never = bool(table.never_filtered[row])
    yield Check(Reason.NEVER_FILTERED, never, float(never), math.nan)
    anomalous = bool(columns.anomalous[row])
    yield Check(Reason.ANOMALY, anomalous, float(anomalous), math.nan)
    near = bool(columns.near_limit[row])
    yield Check(Reason.LIMIT, near, float(near), math.nan)
    rows = batch.living[columns.scope[batch.living] == columns.scope[row]]
    for name, usage in _usage(policy, batch, rows).items():
        mine = float(usage[rows == row][0])
        given = table.reason[row] == TOP[name]
        yield _top(TOP[name], usage, mine, getattr(rules, f"top_{name}"), given=bool(given))
    yield Check(Reason.VISIBLE, rules.visible, float(rules.visible), math.nan)
    score = float(table.score[row])
    yield Check(Reason.SCORE, score >= rules.threshold, score, rules.threshold)
    seen = bool(table.observations[row] > 1)
    yield Check(Reason.NEW, seen and not table.found[row] and age < rules.grace, age, rules.grace)
    pod_age = (batch.time_ns - int(columns.pod_born_ns[row])) / 1e9
    if seen and pod_age < policy.pod_grace:
        yield Check(Reason.NEW, True, pod_age, policy.pod_grace, pod=True)
    left = max(float(columns.until[row]) - policy.now, 0.0)
    yield Check(Reason.HOLD, Reason(int(table.reason[row])) == Reason.HOLD, left, math.nan)


def _usage(policy: Policy, batch: Batch, rows: Rows) -> dict[str, Floats]:
    """What the ranks compare: cores and bytes a second, lately and usually, and resident bytes now."""
    demand = policy.consumption.demand
    return {
        "cpu": demand[CPU, rows],
        "memory": batch.table.gauges[Gauge.RSS, rows].astype(np.float64),
        "io": demand[IO, rows],
    }


def _top(reason: Reason, usage: Floats, mine: float, places: int, *, given: bool) -> Check:
    """Equals count as ahead of who is not among them, so a rank is never better than it may turn out."""
    ahead = int(np.count_nonzero(usage > mine))
    equals = int(np.count_nonzero(usage == mine))
    ordered = np.sort(usage[usage > 0])[::-1]
    last = float(ordered[places - 1]) if 0 < places <= len(ordered) else 0.0
    holds = mine > 0 and (given or ahead + equals <= places)
    rank = ahead + (1 if holds else equals) if mine else 0
    return Check(reason, holds, mine, last if places else math.nan, rank=rank, places=places)


def _ways_in(checks: tuple[Check, ...], rules: Rules, reason: Reason, budget: float) -> Iterator[Change]:
    """Any one of these would keep the process."""
    yield Change("overrides.force_collect", True, 1.0)
    if reason == Reason.BUDGET:
        yield Change("budget", budget, 0.0)
        return
    if reason == Reason.DROPPED:
        yield Change("drop", None, 0.0)
        return
    for check in checks:
        if check.reason == Reason.SCORE:
            gap = rules.threshold - check.value
            yield Change("overrides.importance", rules.threshold, gap)
            if check.value >= STEP:
                yield Change("threshold", _floor(check.value), gap + STEP / 10)
        elif check.reason in TOP.values() and check.rank:
            missed = (check.rank - check.places) / max(check.places, 1)
            yield Change(_setting(check.reason), check.rank, missed)


def _ways_out(checks: tuple[Check, ...], rules: Rules, reason: Reason) -> Iterator[Change]:
    """All of these together would give the process up."""
    if reason == Reason.FEW:
        yield Change("few", None, 0.0)
    for check in checks:
        if not check.holds:
            continue
        if check.reason == Reason.SCORE:
            yield _over(check.value, rules.threshold)
        elif check.reason in TOP.values() and check.rank > check.places:
            yield Change("top_n.cpu_coverage", 0.0, 1.0)
        elif check.reason in TOP.values():
            places = check.places - check.rank + 1
            yield Change(_setting(check.reason), check.rank - 1, places / max(check.places, 1))
        elif check.reason == Reason.NEW:
            setting = "kubernetes.pod_grace" if check.pod else "grace"
            yield Change(setting, math.floor(check.value), 1 - check.value / check.needed)
        else:
            yield _SWITCHES[check.reason]


_SWITCHES = {
    Reason.NEVER_FILTERED: Change("never_filtered", False, 1.0),
    Reason.VISIBLE: Change("full_visibility", False, 1.0),
    Reason.ANOMALY: Change("anomaly.enabled", False, 1.0),
    Reason.LIMIT: Change("limit", False, 1.0),
    Reason.HOLD: Change("hold", None, 0.0),
}


def _over(score: float, threshold: float) -> Change:
    """The next threshold above a score; none is above the highest score, whose importance has to fall."""
    above = round(_floor(score) + STEP, 2)
    setting, value = ("threshold", above) if above <= 1.0 else ("overrides.importance", 0.0)
    return Change(setting, value, score - threshold + STEP)


def _setting(reason: Reason) -> str:
    return next(f"top_n.{name}" for name, word in TOP.items() if word == reason)


def _floor(score: float) -> float:
    """A score as people write it, and not above what it is."""
    return math.floor(score / STEP + 1e-9) * STEP

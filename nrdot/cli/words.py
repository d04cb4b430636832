"""Verdicts in words, for people. Scripts read the names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.stages import Reason, Verdict

if TYPE_CHECKING:
    from nrdot.decide.explain import Change

VERDICTS = {
    Verdict.KEEP: "kept: exported by itself",
    Verdict.ROLL_UP: "rolled up: exported within the sums of its group",
    Verdict.DROP: "dropped: only its sums go into the group `dropped`",
}
REASONS = {
    Reason.BELOW: "nothing speaks for series of its own",
    Reason.NEVER_FILTERED: "it is never filtered",
    Reason.SCORE: "its score reaches the threshold",
    Reason.TOP_CPU: "it is among the largest users of CPU, or those that have most of it at each sample",
    Reason.TOP_MEMORY: "it is among the largest users of memory",
    Reason.TOP_IO: "it is among those that read and write most",
    Reason.ANOMALY: "it left the band of its own history",
    Reason.LIMIT: "it is near the limit of its container",
    Reason.NEW: "it is new and within its grace",
    Reason.HOLD: "it had a reason a moment ago, and holds its place for a while",
    Reason.VISIBLE: "every process is exported",
    Reason.FEW: "a group for so few would cost more than it saves",
    Reason.BUDGET: "the budget of series is spent on processes that matter more",
    Reason.DROPPED: "a rule of the profile gives its detail up",
}
_CHANGES = {
    "overrides.force_collect": "an override with `force_collect: true`",
    "overrides.importance": "an override with `importance: {value:g}`",
    "threshold": "`threshold: {value:g}`",
    "top_n.cpu": "`top_n: {{cpu: {value:g}}}`",
    "top_n.memory": "`top_n: {{memory: {value:g}}}`",
    "top_n.io": "`top_n: {{io: {value:g}}}`",
    "top_n.cpu_coverage": "`top_n: {{cpu_coverage: {value:.0%}}}`, or less than it takes without this one",
    "budget": "`budget: {value:g}`",
    "drop": "the profile without the `drop` rule that names it",
    "few": "more processes to roll up: nothing to configure",
    "never_filtered": "no class of score 1.0 and no `force_collect` that claims it",
    "full_visibility": "`full_visibility: false` and `aggregation: true`",
    "grace": "`grace: {value:g}s`, or to wait until it is older",
    "kubernetes.pod_grace": "`kubernetes: {{pod_grace: {value:g}s}}`, or to wait until its pod is older",
    "hold": "to wait until its hold is over",
    "limit": "to wait until its pod uses less of its limit, and its hold is over",
    "anomaly.enabled": "to wait until it is back in its band and its hold is over",
}


def change(one: Change) -> str:
    return _CHANGES[one.setting].format(value=one.value if one.value is not None else 0)

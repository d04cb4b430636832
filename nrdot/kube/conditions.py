"""What a pass says about profiles and rollouts, in the words of their conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.kube.groups import Group
from nrdot.kube.outlook import outlook
from nrdot.kube.plans import status_document
from nrdot.kube.rollout import Phase
from nrdot.kube.told import Condition
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.cluster.objects import Custom, Node
    from nrdot.kube.compiled import Compiled
    from nrdot.kube.gates import Report
    from nrdot.kube.rollout import Plan, Status
    from nrdot.kube.told import Teller

_log = Log("kube")

# Why a profile does not reach its nodes, in a word, where its rollout does not go on.
_HELD = {Phase.PAUSED: "Held", Phase.ROLLING_BACK: "TakenBack", Phase.ROLLED_BACK: "TakenBack"}


def accepted(
    teller: Teller,
    group: Group,
    compiled: Compiled,
    reports: Mapping[str, Report],
    guided: tuple[Phase, str] | None = None,
) -> None:
    """What is pushed, and how many nodes run it. `guided` is what holds the others back."""
    acknowledged = _running(group, reports, {compiled.revision})
    warnings, taken = "; ".join(compiled.warnings), f"revision {compiled.revision}"
    everywhere = acknowledged == len(group.nodes)
    words = f"{acknowledged} of {len(group.nodes)} nodes run {taken}"
    if everywhere:
        ready = Condition("Ready", True, "Acknowledged", words)
    elif guided is not None:
        phase, why = guided
        ready = Condition("Ready", False, _HELD.get(phase, "RollingOut"), f"{words}; {why}", warns=False)
    else:
        ready = Condition("Ready", False, "Waiting", f"{words}; the others will", warns=False)
    conditions = [
        Condition("Compiled", True, "Warnings" if warnings else "Compiled", warnings or taken),
        _selection(group),
        ready,
    ]
    _profile(teller, group, conditions, compiled.revision, acknowledged)


def refused(teller: Teller, group: Group, words: str, reports: Mapping[str, Report]) -> None:
    """What cannot be pushed, and why."""
    revision = str(group.profile.status.get("revision") or "")
    acknowledged = _running(group, reports, {revision})
    conditions = [
        Condition("Compiled", False, "Refused", words),
        _selection(group),
        Condition("Ready", False, "NotCompiled", "what was pushed before stays in effect"),
    ]
    _profile(teller, group, conditions, revision, acknowledged)


def for_workloads(teller: Teller, profile: Custom) -> None:
    words = "part of every group's document, as scopes"
    _profile(teller, Group(profile), [Condition("Ready", True, "InEffect", words)], "", 0)


def progressed(
    teller: Teller,
    rollout: Custom,
    plan: Plan,
    nodes: Sequence[Node],
    *,
    before: Status,
    after: Status,
    refused: bool = False,
) -> tuple[Phase, str] | None:
    """How far a rollout has come, and what it holds back. `refused` is the profile's present text."""
    profile = rollout.spec.get("profile")
    failed = after.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}
    words = outlook(plan, after, nodes)
    effect = Condition("Effective", True, "InEffect", f"it decides how {profile} reaches its nodes")
    # The phase is the Event: this one and `Healthy` turn with it.
    complete = Condition("Complete", after.phase is Phase.SUCCEEDED, after.phase.value, words, told=False)
    if refused:
        what = f"{_why_refused(rollout)}; until it is mended, what was compiled before counts"
        effect = Condition("Effective", False, "ProfileRefused", what)
        complete = Condition("Complete", False, "ProfileRefused", f"{what}: {words}", told=False)
    healthy = Condition("Healthy", not failed, after.phase.value, words if failed else "", told=False)
    conditions = (complete, healthy, effect)
    document = status_document(after, plan, nodes)
    teller.status("ProfileRollout", "profilerollouts", rollout, conditions, document)
    if after.phase is not before.phase:
        turned = f"{before.phase} to {after.phase}: {words}"
        teller.event("ProfileRollout", rollout, after.phase.value, turned, warning=failed)
        _log.info(
            "a rollout goes on", rollout=rollout.metadata.name, phase=after.phase.value, why=after.reason
        )
    if after.phase is Phase.SUCCEEDED:
        return None
    return after.phase, f"ProfileRollout {rollout.metadata.name} is {after.phase}: {words}"


def without_effect(teller: Teller, rollout: Custom, reason: str, words: str) -> None:
    """A rollout that decides nothing, so nobody may wait for it. What it reached before stays readable."""
    kept = [
        Condition(one["type"], one["status"] == "True", one["reason"], one["message"], told=False)
        for one in rollout.status.get("conditions") or ()
        if one["type"] not in {"Complete", "Effective"}
    ]
    further = {
        key: said for key, said in rollout.status.items() if key not in {"conditions", "observedGeneration"}
    }
    complete = Condition("Complete", False, reason, words, told=False)
    conditions = [complete, *kept, Condition("Effective", False, reason, words)]
    teller.status("ProfileRollout", "profilerollouts", rollout, conditions, further)


def never_compiled(teller: Teller, rollout: Custom) -> None:
    words = f"{_why_refused(rollout)}; nothing was pushed yet"
    without_effect(teller, rollout, "ProfileRefused", words)


def _why_refused(rollout: Custom) -> str:
    return f"TelemetryProfile {rollout.spec.get('profile')} is refused, its condition Compiled says why"


def _running(group: Group, reports: Mapping[str, Report], revisions: set[str]) -> int:
    said = (reports.get(node.metadata.name) for node in group.nodes)
    return sum(1 for report in said if report is not None and report.revision in revisions)


def _selection(group: Group) -> Condition:
    if not group.lost:
        if group.nodes:
            return Condition("Selected", True, "Selected")
        return Condition("Selected", False, "NoNodes", "no node that is known has these labels")
    node, winner = next(iter(group.lost.items()))
    count = len(group.lost)
    words = f"{count} of the nodes that this profile selects use another one: {node} uses {winner}"
    return Condition("Selected", False, "Conflict", words)


def _profile(
    teller: Teller, group: Group, conditions: list[Condition], revision: str, acknowledged: int
) -> None:
    further = {"revision": revision, "nodes": len(group.nodes), "acknowledged": acknowledged}
    teller.status("TelemetryProfile", "telemetryprofiles", group.profile, conditions, further)

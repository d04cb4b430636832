"""What a pass says about profiles and rollouts, in the words of their conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.cluster.revision import revision_of
from nrdot.kube.groups import Group
from nrdot.kube.plans import status_document
from nrdot.kube.rollout import Phase
from nrdot.kube.told import Condition
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.cluster.objects import Custom, Node
    from nrdot.kube.compiled import Compiled
    from nrdot.kube.gates import Report
    from nrdot.kube.pointers import Pointer
    from nrdot.kube.rollout import Plan, Status
    from nrdot.kube.told import Teller

_log = Log("kube")


def accepted(
    teller: Teller, group: Group, compiled: Compiled, pointer: Pointer, reports: Mapping[str, Report]
) -> None:
    """What is pushed, and how many nodes run it."""
    runs = {revision_of(pointer.stable), revision_of(pointer.candidate or pointer.stable)}
    acknowledged = _running(group, reports, runs)
    warnings = "; ".join(compiled.warnings)
    everywhere = acknowledged == len(group.nodes)
    words = f"{acknowledged} of {len(group.nodes)} nodes run it"
    conditions = [
        Condition("Compiled", True, "Warnings" if warnings else "Compiled", warnings),
        _selection(group),
        Condition("Ready", everywhere, "Acknowledged" if everywhere else "Waiting", words),
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
    teller: Teller, rollout: Custom, plan: Plan, nodes: Sequence[Node], *, before: Status, after: Status
) -> None:
    """How far a rollout has come."""
    failed = after.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}
    conditions = (
        Condition("Complete", after.phase is Phase.SUCCEEDED, after.phase.value, after.reason),
        Condition("Healthy", not failed, after.phase.value, after.reason),
        Condition("Effective", True, "InEffect"),
    )
    document = status_document(after, plan, nodes)
    # The phase is the Event: its conditions turn with it.
    teller.status("ProfileRollout", "profilerollouts", rollout, conditions, document, events=False)
    if after.phase is not before.phase:
        words = f"{before.phase} to {after.phase}" + (f": {after.reason}" if after.reason else "")
        teller.event("ProfileRollout", rollout, after.phase.value, words, warning=failed)
        _log.info(
            "a rollout goes on", rollout=rollout.metadata.name, phase=after.phase.value, why=after.reason
        )


def without_effect(teller: Teller, rollout: Custom, reason: str, words: str) -> None:
    """A rollout that decides nothing. What it reached before stays readable."""
    kept = [
        Condition(one["type"], one["status"] == "True", one["reason"], one["message"])
        for one in rollout.status.get("conditions") or ()
        if one["type"] != "Effective"
    ]
    further = {
        key: said for key, said in rollout.status.items() if key not in {"conditions", "observedGeneration"}
    }
    conditions = [*kept, Condition("Effective", False, reason, words)]
    teller.status("ProfileRollout", "profilerollouts", rollout, conditions, further)


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

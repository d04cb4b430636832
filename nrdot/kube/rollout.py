"""A rollout, one step at a time: what was reached, what is reported and what time it is give what comes next.

    Pending ─► Progressing ─► Baking ─► Promoting ─► Progressing ... ─► Succeeded
                    │            │          │
                    └────────────┴──────────┴──► RollingBack ─► RolledBack        Paused holds any of them

Nothing here asks or writes anything: the status is all that is remembered, so an operator that is killed goes
on where it was. A node that is silent counts as one that failed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from nrdot.kube.gates import Gates, broken, failure, unmeasured, unproved
from nrdot.kube.strata import REGION, legs, pick

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nrdot.cluster.objects import Node
    from nrdot.kube.gates import Report


SOON = 15.0  # seconds until a rollout that is under way is looked at again
NAMED = 3  # nodes that a reason names


class Phase(StrEnum):
    PENDING = "Pending"
    PROGRESSING = "Progressing"
    BAKING = "Baking"
    PROMOTING = "Promoting"
    SUCCEEDED = "Succeeded"
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"
    PAUSED = "Paused"


@dataclass(frozen=True, slots=True)
class Step:
    percent: int
    bake: float = 600.0  # seconds
    approval: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a ProfileRollout asks for."""

    steps: tuple[Step, ...]
    stratify: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    order_by: str = REGION
    gates: Gates = field(default_factory=Gates)
    paused: bool = False
    approved: int = 0  # steps
    approved_revision: str = ""  # of this one only
    abort: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """What was reached. `candidates` run `to`, every other node runs `before`."""

    phase: Phase = Phase.PENDING
    step: int = 0
    before: str = ""
    to: str = ""
    since: float = 0.0  # when the phase began
    candidates: tuple[str, ...] = ()
    reason: str = ""
    nodes: int = 0
    updated: int = 0  # candidates that acknowledged

    @property
    def settled(self) -> bool:
        return self.phase in {Phase.SUCCEEDED, Phase.ROLLED_BACK}


@dataclass(frozen=True, slots=True)
class Scene:
    """What the cluster looks like now."""

    now: float
    nodes: tuple[Node, ...]
    reports: Mapping[str, Report]
    wanted: str  # the newest revision of the profile
    stable: str  # the revision that every node ran before
    frozen: str = ""  # why promotion has to wait, for example that workloads scale out


def advance(plan: Plan, status: Status, scene: Scene, salt: str) -> Status:
    """The status that follows; equal to `status` where there is nothing to do."""
    status = replace(status, nodes=len(scene.nodes))
    if scene.wanted != status.to:
        return _begun(status, scene)
    if status.settled:
        return replace(
            status, updated=_running(scene, (node.metadata.name for node in scene.nodes), status.to)
        )
    following = {
        Phase.PENDING: _pending,
        Phase.PROGRESSING: _progressing,
        Phase.BAKING: _baking,
        Phase.PROMOTING: _promoting,
        Phase.ROLLING_BACK: _rolling_back,
        Phase.PAUSED: _resumed,
    }[status.phase]
    return _interrupted(plan, status, scene) or following(plan, status, scene, salt)


def _interrupted(plan: Plan, status: Status, scene: Scene) -> Status | None:
    """What a person asked for in between. What is on its way back is not held up."""
    if status.phase is Phase.ROLLING_BACK:
        return None
    if plan.abort:
        return _enter(status, Phase.ROLLING_BACK, scene, "spec.abort asks for it")
    if not plan.paused:
        return None
    return (
        status
        if status.phase is Phase.PAUSED
        else _enter(status, Phase.PAUSED, scene, "held until spec.paused is false")
    )


def next_look(plan: Plan, status: Status, now: float) -> float | None:
    """In how many seconds to look again at the latest, whatever happens; None where nothing is under way."""
    if status.settled:
        return None
    lasts = {
        Phase.PROGRESSING: plan.gates.deadline,
        Phase.BAKING: plan.steps[status.step % len(plan.steps)].bake,
        Phase.ROLLING_BACK: plan.gates.deadline,
    }.get(status.phase, 0.0)
    left = lasts - (now - status.since)
    return min(SOON, left) if left > 0 else SOON


def progress(plan: Plan, nodes: Sequence[Node], step: int) -> tuple[int, int]:
    """The how many-th step it is, and of how many; regions without nodes have none."""
    walked = _walked(plan, nodes)
    return sum(1 for one in walked if one <= step), len(walked)


def region_of(plan: Plan, step: int) -> str:
    """Empty beyond the regions that are named."""
    leg = step // len(plan.steps)
    return plan.order[leg] if leg < len(plan.order) else ""


def chosen(plan: Plan, nodes: Sequence[Node], step: int, salt: str) -> set[str]:
    """The nodes that run the new revision at a step: whole regions before, and a share of the present one."""
    ordered = [found for _, found in legs(nodes, plan.order, plan.order_by)]
    leg, within = divmod(step, len(plan.steps))
    whole = {node.metadata.name for one in ordered[:leg] for node in one}
    if leg >= len(ordered):
        return whole
    return whole | pick(ordered[leg], plan.steps[within].percent, plan.stratify, salt)


def _walked(plan: Plan, nodes: Sequence[Node]) -> list[int]:
    """The numbers of the steps that there is something to do at."""
    count = len(plan.steps)
    return [
        leg * count + within
        for leg, (_, found) in enumerate(legs(nodes, plan.order, plan.order_by))
        if found
        for within in range(count)
    ]


def _begun(status: Status, scene: Scene) -> Status:
    """A new revision: from the start, and back to what was stable whatever was tried in between."""
    before = scene.stable
    if scene.wanted == before:
        return Status(
            Phase.SUCCEEDED, 0, before, scene.wanted, scene.now, (), "nothing to roll out", status.nodes
        )
    return Status(Phase.PENDING, 0, before, scene.wanted, scene.now, (), "", status.nodes)


def _enter(status: Status, phase: Phase, scene: Scene, reason: str = "") -> Status:
    candidates = () if phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK} else status.candidates
    return replace(status, phase=phase, since=scene.now, reason=reason, candidates=candidates)


def _resumed(plan: Plan, status: Status, scene: Scene, salt: str) -> Status:
    """Every node is looked at again before anything bakes. What never began, begins."""
    if not status.candidates:
        return _pending(plan, replace(status, phase=Phase.PENDING), scene, salt)
    return _enter(status, Phase.PROGRESSING, scene)


def _pending(plan: Plan, status: Status, scene: Scene, salt: str) -> Status:
    if not scene.nodes:
        return replace(status, reason="no node is selected")
    if scene.frozen:
        return replace(status, reason=scene.frozen)
    first = _walked(plan, scene.nodes)[0]
    picked = tuple(sorted(chosen(plan, scene.nodes, first, salt)))
    return replace(_enter(status, Phase.PROGRESSING, scene), step=first, candidates=picked)


def _progressing(plan: Plan, status: Status, scene: Scene, salt: str) -> Status:
    """Until every candidate that is still there runs the revision."""
    status = _grown(plan, status, scene, salt)
    refused = next((name for name in status.candidates if _refuses(scene, name, status.to)), None)
    if refused is not None:
        words = scene.reports[refused].error
        return _enter(status, Phase.ROLLING_BACK, scene, f"node {refused} refused the revision: {words}")
    if failed := broken(plan.gates, status.candidates, status.to, scene.reports):
        return _enter(status, Phase.ROLLING_BACK, scene, failed)
    updated = _running(scene, status.candidates, status.to)
    status = replace(status, updated=updated)
    waiting = len(status.candidates) - updated
    if not waiting:
        return _enter(status, Phase.BAKING, scene)
    if scene.now - status.since <= plan.gates.deadline:
        return status
    if waiting > plan.gates.missing * len(status.candidates):
        words = f"{waiting} nodes did not acknowledge in time: {_late(scene, status)}"
        return _enter(status, Phase.ROLLING_BACK, scene, words)
    return _enter(status, Phase.BAKING, scene, f"{waiting} nodes are silent, as the gate allows")


def _baking(plan: Plan, status: Status, scene: Scene, _: str) -> Status:
    """Every gate must hold all the time. Nodes that are new join at the next step."""
    candidates = tuple(sorted(_present(scene, status.candidates)))
    updated = _running(scene, candidates, status.to)
    status = replace(status, candidates=candidates, updated=updated)
    failed = failure(plan.gates, candidates, status.to, scene.reports, scene.now)
    if failed:
        return _enter(status, Phase.ROLLING_BACK, scene, failed)
    step = plan.steps[status.step % len(plan.steps)]
    left = step.bake - (scene.now - status.since)
    if left > 0:
        return replace(status, reason="")
    if waits := _held(plan, status, scene):
        return replace(status, reason=waits)
    return _enter(status, Phase.PROMOTING, scene)


def _held(plan: Plan, status: Status, scene: Scene) -> str:
    """Why a step that has baked is not promoted, in words."""
    if unsure := unmeasured(plan.gates, status.candidates, status.to, scene.reports):
        return unsure
    approved = plan.approved > status.step and plan.approved_revision == status.to
    wish = f"`approved: {status.step + 1}` and `approvedRevision: {status.to}`"
    if plan.steps[status.step % len(plan.steps)].approval and not approved:
        return f"waits for {wish}"
    if not approved and (missing := _without_evidence(plan, status, scene)):
        return f"{missing}; it goes on when one does, or with {wish}"
    return scene.frozen


def _without_evidence(plan: Plan, status: Status, scene: Scene) -> str:
    """At the end of a region, or of everything: which requirement nobody has seen there, in words."""
    leg, within = divmod(status.step, len(plan.steps))
    if within < len(plan.steps) - 1:
        return ""
    region, here = legs(scene.nodes, plan.order, plan.order_by)[leg]
    names = {node.metadata.name for node in here} & set(status.candidates)
    missing = unproved(plan.gates, names, status.to, scene.reports)
    where = f"region {region}: " if region else ""
    return f"{where}no node reports a process of {', '.join(missing)}" if missing else ""


def _promoting(plan: Plan, status: Status, scene: Scene, salt: str) -> Status:
    ahead = [step for step in _walked(plan, scene.nodes) if step > status.step]
    if not ahead:
        return replace(_enter(status, Phase.SUCCEEDED, scene), candidates=())
    following = replace(status, step=ahead[0])
    picked = chosen(plan, scene.nodes, following.step, salt) | _present(scene, status.candidates)
    return replace(_enter(following, Phase.PROGRESSING, scene), candidates=tuple(sorted(picked)))


def _rolling_back(plan: Plan, status: Status, scene: Scene, _: str) -> Status:
    """Until no node runs the revision, or the deadline: a node that never answers holds nothing up."""
    left = _running(scene, (node.metadata.name for node in scene.nodes), status.to)
    status = replace(status, updated=left)
    if left and scene.now - status.since <= plan.gates.deadline:
        return status
    return _enter(status, Phase.ROLLED_BACK, scene, status.reason)


def _grown(plan: Plan, status: Status, scene: Scene, salt: str) -> Status:
    """Nodes come and go while a step lasts: those that are new join as the step's share says."""
    names = chosen(plan, scene.nodes, status.step, salt) | _present(scene, status.candidates)
    return replace(status, candidates=tuple(sorted(names)))


def _present(scene: Scene, names: Iterable[str]) -> set[str]:
    return {node.metadata.name for node in scene.nodes} & set(names)


def _refuses(scene: Scene, name: str, revision: str) -> bool:
    report = scene.reports.get(name)
    return report is not None and report.refused == revision


def _late(scene: Scene, status: Status) -> str:
    """Who has not taken the revision, by name where they are few."""
    late = [name for name in status.candidates if not _running(scene, (name,), status.to)]
    more = f" and {len(late) - NAMED} more" if len(late) > NAMED else ""
    return f"{', '.join(late[:NAMED])}{more}"


def _running(scene: Scene, names: Iterable[str], revision: str) -> int:
    return sum(1 for name in names if (found := scene.reports.get(name)) and found.revision == revision)

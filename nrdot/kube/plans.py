"""ProfileRollout and NodeTelemetry, from and to what the API server holds."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nrdot.config.values.units import duration
from nrdot.kube.gates import Gates, Report
from nrdot.kube.rollout import Phase, Plan, Status, Step, progress, region_of
from nrdot.kube.strata import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.cluster.objects import Custom, Node


SHOWN = 5000  # candidates that a status names; the pointer names all


def plan_of(rollout: Custom) -> Plan:
    """The server has checked types and filled in defaults."""
    spec = rollout.spec
    strategy, gates = spec.get("strategy", {}), spec.get("gates", {})
    return Plan(
        steps=tuple(
            Step(step["percent"], duration(step.get("bake", "10m")), bool(step.get("approval")))
            for step in strategy.get("steps") or ()
        )
        or (Step(100),),
        stratify=tuple(strategy.get("stratify") or ()),
        order=tuple(strategy.get("order") or ()),
        order_by=str(strategy.get("orderBy") or REGION),
        gates=_gates(gates),
        paused=bool(spec.get("paused")),
        approved=int(spec.get("approved") or 0),
        approved_revision=str(spec.get("approvedRevision") or ""),
        abort=bool(spec.get("abort")),
    )


def _gates(said: Mapping[str, Any]) -> Gates:
    usual = Gates()
    least = said.get("minimumReduction")
    return Gates(
        critical_coverage=float(said.get("criticalCoverage", usual.critical_coverage)),
        conservation=bool(said.get("conservation", usual.conservation)),
        requirements=tuple(said.get("requirements") or ()),
        agent_cpu=float(said.get("agentCpu", usual.agent_cpu)),
        tick_delay=duration(said.get("tickDelay", f"{usual.tick_delay:g}s")),
        missing=float(said.get("missing", usual.missing)),
        deadline=duration(said.get("deadline", f"{usual.deadline:g}s")),
        minimum_reduction=None if least is None else float(least),
    )


def status_of(rollout: Custom, pointed: Sequence[str] = ()) -> Status:
    """`pointed` are the candidates that the pointer names, of whom the status may leave some out."""
    said = rollout.status
    candidates = {*(said.get("candidates") or ()), *(pointed if said.get("candidatesLeftOut") else ())}
    phase = Phase(said["phase"]) if said.get("phase") in set(Phase) else Phase.PENDING
    return Status(
        phase=phase,
        step=int(said.get("step") or 0),
        before=said.get("from", ""),
        to=said.get("to", ""),
        since=seconds(said.get("since", "")) or 0.0,
        candidates=tuple(sorted(candidates)),
        reason=said.get("reason", ""),
        nodes=int(said.get("nodes") or 0),
        updated=int(said.get("updated") or 0),
    )


def status_document(status: Status, plan: Plan, nodes: Sequence[Node]) -> dict[str, Any]:
    reached, steps = progress(plan, nodes, status.step)
    return {
        "phase": status.phase.value,
        "step": status.step,
        "progress": f"{steps if status.phase is Phase.SUCCEEDED else reached}/{steps}",
        "region": region_of(plan, status.step),
        "from": status.before,
        "to": status.to,
        "since": rfc3339(status.since),
        "candidates": list(status.candidates[:SHOWN]),
        "candidatesLeftOut": max(len(status.candidates) - SHOWN, 0),
        "reason": status.reason,
        "nodes": status.nodes,
        "updated": status.updated,
    }


def report_of(found: Custom) -> Report | None:
    """What a node's agent reported; None where it never did."""
    said = found.status
    at = seconds(said.get("reportedAt", ""))
    if at is None:
        return None
    agent, critical, proved = said.get("agent") or {}, said.get("critical") or {}, said.get("requirements")
    return Report(
        revision=said.get("revision", ""),
        at=at,
        refused=said.get("refused", ""),
        error=said.get("error", ""),
        coverage=_number(critical.get("covered")),
        cpu=_number(agent.get("cpu")),
        tick_delay=_number(agent.get("tickDelay")),
        reduction=_number(said.get("reduction")),
        exact=(said.get("conservation") or {}).get("exact"),
        off=(said.get("conservation") or {}).get("difference", ""),
        requirements=None if proved is None else {one["requirement"]: _pair(one) for one in proved},
    )


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> float | None:
    """Seconds since the epoch."""
    with suppress(ValueError):
        return datetime.fromisoformat(text).timestamp()
    return None


def _number(said: object) -> float | None:
    with suppress(ValueError):
        return float(said) if isinstance(said, str | int | float) else None
    return None


def _pair(said: Mapping[str, Any]) -> tuple[int, int]:
    return int(said["seen"]), int(said["exported"])

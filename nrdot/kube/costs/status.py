"""The status of a TelemetryCostReport, from figures, and back to what has to be remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nrdot.kube.costs.optimizer import HOLDS, Advice
from nrdot.kube.costs.requests import of_namespace, of_workloads
from nrdot.kube.plans import rfc3339, seconds
from nrdot.pricing.amounts import DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nrdot.kube.costs.allocation import Bill, Share
    from nrdot.kube.costs.requests import Requests
    from nrdot.kube.costs.usage import Fleet, Part

NAMED = 20  # nodes that do not report
SHOWN = 5  # recommendations in one line
_FIGURES = (
    "window",
    "meter",
    "currency",
    "cost",
    "unoptimized",
    "saved",
    "points",
    "namespaces",
    "others",
    "unallocated",
    "workloads",
)
Document = dict[str, Any]


def kept(status: Mapping[str, Any]) -> Document:
    """Figures that stay where no new ones can be had."""
    return {name: status[name] for name in _FIGURES if name in status}


def heading(fleet: Fleet, now: float) -> Document:
    return {
        "computedAt": rfc3339(now),
        "nodes": {
            "reporting": fleet.nodes,
            "missing": len(fleet.missing),
            "names": list(fleet.missing[:NAMED]),
        },
    }


def computed_at(status: Mapping[str, Any]) -> float | None:
    return seconds(str(status.get("computedAt") or ""))


def figures(fleet: Fleet, made: Bill | None, requests: Requests, most: int) -> Document:
    """What is shown adds up: namespaces, the others and what is unallocated are the cost."""
    if made is None:
        return {}
    shares, parts = made.namespaces, fleet.namespaces()
    order = sorted(shares, key=lambda name: (-shares[name].cost, -shares[name].unoptimized, name))
    found: Document = {
        "window": {"from": fleet.since, "to": fleet.until},
        "meter": made.meter,
        "currency": made.currency,
        "cost": _money(made.cost),
        "unoptimized": _money(made.unoptimized),
        "saved": _money(made.saved),
        "points": _points(fleet.total("points"), fleet.total("points_sent")),
        "namespaces": [_namespace(name, shares[name], parts[name], requests) for name in order[:most]],
        "unallocated": _share(made.unallocated),
        "workloads": of_workloads(requests, fleet),
    }
    small = [shares[name] for name in order[most:]]
    found["others"] = {"count": len(small), **_sums(small)} if small else None
    return {name: said for name, said in found.items() if said is not None}


def advice(advices: Sequence[Advice]) -> Document:
    return {
        "applied": sum(1 for one in advices if one.applied),
        "recommended": _in_a_line(advices),
        "recommendations": [_recommendation(one) for one in advices],
    }


def _in_a_line(advices: Sequence[Advice]) -> str:
    """What changes something, or would, the surest first."""
    found = [one for one in advices if one.applied or (one.state == "Proposed" and one.reason != HOLDS)]
    found.sort(key=lambda one: (-one.confidence, one.namespace))
    words = [f"{one.namespace} {one.profile} {one.confidence:.2f}" for one in found[:SHOWN]]
    return ", ".join(words) + (f", and {len(found) - SHOWN} more" if len(found) > SHOWN else "")


def advice_of(status: Mapping[str, Any]) -> list[Advice]:
    """What a status remembers."""
    return [
        Advice(
            namespace=said["namespace"],
            profile=said.get("profile", ""),
            confidence=float(said.get("confidence", 0.0)),
            evidence=said.get("evidence", ""),
            state=said.get("state", "Watching"),
            reason=said.get("reason", ""),
            since=seconds(said.get("since", "")) or 0.0,
            until=seconds(said.get("until", "")) or 0.0,
            before=float(said["before"]) if "before" in said else None,
            votes=said.get("votes", ""),
            at=int(said.get("at", -1)),
        )
        for said in status.get("recommendations") or ()
    ]


def _recommendation(one: Advice) -> Document:
    found: Document = {
        "namespace": one.namespace,
        "profile": one.profile,
        "confidence": f"{one.confidence:.3f}",
        "state": one.state,
        "reason": one.reason,
        "evidence": one.evidence,
        "since": rfc3339(one.since) if one.since else None,
        "until": rfc3339(one.until) if one.until else None,
        "before": f"{one.before:.6f}" if one.before is not None else None,
        "votes": one.votes,
        "at": one.at,
    }
    return {name: said for name, said in found.items() if said is not None}


def _namespace(name: str, share: Share, part: Part, requests: Requests) -> Document:
    return {
        "namespace": name,
        **_share(share),
        "profile": part.profile,
        "processes": round(part.get("processes"), 1),
        "kept": round(part.get("kept"), 1),
        "points": _points(part.get("points"), part.get("points_sent")),
        **of_namespace(requests, name, part.get("cpu"), part.get("memory")),
    }


def _share(share: Share) -> Document:
    return {
        "cost": _money(share.cost),
        "direct": _money(share.direct),
        "shared": _money(share.shared),
        "unoptimized": _money(share.unoptimized),
        "saved": _money(share.saved),
    }


def _sums(shares: Iterable[Share]) -> Document:
    found: dict[str, float] = {}
    for share in shares:
        for name in ("cost", "direct", "shared", "unoptimized", "saved"):
            found[name] = found.get(name, 0.0) + getattr(share, name)
    return {name: _money(round(amount, DIGITS)) for name, amount in found.items()}


def _points(before: float, sent: float) -> Document:
    """In a minute."""
    return {"unoptimized": round(before * 60), "sent": round(sent * 60)}


def _money(amount: float) -> str:
    return f"{amount:.{DIGITS}f}"

"""What a HorizontalPodAutoscaler says about its workload, and what follows from it.

    it scales out                       no rollout is promoted anywhere
    it has been at its minimum          where a profile says `scaleIn`, another profile holds for the pods
    for the cooldown                    of that workload, until it scales out again

Everything is read from the autoscaler as it stands, so a restart of the operator forgets nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nrdot.config.values.units import duration
from nrdot.kube.plans import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.cluster.objects import Autoscaler, Custom

COOLDOWN = "15m"
MOST = 200  # workloads whose profile follows their size; each is a scope of the document


def growing(autoscalers: Sequence[Autoscaler]) -> str:
    """Why no rollout goes further now: what is new on its nodes would be judged by newcomers."""
    found = sorted(one.metadata.key for one in autoscalers if one.grows)
    more = f", and {len(found) - 1} more" if found[1:] else ""
    return f"{found[0]} scales out{more}" if found else ""


def calm_scopes(
    profile: Custom, autoscalers: Sequence[Autoscaler], now: float
) -> tuple[list[Mapping[str, str]], float | None]:
    """Scopes for workloads that are small for long enough, and in how many seconds the next one will be."""
    wish: Mapping[str, Any] = profile.spec.get("scaleIn") or {}
    if not wish:
        return [], None
    cooldown = duration(wish.get("cooldown", COOLDOWN))
    scopes: list[Mapping[str, str]] = []
    waits = []
    for one in sorted(autoscalers, key=lambda one: one.metadata.key):
        since = seconds(one.status.last_scale_time or "")
        if not one.smallest or since is None:
            continue
        if now - since < cooldown:
            waits.append(cooldown - (now - since))
        else:
            scopes.append(_scope(one, str(wish["profile"])))
    return scopes[:MOST], min(waits, default=None)


def _scope(one: Autoscaler, profile: str) -> Mapping[str, str]:
    target = one.spec.scale_target_ref
    return {
        "namespace": one.metadata.namespace,
        "selector": f"workload={target.kind}/{target.name}",
        "profile": profile,
        "reason": f"HorizontalPodAutoscaler {one.metadata.key} is at its minimum",
    }

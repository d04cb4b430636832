"""Where a rollout stands, in words: what is so, why, and what comes next.

Times are moments and no spans, so that the words stay the same while nothing happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.kube.plans import rfc3339
from nrdot.kube.rollout import Phase, progress, region_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.cluster.objects import Node
    from nrdot.kube.rollout import Plan, Status


def outlook(plan: Plan, status: Status, nodes: Sequence[Node]) -> str:
    reached, steps = progress(plan, nodes, status.step)
    region = region_of(plan, status.step)
    at = f"step {reached} of {steps}" + (f", region {region}" if region else "")
    following = {
        Phase.PENDING: lambda: status.reason or "begins at once",
        Phase.PROGRESSING: lambda: f"{at}: {_spread(plan, status)}",
        Phase.BAKING: lambda: f"{at}: {_watched(plan, status)}",
        Phase.PROMOTING: lambda: f"{at} is done, the next one follows",
        Phase.SUCCEEDED: lambda: status.reason or "every node runs it",
        Phase.ROLLING_BACK: lambda: f"{status.reason}; {status.updated} of {status.nodes} nodes still run it",
        Phase.ROLLED_BACK: lambda: f"{status.reason}; {_again(plan)}",
        Phase.PAUSED: lambda: f"{at if status.candidates else 'not begun'}: {status.reason}",
    }
    return following[status.phase]()


def _spread(plan: Plan, status: Status) -> str:
    until = rfc3339(status.since + plan.gates.deadline)
    return f"{status.updated} of {len(status.candidates)} nodes run it, the others have until {until}"


def _watched(plan: Plan, status: Status) -> str:
    until = rfc3339(status.since + plan.steps[status.step % len(plan.steps)].bake)
    run = f"{status.updated} of {len(status.candidates)} nodes run it"
    return status.reason or f"{run}, watched until {until}"


def _again(plan: Plan) -> str:
    if plan.abort:
        return "nothing is tried again while spec.abort is true"
    return "it is tried again once the profile has changed; without this rollout it goes to all nodes at once"

"""What a pass makes of ClassificationPolicies: rules for what was discovered, and what each policy is told.

A policy that cannot be compiled keeps every profile from being pushed anew, so it says so itself: alone where
it alone is refused, together with the others where only all of them together are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nrdot.kube.compiled import NotCompiledError, rules_of
from nrdot.kube.discovery import MOST, Discovery, selectors_of
from nrdot.kube.told import Condition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.cluster.objects import ConfigMap, Custom, Pod
    from nrdot.kube.compiled import Compiler
    from nrdot.kube.discovery import Proposal
    from nrdot.kube.told import Teller


@dataclass(frozen=True, slots=True)
class Found:
    """What no rule speaks of, by the name of the policy that asks for it, and what of it is to apply."""

    proposals: Sequence[Proposal]
    applied: Mapping[str, Sequence[Proposal]]

    @property
    def rules(self) -> Mapping[str, Any]:
        return {"label_based_scoring": [one.rule() for each in self.applied.values() for one in each]}


class Policies:
    def __init__(self, teller: Teller, compiler: Compiler) -> None:
        self._teller = teller
        self._compiler = compiler
        self._discovery = Discovery()

    def discover(
        self,
        policies: Sequence[Custom],
        profiles: Sequence[Custom],
        rules: Sequence[ConfigMap],
        pods: Sequence[Pod],
    ) -> Found:
        """Workloads that no rule speaks of; nothing where no policy asks."""
        asking = [policy for policy in policies if policy.spec.get("discovery") is not None]
        proposals: Sequence[Proposal] = ()
        if asking:
            ruled = [one for found in rules if (one := _readable(found)) is not None]
            configured = [profile.spec.get("configuration") or {} for profile in profiles]
            proposals = self._discovery.proposals(pods, selectors_of(policies, [*ruled, *configured]))
        applied = {}
        for policy in asking:
            said = policy.spec["discovery"] or {}
            least = float(said.get("minimum", 1.0))
            applied[policy.metadata.name] = [
                one
                for one in proposals
                if said.get("apply") == "Apply" and one.selector and one.confidence >= least
            ]
        return Found(proposals, applied)

    def tell(self, policies: Sequence[Custom], found: Found, refusals: Mapping[str, str]) -> None:
        """`refusals` are the profiles that do not compile, and why. Raises ApiError."""
        alone = {policy.metadata.name: self._refusal([policy]) for policy in policies}
        together = "" if any(alone.values()) or not refusals else self._refusal(policies)
        for policy in policies:
            words = alone[policy.metadata.name] or (together and f"together with other policies: {together}")
            self._say(policy, found, self._condition(words, refusals))

    def _refusal(self, policies: Sequence[Custom]) -> str:
        """What the linter says of these policies over the plainest profile; empty where it takes them."""
        try:
            self._compiler.compile_rules(policies)
        except NotCompiledError as error:
            return str(error)
        return ""

    @staticmethod
    def _condition(words: str, refusals: Mapping[str, str]) -> Condition:
        if words:
            return Condition(
                "Ready", False, "Refused", f"{words}; no profile is pushed anew until this is mended"
            )
        if refusals:
            names = ", ".join(sorted(refusals))
            return Condition("Ready", True, "InEffect", f"but for TelemetryProfile {names}, not compiled")
        return Condition("Ready", True, "InEffect")

    def _say(self, policy: Custom, found: Found, ready: Condition) -> None:
        asks = policy.metadata.name in found.applied
        proposals = found.proposals if asks else ()
        applied = found.applied.get(policy.metadata.name, ()) if ready.holds else ()
        documents = [one.document(applied=one in applied) for one in proposals[:MOST]]
        known = {(one["namespace"], one["workload"]) for one in policy.status.get("proposals") or ()}
        further = {"unmatched": len(proposals), "proposals": documents}
        self._teller.status("ClassificationPolicy", "classificationpolicies", policy, [ready], further)
        for one in proposals[:MOST]:
            if (one.namespace, one.workload) not in known:
                words = (
                    f"{one.namespace}/{one.workload}: {one.class_name}, score {one.score:g}; {one.evidence}"
                )
                self._teller.event("ClassificationPolicy", policy, "Proposed", words)


def _readable(found: ConfigMap) -> Mapping[str, Any] | None:
    """What a ConfigMap of rules says; the compiler says what is wrong with one that cannot be read."""
    try:
        return rules_of(found)
    except NotCompiledError:
        return None

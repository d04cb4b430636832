"""From what teams wrote to what nodes are told: one pass over the profiles, cheap enough for any change.

    profiles, policies, rules ─► groups ─► compiled ─► revision ─► rollout ─► pointer ─► NodeTelemetry
                                                                      ▲
                                                  what agents report ─┘

A pass reads only the copies that the reflectors keep, and writes only what differs from them. So it can be
cut short anywhere, by a killed process or a server that is gone, and the next one finishes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nrdot.cluster.api import ApiError, Resource
from nrdot.cluster.revision import revision_of
from nrdot.kube import conditions
from nrdot.kube.compiled import Compiled, Compiler, NotCompiledError, rules_of
from nrdot.kube.discovery import MOST as PROPOSALS
from nrdot.kube.discovery import Discovery, selectors_of
from nrdot.kube.groups import Group, grouped, is_for_workloads
from nrdot.kube.plans import plan_of, report_of, status_of
from nrdot.kube.pointers import (
    GROUP,
    KIND,
    LIFE,
    RENEWAL,
    Pointer,
    fitting,
    last_sequence,
    pointer_name,
    read_pointer,
    revision_document,
    revision_name,
)
from nrdot.kube.rollout import Phase, Scene, advance
from nrdot.kube.told import GROUP as OURS
from nrdot.kube.told import Condition, Teller
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.clock import Clock
    from nrdot.cluster.api import Api
    from nrdot.cluster.objects import ConfigMap, Custom, Node, Pod
    from nrdot.kube.discovery import Proposal
    from nrdot.kube.gates import Report

_log = Log("kube")

KEPT = 10  # revisions of a group that are kept beside those in use
SOON = 15.0  # seconds until a rollout that is under way is looked at again
INVALID = {400, 413, 422}  # what the server says of an object that it will never take


@dataclass(frozen=True, slots=True)
class View:
    """The copies of the cluster that a pass reads."""

    profiles: Sequence[Custom]
    policies: Sequence[Custom]
    rollouts: Sequence[Custom]
    telemetries: Sequence[Custom]
    nodes: Sequence[Node]
    maps: Sequence[ConfigMap]  # ours, by label
    rules: Sequence[ConfigMap]  # of teams
    pods: Sequence[Pod] = ()
    frozen: str = ""  # why promotions wait


class Controller:
    """One pass at a time, by whoever leads."""

    def __init__(self, api: Api, clock: Clock, namespace: str, teller: Teller) -> None:
        self._api = api
        self._clock = clock
        self._namespace = namespace
        self._teller = teller
        self._discovery = Discovery()
        self._compiler = Compiler()

    def turn(self, view: View) -> float | None:
        """Make the cluster so; in how many seconds to look again at the latest. Raises ApiError."""
        view = replace(
            view,
            profiles=[self._teller.fresh(one) for one in view.profiles],
            policies=[self._teller.fresh(one) for one in view.policies],
            rollouts=[self._teller.fresh(one) for one in view.rollouts],
        )
        groups = grouped(view.profiles, view.nodes)
        reports = {
            one.metadata.name: found for one in view.telemetries if (found := report_of(one)) is not None
        }
        discovered = self._discover(view)
        pending = False
        for group in groups.values():
            try:
                pending = self._group(group, view, reports, discovered) or pending
            except ApiError as error:
                if error.status not in INVALID:
                    raise
                # One group that can never be written must not hold up the others.
                conditions.refused(self._teller, group, str(error), reports)
        for profile in view.profiles:
            if is_for_workloads(profile):
                conditions.for_workloads(self._teller, profile)
        self._ineffective(groups, view)
        self._compiler.forget_unused()
        self._point(groups, view)
        self._tidy(groups, view)
        return SOON if pending else None

    def _discover(self, view: View) -> Mapping[str, Any]:
        """What workloads no rule speaks of are proposed to be; gives the rules of those that are to apply."""
        asking = [policy for policy in view.policies if policy.spec.get("discovery") is not None]
        ruled = [one for found in view.rules if (one := _readable(found)) is not None]
        configured = [profile.spec.get("configuration") or {} for profile in view.profiles]
        proposals: Sequence[Proposal] = ()
        if asking:
            selectors = selectors_of(view.policies, [*ruled, *configured])
            proposals = self._discovery.proposals(view.pods, selectors)
        rules = []
        for policy in view.policies:
            said = policy.spec.get("discovery") or {}
            apply, least = said.get("apply") == "Apply", float(said.get("minimum", 1.0))
            applied = [one for one in proposals if apply and one.selector and one.confidence >= least]
            rules += [one.rule() for one in applied]
            self._policy_status(policy, proposals if policy in asking else (), applied)
        return {"label_based_scoring": rules}

    def _policy_status(
        self, policy: Custom, proposals: Sequence[Proposal], applied: Sequence[Proposal]
    ) -> None:
        documents = [one.document(applied=one in applied) for one in proposals[:PROPOSALS]]
        known = {(one["namespace"], one["workload"]) for one in policy.status.get("proposals") or ()}
        self._teller.status(
            "ClassificationPolicy",
            "classificationpolicies",
            policy,
            [Condition("Ready", True, "InEffect")],
            {"unmatched": len(proposals), "proposals": documents},
        )
        for one in proposals[:PROPOSALS]:
            if (one.namespace, one.workload) not in known:
                words = (
                    f"{one.namespace}/{one.workload}: {one.class_name}, score {one.score:g}; {one.evidence}"
                )
                self._teller.event("ClassificationPolicy", policy, "Proposed", words)

    def _group(
        self, group: Group, view: View, reports: Mapping[str, Report], discovered: Mapping[str, Any]
    ) -> bool:
        """One profile from its resource to its pointer; whether something is under way."""
        name = group.profile.metadata.name
        maps = {one.metadata.name: one for one in view.maps}
        rollout = _rollout(view.rollouts, name)
        held = maps.get(pointer_name(name))
        pointer = _trusted(held, maps, name, rollout)
        workloads = [one for one in view.profiles if is_for_workloads(one)]
        try:
            compiled = self._compiler.compile(group.profile, workloads, view.policies, view.rules, discovered)
            if rollout is not None and pointer is not None:
                fitting(pointer.stable, compiled.text, group.nodes)
        except NotCompiledError as error:
            # What runs stays: a rollout under way goes on, and what was pushed is kept as it was.
            conditions.refused(self._teller, group, str(error), reports)
            compiled = None
        if compiled is not None:
            self._keep(name, compiled, maps)
        wanted = compiled.text if compiled else (pointer.candidate or pointer.stable if pointer else "")
        if not wanted:
            return False
        if pointer is None:
            pointer = Pointer(name, stable=wanted)  # the first one is not rolled out: nothing ran before
        if rollout is None:
            following, pending = replace(pointer, stable=wanted, candidate="", candidates=()), False
        else:
            following, pending = self._rolled(
                rollout, group, pointer, wanted, reports=reports, frozen=view.frozen
            )
        self._write(held, following, above=_above(group, view, maps, held))
        if compiled is not None:
            conditions.accepted(self._teller, group, compiled, following, reports)
        return pending

    def _rolled(
        self,
        rollout: Custom,
        group: Group,
        pointer: Pointer,
        wanted: str,
        *,
        reports: Mapping[str, Report],
        frozen: str,
    ) -> tuple[Pointer, bool]:
        """What the pointer says while a rollout lasts. Its status is written first: it is the memory."""
        plan, before = plan_of(rollout), status_of(rollout)
        scene = Scene(
            self._clock.wall_ns() / 1e9,
            tuple(group.nodes),
            reports,
            revision_of(wanted),
            revision_of(pointer.stable),
            frozen,
        )
        after = advance(plan, before, scene, rollout.metadata.uid)
        conditions.progressed(self._teller, rollout, plan, group.nodes, before=before, after=after)
        pending = not after.settled
        if after.phase is Phase.SUCCEEDED and after.to == revision_of(wanted):
            return replace(pointer, stable=wanted, candidate="", candidates=()), pending
        if not after.candidates:
            return replace(pointer, candidate="", candidates=()), pending
        why = f"ProfileRollout {rollout.metadata.name}, step {after.step + 1}"
        return replace(pointer, candidate=wanted, candidates=after.candidates, why=why), pending

    def _ineffective(self, groups: Mapping[str, Group], view: View) -> None:
        """Rollouts that decide nothing say so."""
        for one in view.rollouts:
            name = str(one.spec.get("profile") or "")
            decides = _rollout(view.rollouts, name)
            if name not in groups:
                known = any(profile.metadata.name == name for profile in view.profiles)
                reason = "ProfileForWorkloads" if known else "ProfileMissing"
                words = "is for workloads, and takes effect at once" if known else "does not exist"
                words = f"TelemetryProfile {name} {words}; no node is changed by this rollout"
                conditions.without_effect(self._teller, one, reason, words)
            elif decides is not one and decides is not None:
                words = f"ProfileRollout {decides.metadata.name} is newer, and decides about {name}"
                conditions.without_effect(self._teller, one, "Superseded", words)

    def _keep(self, group: str, compiled: Compiled, maps: Mapping[str, ConfigMap]) -> None:
        name = revision_name(group, compiled.revision)
        found = maps.get(name)
        path = Resource("v1", "configmaps", self._namespace)
        if found is not None and found.data.get("document.yaml") == compiled.text:
            return
        if found is not None:
            self._api.delete(path.path(name))  # it was deleted and made anew by a hand: not what it claims
        self._api.apply(path.path(name), revision_document(group, compiled.text, self._namespace))

    def _write(self, held: ConfigMap | None, wanted: Pointer, *, above: int) -> None:
        """Say it under a number that is higher than any before, and only where it is not said yet."""
        now = self._clock.wall_ns() / 1e9
        said = read_pointer(held) if held else None
        if said is not None and said.says(wanted) and said.expires - now > RENEWAL and said.sequence > above:
            return
        # Milliseconds since the epoch, so that the count goes on where a pointer was deleted.
        last = max(above, last_sequence(held) if held else 0)
        sequence = max(last + 1, self._clock.wall_ns() // 1_000_000)
        written = replace(wanted, sequence=sequence, expires=now + LIFE)
        self._api.apply(
            Resource("v1", "configmaps", self._namespace).path(wanted.name), written.document(self._namespace)
        )
        _log.info(
            "a pointer is written", group=wanted.group, sequence=sequence, stable=revision_of(wanted.stable)
        )

    def _point(self, groups: Mapping[str, Group], view: View) -> None:
        """Each node's NodeTelemetry names its pointer. Agents watch the one of their node."""
        wanted = {
            node.metadata.name: pointer_name(name) for name, group in groups.items() for node in group.nodes
        }
        known = {one.metadata.name: one for one in view.telemetries}
        path = Resource(OURS, "nodetelemetries", self._namespace)
        for node in view.nodes:
            name = node.metadata.name
            pointer = wanted.get(name, "")
            if name in known and (known[name].spec.get("pointer") or "") == pointer:
                continue
            owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node.metadata.uid}
            metadata = {"name": name, "namespace": self._namespace, "ownerReferences": [owner]}
            document = {
                "apiVersion": OURS,
                "kind": "NodeTelemetry",
                "metadata": metadata,
                "spec": {"pointer": pointer},
            }
            self._api.apply(path.path(name), document)

    def _tidy(self, groups: Mapping[str, Group], view: View) -> None:
        """Old revisions go, and everything of groups that are no more and that no rollout waits for."""
        known = groups.keys() | {one.spec.get("profile") for one in view.rollouts}
        path = Resource("v1", "configmaps", self._namespace)
        pointed = {
            revision_name(pointer.group, revision_of(text))
            for one in view.maps
            if (pointer := read_pointer(one)) is not None
            for text in (pointer.stable, pointer.candidate)
            if text
        }
        newest = sorted(view.maps, key=lambda one: one.metadata.creation_timestamp, reverse=True)
        count: dict[str, int] = {}
        for one in newest:
            group = one.metadata.labels.get(GROUP, "")
            kind = one.metadata.labels.get(KIND)
            if kind == "revision" and one.metadata.name not in pointed:
                count[group] = count.get(group, 0) + 1
                if group not in known or count[group] > KEPT:
                    self._api.delete(path.path(one.metadata.name))
            elif kind == "pointer" and group not in known:
                self._api.delete(path.path(one.metadata.name))


def _rollout(rollouts: Sequence[Custom], profile: str) -> Custom | None:
    """The newest rollout of a profile decides."""
    found = [one for one in rollouts if one.spec.get("profile") == profile]
    return max(found, key=lambda one: (one.metadata.creation_timestamp, one.metadata.name), default=None)


def _trusted(
    held: ConfigMap | None, maps: Mapping[str, ConfigMap], group: str, rollout: Custom | None
) -> Pointer | None:
    """What the pointer said; where it was deleted or changed by a hand, what the rollout calls stable."""
    said = read_pointer(held) if held else None
    if said is not None:
        return said
    status = status_of(rollout) if rollout else None
    if status is None:
        return None
    revision = status.to if status.phase is Phase.SUCCEEDED else status.before
    kept = maps.get(revision_name(group, revision))
    text = kept.data.get("document.yaml", "") if kept else ""
    return Pointer(group, stable=text) if text and revision_of(text) == revision else None


def _above(group: Group, view: View, maps: Mapping[str, ConfigMap], held: ConfigMap | None) -> int:
    """The highest number that nodes which join may have taken elsewhere: they would take nothing lower."""
    own, names = pointer_name(group.profile.metadata.name), {node.metadata.name for node in group.nodes}
    least = 0
    for one in view.telemetries:
        before = str(one.spec.get("pointer") or "")
        if one.metadata.name not in names or before == own or not (before or one.status.get("revision")):
            continue
        other = maps.get(before)
        # Of a pointer that is gone nobody knows the number: any new one is higher, by the clock.
        least = max(least, last_sequence(other) if other else last_sequence(held) if held else 0)
    return least


def _readable(found: ConfigMap) -> Mapping[str, Any] | None:
    """What a ConfigMap of rules says; the compiler says what is wrong with one that cannot be read."""
    try:
        return rules_of(found)
    except NotCompiledError:
        return None

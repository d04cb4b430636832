"""From what teams wrote to what nodes are told: one pass over the profiles, cheap enough for any change.

    profiles, policies, rules ─► groups ─► compiled ─► revision ─► rollout ─► pointer ─► NodeTelemetry
                                                                      ▲
                                                  what agents report ─┘

A pass reads only the copies that the reflectors keep, and writes only what differs from them. So it can be
cut short anywhere, by a killed process or a server that is gone, and the next one finishes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nrdot.cluster.api import ApiError
from nrdot.cluster.revision import revision_of
from nrdot.kube import conditions
from nrdot.kube.compiled import Compiler, NotCompiledError
from nrdot.kube.costs.advising import Seen
from nrdot.kube.costs.keeper import CostKeeper
from nrdot.kube.groups import Group, grouped, is_for_workloads
from nrdot.kube.plans import plan_of, report_of, status_of
from nrdot.kube.pointers import Pointer, fitting, pointer_name, read_pointer, revision_name
from nrdot.kube.policies import Policies
from nrdot.kube.pushing import Pushing
from nrdot.kube.rollout import Phase, Scene, advance, next_look
from nrdot.kube.scaling import calm_scopes
from nrdot.kube.unguided import Unguided

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.clock import Clock
    from nrdot.cluster.api import Api
    from nrdot.cluster.objects import Autoscaler, ConfigMap, Custom, Node, Pod, Recommender
    from nrdot.kube.compiled import Compiled
    from nrdot.kube.costs.keeper import Pace
    from nrdot.kube.gates import Report
    from nrdot.kube.told import Teller

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
    costs: Sequence[Custom] = ()
    recommenders: Sequence[Recommender] = ()
    frozen: str = ""  # why promotions wait
    autoscalers: Sequence[Autoscaler] = ()
    gone: Sequence[str] = ()  # nodes that left a NodeTelemetry behind, where no server collects it


@dataclass(slots=True)
class _Pass:
    """What one pass reads, and what it has come to, group by group."""

    view: View
    maps: Mapping[str, ConfigMap]
    reports: Mapping[str, Report]
    discovered: Mapping[str, Any]
    pointers: dict[str, Pointer] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)  # of profiles that do not compile
    again: list[float] = field(default_factory=list)  # in how many seconds to look at the latest


class Controller:
    """One pass at a time, by whoever leads."""

    def __init__(
        self, api: Api, clock: Clock, namespace: str, teller: Teller, pace: Pace | None = None
    ) -> None:
        self._clock = clock
        self._teller = teller
        self._compiler = Compiler()
        self._policies = Policies(teller, self._compiler)
        self._pushing = Pushing(api, clock, namespace)
        self._costs = CostKeeper(clock, teller, pace)
        self._unguided = Unguided(api, clock, namespace)

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
        discovered = self._policies.discover(view.policies, view.profiles, view.rules, view.pods)
        maps = {one.metadata.name: one for one in view.maps}
        decided = self._costs.turn(_seen(view))
        now = _Pass(view, maps, reports, {**discovered.rules, "scopes": decided.scopes})
        for group in groups.values():
            try:
                self._group(group, now)
            except ApiError as error:
                if error.status not in INVALID:
                    raise
                # One group that can never be written must not hold up the others.
                conditions.refused(self._teller, group, str(error), reports)
        for profile in view.profiles:
            if is_for_workloads(profile):
                conditions.for_workloads(self._teller, profile)
        self._ineffective(groups, view)
        self._policies.tell(view.policies, discovered, now.refusals)
        self._compiler.forget_unused()
        self._pushing.point(groups, now.pointers, view.nodes, view.telemetries, maps)
        self._pushing.forget(view.gone)
        self._pushing.tidy(groups, view.rollouts, view.maps)
        return min([*now.again, *([] if decided.again is None else [decided.again])], default=None)

    def _group(self, group: Group, now: _Pass) -> None:
        """One profile from its resource to its pointer."""
        name = group.profile.metadata.name
        rollout = _rollout(now.view.rollouts, name)
        held = now.maps.get(pointer_name(name))
        pointer = _trusted(held, now.maps, name, rollout)
        compiled = self._compiled(group, rollout, pointer, now)
        wanted = compiled.text if compiled else (pointer.candidate or pointer.stable if pointer else "")
        if not wanted:
            if rollout is not None:
                conditions.never_compiled(self._teller, rollout)
            return
        if pointer is None:
            pointer = Pointer(name, stable=wanted)  # the first one is not rolled out: nothing ran before
        guided = None
        if rollout is None:
            wait = 0.0 if held is None else self._unguided.wait(name, pointer.stable, wanted)
            now.again += [wait] if wait else []
            stable = pointer.stable if wait else wanted
            following = replace(pointer, stable=stable, candidate="", candidates=())
        else:
            following, guided = self._rolled(rollout, group, pointer, wanted, now)
        self._pushing.write(held, following)
        now.pointers[name] = following
        if compiled is not None:
            conditions.accepted(self._teller, group, compiled, now.reports, guided)

    def _compiled(
        self, group: Group, rollout: Custom | None, pointer: Pointer | None, now: _Pass
    ) -> Compiled | None:
        """The document of a profile as it reads now, kept beside the pointer; None where it cannot be pushed.

        What runs stays then: a rollout under way goes on, and what was pushed is kept as it was.
        """
        name, view = group.profile.metadata.name, now.view
        workloads = [one for one in view.profiles if is_for_workloads(one)]
        try:
            discovered = now.discovered if rollout is not None else self._by_size(group, now)
            compiled = self._compiler.compile(group.profile, workloads, view.policies, view.rules, discovered)
            if rollout is not None and pointer is not None:
                fitting(pointer.stable, compiled.text, group.nodes)
            self._pushing.keep(name, compiled, now.maps)
        except (NotCompiledError, ApiError) as error:
            if isinstance(error, ApiError) and error.status not in INVALID:
                raise
            conditions.refused(self._teller, group, str(error), now.reports)
            now.refusals[name] = str(error)
            return None
        return compiled

    def _by_size(self, group: Group, now: _Pass) -> Mapping[str, Any]:
        """With scopes of workloads at their minimum, which change by the hour and are not rolled out."""
        scopes, again = calm_scopes(group.profile, now.view.autoscalers, self._clock.wall_ns() / 1e9)
        now.again += [] if again is None else [again]
        return {**now.discovered, "scopes": [*now.discovered.get("scopes", ()), *scopes]}

    def _rolled(
        self, rollout: Custom, group: Group, pointer: Pointer, wanted: str, now: _Pass
    ) -> tuple[Pointer, tuple[Phase, str] | None]:
        """What the pointer says while a rollout lasts, and what it holds back.

        Its status is written first: it is the memory.
        """
        plan, before = plan_of(rollout), status_of(rollout, pointer.candidates)
        scene = Scene(
            self._clock.wall_ns() / 1e9,
            tuple(group.nodes),
            now.reports,
            revision_of(wanted),
            revision_of(pointer.stable),
            now.view.frozen,
        )
        after = advance(plan, before, scene, rollout.metadata.uid)
        refused = group.profile.metadata.name in now.refusals
        words = conditions.progressed(
            self._teller, rollout, plan, group.nodes, before=before, after=after, refused=refused
        )
        again = next_look(plan, after, scene.now)
        now.again += [] if again is None else [again]
        if after.phase is Phase.SUCCEEDED and after.to == revision_of(wanted):
            return replace(pointer, stable=wanted, candidate="", candidates=()), words
        if not after.candidates:
            return replace(pointer, candidate="", candidates=()), words
        why = f"ProfileRollout {rollout.metadata.name}, step {after.step + 1}"
        return replace(pointer, candidate=wanted, candidates=after.candidates, why=why), words

    def _ineffective(self, groups: Mapping[str, Group], view: View) -> None:
        """Rollouts that decide nothing say so."""
        for one in view.rollouts:
            name = str(one.spec.get("profile") or "")
            decides = _rollout(view.rollouts, name)
            if name not in groups:
                known = any(profile.metadata.name == name for profile in view.profiles)
                reason = "ProfileForWorkloads" if known else "ProfileMissing"
                words = "is for workloads, and takes effect at once" if known else "does not exist"
                words = f"TelemetryProfile {name} {words}; no node is changed, each keeps what it runs"
                conditions.without_effect(self._teller, one, reason, words)
            elif decides is not one and decides is not None:
                words = f"ProfileRollout {decides.metadata.name} is newer, and decides about {name}"
                conditions.without_effect(self._teller, one, "Superseded", words)


def _seen(view: View) -> Seen:
    return Seen(
        reports=view.costs,
        telemetries=view.telemetries,
        nodes=view.nodes,
        profiles=view.profiles,
        rollouts=view.rollouts,
        pods=view.pods,
        recommenders=view.recommenders,
    )


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

"""TelemetryCostReport: what the cluster's metrics cost, by namespace, and which profile each namespace needs.

    reports of nodes ─► added up ─► priced ─► divided ─┐
    pods, recommendations ─► asked for and used ───────┼─► status, at most every five minutes
    votes of the hours ─► advice ─► applied or not ────┘          │
                                              scopes of every group's document

The status is the memory: what is applied is what it says, so another leader goes on where this one ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nrdot.cluster.api import ApiError
from nrdot.kube.costs import status
from nrdot.kube.costs.advising import MOST, advised, age, optimizes
from nrdot.kube.costs.allocation import bill
from nrdot.kube.costs.optimizer import Advice, Terms
from nrdot.kube.costs.price_list import PriceLists
from nrdot.kube.costs.requests import requests_of
from nrdot.kube.costs.status import advice_of, computed_at
from nrdot.kube.costs.usage import LEAST, added_up
from nrdot.kube.told import Condition
from nrdot.pricing.prices import PricingError
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.clock import Clock
    from nrdot.cluster.objects import Custom
    from nrdot.kube.costs.advising import Seen
    from nrdot.kube.costs.allocation import Bill
    from nrdot.kube.costs.usage import Fleet
    from nrdot.kube.told import Teller

_log = Log("kube")

KIND, PLURAL = "TelemetryCostReport", "telemetrycostreports"
_INVALID = {400, 413, 422}  # what the server says of an object that it will never take


@dataclass(frozen=True, slots=True)
class Pace:
    """How often what is looked at; tests make it short."""

    every: float = 300.0  # seconds between two computations: agents report as often
    until_figures: float = 15.0  # seconds, as long as no node has said anything
    least: float = LEAST  # seconds that a node has measured before it counts
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True, slots=True)
class Decided:
    """Scopes that every group's document gets, and in how many seconds to look again."""

    scopes: Sequence[Mapping[str, str]] = ()
    again: float | None = None


class CostKeeper:
    def __init__(self, clock: Clock, teller: Teller, pace: Pace | None = None) -> None:
        self._clock = clock
        self._teller = teller
        self._pace = pace or Pace()
        self._prices = PriceLists()
        self._tried: dict[str, float] = {}  # by UID: when one was computed that the server did not take

    def turn(self, seen: Seen) -> Decided:
        """Write what is due. Raises ApiError."""
        if not seen.reports:
            return Decided()
        now = self._clock.wall_ns() / 1e9
        reports = sorted(map(self._teller.fresh, seen.reports), key=age)
        deciding = next((one for one in reports if optimizes(one)), None)
        fleet: Fleet | None = None
        again: list[float] = []
        scopes: list[Mapping[str, str]] = []
        for report in reports:
            decides = report is deciding
            due = self._due(report, now)
            if due <= 0:
                fleet = fleet or added_up(seen.telemetries, seen.nodes, now, self._pace.least)
                advices = self._compute(report, seen, fleet, now, decides=decides)
                due = self._pace.every if fleet.nodes else self._pace.until_figures
            else:
                advices = advice_of(report.status)
            again.append(due)
            if decides:
                scopes = [_scope(report, one) for one in advices if one.applied]
                again += [max(one.until - now, 1.0) for one in advices if one.applied]
        self._prices.forget_unused()
        return Decided(scopes, min(again))

    def _due(self, report: Custom, now: float) -> float:
        """In how many seconds it is to be computed; 0 or less is now."""
        if report.status.get("observedGeneration") != report.metadata.generation:
            last = None
        else:
            last = computed_at(report.status)
        tried = self._tried.get(report.metadata.uid)
        if tried is not None:
            last = tried if last is None else max(last, tried)
        if last is None:
            return 0.0
        reporting = (report.status.get("nodes") or {}).get("reporting")
        waits = [last + (self._pace.every if reporting else self._pace.until_figures)]
        if optimizes(report):
            waits += [one.until for one in advice_of(report.status) if one.applied and one.until > last]
        return min(waits) - now

    def _compute(
        self, report: Custom, seen: Seen, fleet: Fleet, now: float, *, decides: bool
    ) -> Sequence[Advice]:
        """Figures, money and advice of one report, into its status. What is not known stays as it was."""
        before = report.status
        conditions = [_complete(fleet)]
        found = status.kept(before)
        try:
            made = self._priced(report, fleet)
        except PricingError as error:
            conditions.insert(0, Condition("Ready", False, "NotPriced", str(error)))
        else:
            if made is not None:
                requests = requests_of(seen.pods, seen.recommenders)
                found = status.figures(fleet, made, requests, MOST)
                conditions.insert(0, Condition("Ready", True, "Computed"))
            else:
                words = "no node has measured for five minutes yet"
                conditions.insert(0, Condition("Ready", False, "NoFigures", words))
        advices: list[Advice] = []
        told: list[tuple[str, str]] = []
        if decides:
            advices, told = advised(report, seen, fleet, self._pace.terms, now)
        if optimizes(report):
            conditions.append(_effective(decides))
        found |= status.advice(advices)
        found |= status.heading(fleet, now)
        try:
            self._teller.status(KIND, PLURAL, report, conditions, found)
        except ApiError as error:
            if error.status not in _INVALID:
                raise
            # Nothing was remembered, so nothing is changed; the others go on.
            self._tried[report.metadata.uid] = now
            _log.error("a cost report cannot be written", name=report.metadata.name, error=str(error))
            return advice_of(before)
        self._tried.pop(report.metadata.uid, None)
        for reason, words in told:
            self._teller.event(KIND, report, reason, words, warning=reason.endswith("TakenBack"))
            _log.info("a namespace's profile", what=reason, why=words)
        return advices

    def _priced(self, report: Custom, fleet: Fleet) -> Bill | None:
        """Raises PricingError where the report asks for what cannot be computed."""
        pricing, meter = self._prices.of(report.spec)
        if not fleet.nodes:
            return None
        if "wire_bytes" in meter.formula.names and not fleet.wire:
            raise PricingError(f"meter {meter.name}: no request went over a network in this hour")
        try:
            return bill(fleet, pricing, meter)
        except ZeroDivisionError:
            raise PricingError(
                f"meter {meter.name}: its formula divides by zero here: {meter.formula.text}"
            ) from None
        except OverflowError:
            raise PricingError(
                f"meter {meter.name}: its formula gives no number here: {meter.formula.text}"
            ) from None


def _scope(report: Custom, advice: Advice) -> Mapping[str, str]:
    reason = f"TelemetryCostReport {report.metadata.name}"
    return {"namespace": advice.namespace, "profile": advice.profile, "reason": reason}


def _complete(fleet: Fleet) -> Condition:
    if not fleet.missing:
        return Condition("Complete", True, "EveryNodeReports")
    words = f"{len(fleet.missing)} of {len(fleet.missing) + fleet.nodes} nodes do not report: "
    names = ", ".join(fleet.missing[: status.NAMED])
    more = ", and more" if len(fleet.missing) > status.NAMED else ""
    return Condition("Complete", False, "NodesMissing", f"{words}{names}{more}")


def _effective(decides: bool) -> Condition:
    if decides:
        return Condition("Effective", True, "InEffect")
    words = "an older TelemetryCostReport has an optimizer, and one decides"
    return Condition("Effective", False, "Superseded", words)

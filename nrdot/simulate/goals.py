"""`optimization_dimensions`: what a profile is measured by, and the limits that it has to keep.

| dimension | measured as | limits |
|---|---|---|
| cost | money a month of all hosts, by one meter | `< $10k/month`, `< $500`, `< 10k EUR/month` |
| coverage | share of all CPU that processes with series of their own used | `> 95%` |
| performance | NRDOT's own CPU, of one core of each host | `< 2% CPU` |
| compliance | never-filtered processes exported, of those seen | `100% critical coverage` |

A limit of money is in the currency of the price list: nobody gave a rate between two.

Within the limits the candidate with the most points wins: each dimension counts by its weight, from 0 for
the worst of the candidates to 1 for the best. Without a candidate within the limits there is no answer but
who comes closest, and which limits it breaks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nrdot.config.problem import did_you_mean, shown
from nrdot.config.values.limits import written
from nrdot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.config.schema.governance import Dimension

# CPU of the agent, measured on a virtual machine of two cores (`make bench`): estimates for other machines.
CPU_A_PROCESS = 15e-6  # seconds a sample
CPU_A_SAMPLE = 2e-3  # seconds, whatever the number of processes

_MANY = {"": 1.0, "k": 1e3, "m": 1e6}
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP"}


@dataclass(frozen=True, slots=True)
class Measure:
    """One dimension: how it is read from a document of `simulate --json`, and which way is better."""

    name: str
    money: bool  # else a share
    less: bool  # is better

    def of(self, document: Mapping[str, Any]) -> float:
        return float(document["measures"][self.name])

    def shown(self, value: float, currency: str) -> str:
        return f"{value:,.2f} {currency} a month" if self.money else f"{value:.2%}"


MEASURES = {
    "cost": Measure("cost", money=True, less=True),
    "coverage": Measure("coverage", money=False, less=False),
    "performance": Measure("performance", money=False, less=True),
    "compliance": Measure("compliance", money=False, less=False),
}


@dataclass(frozen=True, slots=True)
class Limit:
    measure: Measure
    sign: str
    value: float
    text: str  # as it was written

    def keeps(self, value: float) -> bool:
        if self.sign == "<":
            return value < self.value
        if self.sign == ">":
            return value > self.value
        return value <= self.value + 1e-12 if self.sign == "<=" else value >= self.value - 1e-12

    def breach(self, value: float) -> float:
        """By which part of the limit a value misses it; 0 where it keeps it."""
        return 0.0 if self.keeps(value) else max(abs(value - self.value) / max(self.value, 1e-9), 1e-9)


@dataclass(frozen=True, slots=True)
class Goals:
    weights: Mapping[str, float]
    limits: tuple[Limit, ...]
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Recommendation:
    name: str
    kept: bool  # all limits
    reasons: tuple[str, ...]


USUAL = Goals(
    {"cost": 0.4, "coverage": 0.6},
    (Limit(MEASURES["compliance"], ">=", 1.0, "100% critical coverage"),),
)


def goals(dimensions: Mapping[str, Dimension], currency: str = USUAL.currency) -> Goals:
    """Raises ConfigError. Without dimensions: coverage before cost, and nothing critical may be missing.

    `currency` is that of the price list.
    """
    if not dimensions:
        return replace(USUAL, currency=currency)
    weights, limits = {}, []
    for name, dimension in dimensions.items():
        measure = MEASURES.get(name)
        if measure is None:
            hint = did_you_mean(name, MEASURES) or f"there are {', '.join(MEASURES)}"
            raise ConfigError(
                f"optimization_dimensions.{name}: no such dimension; {hint}; nothing is simulated"
            )
        weights[name] = dimension.weight
        if dimension.constraint:
            limits.append(limit(measure, dimension.constraint, currency))
    return Goals(weights, tuple(limits), currency)


def limit(measure: Measure, text: str, currency: str = USUAL.currency) -> Limit:
    """Raises ConfigError."""
    found = written(text, money=measure.money)
    if found is None:
        dear = "`< $10k/month`" if currency == "USD" else f"`< 10k {currency}/month`"
        raise ConfigError(
            f"optimization_dimensions.{measure.name}.constraint: '{shown(text)}' is no limit; "
            f"try {dear if measure.money else '`> 95%`'}; nothing is simulated"
        )
    money = found["money"] or found["code"]
    if measure.money and (stated := _CURRENCIES.get(money, money)) != currency:
        raise ConfigError(
            f"optimization_dimensions.{measure.name}.constraint: '{text}' is in {stated}, and prices are in "
            f"{currency}; write for example `< 10k {currency}/month`; nothing is simulated"
        )
    number = float(found["number"]) * _MANY[found["many"].lower()] / (1 if measure.money else 100)
    return Limit(measure, found["sign"] or (">=" if not measure.less else "<="), number, text)


def measured(document: dict[str, Any], cost: float, currency: str, interval: float) -> dict[str, Any]:
    """The document with the figures that goals are about; `interval` is that of samples."""
    critical = document["critical"]
    document["currency"] = currency
    per_host = document["processes"] / max(document["hosts"], 1)
    document["measures"] = {
        "cost": round(cost, 2),
        "coverage": document["cpu_covered"],
        "performance": round((CPU_A_SAMPLE + CPU_A_PROCESS * per_host) / interval, 6),
        "compliance": round(critical["exported"] / critical["seen"], 6) if critical["seen"] else 1.0,
    }
    return document


def points(documents: Mapping[str, Mapping[str, Any]], goals: Goals) -> dict[str, float]:
    """0 to 1 for each candidate."""
    total = sum(goals.weights.values()) or 1.0
    found = dict.fromkeys(documents, 0.0)
    for name, weight in goals.weights.items():
        measure = MEASURES[name]
        values = {candidate: measure.of(document) for candidate, document in documents.items()}
        low, high = min(values.values()), max(values.values())
        for candidate, value in values.items():
            best = (high - value if measure.less else value - low) / (high - low) if high > low else 1.0
            found[candidate] += weight / total * best
    return found


def recommend(documents: Mapping[str, Mapping[str, Any]], goals: Goals) -> Recommendation:
    """Ties go to the one that was named first."""
    breaches = {
        name: sum(one.breach(one.measure.of(document)) for one in goals.limits)
        for name, document in documents.items()
    }
    worth = points(documents, goals)
    kept = [name for name, breach in breaches.items() if not breach]
    if kept:
        name = max(kept, key=lambda one: worth[one])
    else:
        name = min(breaches, key=lambda one: (breaches[one], -worth[one]))
    return Recommendation(name, bool(kept), tuple(_reasons(name, documents, goals, worth, kept)))


def _reasons(
    name: str,
    documents: Mapping[str, Mapping[str, Any]],
    goals: Goals,
    worth: Mapping[str, float],
    kept: Sequence[str],
) -> list[str]:
    reasons = []
    for one in goals.limits:
        value = one.measure.of(documents[name])
        words = "keeps" if one.keeps(value) else "BREAKS"
        shown = one.measure.shown(value, goals.currency)
        reasons.append(f"{one.measure.name} {shown}: {words} the limit '{one.text}'")
    stated = {one.measure.name for one in goals.limits}
    for dimension in goals.weights:
        if dimension not in stated:
            measure = MEASURES[dimension]
            shown = measure.shown(measure.of(documents[name]), goals.currency)
            reasons.append(f"{dimension} {shown}, no limit")
    if not kept:
        reasons.append(f"no candidate of {len(documents)} keeps every limit; this one misses by least")
    elif len(documents) > 1:
        reasons.append(
            f"{len(kept)} of {len(documents)} candidates keep every limit; by the weights "
            f"({', '.join(f'{key} {weight:g}' for key, weight in goals.weights.items())}) "
            f"it gets {worth[name]:.2f} of 1"
        )
    return reasons

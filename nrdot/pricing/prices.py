"""What figures cost: the shipped price list, and a user's own over it.

Both are YAML, read and checked as configurations are: every mistake is one line that names its place. What
stands there is explained in `pricing.yaml` itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec

from nrdot.config.document.sources import read_tree
from nrdot.config.problem import Findings, MalformedError, Problems, Severity, did_you_mean, shown
from nrdot.config.reading.check import Checker
from nrdot.config.values.units import PositiveDuration, Section, Weight, doc
from nrdot.errors import ConfigError
from nrdot.pricing.formulas import FUNCTIONS, Formula, Tier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.config.problem import Path as Steps

SHIPPED = "pricing.yaml"
QUANTITIES = {
    "points": "data points a month",
    "bytes": "bytes of OTLP a month, uncompressed",
    "wire_bytes": "bytes on the wire a month",
    "series_p95": "active series, 95th percentile of the hours",
    "series_mean": "active series, mean",
    "series_hourly": "series distinct within an hour, mean",
    "dpm_p95": "data points a minute, 95th percentile of the hours",
    "dpm_mean": "data points a minute, mean",
    "hosts": "hosts, 99th percentile of the hours",
    "hosts_mean": "hosts, mean",
    "processes": "processes at a time, mean",
}
_Section = TypeVar("_Section", bound=Section)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CODE = re.compile(r"[A-Za-z]{3}")
Driver = Literal["points", "bytes", "wire_bytes", "series", "series_hourly"]
Price = Annotated[Weight | None, doc("A number of 0 or more; null where it is not known yet.")]


class PricingError(ConfigError):
    """A price list that cannot be used."""


class TierSection(Section, frozen=True):
    price: Annotated[Weight, doc("Price of each unit in this tier.")]
    up_to: Annotated[float | None, doc("Units, all earlier ones included, where the tier ends.")] = None


class MeterSection(Section, frozen=True):
    title: Annotated[str | None, doc("Name for people.")] = None
    formula: Annotated[str | None, doc("Cost of a month.")] = None
    prices: Annotated[dict[str, Price], doc("Numbers that the formula names.")] = msgspec.field(
        default_factory=dict
    )
    tiers: Annotated[tuple[TierSection, ...], doc("What `tiered()` applies, lowest first.")] = ()
    driver: Annotated[Driver | None, doc("What the bill is divided by among teams.")] = None
    provider: Annotated[str, doc("Who bills it; the title up to its first comma where empty.")] = ""
    source: Annotated[str, doc("Where the price comes from.")] = ""


class OwnSection(Section, frozen=True):
    core_hour: Annotated[Weight | None, doc("Worth of an hour of a core.")] = None
    monthly: Annotated[Weight | None, doc("Cost of running NRDOT for a month.")] = None
    introduction: Annotated[Weight | None, doc("Cost of introducing it, once.")] = None


class PricingSection(Section, frozen=True):
    as_of: Annotated[str | None, doc("Day of these prices.")] = None
    currency: Annotated[str | None, doc("Currency of all prices.")] = None
    month: Annotated[PositiveDuration | None, doc("How long a month is, for example 730h.")] = None
    primary: Annotated[str | None, doc("Meter of the headline.")] = None
    only: Annotated[tuple[str, ...], doc("Meters to show; all where empty.")] = ()
    baseline_compression: Annotated[float | None, doc("How well the counterfactual compresses.")] = None
    nrdot: Annotated[OwnSection, doc("What NRDOT itself costs.")] = OwnSection()
    meters: Annotated[dict[str, MeterSection], doc("Meters by name.")] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.baseline_compression is not None and self.baseline_compression < 1:
            raise MalformedError("must be 1 or more", "1 is no compression", field="baseline_compression")


@dataclass(frozen=True, slots=True)
class Meter:
    name: str
    title: str
    formula: Formula
    prices: Mapping[str, float]
    tiers: tuple[Tier, ...]
    driver: str
    provider: str
    source: str
    missing: tuple[str, ...]  # prices that nobody has given


@dataclass(frozen=True, slots=True)
class Pricing:
    as_of: str
    currency: str
    month: float  # seconds
    primary: str
    compression: float
    core_hour: float
    monthly: float
    introduction: float
    meters: Mapping[str, Meter]
    left_out: tuple[str, ...] = ()  # what no price was given for, as lines
    restated: bool = False  # in another currency than the list that ships

    def meter(self, name: str) -> Meter:
        """Raises PricingError."""
        found = self.meters.get(name)
        if found is None:
            hint = did_you_mean(name, self.meters) or f"there are {', '.join(self.meters)}"
            raise PricingError(f"unknown meter '{name}'; {hint}")
        return found


def shipped_text() -> str:
    return files("nrdot.pricing").joinpath(SHIPPED).read_text(encoding="utf-8")


def load_pricing(own: Path | None = None, environ: Mapping[str, str] | None = None) -> Pricing:
    """The shipped list with a user's own over it. Raises PricingError."""
    shipped, _ = _read(Path(str(files("nrdot.pricing").joinpath(SHIPPED))), environ or {})
    if own is None:
        return _complete(shipped, shipped, None)
    stated, findings = _read(own, environ or {})
    below = _without_amounts(shipped, stated) if _other_money(shipped, stated) else shipped
    pricing = _complete(_over(below, stated, f"stated in {own.name}"), shipped, findings)
    if below is not shipped and stated.nrdot.core_hour is None:
        line = (
            f"nrdot.core_hour is known in {shipped.currency} alone: NRDOT's CPU counts as free; "
            f"give it in {stated.currency} with --pricing"
        )
        pricing = replace(pricing, left_out=(line,))
    if below is not shipped:
        pricing = replace(pricing, restated=True)
    _refuse(findings[1])
    return pricing


def _read(path: Path, environ: Mapping[str, str]) -> tuple[PricingSection, tuple[Findings, Problems]]:
    problems = Problems()
    tree = read_tree(path, environ, problems, begin="meters:")
    checker = Checker(problems)
    section: Any = None if tree is None else checker.struct(tree, PricingSection, ())
    findings = Findings(checker.origins, problems)
    if isinstance(section, PricingSection):
        _check(section, findings)
    _refuse(problems)
    return section, (findings, problems)


def _refuse(problems: Problems) -> None:
    errors = [problem for problem in problems.sorted() if problem.severity is Severity.ERROR]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise PricingError(f"{errors[0]}{more}")


def _check(section: PricingSection, findings: Findings) -> None:
    """What a type cannot say."""
    if section.as_of is not None and not _DAY.fullmatch(section.as_of):
        findings.error(("as_of",), f"'{shown(section.as_of)}' is no day", "write it as 2026-11-21")
    code = section.currency or ""
    if _CODE.fullmatch(code) and not code.isupper():  # another name than the list's is another currency
        findings.error(
            ("currency",), f"codes of currencies are capitals, not '{code}'", f"write {code.upper()}"
        )
    for name, meter in section.meters.items():
        for price in sorted(meter.prices.keys() & (QUANTITIES.keys() | FUNCTIONS)):
            here: Steps = ("meters", name, "prices", price)
            findings.error(here, f"`{price}` is what a formula knows already", f"call it {price}_price")
        last = 0.0
        for index, tier in enumerate(meter.tiers):
            here = ("meters", name, "tiers", index)
            end = tier.up_to
            if end is None and index + 1 < len(meter.tiers):
                findings.error(here, "a tier without `up_to` has no end, and more follow", "put it last")
            elif end is not None and end <= last:
                findings.error((*here, "up_to"), "tiers end one after the other", f"write more than {last:g}")
            last = end if end is not None else last
        if meter.tiers and meter.tiers[-1].up_to is not None:
            findings.error(
                ("meters", name, "tiers"),
                "what is above the last tier has no price",
                "end with a tier without `up_to`",
            )


def _other_money(shipped: PricingSection, stated: PricingSection) -> bool:
    return stated.currency is not None and stated.currency != shipped.currency


def _restates(meter: MeterSection, known: MeterSection) -> bool:
    """A copy of the shipped list restates nothing."""
    other = any(known.prices.get(name) != price for name, price in meter.prices.items())
    return other or meter.tiers not in ((), known.tiers) or meter.formula not in (None, known.formula)


def _without_amounts(shipped: PricingSection, stated: PricingSection) -> PricingSection:
    """What the shipped list says in its own currency is no price in another one, and nobody gave a rate.

    A meter of which any price is stated is taken as restated: allowances are not money.
    """
    meters = {}
    for name, meter in shipped.meters.items():
        own = stated.meters.get(name)
        silent = own is None or not (own.prices or own.tiers or own.formula)
        unknown = dict.fromkeys(meter.prices or ("tiers",))
        meters[name] = msgspec.structs.replace(meter, prices=unknown) if silent else meter
    nrdot = msgspec.structs.replace(shipped.nrdot, core_hour=None)
    return msgspec.structs.replace(shipped, meters=meters, nrdot=nrdot)


def _over(below: PricingSection, above: PricingSection, source: str) -> PricingSection:
    """`source` is said of a price that is not the shipped one and has no source of its own."""
    meters = dict(below.meters)
    for name, stated in above.meters.items():
        known = meters.get(name)
        meter = stated
        if not stated.source and known is not None and _restates(stated, known):
            meter = msgspec.structs.replace(stated, source=source)
        prices = {**(known.prices if known else {}), **meter.prices}
        meters[name] = meter if known is None else _laid(known, meter, prices=prices)
    return _laid(below, above, meters=meters, nrdot=_laid(below.nrdot, above.nrdot))


def _laid(below: _Section, above: _Section, **merged: Any) -> _Section:
    """`above` where it says something, `below` elsewhere."""
    stated = {
        name: value
        for name in above.__struct_fields__
        if name not in merged and (value := getattr(above, name)) not in (None, (), "")
    }
    return msgspec.structs.replace(below, **stated, **merged)


def _complete(
    section: PricingSection, shipped: PricingSection, stated: tuple[Findings, Problems] | None
) -> Pricing:
    findings = stated[0] if stated else Findings({}, Problems())
    meters = {}
    for name, meter in section.meters.items():
        made = _meter(name, meter, shipped, findings)
        if made is not None:
            meters[name] = made
    for index, name in enumerate(section.only):
        if name not in section.meters:
            findings.error(("only", index), f"unknown meter '{name}'", did_you_mean(name, section.meters))
    primary = section.primary or ""
    if section.only and primary not in section.only:
        primary = next((name for name in section.only if name in section.meters), primary)
    if primary not in section.meters:
        findings.error(("primary",), f"unknown meter '{primary}'", did_you_mean(primary, section.meters))
    only = set(section.only or meters)
    return Pricing(
        as_of=section.as_of or "",
        currency=section.currency or "USD",
        month=section.month or 730 * 3600.0,
        primary=primary,
        compression=section.baseline_compression or 1.0,
        core_hour=section.nrdot.core_hour or 0.0,
        monthly=section.nrdot.monthly or 0.0,
        introduction=section.nrdot.introduction or 0.0,
        meters={name: meter for name, meter in meters.items() if name in only},
    )


def _meter(name: str, meter: MeterSection, shipped: PricingSection, findings: Findings) -> Meter | None:
    here: Steps = ("meters", name)
    if meter.formula is None:
        nearest = did_you_mean(name, shipped.meters)
        own = "a meter of your own needs a `formula`"
        findings.error(here, f"unknown meter '{name}'", f"{nearest} {own}".strip())
        return None
    try:
        formula = Formula(meter.formula)
    except MalformedError as error:
        findings.error((*here, "formula"), error.message, error.hint)
        return None
    for wanted in sorted(formula.names - QUANTITIES.keys() - meter.prices.keys()):
        hint = did_you_mean(wanted, (*QUANTITIES, *meter.prices)) or f"add `{wanted}` under `prices`"
        findings.error((*here, "formula"), f"`{wanted}` is neither a quantity nor one of the prices", hint)
    if formula.is_tiered and not meter.tiers:
        findings.error((*here, "formula"), "tiered() has no `tiers`", "add them beside the formula")
    given = {key: price for key, price in meter.prices.items() if price is not None}
    return Meter(
        name=name,
        title=meter.title or name,
        formula=formula,
        prices=given,
        tiers=tuple(Tier(tier.price, tier.up_to) for tier in meter.tiers),
        driver=meter.driver or _driver(formula),
        provider=meter.provider or (meter.title or name).partition(",")[0],
        source=meter.source,
        missing=tuple(sorted((formula.names | {"tiers"}) & (meter.prices.keys() - given.keys()))),
    )


def _driver(formula: Formula) -> str:
    """What a meter without a word about it is divided by: the first quantity that belongs to processes."""
    for name, driver in (
        ("bytes", "bytes"),
        ("points", "points"),
        ("series_hourly", "series_hourly"),
        ("wire_bytes", "wire_bytes"),
        ("dpm_p95", "points"),
        ("dpm_mean", "points"),
    ):
        if name in formula.names:
            return driver
    return "series"

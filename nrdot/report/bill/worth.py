"""How the figures about a month, a year and a return on investment are computed, with their numbers."""

from __future__ import annotations

from typing import Any

from nrdot.report.words import counted, money

Document = dict[str, Any]


def explained(found: Document) -> list[str]:
    """Lines for `--explain` and for the page, of the document as it is shown."""
    meter, back = found["meters"][found["meter"]], found["return"]
    saved, agent, running = meter["saved"], back["agent_cost"], back["monthly"]
    hours, rate = back["agent_core_hours"], back["core_hour"]
    ends = f"{money(meter['unoptimized'])} - {money(meter['sent'])}"
    costs = f"{money(agent)} - {money(running)} (nrdot.monthly)"
    return [
        f"worth, on {found['meter']}, of months of {found['month_hours']:g} hours",
        f"  saved in a month: {ends} = {money(saved)}",
        f"  saved in a year: 12 such months = {money(found['projection']['year']['value'])}",
        *_range(found["projection"]),
        f"  NRDOT's CPU: {hours:,.4g} core-hours x {rate:g} (nrdot.core_hour) = {money(agent)}",
        f"  left in a month: {money(saved)} - {costs} = {money(back['net_monthly'])}",
        *_introduction(back, saved, agent + running),
        *_invoice(found),
    ]


def _range(projection: Document) -> list[str]:
    month, days = projection["month"], projection["days"]
    if month["low"] is None:
        return [f"  range: none; it takes two days of which at least half was seen, and there are {days}"]
    around = money((month["high"] - month["low"]) / 2)
    method = f"Student's t, {days - 1} degrees of freedom"
    words = f"{counted(days, 'day')}, each taken as a month of such days; nine months of ten are within"
    return [f"  range: {words} {around} of the mean ({method})"]


def _introduction(back: Document, saved: float, costs: float) -> list[str]:
    once = back["introduction"]
    if not once:
        return []
    lines = []
    if back["payback_months"] is not None:
        months = f"{back['payback_months']:,.1f} months"
        lines.append(f"  paid back: {money(once)} / {money(back['net_monthly'])} = {months}")
    if back["first_year"] is not None:
        spent = f"{money(once)} + 12 x {money(costs)}"
        gain = f"{back['first_year']:+,.0%}"
        lines.append(f"  first year: (12 x {money(saved)} - ({spent})) / ({spent}) = {gain}")
    return lines


def _invoice(found: Document) -> list[str]:
    actual = found.get("actual")
    if not actual or actual["factor"] is None:
        return []
    ends = f"{money(actual['invoice'])} / {money(actual['estimate'])}"
    return [f"  factor of the invoice on {actual['meter']}: {ends} = {actual['factor']:,.2f}"]

"""Figures in words: the same on the terminal and on pages."""

from __future__ import annotations

import math
from typing import Any

NOBODY = "(nobody's)"
STEP_WORDS = {
    "interval": "another interval",
    "filter": "detail given up",
    "roll_up": "rolled up into sums",
    "suppression": "unchanged, not sent again",
    "life": "beginnings, ends, urgency",
    "own_metrics": "NRDOT's own metrics",
    "compression": "better compression",
}
WHOLE_DAY = 24  # hours; a rate of fewer knows no night, or no day
# Of a window's mode: that nothing of it was saved yet.
OBSERVED = {"observe": "what the profile would have sent", "mixed": "partly only observed"}
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def money(value: float | None, currency: str = "") -> str:
    if value is None:
        return "-"
    value += 0.0  # no minus before nothing
    digits = 2 if abs(value) >= 1 or value == round(value, 2) else 4
    return f"{value:,.{digits}f}{f' {currency}' if currency else ''}"


def headline(value: float, currency: str) -> str:
    """The same with no more digits than a headline needs."""
    return f"{whole(value)} {currency}"


def whole(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else money(value)


def less(value: float, than: float, digits: int = 1) -> str:
    """The share that is saved, or how much more there is."""
    if not than:
        return "-"
    share = 1 - value / than
    return f"{share + 0.0:.{digits}%}" if share >= 0 else f"{-share:.0%} more"


def amount(size: float) -> str:
    """Bytes as vendors bill them: in powers of ten."""
    for unit in _UNITS:
        if abs(size) < 1000 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    raise AssertionError("the last unit takes everything")


def short(count: float) -> str:
    """A large number as people say it."""
    for letter, unit in (("billion", 1e9), ("million", 1e6), ("thousand", 1e3)):
        if count >= unit * 10 or (count >= unit > 1e3):
            return f"{count / unit:,.1f} {letter}"
    return f"{count:,.0f}"


def compact(count: float) -> str:
    """The same for the axis of a chart."""
    for letter, unit in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(count) >= unit:
            return f"{count / unit:,.3g} {letter}"
    return f"{count:,.0f}"


def counted(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def proven(share: float) -> str:
    """Rounded down, so that 100% is all of it."""
    return "100%" if share >= 1 else f"{math.floor(share * 1e4) / 1e4:.2%}"


def rate(window: dict[str, Any]) -> str:
    """What a month is told from, where that is so little that a headline has to say it."""
    hours = window["hours_seen"]
    return f", at the rate of {hours:,.1f} hours" if hours < WHOLE_DAY else ""


def between(window: dict[str, Any]) -> str:
    """The times of a document, for people."""
    begin, end = (window[name].replace("T", " ").replace(":00Z", " UTC") for name in ("from", "to"))
    return f"{begin} to {end}"


def host_hours(window: dict[str, Any]) -> str:
    seen, expected = window["host_hours_seen"], window["host_hours_expected"]
    digits = 0 if expected >= 100 else 1
    return f"{seen:,.{digits}f} of {expected:,.{digits}f} host-hours seen"


def not_seen(found: dict[str, Any]) -> list[str]:
    """One sentence for each thing that NRDOT, or its absence, kept from view."""
    missing = found["not_seen"]
    lines = []
    if missing["cpu_share"] is not None:
        share = missing["memory_share"]
        memory = "" if share is None else f" and {share:.1%} of the memory"
        lines.append(f"{missing['cpu_share']:.1%} of the CPU{memory} is only in sums of groups")
    if missing["dropped_cpu_share"]:
        lines.append(
            f"of that, {missing['dropped_cpu_share']:.1%} of the CPU lost even the name of its group"
        )
    if missing["critical_exports_missed"]:
        lines.append(f"{counted(missing['critical_exports_missed'], 'export')} lacked a critical process")
    if missing["suppressed_points"]:
        lines.append(
            f"{missing['suppressed_points']:,} points were not repeated, because nothing had changed"
        )
    lines += [
        f"{row['points']:,} points never reached {row['destination']}: {row['reason']}"
        for row in missing["lost_points"]
    ]
    if missing["host_hours_missing"] >= 0.01:
        lines.append(f"{missing['host_hours_missing']:,.2f} host-hours in which nobody looked")
    return lines

"""The scenarios' phrases, read by a small closed grammar.

    Switch all regions to conservative      profile conservative
    Optimize Asia aggressively              region Asia, profile aggressive
    Enable emergency capacity               twice the budget, half the threshold
    Gradual optimization resume             back to what held before, step by step
    Monitor and adjust per region           nothing changes

A phrase that says none of this is refused with the table to write instead.
"""

from __future__ import annotations

import re

from nrdot.config.problem import MalformedError, shown

_PROFILES = {
    "conservative": re.compile(r"(?i)\bconservative(ly)?\b"),
    "balanced": re.compile(r"(?i)\bbalanced\b"),
    "aggressive": re.compile(r"(?i)\baggressive(ly)?\b"),
}
_EMERGENCY = re.compile(r"(?i)\bemergency capacity\b")
_GRADUAL = re.compile(r"(?i)\bgradual(ly)?\b")
_WATCH = re.compile(r"(?i)\b(monitor|watch|observe|regional)\b")
_REGION = re.compile(r"(?i)\s*optimi[sz]e\s+(.+?)\s+(?:aggressive|conservative|balanced)(?:ly)?\s*\Z")

GRADUAL_RETURN = 4 * 3600.0  # seconds that "gradual" takes
EMERGENCY_BUDGET = 2.0
EMERGENCY_THRESHOLD = 0.5
# Seasons that have the same dates everywhere, for those who give them none.
SEASONS = {"christmas": "Dec 24-26", "new year": "Dec 31-Jan 1"}


def phase(text: str) -> dict[str, object]:
    """The fields of a Phase."""
    found = profiles(text)
    if found:
        return {"profile": found, "note": text}
    if _EMERGENCY.search(text):
        return {"budget_scale": EMERGENCY_BUDGET, "threshold_scale": EMERGENCY_THRESHOLD, "note": text}
    if _GRADUAL.search(text):
        return {"gradual": GRADUAL_RETURN, "note": text}
    if _WATCH.search(text):
        return {"note": text}
    raise MalformedError(
        f"'{shown(text)}' does not say what to do", "write a table, for example {profile: conservative}"
    )


def sun(text: str) -> dict[str, object]:
    """The fields of a SunWindow."""
    found = profiles(text)
    region = _REGION.match(text)
    if not found or not region:
        raise MalformedError(
            f"'{shown(text)}' does not say what to do",
            "write a table, for example {region: asia, profile: aggressive}",
        )
    return {"region": region[1], "profile": found}


def profiles(text: str) -> str | None:
    """The one shipped profile that a phrase names."""
    named = [name for name, pattern in _PROFILES.items() if pattern.search(text)]
    return named[0] if len(named) == 1 else None


def hours(text: str) -> tuple[str | None, int, int]:
    """`UTC 00:00-08:00` as its zone, None where it names none, and its first and last minute of the day."""
    found = _HOURS.match(text)
    if found is None:
        raise MalformedError(
            f"'{shown(text)}' is not a stretch of hours", "write for example `UTC 00:00-08:00`"
        )
    zone, *clock = found.groups()
    first, last = (int(clock[at]) * 60 + int(clock[at + 1]) for at in (0, 2))
    if max(first, last) > DAY or int(clock[1]) > LAST_MINUTE or int(clock[3]) > LAST_MINUTE:
        raise MalformedError(f"'{shown(text)}' names a time of no day", "a day runs from 00:00 to 24:00")
    return zone, first, last


DAY = 24 * 60  # minutes
LAST_MINUTE = 59
_HOURS = re.compile(r"\s*(?:([A-Za-z_/+-]+)\s+)?([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})\s*\Z")

"""Time zones by name, and the abbreviations that people write instead.

An abbreviation is a fixed offset: `EST` is UTC-5 in July too. It is accepted as that, with a warning that
names the zone which was probably meant.
"""

from __future__ import annotations

from datetime import UTC, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nrdot.config.problem import MalformedError, shown

ABBREVIATIONS = {
    "EST": (-5, "America/New_York"),
    "EDT": (-4, "America/New_York"),
    "CST": (-6, "America/Chicago"),
    "CDT": (-5, "America/Chicago"),
    "MST": (-7, "America/Denver"),
    "MDT": (-6, "America/Denver"),
    "PST": (-8, "America/Los_Angeles"),
    "PDT": (-7, "America/Los_Angeles"),
    "HST": (-10, "Pacific/Honolulu"),
    "BST": (1, "Europe/London"),
    "WET": (0, "Europe/Lisbon"),
    "CET": (1, "Europe/Paris"),
    "CEST": (2, "Europe/Paris"),
    "MET": (1, "Europe/Paris"),
    "EET": (2, "Europe/Helsinki"),
    "EEST": (3, "Europe/Helsinki"),
    "IST": (5.5, "Asia/Kolkata"),
    "SGT": (8, "Asia/Singapore"),
    "JST": (9, "Asia/Tokyo"),
    "AEST": (10, "Australia/Sydney"),
    "AEDT": (11, "Australia/Sydney"),
}
ALWAYS_UTC = frozenset({"UTC", "Z", "GMT"})


def zone(name: str) -> tzinfo:
    """The zone of that name; raises MalformedError where there is none."""
    if name in ALWAYS_UTC:
        return UTC
    if name in ABBREVIATIONS:
        return timezone(timedelta(hours=ABBREVIATIONS[name][0]), name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MalformedError(f"'{shown(name)}' is not a time zone", _hint(name)) from None


def abbreviation_warning(name: str) -> tuple[str, str] | None:
    """Message and hint where `name` is an abbreviation that ignores daylight saving."""
    known = ABBREVIATIONS.get(name)
    if known is None:
        return None
    hours, meant = known
    return (
        f"{name} is a fixed offset, UTC{hours:+g}, without daylight saving",
        f"write {meant} to follow the clocks",
    )


def _hint(name: str) -> str:
    known = ABBREVIATIONS.get(name.upper())
    return f"did you mean {known[1]}?" if known else "for example Europe/Berlin"

"""What a meter counts, in the unit of its price: for tools that set quantities beside costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

GB = 1e9
HOUR = 3600.0
UNITS = {
    "points": "Points",
    "bytes": "GB",
    "wire_bytes": "GB",
    "series": "Series-Hours",
    "series_hourly": "Metric-Hours",
}
_LEVELS = {"series": "series_mean", "series_hourly": "series_hourly"}


def billed(driver: str, month: Mapping[str, float], seconds: float, of_month: float) -> float:
    """What was counted in `seconds`, given a month at their rate. A level counts by the hour."""
    level = _LEVELS.get(driver)
    if level is not None:
        return month[level] * seconds / HOUR
    return month[driver] * seconds / of_month / (1.0 if driver == "points" else GB)

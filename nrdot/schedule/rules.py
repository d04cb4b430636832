"""`time_based_rules`: the first rule that holds decides, unless one that holds has a higher priority."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.schedule.holding import Claim, Level
from nrdot.schedule.stretches import stretches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nrdot.config.schema.timing import TimeRule
    from nrdot.schedule.holding import Claimed
    from nrdot.schedule.stretches import Clocks, Stretches


@dataclass(frozen=True, slots=True)
class Recurring:
    """The same claim during every stretch."""

    stretches: Stretches
    claim: Claim
    order: tuple[int, int]

    def claims(self, start: int, end: int) -> Iterator[Claimed]:
        order, claim = self.order, self.claim
        for begin, until in self.stretches.windows(start, end):
            yield begin, until, order, claim


def time_rule(index: int, rule: TimeRule, clocks: Clocks, holidays: frozenset[int]) -> Recurring:
    """Raises MalformedError."""
    path = ("time_based_rules", index)
    claim = Claim(Level.TIME, title(index, rule), rule.profile, path=path, reason=rule.reason)
    return Recurring(rule_stretches(rule, clocks, holidays), claim, (-rule.priority, index))


def rule_stretches(rule: TimeRule, clocks: Clocks, holidays: frozenset[int]) -> Stretches:
    """Raises MalformedError."""
    return stretches(
        clocks,
        schedule=rule.schedule,
        cron=rule.cron,
        duration=rule.duration,
        timezone=rule.timezone,
        days=_days(rule, holidays),
    )


def title(index: int, rule: TimeRule) -> str:
    said = rule.schedule if rule.schedule is not None else f"{rule.cron} for {spoken(rule.duration or 0)}"
    limit = " except holidays" if rule.except_holidays else " on holidays" if rule.only_holidays else ""
    return f"time_based_rules[{index}]: {said}{limit}"


def _days(rule: TimeRule, holidays: frozenset[int]) -> Callable[[int], bool] | None:
    """A stretch belongs to the day on which it begins."""
    if rule.only_holidays:
        return holidays.__contains__
    if rule.except_holidays and holidays:
        return lambda day: day not in holidays
    return None


def spoken(seconds: float) -> str:
    """A duration as configurations write it."""
    left, words = round(seconds), ""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        words += f"{count}{unit}" if count else ""
    return words or "0s"

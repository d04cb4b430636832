"""Cron expressions: the days and minutes on which they strike, as croniter has them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter

from nrdot.config.problem import MalformedError
from nrdot.schedule.clock import ZoneClock, joined
from nrdot.schedule.cron import parse_cron
from nrdot.schedule.language import EPOCH

YEAR = 525_600  # minutes


def some_field(chooser, low, high):
    first, other, last = sorted(chooser.randint(low, high) for _ in range(3))
    listed = (f"{other}", f"{last},{first},{other}", f"{first}-{last}", f"*/{max(high // 3, 2)}")
    return chooser.choice(("*", "*", "*", *listed))


def some_expression(chooser):
    days = chooser.choice((some_field(chooser, 1, 31), "L", "1,L", "*"))
    weekdays = some_field(chooser, 0, 7)
    if days == "*":
        weekdays = chooser.choice((weekdays, "5#2", "L5", "1#1,3#3"))
    return " ".join(
        (some_field(chooser, 0, 59), some_field(chooser, 0, 23), days, some_field(chooser, 1, 12), weekdays)
    )


def strikes_at(cron, time):
    return cron.on(time.toordinal() - EPOCH) and time.hour * 60 + time.minute in cron.minutes


@pytest.mark.parametrize("seed", range(60))
def test_it_strikes_when_croniter_says_so(seed):
    chooser = random.Random(seed)
    text = some_expression(chooser)
    cron = parse_cron(text)
    for _ in range(40):
        time = datetime(2027, 1, 1) + timedelta(minutes=chooser.randrange(2 * YEAR))  # noqa: DTZ001 - a clock
        if chooser.random() < 0.6:
            hour, minute = divmod(chooser.choice(cron.minutes), 60)
            time = time.replace(hour=hour, minute=minute)
        assert strikes_at(cron, time) == croniter.match(text, time), (text, time)


@pytest.mark.parametrize("text", ["30 2 * * *", "0 * * * *", "*/20 1-3 * * *", "59 23 * * *"])
@pytest.mark.parametrize("zone", ["America/New_York", "America/Santiago", "Africa/Casablanca"])
def test_it_follows_the_clocks_as_croniter_does(text, zone):
    where = ZoneInfo(zone)
    clock = ZoneClock(where)
    begin = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    changes = [at for at, _, _ in clock.pieces(begin, begin + 365 * 86_400)[1:]]
    assert changes
    for change in changes:
        start, end = change - 86_400, change + 86_400
        theirs = croniter(text, datetime.fromtimestamp(start - 60, where))
        expected = set()
        while (moment := theirs.get_next(datetime).timestamp()) < end:
            expected.add(int(moment))
        assert set(parse_cron(text).strikes(clock, start, end)) == {at for at in expected if at >= start}


def test_what_lasts_longer_than_the_time_between_two_strikes_never_ends():
    clock = ZoneClock(UTC)
    cron = parse_cron("*/10 * * * *")
    ((first, last),) = joined(cron.windows(clock, 0, 3 * 86_400, 600))
    assert first <= 0
    assert last >= 3 * 86_400
    assert len(joined(cron.windows(clock, 1, 86_400, 300))) == 6 * 24


def test_a_window_that_began_before_is_seen():
    clock = ZoneClock(UTC)
    cron = parse_cron("0 22 * * *")
    assert list(cron.windows(clock, 86_400, 86_400 + 3600, 4 * 3600)) == [(79_200, 93_600)]


DAYS = [("0 0 30 2 *", False), ("0 0 31 4,6 *", False), ("0 0 29 2 *", True), ("0 0 31 2 1", True)]


@pytest.mark.parametrize(("text", "ever"), DAYS)
def test_a_day_that_no_month_has_is_known(text, ever):
    assert parse_cron(text).ever() is ever


REFUSED = {
    "0 0 * *": "five fields",
    "0 0 0 * * *": "five fields",
    "61 0 * * *": "not a cron expression",
    "R 0 * * *": "which minute of which day",
    "H 0 * * *": "which minute of which day",
    "0 0 15W * *": "which minute of which day",
    "0 0 1 * 5#2": "give each a rule of its own",
    "@reboot": "not a cron expression",
    "* " * 400: "five fields",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:20])
def test_what_does_not_say_when_is_refused(text):
    with pytest.raises(MalformedError) as refused:
        parse_cron(text)
    assert REFUSED[text] in f"{refused.value}; {refused.value.hint}"

"""The timetable against somebody who looks at the clock on the wall at every minute of two years."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from nrdot.schedule.clock import ZoneClock
from nrdot.testing.plain.schedules import DEFAULT, ZONES, Walk, configured, random_rules, segments_by_minute

START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
END = int(datetime(2028, 1, 1, tzinfo=UTC).timestamp())
HOUR = 3600


@pytest.fixture(scope="module")
def walk():
    return Walk(START, END)


@pytest.mark.parametrize("zone", ZONES)
def test_the_timetable_says_what_the_clock_on_the_wall_says(walk, zone):
    chooser = random.Random(zone)
    rules = random_rules(chooser, zone, 8)
    table = configured(rules)
    holdings, places = segments_by_minute(table.between(START, END))
    numbers = [number_of(holding.rule) for holding in holdings]
    expected = walk.decides(rules)

    wrong = np.flatnonzero(np.array(numbers)[places] != expected)

    assert not wrong.size, datetime.fromtimestamp(START + 60 * int(wrong[0]), UTC)
    for minute in (chooser.randrange(len(expected)) for _ in range(200)):
        holding, number = table.holds(START + 60 * minute), int(expected[minute])
        assert number_of(holding.rule) == number
        assert holding.profile == (DEFAULT if number < 0 else rules[number].profile)


def number_of(rule):
    return -1 if rule == "default" else int(rule.partition("[")[2].partition("]")[0])


def test_the_zones_walked_have_every_kind_of_change():
    changes = {zone: len(ZoneClock(ZoneInfo(zone)).pieces(START, END)) - 1 for zone in ZONES}
    assert len(ZONES) >= 12
    assert sum(count > 0 for count in changes.values()) >= 9
    assert 0 in changes.values()


@pytest.mark.parametrize("zone", ["Pacific/Apia", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_offsets_are_those_of_the_zone_at_every_half_hour(zone):
    where = ZoneInfo(zone)
    clock = ZoneClock(where)
    for start in (int(datetime(2011, 12, 1, tzinfo=UTC).timestamp()), START):
        pieces = clock.pieces(start, start + 400 * 24 * HOUR)
        assert [piece[1] for piece in pieces[:-1]] == [piece[0] for piece in pieces[1:]]
        for first, last, offset in pieces:
            for moment in range(first, last, HOUR // 2):
                stated = datetime.fromtimestamp(moment, UTC).astimezone(where).utcoffset()
                assert timedelta(seconds=offset) == stated


def test_a_strike_in_the_missing_hour_comes_at_its_end_and_one_in_the_repeated_hour_twice():
    struck = during("cron: '30 2 8 3 *', duration: 1h", "cron: '30 1 1 11 *', duration: 10m")
    assert struck(2026, 3, 8) == [("07:00", "08:00")]
    assert struck(2026, 11, 1) == [("05:30", "05:40"), ("06:30", "06:40")]


def test_hours_in_the_missing_hour_hold_not_at_all_and_in_the_repeated_hour_twice():
    shown = during("schedule: '02:00-03:00'", "schedule: '01:15-01:30'")
    assert shown(2026, 3, 8) == [("06:15", "06:30")]
    assert shown(2026, 11, 1) == [("05:15", "05:30"), ("06:15", "06:30"), ("07:00", "08:00")]


def during(*rules):
    """When any of the rules holds on a day, in UTC; their clock is that of New York."""
    lines = "".join(f"- {{{rule}, profile: aggressive, timezone: America/New_York}}\n" for rule in rules)
    table = configured([], f"time_based_rules:\n{lines}")
    return lambda *words: [
        span(one) for one in table.between(*day(*words)) if one.holding.profile == "aggressive"
    ]


def day(*words):
    begin = int(datetime.combine(date(*words), datetime.min.time(), UTC).timestamp())
    return begin, begin + 24 * HOUR


def span(segment):
    return tuple(datetime.fromtimestamp(at, UTC).strftime("%H:%M") for at in (segment.start, segment.end))

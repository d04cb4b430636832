"""The language of schedules: each form, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from nrdot.config.problem import MalformedError
from nrdot.schedule.words import parse

WEEK = datetime(2026, 12, 21, tzinfo=UTC)  # a Monday


def shown(text, start=WEEK, days=7):
    """What the clock shows from a Monday on, as weekday and time."""
    begin = int(start.timestamp())
    found = []
    for first, last in parse(text).shown(begin, begin + days * 86_400):
        words = (datetime.fromtimestamp(at, UTC).strftime("%a %H:%M") for at in (first, last))
        found.append("-".join(words))
    return found


FORMS = {
    "Mon-Tue 09:00-18:00": ["Mon 09:00-Mon 18:00", "Tue 09:00-Tue 18:00"],
    "Sat-Sun": ["Sat 00:00-Sun 00:00", "Sun 00:00-Mon 00:00"],
    "Monday and wednesday 9:00-10:30": ["Mon 09:00-Mon 10:30", "Wed 09:00-Wed 10:30"],
    "Wed 22:00-06:00": ["Wed 22:00-Thu 06:00"],
    "Fri 18:00-Mon 08:00": ["Fri 18:00-Mon 08:00", "Fri 18:00-Mon 08:00"],
    "Mon 09:00-12:00, 13:00-18:00, Sat 10:00-14:00": [
        "Mon 09:00-Mon 12:00",
        "Mon 13:00-Mon 18:00",
        "Sat 10:00-Sat 14:00",
    ],
    "Dec 24-26": ["Thu 00:00-Fri 00:00", "Fri 00:00-Sat 00:00", "Sat 00:00-Sun 00:00"],
    "Dec 21, 25 08:00-09:00": ["Mon 08:00-Mon 09:00", "Fri 08:00-Fri 09:00"],
    "Dec 27-Jan 2 12:00-13:00": ["Sun 12:00-Sun 13:00"],
    "Nov-Dec Tue": ["Tue 00:00-Wed 00:00"],
    "2026-12-25": ["Fri 00:00-Sat 00:00"],
    "2026-12-20..2026-12-22 20:00-24:00": ["Mon 20:00-Tue 00:00", "Tue 20:00-Wed 00:00"],
    "2026-12-26 to 2027-01-05 Sat": ["Sat 00:00-Sun 00:00"],
    "weekdays 23:00-23:30": [f"{day} 23:00-{day} 23:30" for day in ("Mon", "Tue", "Wed", "Thu", "Fri")],
    "Dec 24; Sun 10:00-11:00": ["Thu 00:00-Fri 00:00", "Sun 10:00-Sun 11:00"],
    "10:00-11:00 Sun": ["Sun 10:00-Sun 11:00"],
    "Mon \u2013 Tue 09:00 \u2013 10:00": ["Mon 09:00-Mon 10:00", "Tue 09:00-Tue 10:00"],
}


@pytest.mark.parametrize("text", FORMS)
def test_a_schedule_says_days_dates_and_hours(text):
    assert shown(text) == FORMS[text]


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Mon-Fri 09:00-18:00 EST", "EST"),
        ("UTC 00:00-08:00", "UTC"),
        ("Sat-Sun Europe/Berlin", "Europe/Berlin"),
        ("22:00-06:00 America/Port-au-Prince", "America/Port-au-Prince"),
        ("22:00-06:00 Etc/GMT+5", "Etc/GMT+5"),
        ("Sat-Sun", ""),
    ],
)
def test_a_zone_stands_at_either_end(text, zone):
    assert parse(text).zone_name == zone


def test_an_abbreviation_is_a_fixed_offset():
    zone = parse("Mon 09:00-10:00 EST").zone
    assert {datetime(2026, month, 1, tzinfo=zone).utcoffset().total_seconds() for month in (1, 7)} == {
        -18_000
    }


def test_what_reaches_over_midnight_is_seen_from_the_day_after():
    tuesday = datetime(2026, 12, 22, tzinfo=UTC)
    assert shown("Mon 22:00-06:00", tuesday, 1) == ["Mon 22:00-Tue 06:00"]
    assert shown("Fri 18:00-Mon 08:00", datetime(2026, 12, 28, tzinfo=UTC), 1) == ["Fri 18:00-Mon 08:00"]


def test_days_may_be_refused_by_the_day_on_which_something_begins():
    monday = WEEK.toordinal() - date(1970, 1, 1).toordinal()
    begin = int(WEEK.timestamp())
    found = list(parse("daily 22:00-06:00").shown(begin, begin + 2 * 86_400, lambda day: day != monday))
    assert [first for first, _ in found] == [begin - 7200, begin + 86_400 + 22 * 3600]


@pytest.mark.parametrize("text", ["Feb 30", "Apr 31", "Feb 30-31", "Sat 09:00-09:00"])
def test_what_no_year_has_is_read_and_never_holds(text):
    assert not any(clause.ever for clause in parse(text).clauses)
    assert shown(text, datetime(2028, 1, 1, tzinfo=UTC), 400) == []


@pytest.mark.parametrize("text", ["Feb 29", "Feb 28-Mar 1", "Dec 31-Jan 1", "Feb 30; Mon", "Jan 31"])
def test_what_some_year_has_is_no_mistake(text):
    assert any(clause.ever for clause in parse(text).clauses)


REFUSED = {
    "22:30": "write a range",
    "": "neither days nor hours",
    "UTC": "neither days nor hours",
    "Mund": "neither a day, a month nor a time zone",
    "Mondey 09:00-10:00": "did you mean `monday`?",
    "Sat Europe/Berln": "'Europe/Berln' is not a time zone",
    "09:00-10:00 est": "did you mean America/New_York?",
    "Mon Tue": "put a comma",
    "Dec 24, Sat 10:00-12:00": "semicolon",
    "Fri 18:00-Mon 08:00, 12:00-13:00": "semicolon",
    "Dec 32": "no month has a day 32",
    "Dec 26-24": "24 comes before 26",
    "24 Dec": "days of a month behind its name",
    "Mon 25:00-26:00": "a time of no day",
    "Mon 24:00-25:00": "a time of no day",
    "Mon 24:00-02:00": "write 00:00",
    "Mon 09:61-10:00": "a time of no day",
    "2026-02-30": "there is no 2026-02-30",
    "2026-12-26..2026-12-24": "write the earlier date first",
    "24/7": "is not a schedule",
    "Mon-Fri 9am-5pm": "hours are those of a clock of 24",
    "9 a.m. - 5 p.m.": "hours are those of a clock of 24",
    "Mon 3": "write days of a month behind its name",
    "Mon 09:00-18:00 " + "," * 2000: "more than 1000 characters",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:30])
def test_what_cannot_be_read_is_refused_with_what_to_write(text):
    with pytest.raises(MalformedError) as refused:
        parse(text)
    assert REFUSED[text] in f"{refused.value}; {refused.value.hint}"

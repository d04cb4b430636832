from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from nrdot.config.problem import MalformedError
from nrdot.schedule.clock import ZoneClock
from nrdot.schedule.when import when

NEW_YORK = ZoneClock(ZoneInfo("America/New_York"))
NOW = datetime(2026, 11, 21, 17, 30, tzinfo=UTC).timestamp()  # there it is Saturday, 12:30


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-31T18:00:00Z", "2027-01-31T18:00:00+00:00"),
        ("2027-01-31 18:00", "2027-01-31T23:00:00+00:00"),
        ("2027-07-31T18:00", "2027-07-31T22:00:00+00:00"),
        ("Sat 13:00", "2026-11-21T18:00:00+00:00"),
        ("Sat 12:00", "2026-11-28T17:00:00+00:00"),
        ("sunday 00:00", "2026-11-22T05:00:00+00:00"),
        ("now", "2026-11-21T17:30:00+00:00"),
    ],
)
def test_a_moment_is_a_time_or_the_next_one_of_a_weekday(text, moment):
    assert datetime.fromtimestamp(when(text, NEW_YORK, NOW), UTC).isoformat() == moment


@pytest.mark.parametrize("text", ["noon", "Sat 25:00", "Mun 12:00", "Dec 12:00", "2027-02-30", ""])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(MalformedError, match="not a time") as refused:
        when(text, NEW_YORK, NOW)
    assert "2027-01-31T18:00:00Z" in refused.value.hint

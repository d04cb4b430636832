from __future__ import annotations

import logging

import pytest

from nrdot.errors import Permanent, Retryable
from nrdot.export.journal import Journal
from nrdot.stages import Delivery
from nrdot.testing.clock import ManualClock


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "nrdot.export")
    return lambda: [(record.levelname, record.message) for record in caplog.records]


def test_an_outage_is_two_lines_however_long_it_is(lines):
    clock = ManualClock()
    journal = Journal("collector", clock)
    for _ in range(1000):
        journal.held(Retryable("refuses connections"))
        clock.advance(60)
    journal.delivered(Delivery(wire_bytes=10), 100)
    journal.delivered(Delivery(wire_bytes=10), 100)
    assert lines() == [
        ("WARNING", "data is held and sent again"),
        ("INFO", "the destination works again"),
    ]


def test_records_that_wait_too_long_are_an_alarm_until_they_are_gone(lines):
    clock = ManualClock()
    journal = Journal("collector", clock)
    journal.held(Retryable("refuses connections"))
    for waited in (880, 890, 900, 901):
        journal.waits(waited, 900)
        assert not journal.state("closed").overdue
        clock.advance(5)
    for waited in (906, 911, 50_000):
        journal.waits(waited, 900)
        assert journal.state("closed").overdue
        clock.advance(5)
    journal.waits(0, 900)
    assert not journal.state("closed").overdue
    assert lines()[1:] == [
        ("ERROR", "records wait too long"),
        ("INFO", "no record waits too long any more"),
    ]


def test_the_alarm_says_how_long_and_why(caplog):
    clock = ManualClock()
    journal = Journal("collector", clock)
    journal.held(Retryable("refuses connections"))
    journal.waits(1000.4, 900)
    clock.advance(5)
    journal.waits(1010.4, 900)
    assert caplog.records[-1].fields == {
        "destination": "collector",
        "oldest_seconds": 1010,
        "limit_seconds": 900,
        "reason": "refuses connections",
    }


def test_what_is_old_and_leaves_at_once_is_no_alarm(lines):
    clock = ManualClock()
    journal = Journal("collector", clock)
    for _ in range(10):
        journal.waits(50_000, 900)
        clock.advance(4)
        journal.waits(0, 900)
        clock.advance(4)
    assert lines() == []


def test_a_destination_that_refuses_everything_for_good_does_not_look_idle():
    journal = Journal("collector", ManualClock())
    journal.refused(Permanent("no such tenant (400)"), 7)
    seen = journal.state("closed")
    assert (seen.alarm, str(seen)) == (True, "refused, to the dead letters: no such tenant (400)")
    journal.delivered(Delivery(wire_bytes=10), 100)
    seen = journal.state("closed")
    assert (seen.alarm, str(seen)) == (False, "delivering")


def test_what_somebody_must_mend_is_an_error_line_and_each_new_reason_a_line(lines):
    journal = Journal("collector", ManualClock())
    journal.held(Retryable("503"))
    journal.held(Retryable("401", alarm=True))
    journal.held(Retryable("401", alarm=True))
    assert lines() == [
        ("WARNING", "data is held and sent again"),
        ("ERROR", "data is held until somebody mends this"),
    ]


def test_data_that_nobody_wants_sent_again_is_not_called_held(lines):
    journal = Journal("collector", ManualClock())
    journal.held(Retryable("503"), kept=False)
    seen = journal.state("closed")
    assert lines() == [("WARNING", "data is dropped: batching.retry_on_failure is off")]
    assert (str(seen), seen.requests["dropped"]) == ("dropping, circuit closed: 503", 1)


def test_the_state_tells_what_happened():
    clock = ManualClock()
    journal = Journal("collector", clock)
    assert str(journal.state("closed")) == "nothing sent yet"
    assert journal.state("closed").ratio is None
    journal.delivered(Delivery(rejected_points=2, wire_bytes=50), 1000)
    seen = journal.state("closed")
    assert str(seen) == "delivering"
    assert (seen.ratio, seen.last_success_ns) == (20.0, clock.wall_ns())
    journal.held(Retryable("wrong key (401)", alarm=True))
    seen = journal.state("open")
    assert str(seen) == "held, needs attention, circuit open: wrong key (401)"
    journal.refused(Permanent("poisoned"), 7)
    seen = journal.state("closed")
    assert seen.requests == {"delivered": 1, "held": 1, "dropped": 0, "refused": 1}
    assert (seen.last_error, seen.last_refusal, seen.alarm) == ("", "poisoned", True)


def test_a_partial_success_is_one_line_until_its_reason_changes(lines):
    journal = Journal("collector", ManualClock())
    for message in ("", "", "old", "old"):
        journal.delivered(Delivery(rejected_points=1, message=message), 10)
    assert len(lines()) == 2

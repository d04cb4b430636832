from __future__ import annotations

from random import Random
from threading import Event

import pytest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.memory import MemoryBuffer
from nrdot.buffer.settings import BufferSettings
from nrdot.errors import Permanent, Retryable
from nrdot.export.journal import Journal
from nrdot.export.pace import Pace
from nrdot.pipeline import LOOK, Drain
from nrdot.stages import Delivery
from nrdot.testing.clock import ManualClock
from nrdot.testing.delivery.exporter import CapturingExporter, in_turn
from nrdot.testing.delivery.requests import POINTS, pids, record

HOUR_NS = 3600 * 10**9


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def drain(clock):
    """To a destination that takes everything, from an empty buffer."""
    pace = Pace(clock, Random(1), rate=float("inf"))
    return Drain(MemoryBuffer(), CapturingExporter(), pace, Journal("collector", clock), clock)


def put(drain, *records):
    for each in records:
        drain.buffer.put(each)


def end(drain, stop):
    stop.set()
    drain.wake()


def sent(drain):
    return [pids(payload) for payload in drain.exporter.taken]


def test_records_are_merged_into_one_request_and_acknowledged(drain):
    put(drain, record(2, first=1), record(2, first=3), record(1, first=5))
    drain.drain_once()
    assert sent(drain) == [[1, 2, 3, 4, 5]]
    assert drain.buffer.statistics().delivered == 5 * POINTS
    assert drain.buffer.statistics().records == 0


def test_an_empty_buffer_sends_nothing(drain):
    assert drain.drain_once() > 0
    assert drain.exporter.attempts == []


def test_a_request_holds_no_more_than_its_points_and_bytes(drain):
    put(drain, *(record(1, first=pid) for pid in range(1, 7)))
    drain.points = 2 * POINTS
    drain.drain_once()
    drain.points = 10_000
    drain.size = 2 * len(record(1).payload) + 1
    drain.drain_once()
    assert sent(drain) == [[1, 2], [3, 4]]


def test_records_wait_for_company_up_to_the_time_to_fill(drain, clock):
    drain.fill = 300.0
    put(drain, record(1, first=1))
    drain.drain_once()
    clock.advance(200)
    put(drain, record(1, first=2))
    drain.drain_once()
    assert sent(drain) == []
    clock.advance(drain.drain_once())
    drain.drain_once()
    assert sent(drain) == [[1, 2]]
    assert clock.monotonic() == pytest.approx(1300.0)


def test_a_full_request_does_not_wait_and_the_rest_of_it_does(drain, clock):
    drain.fill, drain.points = 300.0, 3 * POINTS
    put(drain, *(record(1, first=pid) for pid in range(1, 6)))
    drain.drain_once()
    drain.drain_once()
    assert sent(drain) == [[1, 2, 3]]
    clock.advance(300)
    drain.drain_once()
    assert sent(drain) == [[1, 2, 3], [4, 5]]


def test_once_the_time_to_fill_is_over_the_whole_backlog_goes(drain, clock):
    drain.fill, drain.points = 300.0, 2 * POINTS
    put(drain, record(1, first=1))
    drain.drain_once()
    clock.advance(300)
    put(drain, *(record(1, first=pid) for pid in range(2, 6)))
    for _ in range(3):
        drain.drain_once()
    assert sent(drain) == [[1, 2], [3, 4], [5]]


def test_what_is_held_stays_and_is_tried_again_after_the_wait(drain, clock):
    drain.exporter.verdict = in_turn(Retryable("busy", 20.0), Delivery())
    put(drain, record(1))
    wait = drain.drain_once()
    assert 20 <= wait <= 21
    clock.advance(wait - 0.01)
    drain.drain_once()
    assert len(drain.exporter.attempts) == 1
    clock.advance(0.01)
    drain.drain_once()
    assert sent(drain) == [[1]]


def test_without_retry_what_is_not_taken_is_dropped_and_counted(drain):
    drain.retry = False
    drain.exporter.verdict = in_turn(Retryable("busy"), Delivery())
    put(drain, record(2))
    drain.drain_once()
    seen = drain.buffer.statistics()
    assert (seen.records, seen.dropped) == (0, {"not_retried": 2 * POINTS})


def test_a_poisoned_record_is_found_and_the_others_delivered(drain):
    poison = record(1, first=5)
    put(drain, *(record(1, first=pid) for pid in range(1, 9)))
    drain.exporter.verdict = lambda payload, _: Permanent("400") if poison.payload in payload else Delivery()
    drain.drain_once()
    assert sorted(pid for request in sent(drain) for pid in request) == [1, 2, 3, 4, 6, 7, 8]
    assert drain.buffer.statistics().rejected == POINTS
    assert drain.buffer.statistics().records == 0


def test_an_outage_in_the_middle_of_the_search_keeps_what_was_not_decided(drain):
    answers = in_turn(Permanent("400"), Delivery(), Retryable("down"))
    drain.exporter.verdict = answers
    put(drain, *(record(1, first=pid) for pid in range(1, 5)))
    drain.drain_once()
    seen = drain.buffer.statistics()
    assert (seen.delivered, seen.rejected, seen.records) == (2 * POINTS, 0, 2)


def test_the_size_that_an_endpoint_takes_is_remembered(drain):
    limit = 130_000
    drain.exporter.verdict = lambda payload, _: (
        Permanent("413", too_large=True) if len(payload) > limit else Delivery()
    )
    for _ in range(2):
        put(drain, *(record(100, first=number * 100 + 1) for number in range(8)))
        while drain.buffer.statistics().records:
            drain.drain_once()
    refused = [len(payload) > limit for payload in drain.exporter.attempts]
    assert any(refused)
    assert not any(refused[len(refused) // 2 :])


def test_one_record_is_cut_when_it_is_too_large_and_counts_once(drain):
    drain.exporter.verdict = lambda payload, _: (
        Permanent("413", too_large=True) if len(pids(payload)) > 3 else Delivery(rejected_points=1)
    )
    put(drain, record(8))
    drain.drain_once()
    pieces = sent(drain)
    assert [pid for piece in pieces for pid in piece] == list(range(1, 9))
    seen = drain.buffer.statistics()
    assert (seen.delivered, seen.rejected) == (8 * POINTS - len(pieces), len(pieces))


def test_a_piece_that_is_refused_takes_its_record_to_the_dead_letters(drain):
    drain.exporter.verdict = lambda payload, _: (
        Permanent("413", too_large=True)
        if len(pids(payload)) > 1
        else Permanent("400")
        if pids(payload) == [2]
        else Delivery()
    )
    put(drain, record(2, first=1), record(1, first=7))
    while drain.buffer.statistics().records:
        drain.drain_once()
    assert drain.buffer.statistics().rejected == 2 * POINTS
    assert drain.buffer.statistics().delivered == POINTS


def test_what_is_too_old_for_the_destination_is_dropped_and_counted(drain, clock):
    drain.accepts_late = 3600.0
    old = record(1, first=1, time_ns=clock.wall_ns() - HOUR_NS - 1)
    young = record(1, first=2, time_ns=clock.wall_ns() - HOUR_NS)
    put(drain, old, young)
    drain.drain_once()
    assert sent(drain) == [[2]]
    assert drain.buffer.statistics().dropped == {"too_old": POINTS}


def test_the_gap_of_what_was_too_old_is_told_once_and_is_not_too_old_itself(clock, tmp_path):
    buffer = DiskBuffer(tmp_path, BufferSettings(), clock, Files(), gap_resource={"host.name": "h"})
    exporter = CapturingExporter()
    pace = Pace(clock, Random(1), rate=float("inf"))
    drain = Drain(buffer, exporter, pace, Journal("collector", clock), clock, accepts_late=60.0)
    put(drain, record(1, first=1, time_ns=clock.wall_ns()))
    clock.advance(3600)
    for pid in range(2, 8):
        put(drain, record(1, first=pid, time_ns=clock.wall_ns()))
        drain.drain_once()
        drain.drain_once()
        clock.advance(1)
    assert buffer.statistics().dropped == {"too_old": POINTS}
    told = [payload for payload in exporter.taken if b"nrdot.gap.points" in payload]
    assert len(told) == 1
    buffer.close()


@pytest.mark.parametrize("jump", [-3600, 365 * 86_400])
def test_a_clock_that_jumps_makes_nothing_too_old_and_time_that_passes_does(drain, clock, jump):
    drain.accepts_late = 3600.0
    drain.alarm_after = 1800.0
    drain.exporter.verdict = lambda _payload, _points: Retryable("down")
    put(drain, record(1, first=1, time_ns=clock.wall_ns()))
    clock.jump(jump)
    put(drain, record(1, first=2, time_ns=clock.wall_ns()))
    for _ in range(60):
        drain.drain_once()
        clock.advance(20)
    assert drain.buffer.statistics().records == 2
    assert not drain.status().overdue
    for _ in range(600):
        drain.drain_once()
        clock.advance(20)
    assert drain.buffer.statistics().dropped == ({"too_old": 2 * POINTS} if jump < 0 else {"too_old": POINTS})


def test_what_waits_longer_than_it_should_is_an_alarm_and_company_is_not(drain, clock):
    drain.fill, drain.alarm_after = 300.0, 60.0
    drain.exporter.verdict = lambda _payload, _points: Retryable("down")
    put(drain, record(1, time_ns=clock.wall_ns()))
    seen = []
    for _ in range(42):
        drain.drain_once()
        seen.append(drain.status().overdue)
        clock.advance(10)
    assert seen == [False] * 38 + [True] * 4
    drain.exporter.verdict = lambda payload, _points: Delivery(wire_bytes=len(payload))
    clock.advance(60)
    drain.drain_once()
    drain.drain_once()
    assert not drain.status().overdue


def test_without_a_limit_nothing_is_ever_an_alarm(drain, clock):
    drain.exporter.verdict = lambda _payload, _points: Retryable("down")
    put(drain, record(1, time_ns=clock.wall_ns()))
    for _ in range(100):
        drain.drain_once()
        clock.advance(3600)
    assert not drain.status().overdue


def test_while_the_circuit_is_open_only_a_probe_goes(drain, clock):
    drain.exporter.verdict = lambda *_: Retryable("down")
    put(drain, *(record(50, first=number * 50 + 1) for number in range(10)))
    for _ in range(6):
        clock.advance(drain.drain_once())
    assert drain.status().circuit == "half-open"
    drain.exporter.verdict = lambda *_: Delivery()
    drain.drain_once()
    drain.drain_once()
    assert [len(request) for request in sent(drain)] == [100, 400]
    assert drain.status().circuit == "closed"


def test_a_refusal_is_an_answer_and_does_not_open_the_circuit(drain, clock):
    drain.exporter.verdict = lambda *_: Permanent("400")
    for pid in range(1, 20):
        put(drain, record(1, first=pid))
        clock.advance(drain.drain_once())
    assert drain.status().circuit == "closed"
    assert drain.buffer.statistics().rejected == 19 * POINTS


def test_an_agent_that_ends_sends_what_it_has_without_waiting(drain, clock):
    drain.fill = 300.0
    drain.exporter.verdict = in_turn(Retryable("down", 200.0), Delivery())
    put(drain, record(1))
    drain.drain_once()
    clock.advance(300)
    drain.drain_once()
    put(drain, record(1, first=2))
    drain.hurry()
    drain.drain_once()
    assert sent(drain) == [[1, 2]]


def test_the_loop_delivers_until_it_is_stopped_and_leaves_the_rest(drain, clock):
    stop = Event()
    for second in range(10):
        clock.at(second + 0.25, lambda pid=second + 1: put(drain, record(1, first=pid)))
        clock.at(second + 0.25, drain.wake)
    clock.at(5.5, lambda: end(drain, stop))
    drain.run(stop)
    assert sent(drain) == [[1], [2], [3], [4], [5], [6]]
    assert clock.monotonic() == pytest.approx(1005.5)


def test_the_loop_looks_at_once_when_it_is_woken_and_from_time_to_time_when_it_is_not(drain, clock):
    stop, moments = Event(), []
    drain.exporter.verdict = lambda *_: moments.append(clock.monotonic() - 1000) or Delivery()
    clock.at(0.25, lambda: (put(drain, record(1, first=1)), drain.wake()))
    clock.at(0.5, lambda: put(drain, record(1, first=2)))
    clock.at(20.0, lambda: end(drain, stop))
    drain.run(stop)
    assert moments == [0.25, 0.25 + LOOK]


def test_the_loop_looks_often_enough_to_notice_an_end_while_it_backs_off(drain, clock):
    stop = Event()
    drain.exporter.verdict = lambda *_: Retryable("down", 300.0)
    put(drain, record(1))
    clock.at(10.0, drain.hurry)
    clock.at(11.0, lambda: end(drain, stop))
    drain.run(stop)
    assert len(drain.exporter.attempts) == 2


def test_the_state_is_a_line_for_people(drain):
    assert drain.state == "nothing sent yet"
    put(drain, record(1))
    drain.drain_once()
    assert drain.state == "delivering"


def test_a_buffer_that_hands_out_nothing_is_not_asked_in_a_hot_loop(drain):
    put(drain, record(1))
    drain.buffer.peek = lambda _points, _size: []
    assert drain.drain_once() > 0


def test_the_end_of_the_loop_closes_the_exporter(drain, clock):
    stop = Event()
    clock.at(1.0, lambda: end(drain, stop))
    drain.run(stop)
    assert drain.exporter.closed

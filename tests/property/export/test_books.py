"""Nothing that was taken from the buffer is lost or counted twice, whatever an endpoint answers."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from nrdot.buffer.memory import MemoryBuffer
from nrdot.errors import Permanent, Retryable
from nrdot.export.journal import Journal
from nrdot.export.pace import Pace
from nrdot.export.protobuf import halves
from nrdot.pipeline import Drain
from nrdot.stages import Delivery, Priority
from nrdot.testing.clock import ManualClock
from nrdot.testing.delivery.exporter import CapturingExporter
from nrdot.testing.delivery.requests import POINTS, pids, record, request

OUTCOMES = st.sampled_from(["taken", "taken", "partial", "busy", "down", "poison", "large"])
RECORDS = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(Priority)), max_size=4)
STEPS = st.lists(st.tuples(RECORDS, OUTCOMES, st.integers(0, 400)), max_size=30)


def answer(outcome, points):
    match outcome:
        case "taken":
            return Delivery()
        case "partial":
            return Delivery(rejected_points=points // 3)
        case "busy":
            return Retryable("busy", 5.0)
        case "down":
            return Retryable("down")
        case "poison":
            return Permanent("400")
        case _:
            return Permanent("413", too_large=True)


@settings(max_examples=200, deadline=None)
@given(
    steps=STEPS,
    capacity=st.sampled_from([4_000, 20_000, 10**7]),
    points=st.integers(1, 60),
    retry=st.booleans(),
    late=st.sampled_from([None, 300.0]),
    seed=st.integers(0, 9),
)
def test_the_books_balance_after_every_step_and_all_that_was_not_refused_arrives(
    *, steps, capacity, points, retry, late, seed
):
    clock = ManualClock()
    random = Random(seed)
    buffer = MemoryBuffer(capacity, plain=2_000, newest_first=seed % 2 == 1)
    outcomes = {"next": "taken"}
    exporter = CapturingExporter(
        # The first answer is the step's, further requests in the same step get any other.
        lambda _payload, count: answer(
            outcomes.pop("next", None) or random.choice(["taken", "poison", "large"]), count
        )
    )
    drain = Drain(
        buffer, exporter, Pace(clock, Random(seed)), Journal("x", clock), clock,
        points=points, retry=retry, accepts_late=late,
    )  # fmt: skip
    produced = 0
    for records, outcome, seconds in steps:
        for count, priority in records:
            buffer.put(record(count, priority=priority, time_ns=clock.wall_ns()))
            produced += count * POINTS
        outcomes["next"] = outcome
        drain.drain_once()
        clock.advance(seconds)
        seen = buffer.statistics()
        waiting = sum(each.points for _, each in buffer.peek(10**9, 10**9))
        assert seen.produced == produced
        assert produced == seen.delivered + waiting + seen.rejected + sum(seen.dropped.values())
    exporter.verdict = lambda *_: Delivery()
    while buffer.statistics().records:
        clock.advance(drain.drain_once())
    seen = buffer.statistics()
    assert produced == seen.delivered + seen.rejected + sum(seen.dropped.values())


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=12),
    limit=st.integers(1, 20),
    poisoned=st.sets(st.integers(1, 100), max_size=3),
)
def test_an_endpoint_with_a_limit_gets_every_process_but_those_of_poisoned_records(sizes, limit, poisoned):
    clock = ManualClock()
    buffer = MemoryBuffer()
    first, expected = 1, []
    for count in sizes:
        members = range(first, first + count)
        buffer.put(record(count, first=first))
        if poisoned.isdisjoint(members):
            expected.extend(members)
        first += count

    def verdict(payload, _points):
        found = pids(payload)
        if len(found) > limit:
            return Permanent("413", too_large=True)
        return Delivery() if poisoned.isdisjoint(found) else Permanent("400")

    exporter = CapturingExporter(verdict)
    drain = Drain(buffer, exporter, Pace(clock, Random(1)), Journal("x", clock), clock)
    while buffer.statistics().records:
        clock.advance(drain.drain_once())
    assert buffer.statistics().delivered == len(expected) * POINTS
    arrived = [pid for payload in exporter.taken for pid in pids(payload)]
    assert set(expected) <= set(arrived)
    assert len(arrived) == len(set(arrived))
    assert poisoned.isdisjoint(arrived)


@given(st.integers(0, 30), st.binary(max_size=40))
def test_a_cut_request_says_the_same_and_other_bytes_never_break_the_cut(processes, noise):
    payload = request(processes)
    parts = halves(payload)
    assert (parts is None) == (processes < 2)
    if parts is not None:
        assert b"".join(parts) == payload
        assert all(parts)
    for each in (noise, payload + noise):
        found = halves(each)
        assert found is None or b"".join(found) == each

from __future__ import annotations

from nrdot.clock import SystemClock
from nrdot.kube.work import WorkQueue
from nrdot.testing.clock import ManualClock


def test_a_key_waits_once_however_often_it_is_added() -> None:
    queue = WorkQueue(SystemClock())
    for _ in range(5):
        queue.add("a")
    assert queue.depth == 1
    assert queue.take() == "a"
    queue.done("a")
    assert queue.depth == 0
    assert queue.take(0.0) is None


def test_what_changes_while_it_is_worked_on_comes_again() -> None:
    queue = WorkQueue(SystemClock())
    queue.add("a")
    assert queue.take() == "a"
    queue.add("a")
    assert queue.take(0.0) is None, "never twice at a time"
    queue.done("a")
    assert queue.take() == "a"


def test_later_is_at_the_latest_then() -> None:
    clock = ManualClock()
    queue = WorkQueue(clock)
    queue.add_after("a", 60.0)
    queue.add_after("a", 10.0)
    queue.add_after("a", 90.0)
    assert queue.depth == 0
    clock.advance(10.0)
    assert queue.take(0.0) == "a"
    queue.done("a")
    clock.advance(100.0)
    assert queue.take(0.0) is None, "the later times are the same wish"


def test_a_key_that_fails_comes_back_ever_later_until_it_succeeds() -> None:
    clock = ManualClock()
    queue = WorkQueue(clock)
    pauses = []
    queue.add("a")
    for _ in range(12):
        assert queue.take(0.0) == "a"
        pause = queue.failed("a")
        pauses.append(pause)
        assert queue.take(0.0) is None
        clock.advance(pause)
    assert pauses[-1] >= 60.0
    assert all(pause <= 120.0 for pause in pauses)
    assert pauses[0] <= 0.4
    assert queue.take(0.0) == "a"
    queue.done("a")
    queue.add("a")
    queue.take(0.0)
    assert queue.failed("a") <= 0.4, "success is forgotten with its failures"


def test_what_changes_while_a_key_rests_does_not_wake_it() -> None:
    clock = ManualClock()
    queue = WorkQueue(clock)
    queue.add("a")
    queue.take(0.0)
    queue.add("a")
    pause = queue.failed("a", 30.0)
    queue.add("a")
    queue.add_after("a", 0.1)
    clock.advance(pause - 1.0)
    assert queue.take(0.0) is None
    clock.advance(1.0)
    assert queue.take(0.0) == "a"


def test_a_delay_of_nothing_is_no_leave_to_spin() -> None:
    queue = WorkQueue(ManualClock())
    queue.add("a")
    queue.take(0.0)
    assert queue.failed("a", 0.0) > 0.0


def test_a_delay_that_the_server_names_is_kept() -> None:
    queue = WorkQueue(ManualClock())
    queue.add("a")
    queue.take(0.0)
    assert queue.failed("a", 7.0) == 7.0

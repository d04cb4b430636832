from threading import Event, Thread

import pytest

from nrdot.agent.delivery.drains import Destination, Drains
from nrdot.clock import SystemClock
from nrdot.errors import StartError
from nrdot.stages import Record
from nrdot.testing.agents.hollow import ListBuffer, SwitchedDrain
from nrdot.testing.clock import ManualClock

HANG = 30.0  # seconds after which a test that waits for another thread has failed


def record(payload=b"r", time_ns=0):
    return Record(payload, 1, time_ns)


@pytest.fixture
def drains():
    running = Drains(SystemClock())
    yield running
    running.close(0.0)


def destination(name="collector", records=(), *, works=True):
    buffer = ListBuffer(records)
    return Destination(name, buffer, SwitchedDrain(buffer, works=works), "here")


def settle(drains):
    clock = SystemClock()
    return drains.settle(HANG, clock.monotonic() + HANG, Event(), lambda: None)


def test_each_destination_gets_what_is_in_its_own_buffer(drains):
    one, two = destination("one", [record(b"1")]), destination("two", [record(b"2"), record(b"3")])

    drains.use([one, two])

    assert settle(drains) == 0
    assert (one.drain.deliveries, two.drain.deliveries) == ([b"1"], [b"2", b"3"])


def test_the_end_is_announced_to_every_drain(drains):
    one, two = destination("one"), destination("two")
    drains.use([one, two])

    settle(drains)

    assert one.drain.hurried.is_set()
    assert two.drain.hurried.is_set()


def test_every_drain_that_runs_can_be_woken(drains):
    one, two = destination("one"), destination("two")
    drains.use([one, two])

    drains.wake()

    assert (one.drain.woken, two.drain.woken) == (1, 1)


def test_a_destination_that_hangs_does_not_hold_up_another(drains):
    hanging, working = destination("one", [record()], works=False), destination("two", [record()])
    drains.use([hanging, working])

    left = drains.settle(0.2, SystemClock().monotonic() + HANG, Event(), lambda: None)

    assert left == 1
    assert working.drain.deliveries == [b"r"]
    hanging.drain.works.set()


@pytest.mark.parametrize(("prospect", "deadline", "waited"), [(5.0, 100.0, 5.0), (100.0, 8.0, 8.0)])
def test_a_hopeless_delivery_is_waited_for_up_to_a_limit_and_any_up_to_the_deadline(
    prospect, deadline, waited
):
    clock = ManualClock()
    drains = Drains(clock)
    hanging = destination(records=[record()], works=False)
    drains.use([hanging])
    began = clock.monotonic()

    assert drains.settle(prospect, began + deadline, Event(), lambda: None) == 1

    assert clock.monotonic() - began == pytest.approx(waited, abs=0.1)
    hanging.drain.works.set()
    drains.close(HANG)


def test_whoever_asks_to_end_at_once_does_not_wait(drains):
    drains.use([destination(records=[record()], works=False)])
    at_once = Event()
    clock = SystemClock()

    left = drains.settle(HANG, clock.monotonic() + HANG, at_once, at_once.set)

    assert left == 1


def test_the_end_makes_buffers_durable_though_a_request_hangs():
    hanging = destination(records=[record()], works=False)
    drains = Drains(SystemClock())
    drains.use([hanging])

    drains.close(0.1)

    assert hanging.buffer.closed
    hanging.drain.works.set()
    assert hanging.drain.stopped.wait(HANG)


def test_what_a_reload_leaves_alone_goes_on(drains):
    kept = destination("kept")
    drains.use([kept, destination("gone")])

    drains.use([kept, destination("new")])
    kept.buffer.put(record())

    assert settle(drains) == 0
    assert kept.drain.deliveries == [b"r"]
    assert not kept.drain.stopped.is_set()


def test_a_destination_that_is_gone_stops_and_closes_its_buffer(drains):
    gone = destination("gone")
    drains.use([gone])

    drains.use([])

    assert gone.buffer.closing.wait(HANG)
    assert gone.drain.stopped.is_set()


def test_a_changed_destination_takes_over_the_buffer_when_the_old_drain_has_let_go(drains):
    history = []

    class Noted(SwitchedDrain):
        def run(self, stop):
            history.append(f"{self.name} begins")
            super().run(stop)
            history.append(f"{self.name} ends")

    buffer = ListBuffer([record()])
    old, new = Noted(buffer, works=False), Noted(buffer)
    old.name, new.name = "old", "new"
    drains.use([Destination("collector", buffer, old, "here")])
    assert old.requesting.wait(HANG)

    drains.use([Destination("collector", buffer, new, "here")])
    assert not new.requesting.wait(0.1)
    old.works.set()

    assert settle(drains) == 0
    assert history == ["old begins", "old ends", "new begins"]
    assert old.deliveries + new.deliveries == [b"r"]
    assert not buffer.closed


def test_a_drain_that_fails_by_our_fault_starts_again_and_says_so(drains, caplog):
    class Faulty(SwitchedDrain):
        failures = 1

        def run(self, stop):
            if self.failures:
                self.failures -= 1
                raise ZeroDivisionError("a fault")
            super().run(stop)

    buffer = ListBuffer([record()])
    drains.use([Destination("collector", buffer, Faulty(buffer), "here")])

    assert settle(drains) == 0
    (said,) = caplog.records
    assert said.message == "the drain failed and starts again"
    assert said.fields == {"destination": "collector", "error": "ZeroDivisionError: a fault", "again_in": 1.0}


class Scarce:
    """Threads that start only while there are some left."""

    def __init__(self, left):
        self.left = left

    def __call__(self, **arguments):
        thread = Thread(**arguments)
        start = thread.start

        def start_if_there_is_one():
            if not self.left:
                raise RuntimeError("can't start new thread")
            self.left -= 1
            start()

        thread.start = start_if_there_is_one
        return thread


def test_without_a_thread_at_the_start_the_agent_says_what_to_raise():
    with pytest.raises(StartError, match=r"TasksMax, ulimit -u.*raise it"):
        Drains(SystemClock(), Scarce(0)).use([destination()])


def test_without_a_thread_at_a_reload_the_others_go_on_and_it_begins_when_there_is_one(caplog):
    threads = Scarce(1)
    drains = Drains(SystemClock(), threads)
    kept, late = destination("kept"), destination("late", [record()])
    drains.use([kept])

    drains.use([kept, late])
    drains.wake()

    assert [line.fields for line in caplog.records] == [{"destination": "late"}]
    assert late.drain.deliveries == []
    threads.left = 1
    drains.wake()
    assert settle(drains) == 0
    assert late.drain.deliveries == [b"r"]
    drains.close(HANG)


def test_a_destination_that_never_got_a_thread_is_closed_with_the_others(caplog):
    drains = Drains(SystemClock(), Scarce(1))
    kept, late, later = destination("kept"), destination("late"), destination("later")
    drains.use([kept])
    drains.use([kept, late])
    drains.use([kept, later])
    assert late.buffer.closed
    drains.close(HANG)
    assert later.buffer.closed


def test_a_destination_describes_itself():
    waiting = destination(records=[record(b"four", time_ns=5 * 10**9), record()], works=False)

    assert waiting.document(now_ns=8 * 10**9) == {
        "name": "collector",
        "state": "held, circuit closed: no answer",
        "circuit": "closed",
        "alarm": False,
        "overdue": False,
        "records": 2,
        "bytes": 5,
        "oldest_seconds": 3.0,
        "last_success_seconds": None,
    }

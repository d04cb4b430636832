from itertools import pairwise

import pytest

from nrdot.agent.delivery.drains import Destination
from nrdot.clock import SystemClock
from nrdot.errors import StartError
from nrdot.stages import Record
from nrdot.testing.agents.daemon import SteppedDaemon
from nrdot.testing.agents.hollow import ListBuffer, SwitchedDrain
from nrdot.testing.clock import NOON_NS, ManualClock


def test_the_first_tick_comes_at_once_and_the_others_on_the_grid():
    agent = SteppedDaemon(wall_ns=NOON_NS + 5_000_000_000)

    assert agent.stop_after(60.0) == 0

    start = agent.pipeline.ticks[0]
    assert [moment - start for moment in agent.pipeline.ticks] == pytest.approx([0.0, 10.0, 25.0, 40.0, 55.0])


def test_a_request_to_stop_ends_with_one_last_export_and_says_that_nothing_waits(caplog):
    caplog.set_level("INFO", "nrdot.agent")
    agent = SteppedDaemon()

    agent.stop_after(20.0)

    assert caplog.records[-1].message == "the agent ends, and nothing waits to be delivered"
    assert [moment - agent.pipeline.ticks[0] for moment in agent.pipeline.flushes] == pytest.approx([20.0])
    assert agent.status.stopping


def test_a_duration_ends_as_a_request_to_stop_does():
    agent = SteppedDaemon()

    assert agent.daemon.run(duration=30.0) == 0

    assert len(agent.pipeline.ticks) == 2
    assert [moment - agent.pipeline.ticks[0] for moment in agent.pipeline.flushes] == pytest.approx([30.0])


def test_a_capture_that_ends_is_flushed_and_ends_the_agent():
    agent = SteppedDaemon()

    def end_at_the_fourth():
        if len(agent.pipeline.ticks) == 4 and not agent.pipeline.flushes:
            raise StopIteration

    agent.pipeline.during = end_at_the_fourth

    assert agent.daemon.run() == 0
    assert len(agent.pipeline.flushes) == 1


def test_once_takes_two_samples_one_second_apart():
    agent = SteppedDaemon()

    assert agent.daemon.once(agent.clock.monotonic()) == 0

    assert len(agent.pipeline.ticks) == 1
    assert [moment - agent.pipeline.ticks[0] for moment in agent.pipeline.flushes] == pytest.approx([1.0])


def test_what_is_made_ready_between_the_two_samples_of_once_costs_no_time_of_its_own():
    agent = SteppedDaemon()
    began = agent.clock.monotonic() - 0.25  # the first sample; the rest was loaded since
    agent.pipeline.during = lambda: agent.clock.advance(0.5)

    agent.daemon.once(began)

    assert agent.pipeline.flushes == pytest.approx([began + 1.0])


def test_a_start_that_takes_longer_than_the_second_between_the_samples_goes_on_at_once():
    agent = SteppedDaemon()
    now = agent.clock.monotonic()

    agent.daemon.once(now - 3.0)

    assert agent.pipeline.flushes == pytest.approx([now])


@pytest.mark.parametrize(("made", "woken"), [((), 0), ((Record(b"r", 1, 0),), 2)])
def test_a_tick_that_exports_wakes_the_drains(made, woken):
    buffer = ListBuffer()
    drain = SwitchedDrain(buffer)
    agent = SteppedDaemon(
        clock=SystemClock(),
        destinations=[Destination("collector", buffer, drain, "http://collector:4318")],
        interval=0.05,
    )
    agent.pipeline.made = made
    seen = []
    agent.pipeline.during = lambda: seen.append(drain.woken) or (len(seen) > 2 and agent.requests.stop())

    agent.daemon.run()

    assert seen[2] == woken


@pytest.mark.parametrize(("works", "status"), [(True, 0), (False, 1)])
def test_once_says_whether_its_export_was_taken(works, status, caplog):
    caplog.set_level("INFO", "nrdot.agent")
    clock = SystemClock() if works else ManualClock()
    buffer = ListBuffer()
    drain = SwitchedDrain(buffer, works=works)
    agent = SteppedDaemon(
        clock=clock,
        buffers=[buffer],
        destinations=[Destination("collector", buffer, drain, "http://collector:4318")],
    )

    assert agent.daemon.once(clock.monotonic()) == status
    assert buffer.closed
    (told,) = [record for record in caplog.records if getattr(record, "fields", {}).get("destination")]
    assert told.message == ("exported once" if works else "nothing was taken")
    assert told.fields == {
        "destination": "collector",
        "points_delivered": buffer.delivered,
        "to": "http://collector:4318",
    }
    assert bool(buffer.delivered) is works
    drain.works.set()


def test_the_agent_says_where_it_sends(caplog):
    caplog.set_level("INFO", "nrdot.agent")
    buffer = ListBuffer()
    places = [Destination(name, buffer, SwitchedDrain(buffer), f"/{name}") for name in ("a", "b")]
    SteppedDaemon(clock=SystemClock(), destinations=places).daemon.run(duration=0.0)

    (told,) = [record for record in caplog.records if record.message == "the agent runs"]
    assert told.fields["to"] == "/a, /b"


def test_a_tick_that_takes_too_long_is_not_made_up_for():
    agent = SteppedDaemon()
    slow = iter([0.0, 40.0])
    agent.pipeline.during = lambda: agent.clock.advance(next(slow, 0.0))

    agent.stop_after(100.0)

    start = agent.pipeline.ticks[0]
    assert [moment - start for moment in agent.pipeline.ticks] == pytest.approx([0.0, 15.0, 60.0, 75.0, 90.0])
    assert agent.status.ticks == {"run": 6, "late": 2, "shed": 0}


def test_past_the_cpu_budget_the_cadence_is_shed_and_said_once(caplog):
    agent = SteppedDaemon(cpu_budget=0.01)

    def spend():
        agent.cpu += 0.25

    agent.pipeline.during = spend
    agent.clock.at(299.0, lambda: seen.append(agent.status.document()))
    seen = []

    agent.stop_after(300.0)

    gaps = [round(after - before) for before, after in pairwise(agent.pipeline.ticks)]
    assert gaps == [15] * 3 + [30] * 8
    assert [record.message for record in caplog.records] == ["the CPU budget is exceeded: ticks are shed"]
    assert caplog.records[0].fields["interval"] == 30.0
    assert seen[0]["interval"] == 30.0
    assert seen[0]["cadence"].startswith("one tick in 2: ")
    assert agent.status.ticks["shed"] == 8


def test_at_each_moment_that_is_shed_those_that_are_exempt_are_looked_at():
    agent = SteppedDaemon(cpu_budget=0.01)

    def spend():
        agent.cpu += 0.25

    agent.pipeline.during = spend

    agent.stop_after(300.0)

    shed = [before + 15 for before, after in pairwise(agent.pipeline.ticks) if round(after - before) == 30]
    assert agent.pipeline.glances == pytest.approx(shed)


def test_the_cadence_comes_back_and_that_is_said_once(caplog):
    caplog.set_level("INFO", "nrdot.agent")
    agent = SteppedDaemon(cpu_budget=0.01)

    def spend():
        agent.cpu += 0.25 if len(agent.pipeline.ticks) < 6 else 0.01

    agent.pipeline.during = spend

    agent.stop_after(600.0)

    gaps = [round(after - before) for before, after in pairwise(agent.pipeline.ticks)]
    assert gaps[-1] == 15
    assert [record.levelname for record in caplog.records if "budget" in record.message] == [
        "WARNING",
        "INFO",
    ]
    assert agent.status.cadence == ""
    assert agent.status.interval == 15.0


def test_a_source_that_goes_away_ends_the_agent_with_its_error():
    agent = SteppedDaemon()

    def fail():
        if len(agent.pipeline.ticks) == 3:
            raise StartError("/proc is gone")

    agent.pipeline.during = fail

    with pytest.raises(StartError, match="/proc is gone"):
        agent.daemon.run()


def test_everyone_who_watches_sees_every_tick():
    seen = []
    agent = SteppedDaemon(watchers=(seen.append,))

    agent.stop_after(40.0)

    assert len(seen) == len(agent.pipeline.ticks) + len(agent.pipeline.flushes) == 4


def test_a_loop_that_waits_shows_that_it_is_alive():
    agent = SteppedDaemon(interval=60.0)
    silences = []
    for second in range(1, 120):
        agent.clock.at(second, lambda: silences.append(agent.clock.monotonic() - agent.status.alive))

    agent.stop_after(120.0)

    assert max(silences) <= 5.0

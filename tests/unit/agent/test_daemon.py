from dataclasses import replace
from itertools import pairwise

import pytest

from nrdot.agent.daemon import Daemon, Parts
from nrdot.agent.drains import Destination
from nrdot.agent.notify import Notifier
from nrdot.agent.signals import Requests
from nrdot.agent.status import Status
from nrdot.clock import SystemClock
from nrdot.errors import ConfigError, StartError
from nrdot.stages import Record
from nrdot.testing.agent import CountingPipeline, ListBuffer, SwitchedDrain
from nrdot.testing.clock import NOON_NS, ManualClock

INTERVAL = 15.0


class Agent:
    """A daemon on a clock of its own, with a pipeline that counts, and the CPU that the test says it uses."""

    def __init__(self, *, clock=None, buffers=(), wall_ns=NOON_NS, **changes):
        self.clock = clock or ManualClock(wall_ns)
        self.pipeline = CountingPipeline(self.clock, buffers)
        self.requests = Requests(self.clock)
        self.status = Status(self.clock)
        self.cpu = 0.0
        self.reloads = []
        self.looks = []  # at what the time changes
        self.due = lambda before: before
        self.parts = replace(
            Parts(self.pipeline, (), interval=INTERVAL, cpu_budget=0.0, revision="r1"),
            **changes,
        )
        self.daemon = Daemon(
            self.parts,
            clock=self.clock,
            requests=self.requests,
            status=self.status,
            notifier=Notifier({}, self.clock),
            reload=self.reload,
            transition=self.transition,
            cpu=lambda: self.cpu,
        )
        self.answers = []

    def reload(self, before):
        self.reloads.append(self.clock.monotonic())
        answer = self.answers.pop(0) if self.answers else before
        if isinstance(answer, Exception):
            raise answer
        return answer

    def transition(self, before):
        self.looks.append(self.clock.monotonic())
        return self.due(before)

    def stop_after(self, seconds):
        self.clock.at(seconds, self.requests.stop)
        return self.daemon.run()


def test_the_first_tick_comes_at_once_and_the_others_on_the_grid():
    agent = Agent(wall_ns=NOON_NS + 5_000_000_000)

    assert agent.stop_after(60.0) == 0

    start = agent.pipeline.ticks[0]
    assert [moment - start for moment in agent.pipeline.ticks] == pytest.approx([0.0, 10.0, 25.0, 40.0, 55.0])


def test_a_request_to_stop_ends_with_one_last_export():
    agent = Agent()

    agent.stop_after(20.0)

    assert [moment - agent.pipeline.ticks[0] for moment in agent.pipeline.flushes] == pytest.approx([20.0])
    assert agent.status.stopping


def test_a_duration_ends_as_a_request_to_stop_does():
    agent = Agent()

    assert agent.daemon.run(duration=30.0) == 0

    assert len(agent.pipeline.ticks) == 2
    assert [moment - agent.pipeline.ticks[0] for moment in agent.pipeline.flushes] == pytest.approx([30.0])


def test_a_capture_that_ends_is_flushed_and_ends_the_agent():
    agent = Agent()

    def end_at_the_fourth():
        if len(agent.pipeline.ticks) == 4 and not agent.pipeline.flushes:
            raise StopIteration

    agent.pipeline.during = end_at_the_fourth

    assert agent.daemon.run() == 0
    assert len(agent.pipeline.flushes) == 1


def test_once_takes_two_samples_one_second_apart():
    agent = Agent()

    assert agent.daemon.once(agent.clock.monotonic()) == 0

    assert len(agent.pipeline.ticks) == 1
    assert [moment - agent.pipeline.ticks[0] for moment in agent.pipeline.flushes] == pytest.approx([1.0])


def test_what_is_made_ready_between_the_two_samples_of_once_costs_no_time_of_its_own():
    agent = Agent()
    began = agent.clock.monotonic() - 0.25  # the first sample; the rest was loaded since
    agent.pipeline.during = lambda: agent.clock.advance(0.5)

    agent.daemon.once(began)

    assert agent.pipeline.flushes == pytest.approx([began + 1.0])


def test_a_start_that_takes_longer_than_the_second_between_the_samples_goes_on_at_once():
    agent = Agent()
    now = agent.clock.monotonic()

    agent.daemon.once(now - 3.0)

    assert agent.pipeline.flushes == pytest.approx([now])


@pytest.mark.parametrize(("made", "woken"), [((), 0), ((Record(b"r", 1, 0),), 2)])
def test_a_tick_that_exports_wakes_the_drains(made, woken):
    buffer = ListBuffer()
    drain = SwitchedDrain(buffer)
    agent = Agent(clock=SystemClock(), destinations=[Destination("collector", buffer, drain)], interval=0.05)
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
    agent = Agent(clock=clock, buffers=[buffer], destinations=[Destination("collector", buffer, drain)])

    assert agent.daemon.once(clock.monotonic()) == status
    assert buffer.closed
    (told,) = [record for record in caplog.records if record.message == "exported once"]
    assert told.fields == {"destination": "collector", "points_delivered": buffer.delivered}
    assert bool(buffer.delivered) is works
    drain.works.set()


def test_a_tick_that_takes_too_long_is_not_made_up_for():
    agent = Agent()
    slow = iter([0.0, 40.0])
    agent.pipeline.during = lambda: agent.clock.advance(next(slow, 0.0))

    agent.stop_after(100.0)

    start = agent.pipeline.ticks[0]
    assert [moment - start for moment in agent.pipeline.ticks] == pytest.approx([0.0, 15.0, 60.0, 75.0, 90.0])
    assert agent.status.ticks == {"run": 6, "late": 2, "shed": 0}


def test_past_the_cpu_budget_the_cadence_is_shed_and_said_once(caplog):
    agent = Agent(cpu_budget=0.01)

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
    agent = Agent(cpu_budget=0.01)

    def spend():
        agent.cpu += 0.25

    agent.pipeline.during = spend

    agent.stop_after(300.0)

    shed = [before + 15 for before, after in pairwise(agent.pipeline.ticks) if round(after - before) == 30]
    assert agent.pipeline.glances == pytest.approx(shed)


def test_the_cadence_comes_back_and_that_is_said_once(caplog):
    caplog.set_level("INFO", "nrdot.agent")
    agent = Agent(cpu_budget=0.01)

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


def test_a_thousand_requests_to_reload_are_one():
    agent = Agent()
    for _ in range(1000):
        agent.clock.at(20.0, agent.requests.reload)

    agent.stop_after(40.0)

    assert len(agent.reloads) == 1


def test_a_storm_of_requests_to_reload_is_answered_once_a_second_and_the_last_one_is_not_lost():
    agent = Agent()
    for number in range(1000):
        agent.clock.at(20.0 + number / 200, agent.requests.reload)

    agent.stop_after(40.0)

    assert all(after - before >= 1.0 for before, after in pairwise(agent.reloads))
    assert 2 <= len(agent.reloads) <= 7
    assert agent.reloads[-1] >= agent.pipeline.ticks[0] + 20.0 + 999 / 200


def test_a_reload_happens_between_two_ticks_and_later_ticks_use_the_new_parts():
    agent = Agent()
    other = CountingPipeline(agent.clock)
    agent.answers = [replace(agent.parts, pipeline=other, revision="r2")]
    agent.pipeline.during = agent.requests.reload

    agent.stop_after(40.0)

    assert len(agent.pipeline.ticks) == 1
    assert [moment - agent.pipeline.ticks[0] for moment in other.ticks] == pytest.approx([15.0, 30.0])
    assert len(other.flushes) == 1
    assert agent.status.revision == "r2"
    assert agent.status.reloads == {"applied": 1, "unchanged": 0, "refused": 0}


def test_a_new_interval_begins_a_new_grid():
    agent = Agent()
    agent.answers = [replace(agent.parts, interval=5.0)]
    agent.clock.at(16.0, agent.requests.reload)

    agent.stop_after(31.0)

    start = agent.pipeline.ticks[0]
    assert [moment - start for moment in agent.pipeline.ticks] == pytest.approx([0, 15, 20, 25, 30])
    assert agent.status.interval == 5.0


def test_a_bad_file_keeps_the_last_good_one_and_says_why(caplog):
    agent = Agent()
    agent.answers = [ConfigError("nrdot.yaml:3: agent.interval: 15 is no duration; write 15s")]
    agent.clock.at(20.0, agent.requests.reload)
    seen = []
    agent.clock.at(25.0, lambda: seen.append(agent.status.document()))

    agent.stop_after(40.0)

    assert len(agent.pipeline.ticks) == 3
    assert seen[0]["ready"]
    assert seen[0]["config"] == {
        "revision": "r1",
        "valid": False,
        "error": "nrdot.yaml:3: agent.interval: 15 is no duration; write 15s",
    }
    assert [record.message for record in caplog.records] == [
        "the configuration is refused, the last good one stays",
    ]
    assert agent.status.reloads["refused"] == 1


def test_a_mended_file_clears_the_error():
    agent = Agent()
    agent.answers = [ConfigError("bad"), agent.parts]
    agent.clock.at(20.0, agent.requests.reload)
    agent.clock.at(30.0, agent.requests.reload)

    agent.stop_after(40.0)

    assert agent.status.config_error == ""
    assert agent.status.reloads == {"applied": 0, "unchanged": 1, "refused": 1}


def test_a_source_that_goes_away_ends_the_agent_with_its_error():
    agent = Agent()

    def fail():
        if len(agent.pipeline.ticks) == 3:
            raise StartError("/proc is gone")

    agent.pipeline.during = fail

    with pytest.raises(StartError, match="/proc is gone"):
        agent.daemon.run()


def test_everyone_who_watches_sees_every_tick():
    seen = []
    agent = Agent(watchers=(seen.append,))

    agent.stop_after(40.0)

    assert len(seen) == len(agent.pipeline.ticks) + len(agent.pipeline.flushes) == 4


def test_a_loop_that_waits_shows_that_it_is_alive():
    agent = Agent(interval=60.0)
    silences = []
    for second in range(1, 120):
        agent.clock.at(second, lambda: silences.append(agent.clock.monotonic() - agent.status.alive))

    agent.stop_after(120.0)

    assert max(silences) <= 5.0


class Watch:
    """Tells of a change at the looks that the test names."""

    def __init__(self, *changes):
        self.looks = 0
        self.changes = changes

    def look(self):
        self.looks += 1
        return self.looks in self.changes

    def wait(self):
        return 1.0 if self.looks in (0, 1) else None


def test_a_change_that_the_watch_sees_is_loaded_without_being_asked_for():
    agent = Agent()
    agent.daemon._watch = Watch(2)

    agent.stop_after(20.0)

    assert len(agent.reloads) == 1
    assert agent.reloads[0] - agent.pipeline.ticks[0] <= 2.0


def test_a_reload_that_might_hold_up_the_next_tick_comes_right_after_it():
    agent = Agent()
    agent.clock.at(14.8, agent.requests.reload)

    agent.stop_after(40.0)

    assert agent.reloads == agent.pipeline.ticks[1:2]


def test_a_reload_that_took_long_leaves_more_room_the_next_time():
    agent = Agent()
    answer = agent.reload

    def slow(before):
        agent.clock.advance(4.0)
        return answer(before)

    agent.daemon._reload = slow
    agent.clock.at(1.0, agent.requests.reload)
    agent.clock.at(9.0, agent.requests.reload)

    agent.stop_after(40.0)

    first, second = agent.reloads
    assert first - agent.pipeline.ticks[0] == pytest.approx(5.0)
    assert second - agent.pipeline.ticks[1] == pytest.approx(4.0)
    assert agent.status.ticks["late"] == 0


def test_what_does_not_hold_is_shown_from_the_start_and_until_it_does():
    agent = Agent(trouble="the file is bad")
    assert agent.status.config_error == "the file is bad"
    agent.answers = [replace(agent.parts, revision="r2", trouble="")]
    agent.clock.at(5.0, agent.requests.reload)

    agent.stop_after(20.0)

    assert agent.status.config_error == ""


def test_parts_that_are_not_what_was_asked_for_say_why():
    agent = Agent()
    agent.answers = [replace(agent.parts, revision="r2", trouble="what is pushed is refused")]
    agent.clock.at(5.0, agent.requests.reload)

    agent.stop_after(20.0)

    assert agent.status.config_error == "what is pushed is refused"


def test_what_the_time_changes_is_looked_at_before_each_tick_and_the_tick_uses_it():
    agent = Agent()
    start = agent.clock.monotonic()
    other = CountingPipeline(agent.clock)
    agent.due = lambda parts: (
        replace(parts, pipeline=other) if agent.clock.monotonic() - start >= 30.0 else parts
    )

    agent.stop_after(50.0)

    assert [moment - start for moment in agent.looks] == pytest.approx([15.0, 30.0, 45.0])
    assert [moment - start for moment in agent.pipeline.ticks] == pytest.approx([0.0, 15.0])
    assert [moment - start for moment in other.ticks] == pytest.approx([30.0, 45.0])


def test_a_change_by_time_that_fails_leaves_the_parts_alone_and_is_tried_again_in_a_minute():
    agent = Agent()
    start = agent.clock.monotonic()

    def refuse(_parts):
        raise ConfigError("the certificate is gone")

    agent.due = refuse

    agent.stop_after(100.0)

    assert [moment - start for moment in agent.looks] == pytest.approx([15.0, 75.0])
    assert len(agent.pipeline.ticks) == 7

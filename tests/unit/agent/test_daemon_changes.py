from dataclasses import replace
from itertools import pairwise

import pytest

from nrdot.errors import ConfigError
from nrdot.testing.agents.daemon import SteppedDaemon
from nrdot.testing.agents.hollow import CountingPipeline


def test_a_thousand_requests_to_reload_are_one():
    agent = SteppedDaemon()
    for _ in range(1000):
        agent.clock.at(20.0, agent.requests.reload)

    agent.stop_after(40.0)

    assert len(agent.reloads) == 1


def test_a_storm_of_requests_to_reload_is_answered_once_a_second_and_the_last_one_is_not_lost():
    agent = SteppedDaemon()
    for number in range(1000):
        agent.clock.at(20.0 + number / 200, agent.requests.reload)

    agent.stop_after(40.0)

    assert all(after - before >= 1.0 for before, after in pairwise(agent.reloads))
    assert 2 <= len(agent.reloads) <= 7
    assert agent.reloads[-1] >= agent.pipeline.ticks[0] + 20.0 + 999 / 200


def test_a_reload_happens_between_two_ticks_and_later_ticks_use_the_new_parts():
    agent = SteppedDaemon()
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
    agent = SteppedDaemon()
    agent.answers = [replace(agent.parts, interval=5.0)]
    agent.clock.at(16.0, agent.requests.reload)

    agent.stop_after(31.0)

    start = agent.pipeline.ticks[0]
    assert [moment - start for moment in agent.pipeline.ticks] == pytest.approx([0, 15, 20, 25, 30])
    assert agent.status.interval == 5.0


def test_a_bad_file_keeps_the_last_good_one_and_says_why(caplog):
    agent = SteppedDaemon()
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
    agent = SteppedDaemon()
    agent.answers = [ConfigError("bad"), agent.parts]
    agent.clock.at(20.0, agent.requests.reload)
    agent.clock.at(30.0, agent.requests.reload)

    agent.stop_after(40.0)

    assert agent.status.config_error == ""
    assert agent.status.reloads == {"applied": 0, "unchanged": 1, "refused": 1}


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
    agent = SteppedDaemon(watch=Watch(2))

    agent.stop_after(20.0)

    assert len(agent.reloads) == 1
    assert agent.reloads[0] - agent.pipeline.ticks[0] <= 2.0


def test_a_reload_that_might_hold_up_the_next_tick_comes_right_after_it():
    agent = SteppedDaemon()
    agent.clock.at(14.8, agent.requests.reload)

    agent.stop_after(40.0)

    assert agent.reloads == agent.pipeline.ticks[1:2]


def test_a_reload_that_took_long_leaves_more_room_the_next_time():
    agent = SteppedDaemon()
    agent.during_reload = lambda: agent.clock.advance(4.0)
    agent.clock.at(1.0, agent.requests.reload)
    agent.clock.at(9.0, agent.requests.reload)

    agent.stop_after(40.0)

    first, second = agent.reloads
    assert first - agent.pipeline.ticks[0] == pytest.approx(1.0)
    assert second == agent.pipeline.ticks[1]
    assert agent.status.ticks["late"] == 0


def test_what_does_not_hold_is_shown_from_the_start_and_until_it_does():
    agent = SteppedDaemon(trouble="the file is bad")
    assert agent.status.config_error == "the file is bad"
    agent.answers = [replace(agent.parts, revision="r2", trouble="")]
    agent.clock.at(5.0, agent.requests.reload)

    agent.stop_after(20.0)

    assert agent.status.config_error == ""


def test_parts_that_are_not_what_was_asked_for_say_why():
    agent = SteppedDaemon()
    agent.answers = [replace(agent.parts, revision="r2", trouble="what is pushed is refused")]
    agent.clock.at(5.0, agent.requests.reload)

    agent.stop_after(20.0)

    assert agent.status.config_error == "what is pushed is refused"


def test_what_the_time_changes_is_looked_at_before_each_tick_and_the_tick_uses_it():
    agent = SteppedDaemon()
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
    agent = SteppedDaemon()
    start = agent.clock.monotonic()

    def refuse(_parts):
        raise ConfigError("the certificate is gone")

    agent.due = refuse

    agent.stop_after(100.0)

    assert [moment - start for moment in agent.looks] == pytest.approx([15.0, 75.0])
    assert len(agent.pipeline.ticks) == 7

import pytest

from nrdot.agent.loop.beat import Beat, Turn
from nrdot.testing.clock import NOON_NS, ManualClock


def turn_after(clock: ManualClock, beat: Beat, seconds: float) -> Turn:
    clock.advance(seconds)
    return beat.take()


def test_ticks_meet_the_wall_clock():
    clock = ManualClock(wall_ns=NOON_NS + 4_250_000_000)

    assert Beat(clock, 15.0).remaining() == pytest.approx(10.75)


def test_the_tick_after_the_baseline_does_not_follow_on_its_heels():
    clock = ManualClock(wall_ns=NOON_NS + 14_900_000_000)

    assert Beat(clock, 15.0).remaining() == pytest.approx(15.1)


def test_a_setting_of_the_wall_clock_moves_no_tick():
    clock = ManualClock(wall_ns=NOON_NS + 5_000_000_000)
    beat = Beat(clock, 15.0)

    clock.jump(-3600)

    assert beat.remaining() == pytest.approx(10.0)
    assert turn_after(clock, beat, 10.0) == Turn(run=True)
    assert beat.remaining() == pytest.approx(15.0)


def test_a_moment_is_taken_once():
    clock = ManualClock()
    beat = Beat(clock, 15.0)

    assert turn_after(clock, beat, 15.0) == Turn(run=True)
    assert beat.take() == Turn(run=False)


def test_a_tick_that_woke_a_little_late_runs_and_the_next_one_is_on_the_grid():
    clock = ManualClock()
    beat = Beat(clock, 10.0)

    assert turn_after(clock, beat, 12.0) == Turn(run=True)
    assert beat.remaining() == pytest.approx(8.0)


def test_a_tick_that_is_too_late_is_skipped_and_counted():
    clock = ManualClock()
    beat = Beat(clock, 10.0)

    assert turn_after(clock, beat, 17.0) == Turn(run=False, late=1)
    assert turn_after(clock, beat, 3.0) == Turn(run=True)


def test_missed_moments_are_counted_and_not_made_up_for():
    clock = ManualClock()
    beat = Beat(clock, 10.0)

    assert turn_after(clock, beat, 51.0) == Turn(run=True, late=4)
    assert beat.take() == Turn(run=False)
    assert beat.remaining() == pytest.approx(9.0)


def test_a_stretched_beat_sheds_what_it_was_told_to_and_keeps_the_grid():
    clock = ManualClock()
    beat = Beat(clock, 10.0)
    turn_after(clock, beat, 10.0)

    beat.stretch = 4

    shed = [turn_after(clock, beat, 10.0) for _ in range(3)]
    assert shed == [Turn(run=False, glance=True, shed=1)] * 3
    assert turn_after(clock, beat, 10.0) == Turn(run=True)


def test_moments_that_passed_unseen_are_shed_or_late_as_they_were_meant():
    clock = ManualClock()
    beat = Beat(clock, 10.0)
    turn_after(clock, beat, 10.0)
    beat.stretch = 4
    assert turn_after(clock, beat, 40.0) == Turn(run=True, shed=3)
    assert turn_after(clock, beat, 38.0) == Turn(run=False, shed=3)  # too late for a look at the third


def test_a_beat_that_is_restored_goes_on_at_the_next_moment():
    clock = ManualClock()
    beat = Beat(clock, 10.0)
    beat.stretch = 4
    turn_after(clock, beat, 10.0)

    beat.stretch = 1

    assert beat.remaining() == pytest.approx(10.0)

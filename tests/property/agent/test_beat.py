from hypothesis import given
from hypothesis import strategies as st

from nrdot.agent.loop.beat import ROUNDING, TOLERANCE, Beat
from nrdot.testing.clock import NOON_NS, ManualClock

# What the agent does between two looks at its beat: sleep too long, hang, or change its cadence.
seconds = st.integers(0, 800).map(lambda eighths: eighths / 8)
pauses = st.lists(st.tuples(seconds, st.sampled_from([1, 1, 1, 2, 4, 8])), max_size=40)
milliseconds = st.integers(0, 60_000).map(lambda number: number * 1_000_000)


@given(start=milliseconds, interval=st.sampled_from([1.0, 5.0, 15.0, 60.0]), pauses=pauses)
def test_every_moment_of_the_grid_is_run_late_or_shed_exactly_once(start, interval, pauses):
    clock = ManualClock(wall_ns=NOON_NS + start)
    beat = Beat(clock, interval)
    first = clock.monotonic() + beat.remaining()
    runs = late = shed = 0
    for pause, stretch in pauses:
        beat.stretch = stretch
        clock.advance(max(beat.remaining(), 0.0) + pause)
        turn = beat.take()
        runs, late, shed = runs + turn.run, late + turn.late, shed + turn.shed
        passed = int((clock.monotonic() - first) / interval + ROUNDING) + 1
        assert runs + late + shed == passed


@given(interval=st.sampled_from([1.0, 15.0]), pauses=pauses)
def test_no_two_ticks_come_closer_than_half_an_interval_and_none_is_far_from_its_moment(interval, pauses):
    clock = ManualClock()
    beat = Beat(clock, interval)
    first = clock.monotonic() + beat.remaining()
    before = float("-inf")
    for pause, stretch in pauses:
        beat.stretch = stretch
        clock.advance(max(beat.remaining(), 0.0) + pause)
        now = clock.monotonic()
        if beat.take().run:
            assert now - before >= (1 - TOLERANCE) * interval - 1e-6
            assert ((now - first) / interval + ROUNDING) % 1 <= TOLERANCE
            before = now

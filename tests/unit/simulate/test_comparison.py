"""The figures of the demo, on a capture whose every process is known."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from nrdot.checks.loading import load
from nrdot.config.reading.load import load_profile
from nrdot.errors import CaptureError
from nrdot.simulate.comparison import compare, extent_of
from nrdot.simulate.fleet import Fleet
from nrdot.simulate.money import headlines
from nrdot.stages import Reason
from nrdot.testing.recordings.captures import workers, write_capture

PROCESSES = 100


def write(path, *, samples=31, spacing=1.0):
    """One has a name that a page must not believe."""
    return write_capture(path, workers(PROCESSES, ticks=samples, spacing=spacing, busy=5, first="<b>&"))


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    capture = write(tmp_path_factory.mktemp("captures") / "c.jsonl")
    profiles = {name: load_profile(name, Path(), os.environ) for name in ("balanced", "aggressive")}
    return compare(capture, load(None), profiles)


def test_no_optimizer_is_every_process_with_seven_points_at_the_baselines_interval(comparison):
    none = comparison.none
    assert (none.interval, none.processes, none.kept) == (60.0, PROCESSES, PROCESSES)
    assert none.points_hourly == PROCESSES * 7 * 60


def test_a_short_capture_is_judged_with_every_time_divided_alike_and_counted_by_real_hours(comparison):
    assert comparison.scale == 15.0
    balanced, aggressive = comparison.profiles
    assert (balanced.interval, aggressive.interval) == (60.0, 120.0)
    assert balanced.exports >= 7
    assert aggressive.exports >= 3
    points = balanced.points_hourly / 60
    # Kept ones have seven points, groups one more.
    assert points == pytest.approx(balanced.kept * 7 + balanced.groups * 8, abs=0.01)
    assert balanced.same_interval_hourly == comparison.none.points_hourly
    assert aggressive.same_interval_hourly == comparison.none.points_hourly / 2


def test_who_works_is_kept_and_named_first(comparison):
    balanced, _ = comparison.profiles
    assert balanced.cpu_covered > 0.9  # before the first export nobody is kept
    assert [kept.pid for kept in balanced.top[:5]] == [104, 103, 102, 101, 100]
    assert {kept.reason for kept in balanced.top[:5]} == {Reason.TOP_CPU}
    assert balanced.reasons["top_cpu"] == 5
    assert sum(balanced.reasons.values()) == balanced.kept


def test_a_long_capture_is_judged_in_its_own_time(tmp_path):
    capture = write(tmp_path / "long.jsonl", samples=40, spacing=15.0)
    found = compare(capture, load(None), {"balanced": load_profile("balanced", Path(), os.environ)})
    assert found.scale == 1.0
    assert found.extent.seconds == 585.0
    assert found.profiles[0].points_hourly < found.none.points_hourly


def test_a_capture_that_is_too_short_says_what_is_missing(tmp_path):
    capture = write(tmp_path / "short.jsonl", samples=5)
    with pytest.raises(
        CaptureError, match=r"5 samples over 4 s are too few to see an export each 120 s twice"
    ):
        compare(capture, load(None), {"aggressive": load_profile("aggressive", Path(), os.environ)})
    with pytest.raises(CaptureError, match="fewer than two samples"):
        extent_of(write(tmp_path / "one.jsonl", samples=1))


def test_never_filtered_processes_are_counted_where_most_of_them_were_left_out(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("process_classification: {critical: {patterns: ['^worker-1$'], score: 1.0}}")
    capture = write(tmp_path / "c.jsonl")
    found = compare(capture, load(rules), {"aggressive": load_profile("aggressive", Path(), os.environ)})
    assert (found.profiles[0].critical, found.profiles[0].critical_exported) == (25, 25)


def test_money_is_the_formula_that_is_shown(comparison):
    stored, series, samples = headlines()
    none = Fleet(comparison.none, 1)
    words = "max(0, bytes / 1e9 - free) * price, for a month of 730 h, with free 0, price 0.3; USD, prices of"
    assert stored.formula.startswith(words)
    assert stored.monthly(none) == pytest.approx(none.figures.bytes_hourly * 730 / 1e9 * 0.30)
    words = "hosts * host + max(0, series_hourly - hosts * allotment) / 100 * per_100, for a month of 730 h"
    assert series.formula.startswith(words)
    assert series.monthly(none) == pytest.approx(15 + (PROCESSES * 7 - 100) / 100 * 5)
    words = "tiered(points / 1e6), for a month of 730 h, with tiers 0.06 up to 50,000, 0.048 up to 250,000,"
    assert samples.formula.startswith(words)
    assert samples.monthly(none) == pytest.approx(PROCESSES * 7 * 60 * 730 / 1e6 * 0.06)


def test_times_of_a_profile_that_suppresses_are_divided_as_well(tmp_path):
    capture = write(tmp_path / "c.jsonl")
    balanced = load_profile("balanced", Path(), os.environ)
    quiet = msgspec.structs.replace(balanced, delta_encoding=True)
    found = compare(capture, load(None), {"balanced": balanced, "quiet": quiet})
    assert found.profiles[1].points_hourly < found.profiles[0].points_hourly

"""The screen of `nrdot demo` while it watches."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from nrdot.cli.demo.live import EVERY, LiveScreen
from nrdot.config.reading.load import load, load_profile
from nrdot.errors import CaptureError
from nrdot.sample.replay import ReplaySource
from nrdot.simulate.comparison import Comparison, Extent, compare
from nrdot.testing.recordings.captures import workers, write_capture


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("captures") / "c.jsonl"
    return write_capture(path, workers(60, ticks=31, busy=5, first="payment-gateway"))


@pytest.fixture
def samples(capture):
    """A few samples of a small host."""
    source = ReplaySource(capture)
    return [source.sample() for _ in range(4)]


def _screen(compared, width: int = 150) -> tuple[LiveScreen, io.StringIO]:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=width, color_system=None)
    return LiveScreen(console, 30.0, EVERY, compared), written


def _shown(screen: LiveScreen, width: int = 150) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as captured:
        console.print(screen.render())
    return captured.get()


def _comparison(capture) -> Comparison:
    names = ("conservative", "balanced", "aggressive")
    profiles = {name: load_profile(name, Path(), os.environ) for name in names}
    return compare(capture, load(None, {}), profiles)


def test_profiles_stand_side_by_side_with_who_is_busy(capture, samples) -> None:
    found = _comparison(capture)
    screen, _ = _screen(lambda: found)
    with screen:
        for batch in samples:
            screen.seen(batch)
    text = _shown(screen)
    assert "no optimizer   conservative   balanced   aggressive" in text
    balanced = next(one for one in found.profiles if one.profile == "balanced")
    assert f"{balanced.points_hourly:,.0f}" in text
    assert f"{len(samples[-1].living)} processes" in text
    table, living = samples[-1].table, samples[-1].living
    busiest = living[table.cpu[living].argmax()]
    assert str(int(table.pid[busiest])) in text
    assert table.identity[busiest].name in text


def test_on_eighty_columns_every_row_is_a_line(capture, samples) -> None:
    found = _comparison(capture)
    screen, _ = _screen(lambda: found)
    with screen:
        for batch in samples:
            screen.seen(batch)
    assert len(_shown(screen, 80).splitlines()) == len(_shown(screen, 150).splitlines())


def test_a_narrow_terminal_has_fewer_columns_and_whole_words(capture, samples) -> None:
    found = _comparison(capture)
    screen, _ = _screen(lambda: found, 40)
    with screen:
        for batch in samples:
            screen.seen(batch)
    lines = [line.rstrip() for line in _shown(screen, 40).splitlines()]
    assert all(len(line) <= 40 for line in lines)
    firsts = {line.strip().split("  ")[0] for line in lines}
    assert {"no optimizer", "conservative", "balanced", "aggressive"} <= firsts
    assert f"{len(samples[-1].living)} processes" in "\n".join(lines)


def test_it_is_too_early_for_figures_until_there_was_an_export(samples) -> None:
    def early() -> Comparison:
        raise CaptureError("no export came about")

    screen, _ = _screen(early)
    with screen:
        for batch in samples:
            screen.seen(batch)
    assert "the first export is on its way" in _shown(screen)


def test_a_plan_for_the_whole_time_scales_what_is_there_so_far(capture) -> None:
    """The same capture, said to be twice as long: its times are divided by half as much."""
    profiles = {"balanced": load_profile("balanced", Path(), os.environ)}
    short = compare(capture, load(None, {}), profiles, Extent(31, 30.0, 1.0))
    long = compare(capture, load(None, {}), profiles, Extent(61, 60.0, 1.0))
    assert short.scale == pytest.approx(2 * long.scale)

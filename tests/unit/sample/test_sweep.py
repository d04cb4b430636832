from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from nrdot.batch import Gauge
from nrdot.sample.parse import may_be_frozen
from nrdot.sample.sweep import SWEEP_SECONDS, WORDS_EVERY, Sweep
from nrdot.testing.hosts import procfs_text as text


@pytest.mark.parametrize("interval", [1.0, 7.0, 15.0, 45.0, 60.0, 90.0])
def test_nobody_waits_longer_than_a_sweep_whoever_comes_and_goes(interval):
    chance = random.Random(7)
    sweep, alive = Sweep(), np.zeros(256, np.bool_)
    last: dict[int, float] = {}
    now = 1234.5
    sweep.begin(now, alive)
    for _ in range(round(900 / interval)):
        now += interval * chance.uniform(0.9, 1.1)
        for row in sweep.begin(now, alive):
            last[row] = now
        for at in last.values():
            assert now - at <= max(SWEEP_SECONDS, interval * 1.1)
        if len(last) > 900:
            alive = np.pad(alive, (0, 256))
        for row in chance.sample(range(len(alive)), 40):
            alive[row] = not alive[row]
            if alive[row]:
                last[row] = now  # read at birth
            else:
                last.pop(row, None)


def test_the_work_is_spread_evenly():
    sweep, alive = Sweep(), np.ones(1024, np.bool_)
    sizes = [len(sweep.begin(float(second), alive)) for second in range(1, 122)][1:]
    assert sum(sizes) == 2 * 1024
    assert max(sizes) <= 1024 / SWEEP_SECONDS * 1.3


@pytest.mark.parametrize("interval", [15.0, 60.0, 300.0])
def test_words_have_their_turn_at_every_fifth_sweep_of_a_row(interval):
    sweep, alive = Sweep(), np.ones(64, np.bool_)
    turns = {row: [] for row in range(64)}
    for tick in range(round(60 * SWEEP_SECONDS / min(interval, SWEEP_SECONDS))):
        for row in sweep.begin(tick * interval, alive):
            turns[row].append(sweep.words_due(row))
    for seen in turns.values():
        due = [index for index, words in enumerate(seen) if words]
        assert due[0] < WORDS_EVERY
        assert set(np.diff(due)) == {WORDS_EVERY}


def test_memory_that_others_take_from_a_sleeper_is_known_within_a_minute(host):
    for pid in range(100, 160):
        host.proc.add(pid, "sleeper", rss=8 << 20)
    host.sample()
    host.sample()
    for pid in range(100, 160):
        host.proc.change(pid, rss=4 << 20)
    stale = []
    for _ in range(4):
        batch = host.sample()
        stale.append(int((host.table.gauges[Gauge.RSS, batch.living] == 8 << 20).sum()))
    assert stale[-1] == 0
    assert stale == sorted(stale, reverse=True)
    assert 20 < stale[1] < 40  # a share at each sample, not all at once


def test_of_a_sleeper_only_what_others_can_change_is_read(host):
    for pid in range(100, 160):
        host.proc.add(pid, "sleeper")
    host.sample()
    host.sample()
    read = []
    reading = host.source._files.read
    host.source._files.read = lambda path, *size: read.append(path) or reading(path, *size)
    for _ in range(4):
        host.sample()
    memory = {path for path in read if path.endswith("/statm")}
    groups = {path for path in read if path.endswith("/cgroup")}
    assert {f"{pid}/statm" for pid in range(100, 160)} <= memory
    assert 0 < len(groups) < 60 / WORDS_EVERY * 2  # at every fifth sweep
    assert not {path for path in read if path.endswith(("/stat", "/io", "/cmdline"))}


def test_a_sleeper_that_the_freezer_of_cgroup_v1_stops_is_known_within_five_sweeps_of_its_own(host):
    """It stops processes without waking them, so their clocks stand still."""
    for pid in range(100, 160):
        host.proc.add(pid, "sleeper", cgroup=f"9:cpu:/\n6:freezer:/docker/{pid}\n0::/\n")
    host.sample()
    host.sample()
    for pid in range(100, 160):
        host.proc.change(pid, state="D")
    rows = [host.row(pid) for pid in range(100, 160)]
    unknown = []
    for _ in range(round(WORDS_EVERY * SWEEP_SECONDS / 15)):
        host.sample()
        unknown.append(int((host.table.state[rows] == ord("S")).sum()))
    assert unknown[-1] == 0
    assert max(-np.diff([60, *unknown])) < 12


def test_a_sleeper_whose_pid_has_another_process_when_its_state_is_read_has_ended(host):
    host.proc.add(42, "sleeper", cgroup="6:freezer:/docker/42\n")
    host.sample()
    host.sample()
    host.proc.write("42/stat", text.stat(replace(host.proc.processes[42], start=1, state="D")))
    row = host.row(42)
    ended = [row in host.sample().died.tolist() for _ in range(round(WORDS_EVERY * SWEEP_SECONDS / 15))]
    assert ended.count(True) == 1


def test_a_new_parent_is_known_within_a_minute_though_nobody_saw_the_old_one_end(host):
    host.proc.add(42, "orphan", parent=999)  # 999 came and went between two samples
    host.sample()
    host.sample()
    host.proc.change(42, parent=1)
    for _ in range(4):
        host.sample()
    assert host.table.parent[host.row(42)] == 1


def test_a_sleeper_that_is_gone_when_its_memory_is_read_has_vanished(host):
    host.proc.add(42, "sleeper")
    host.sample()
    host.sample()
    (host.proc.root / "42/statm").unlink()
    batches = [host.sample() for _ in range(4)]
    assert sum(batch.vanished for batch in batches) >= 1


@pytest.mark.parametrize(
    ("cgroups", "expected"),
    [
        ("6:freezer:/docker/42\n", True),
        ("9:cpu:/\n4:cpuset,freezer:/job\n0::/\n", True),
        ("6:freezer:/\n5:memory:/job\n", False),
        ("0::/freezer.slice/job.service\n", False),
        ("1:name=freezer:/job\n", False),
        ("5:memory:/a:freezer:/b\n", False),
    ],
)
def test_only_below_the_root_of_its_hierarchy_a_freezer_stops_anybody(cgroups, expected):
    assert may_be_frozen(cgroups) is expected

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nrdot.batch import Counter, Gauge, Owner, Table
from nrdot.score.features import FEATURES, LATELY, MEMORY, Features
from nrdot.testing.clock import NOON_NS
from nrdot.testing.stages.scoring import batch_of, process, table_of

AT = {name: index for index, name in enumerate(FEATURES)}
NAN = np.array([np.nan, 0.7])


def after(table: Table, *ticks: dict, features: Features | None = None) -> np.ndarray:
    """Feature matrix of all living after some ticks: cpu by row, and which rows moved."""
    features = features or Features(NAN)
    born = table.living().tolist()
    for tick in ticks:
        for row, cpu in tick["cpu"].items():
            table.cpu[row] = cpu
        features.observe(
            batch_of(table, seconds=tick.get("seconds", 10.0), born=born, moved=list(tick["cpu"]))
        )
        born = []
    return features.matrix(table, table.living())


def test_every_name_has_a_column_and_every_number_is_finite() -> None:
    table = table_of(process("a"), process(name="k", kernel="yes"), process("b", owner=Owner(container="c")))
    lines = after(table, {"cpu": {0: 1.0, 1: 0.0, 2: 0.5}})
    assert lines.shape == (3, len(FEATURES))
    assert len(set(FEATURES)) == len(FEATURES)
    assert np.isfinite(lines).all()


def test_before_the_first_batch_everything_is_zero() -> None:
    assert not Features(NAN).matrix(table_of(process("a")), np.array([0])).any()


def test_a_steady_value_is_its_own_mean_without_deviation() -> None:
    lines = after(table_of(process("a")), *({"cpu": {0: 0.5}} for _ in range(5)))
    assert lines[0, AT["cpu_mean"]] == pytest.approx(0.5)
    assert lines[0, AT["cpu_deviation"]] == pytest.approx(0.0, abs=1e-6)
    assert lines[0, AT["active"]] == pytest.approx(1.0)


def test_a_row_behind_the_idle_gate_has_the_means_of_one_that_was_read_and_did_nothing() -> None:
    gated, read = table_of(process("a")), table_of(process("a"))
    silent = [{"cpu": {0: 0.0}} for _ in range(6)]
    skipped = [{"cpu": {}} for _ in range(6)]
    busy = {"cpu": {0: 1.0}}
    slept, watched = after(gated, busy, *skipped, busy), after(read, busy, *silent, busy)
    for name in ("cpu_mean", "cpu_deviation", "active", "io_mean"):
        assert slept[0, AT[name]] == pytest.approx(watched[0, AT[name]]), name
    assert 0.2 < slept[0, AT["cpu_mean"]] < 0.4


def test_old_observations_fade() -> None:
    ticks = [{"cpu": {0: 1.0}}] + [{"cpu": {0: 0.0}, "seconds": MEMORY} for _ in range(5)]
    assert after(table_of(process("a")), *ticks)[0, AT["cpu_mean"]] < 0.001


def test_a_row_that_is_used_again_remembers_nothing() -> None:
    table, features = table_of(process("a")), Features(NAN)
    after(table, *({"cpu": {0: 3.0}} for _ in range(5)), features=features)
    table.close_row(0)
    table.release()
    row = table.open_row(77, 1)
    table.identity[row] = process("b")
    assert row == 0
    assert after(table, {"cpu": {0: 0.25}}, features=features)[0, AT["cpu_mean"]] == pytest.approx(0.25)


def test_ranks_say_how_many_use_less() -> None:
    table = table_of(*(process("a") for _ in range(4)))
    table.gauges[Gauge.RSS, :4] = [4, 3, 2, 1]
    lines = after(table, {"cpu": {0: 0.0, 1: 0.0, 2: 0.2, 3: 0.9}})
    assert lines[:, AT["cpu_rank"]].tolist() == [0.0, 0.0, 0.5, 0.75]
    assert lines[:, AT["rss_rank"]].tolist() == [0.75, 0.5, 0.25, 0.0]


def test_growth_is_a_log_ratio_a_minute() -> None:
    table, features = table_of(process("a")), Features(NAN)
    table.gauges[Gauge.RSS, 0] = 1 << 20
    features.observe(batch_of(table, seconds=0.0))
    table.gauges[Gauge.RSS, 0] = 2 << 20
    features.observe(batch_of(table, seconds=60.0, born=[], moved=[0]))
    assert features.matrix(table, np.array([0]))[0, AT["rss_growth"]] == pytest.approx(np.log(2), rel=1e-5)


def test_counters_become_rates() -> None:
    table = table_of(process("a"))
    table.counters[Counter.FAULTS_MINOR, 0], table.previous[Counter.FAULTS_MINOR, 0] = 1500, 500
    table.counters[Counter.CPU_WAIT, 0] = 250
    lines = after(table, {"cpu": {0: 0.0}, "seconds": 10.0})
    assert lines[0, AT["faults_lately"]] == pytest.approx(np.log1p(100))
    assert lines[0, AT["io_wait_lately"]] == pytest.approx(0.25)


@pytest.mark.parametrize("seconds", [5.0, 10.0, 30.0, 60.0])
def test_rates_are_those_of_a_minute_however_long_a_sample_lasts(seconds) -> None:
    """Two minutes of work, two of silence."""
    ticks = round(120 / seconds)
    working, silent = {"cpu": {0: 0.6}, "seconds": seconds}, {"cpu": {0: 0.0}, "seconds": seconds}
    line = after(table_of(process("a")), *[working] * ticks, *[silent] * ticks)[0]
    worked, fade = 1 - np.exp(-120 / LATELY), np.exp(-120 / LATELY)
    expected = 0.6 * worked * fade / (worked * fade + 1 - fade)
    assert line[AT["cpu_lately"]] == pytest.approx(expected)
    assert line[AT["cpu_share"]] == pytest.approx(expected / 4)


def test_a_sleeper_has_its_turn_after_a_minute_and_then_has_the_line_of_one_that_was_read() -> None:
    slept, read = table_of(process("a"), process("b")), table_of(process("a"), process("b"))
    ours, theirs = Features(NAN), Features(NAN)
    named = []
    for tick in range(12):
        for table, features, awake in ((slept, ours, [0]), (read, theirs, [0, 1])):
            table.cpu[:2] = 0.3, 0.5 if tick == 0 else 0.0
            born = [0, 1] if tick == 0 else []
            moved = born or awake
            rows = features.observe(batch_of(table, seconds=10.0, born=born, moved=moved, named=[]))
            if features is ours:
                named.append(rows.tolist())
    assert named == [[0, 1], *[[0]] * 6, [0, 1], *[[0]] * 4]
    ours.observe(batch_of(slept, seconds=31.0, born=[], moved=[0], named=[]))  # 71 seconds after its turn
    theirs.observe(batch_of(read, seconds=31.0, born=[], moved=[0, 1], named=[]))
    rows = np.array([0, 1])
    assert ours.matrix(slept, rows) == pytest.approx(theirs.matrix(read, rows))


def test_who_has_other_words_is_looked_at_and_who_ended_is_not() -> None:
    table, features = table_of(process("a"), process("b"), process("c")), Features(NAN)
    features.observe(batch_of(table))
    table.close_row(2)
    assert features.observe(batch_of(table, born=[], moved=[], named=[1])).tolist() == [1]
    assert features.observe(batch_of(table, seconds=90.0, born=[], moved=[], named=[])).tolist() == [0, 1]


def test_everybody_is_looked_at_until_there_are_rates() -> None:
    table, features = table_of(process("a"), process("b")), Features(NAN)
    assert features.observe(batch_of(table, seconds=0.0, moved=[0])).tolist() == [0, 1]
    assert features.observe(batch_of(table, seconds=1.0, born=[], moved=[0])).tolist() == [0, 1]
    assert features.observe(batch_of(table, seconds=1.0, born=[], moved=[0])).tolist() == [0]


def test_a_rank_is_among_what_sleepers_used_lately_and_not_when_they_were_looked_at() -> None:
    table, features = table_of(process("a"), process("b"), process("c")), Features(NAN)
    table.cpu[:3] = 0.3, 0.5, 0.0
    features.observe(batch_of(table, seconds=60.0))
    table.cpu[1] = 0.0
    features.observe(batch_of(table, seconds=55.0, born=[], moved=[0]))  # the other used 0.5, 55 seconds ago
    assert features.matrix(table, np.array([0]))[0, AT["cpu_rank"]] == pytest.approx(2 / 3)


def test_age_class_and_owner_are_there() -> None:
    table = table_of(process("a", owner=Owner(unit="a.service")), process("b", owner=Owner(pod_uid="u")))
    table.class_id[0] = 1
    lines = after(table, {"cpu": {0: 0.0, 1: 0.0}})
    assert lines[0, AT["age"]] == pytest.approx(np.log1p((NOON_NS - table.born_ns[0]) / 1e9))
    assert lines[:, AT["class_known"]].tolist() == [1.0, 0.0]
    assert lines[:, AT["class_score"]].tolist() == [0.7, 0.0]
    assert lines[:, AT["owner_service"]].tolist() == [1.0, 0.0]
    assert lines[:, AT["owner_pod"]].tolist() == [0.0, 1.0]


def test_a_table_that_grows_is_followed() -> None:
    table, features = table_of(process("a")), Features(NAN)
    after(table, {"cpu": {0: 0.5}}, features=features)
    for number in range(1000):
        table.identity[table.open_row(number, 1)] = process("b")
    features.observe(batch_of(table, born=table.living()[1:].tolist(), moved=[]))
    lines = features.matrix(table, table.living())
    assert lines.shape == (1001, len(FEATURES))
    for name in ("cpu_mean", "cpu_lately"):
        assert lines[0, AT[name]] == pytest.approx(0.5)
        assert lines[1:, AT[name]].tolist() == [0.0] * 1000


def test_levels_and_owners_stay_with_their_rows_while_the_table_grows() -> None:
    table, features = table_of(process("a", owner=Owner(unit="a.service"))), Features(NAN)
    table.gauges[Gauge.RSS, 0] = 1 << 20
    features.observe(batch_of(table, seconds=0.0))
    for number in range(1000):
        table.identity[table.open_row(number, 1)] = process("b")
    features.observe(batch_of(table, seconds=60.0, born=table.living()[1:].tolist(), named=[], moved=[0]))
    line = features.matrix(table, np.array([0]))[0]
    assert line[AT["rss_growth"]] == 0.0
    assert line[AT["owner_service"]] == 1.0


def test_growth_is_taken_since_the_last_look_however_long_ago_and_from_the_latest_level() -> None:
    table, features = table_of(process("a")), Features(NAN)
    table.gauges[Gauge.RSS, 0] = (1 << 20) - 1
    features.observe(batch_of(table, seconds=0.0))
    table.gauges[Gauge.RSS, 0] = (2 << 20) - 1
    features.observe(batch_of(table, seconds=60.0, born=[], moved=[0]))
    features.observe(batch_of(table, seconds=60.0, born=[], moved=[]))
    table.gauges[Gauge.RSS, 0] = (8 << 20) - 1
    features.observe(batch_of(table, seconds=60.0, born=[], moved=[0]))
    # Twice as much in the first minute, four times as much in the two minutes after.
    keep = np.exp(-60.0 / MEMORY)
    first, idle, last = (1 - keep) * keep * keep, (1 - keep) * keep, 1 - keep
    mean = (first * np.log(2) + last * np.log(4) / 2) / (first + idle + last)
    assert features.matrix(table, np.array([0]))[0, AT["rss_growth"]] == pytest.approx(mean, rel=1e-9)


def test_threads_and_memory_that_nobody_can_tell_do_not_shrink_or_grow() -> None:
    table, features = table_of(process("a")), Features(NAN)
    table.gauges[[Gauge.RSS, Gauge.THREADS], 0] = -1, 0
    features.observe(batch_of(table, seconds=0.0))
    table.gauges[[Gauge.RSS, Gauge.THREADS], 0] = 0, 1
    features.observe(batch_of(table, seconds=60.0, born=[], moved=[0]))
    line = features.matrix(table, np.array([0]))[0]
    assert line[AT["rss_growth"]] == 0.0
    assert line[AT["threads_growth"]] == pytest.approx(np.log(2))


def test_each_number_of_a_line_is_what_its_name_says() -> None:
    table, features = table_of(process("a"), process("b")), Features(NAN)
    table.born_ns[:2] = NOON_NS - 3600 * 10**9, NOON_NS - 5 * 10**8
    table.gauges[Gauge.RSS, :2] = 2 << 30, 1 << 30
    table.gauges[Gauge.THREADS, :2] = 8, 1
    table.counters[[Counter.CPU_USER, Counter.CPU_SYSTEM], 0] = 30_000, 6_000
    table.counters[[Counter.CPU_USER, Counter.CPU_SYSTEM], 1] = 40, 10
    table.counters[[Counter.CHILD_USER, Counter.CHILD_SYSTEM], 0] = 300, 100
    table.counters[[Counter.SWITCHES_VOLUNTARY, Counter.SWITCHES_INVOLUNTARY], 0] = 30, 10
    for cpu, io in ((1.0, 0.0), (3.0, 400.0)):
        table.cpu[:2], table.io[:2] = (cpu, 0.5), (io, 0.0)
        features.observe(batch_of(table, seconds=1.0, born=[], moved=[0, 1]))
    line, other = features.matrix(table, np.array([0, 1]))
    keep = np.exp(-1.0 / MEMORY)
    old, new = keep / (1 + keep), 1 / (1 + keep)  # weights of the two looks
    soon = np.exp(-1.0 / LATELY)
    lately, now = soon / (1 + soon), 1 / (1 + soon)

    def deviation(first: float, second: float) -> float:
        return float(np.sqrt(old * first**2 + new * second**2 - (old * first + new * second) ** 2))

    expected = {
        "cpu_lately": lately * 1.0 + now * 3.0,
        "cpu_mean": old * 1.0 + new * 3.0,
        "cpu_deviation": deviation(1.0, 3.0),
        "cpu_share": (lately * 1.0 + now * 3.0) / 4,
        "cpu_lifetime": 360.0 / 3600.0,
        "io_lately": np.log1p(now * 400.0),
        "io_mean": np.log1p(new * 400.0),
        "io_deviation": np.log1p(deviation(0.0, 400.0)),
        "rss": np.log1p(2 << 30),
        "rss_share": 0.25,
        "threads": np.log1p(8),
        "children_lately": 4.0,
        "switches_lately": np.log1p(40.0),
        "age": np.log1p(3600.0),
    }
    assert {name: line[AT[name]] for name in expected} == pytest.approx(expected)
    assert other[AT["cpu_lifetime"]] == pytest.approx(0.5)  # half a second old: as if it were a second
    assert other[AT["io_lately"]] == 0.0


def test_a_table_that_is_older_than_the_features_begins_without_a_jump() -> None:
    table, features = table_of(process("a", owner=Owner(container="c"))), Features(NAN)
    table.gauges[Gauge.RSS, 0] = 1 << 30
    features.observe(batch_of(table, born=[], moved=[0]))
    line = features.matrix(table, np.array([0]))[0]
    assert line[AT["rss_growth"]] == 0.0
    assert line[AT["owner_container"]] == 1.0


def test_a_host_that_tells_nothing_of_itself_and_a_birth_in_the_future_make_no_odd_numbers() -> None:
    table, features = table_of(process("a")), Features(NAN)
    table.born_ns[0] = NOON_NS + 3600 * 10**9
    table.cpu[0] = 0.5
    table.gauges[Gauge.RSS, 0] = 7
    table.counters[[Counter.CPU_USER, Counter.CPU_WAIT], 0] = 40, 20
    batch = batch_of(table, seconds=10.0)
    features.observe(replace(batch, host=replace(batch.host, cpus=0, memory=0, hz=0)))
    line = features.matrix(table, np.array([0]))[0]
    told = [line[AT[name]] for name in ("cpu_share", "rss_share", "io_wait_lately", "cpu_lifetime", "age")]
    assert told == pytest.approx([0.5, 7.0, 2.0, 40.0, 0.0])


def test_a_rank_is_below_what_a_sleeper_used_not_long_ago() -> None:
    table, features = table_of(process("a"), process("b"), process("c")), Features(NAN)
    table.cpu[:3] = 0.3, 2.0, 0.0
    features.observe(batch_of(table, seconds=60.0))
    table.cpu[1] = 0.0
    features.observe(batch_of(table, seconds=55.0, born=[], moved=[0]))  # 0.59 for the sleeper by now
    assert features.matrix(table, np.array([0]))[0, AT["cpu_rank"]] == pytest.approx(1 / 3)


def test_threads_grow_beside_memory_and_not_by_it() -> None:
    table, features = table_of(process("a"), process("b")), Features(NAN)
    table.gauges[Gauge.RSS, :2] = 1 << 20, 1 << 30
    table.gauges[Gauge.THREADS, :2] = 3, 7
    features.observe(batch_of(table, seconds=0.0))
    table.gauges[Gauge.THREADS, :2] = 7, 3
    features.observe(batch_of(table, seconds=60.0, born=[], moved=[0, 1]))
    lines = features.matrix(table, np.array([0, 1]))
    assert lines[:, AT["threads_growth"]] == pytest.approx([np.log(2), -np.log(2)])
    assert lines[:, AT["rss_growth"]].tolist() == [0.0, 0.0]


def test_a_process_of_nobodys_has_no_owner_and_steady_io_no_deviation() -> None:
    table = table_of(process("a"))
    table.io[0] = 400.0
    line = after(table, *({"cpu": {0: 0.5}} for _ in range(3)))[0]
    assert [name for name in FEATURES if name.startswith("owner_") and line[AT[name]]] == []
    assert line[AT["io_mean"]] == pytest.approx(np.log1p(400.0))
    assert line[AT["io_deviation"]] == pytest.approx(0.0, abs=1e-4)

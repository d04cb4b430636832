"""Captures that somebody else wrote: what the documented fields mean."""

from __future__ import annotations

import threading

import pytest

from nrdot.batch import Counter, Gauge, Owner
from nrdot.identify.identifier import OwnerIdentifier
from nrdot.sample.replay import ReplaySource
from nrdot.testing.recordings.capture_lines import BEGINNING, BORN, HOST, SECOND, process, tick

DOCUMENTED = (
    '{"v":1,"t":1795226339000000000,"host":{"id":"h1","cpus":2,"memory":8000000000,"boot":"…"},"procs":['
    ' {"pid":42,"ppid":1,"start":1795226000120000000,"name":"nginx","cmd":"nginx: worker process",'
    '"user":"www-data","state":"S","threads":1,"cpu_user":0.41,"cpu_system":1.83,"rss":4096000,'
    '"vsize":10240000,"read":0,"write":4096,"cgroup":"/system.slice/nginx.service",'
    '"labels":{"tier":"frontend"}}]}'
)


def test_the_documented_example_gives_a_process(capture):
    source = ReplaySource(capture(DOCUMENTED))
    batch = source.sample()
    table, row = batch.table, int(batch.living[0])
    assert (batch.time_ns, batch.first, batch.seconds) == (BEGINNING, True, 0.0)
    assert (batch.host.id, batch.host.name, batch.host.cpus) == ("h1", "h1", 2)
    assert (batch.host.memory, batch.host.boot, batch.host.hz) == (8_000_000_000, "…", 100)
    assert (table.pid[row], table.parent[row], table.born_ns[row]) == (42, 1, BORN)
    assert table.counters[: Counter.FAULTS_MINOR, row].tolist() == [41, 183, 0, 0, 4096]
    assert table.gauges[: Gauge.PRIVATE, row].tolist() == [4096000, 10240000, -1, 1, -1, -1]
    assert (chr(table.state[row]), table.limited[row]) == ("S", False)
    assert table.cgroup[row] == "0::/system.slice/nginx.service\n"
    identity = table.identity[row]
    assert (identity.name, identity.user, identity.uid) == ("nginx", "www-data", -1)
    assert (identity.command, identity.command_line) == ("nginx:", "nginx: worker process")
    assert identity.owner == Owner(labels=(("tier", "frontend"),))
    with pytest.raises(StopIteration):
        source.sample()


def test_only_six_fields_of_a_process_are_required(capture):
    batch = ReplaySource(capture({"v": 1, "t": BEGINNING, "procs": [process(cpu_user=2, rss=4096)]})).sample()
    table, row = batch.table, int(batch.living[0])
    assert (table.counters[Counter.CPU_USER, row], table.gauges[Gauge.RSS, row]) == (200, 4096)
    assert table.limited[row]
    assert batch.limited == 1
    assert table.gauges[Gauge.THREADS, row] == 1


def test_a_host_that_is_not_described_is_named_after_the_file(capture):
    batch = ReplaySource(capture({"v": 1, "t": BEGINNING, "procs": []}, name="web-1.jsonl")).sample()
    assert (batch.host.id, batch.host.name) == ("web-1", "web-1")


def test_every_optional_field_has_its_place(capture):
    optional = {
        "cpu_wait": 0.07,
        "exe": "/usr/sbin/nginx",
        "fds": 9,
        "faults": [5, 6],
        "switches": [7, 8],
        "swap": 4096,
        "kernel": True,
        "uid": 33,
        "shared": 8192,
        "pod": ["shop-0", "shop", "StatefulSet/shop"],
        "attributes": {"k8s.node.name": "n1"},
        "unseen": [0.25, 0.5],
        "start_ticks": 12,
        "argv0": "nginx: master",
    }
    batch = ReplaySource(capture(tick(0, process(**optional)))).sample()
    table, row = batch.table, int(batch.living[0])
    counters = table.counters[:, row]
    assert counters[Counter.CPU_WAIT] == 7
    assert counters[Counter.FAULTS_MINOR : Counter.CHILD_USER].tolist() == [5, 6, 7, 8]
    assert counters[Counter.CHILD_USER :].tolist() == [25, 50]
    assert table.gauges[[Gauge.SHARED, Gauge.DESCRIPTORS, Gauge.SWAP], row].tolist() == [8192, 9, 4096]
    assert table.start[row] == 12
    identity = table.identity[row]
    assert (identity.executable, identity.kernel, identity.uid) == ("/usr/sbin/nginx", True, 33)
    assert identity.command == "nginx: master"
    assert identity.owner.workload == "StatefulSet/shop"
    assert identity.owner.attributes == (("k8s.node.name", "n1"),)


def test_a_single_number_of_faults_and_switches_is_the_first_of_the_pair(capture):
    batch = ReplaySource(capture(tick(0, process(faults=5, switches=7)))).sample()
    assert batch.table.counters[Counter.FAULTS_MINOR : Counter.CHILD_USER, batch.living[0]].tolist() == [
        5,
        0,
        7,
        0,
    ]


def test_seconds_become_ticks_of_the_hosts_clock(capture):
    host = HOST | {"hz": 250, "busy": 3.5}
    batch = ReplaySource(capture(tick(0, process(cpu_user=1.004), host=host))).sample()
    assert batch.table.counters[Counter.CPU_USER, batch.living[0]] == 251
    assert batch.host.busy == 875


def test_unknown_fields_are_ignored(capture):
    line = tick(0, process(colour="red"), colour={"deep": [1]}, host=HOST | {"colour": None})
    assert ReplaySource(capture(line)).sample().living.size == 1


def test_a_process_listed_without_its_fields_is_unchanged(capture):
    batches = ReplaySource(
        capture(tick(0, process(cpu_user=1, rss=4096)), tick(1, {"pid": 42, "start": BORN}))
    )
    batches.sample()
    batch = batches.sample()
    row = int(batch.living[0])
    assert batch.table.counters[Counter.CPU_USER, row] == 100
    assert batch.table.gauges[Gauge.RSS, row] == 4096
    assert batch.table.observations[row] == 2
    assert (batch.moved.size, batch.named.size, batch.born.size) == (0, 0, 0)


def test_births_deaths_and_reused_pids_are_told_apart(capture):
    source = ReplaySource(
        capture(
            tick(0, process(1), process(42)),
            tick(1, process(1), process(42, BEGINNING + 10 * SECOND, cpu_user=3)),
            tick(2, process(1)),
        )
    )
    first = source.sample()
    old = int(first.living[1])
    second = source.sample()
    table, new = second.table, int(second.born[0])
    assert second.died.tolist() == [old]
    assert (table.alive[old], table.dead[old], table.alive[new]) == (False, True, True)
    assert table.counters[Counter.CPU_USER, new] == 300
    assert table.cpu[new] == pytest.approx(0.2)
    assert not table.found[new]
    assert source.sample().died.tolist() == [new]


def test_a_process_older_than_the_tick_before_counts_from_when_it_was_found(capture):
    source = ReplaySource(
        capture(tick(0, process(1)), tick(1, process(1), process(42, cpu_user=900, write=10)))
    )
    source.sample()
    batch = source.sample()
    row = int(batch.born[0])
    assert batch.table.found[row]
    assert (batch.table.cpu[row], batch.table.io[row]) == (0.0, 0.0)


def test_rates_are_what_counters_grew_over_the_interval(capture):
    source = ReplaySource(
        capture(
            tick(0, process(cpu_user=1, cpu_system=1, read=100, write=100)),
            tick(1, process(cpu_user=4, cpu_system=7, read=1100, write=600)),
            tick(2, {"pid": 42, "start": BORN}),
            tick(3, process(cpu_user=5, cpu_system=7, read=1100, write=600), seconds=2),
        )
    )
    rates = []
    for _ in range(4):
        batch = source.sample()
        rates.append((batch.table.cpu[batch.living[0]], batch.table.io[batch.living[0]]))
    assert rates == [(0, 0), (pytest.approx(9 / 15), pytest.approx(100)), (0, 0), (pytest.approx(0.5), 0)]


def test_a_clock_that_stepped_back_gives_no_rate(capture):
    source = ReplaySource(capture(tick(1, process(cpu_user=1)), tick(0, process(cpu_user=2))))
    source.sample()
    batch = source.sample()
    assert (batch.seconds, batch.time_ns, batch.table.cpu[batch.living[0]]) == (0.0, BEGINNING, 0.0)


def test_input_and_output_that_turn_unreadable_keep_their_counters(capture):
    source = ReplaySource(capture(tick(0, process(read=5, write=6)), tick(1, process(read=None, write=None))))
    source.sample()
    batch = source.sample()
    row = int(batch.living[0])
    assert batch.table.limited[row]
    assert batch.table.counters[Counter.READ : Counter.WRITTEN + 1, row].tolist() == [5, 6]


def test_words_that_change_name_the_process_and_mark_it(capture):
    source = ReplaySource(
        capture(
            tick(0, process(cmd="a")),
            tick(1, process(cmd="a", name="java")),
            tick(2, process(cmd="a", name="java", ppid=7)),
            tick(3, process(cmd="a b", name="java", ppid=7)),
            tick(4, process(cmd="a b", name="java", ppid=7, cpu_user=1)),
        )
    )
    seen = []
    for _ in range(5):
        batch = source.sample()
        seen.append((batch.named.size, bool(batch.table.changed[batch.living[0]])))
        batch.table.release()
    assert seen == [(1, True), (1, True), (1, True), (1, False), (0, False)]


def test_a_command_line_that_changes_marks_the_process_where_it_is_exported(capture):
    source = ReplaySource(capture(tick(0, process(cmd="a")), tick(1, process(cmd="a b"))), command_lines=True)
    source.sample().table.release()
    batch = source.sample()
    assert batch.table.changed[batch.living[0]]


def test_cpu_of_children_that_no_tick_saw_comes_from_what_the_parent_was_charged(capture):
    child = BEGINNING + 5 * SECOND
    source = ReplaySource(
        capture(
            tick(0, process(1, cutime=50, cstime=5)),
            tick(1, process(1, cutime=50, cstime=5), process(42, child, ppid=1, cpu_user=2)),
            tick(2, process(1, cutime=55, cstime=6)),  # 2 of the child that was seen, 3 of another
        )
    )
    for _ in range(2):
        assert not source.sample().table.counters[Counter.CHILD_USER :].any()
    batch = source.sample()
    assert batch.table.counters[Counter.CHILD_USER :, batch.living[0]].tolist() == [300, 100]


def test_a_child_that_its_parent_was_never_charged_for_does_not_hide_a_later_one(capture):
    child = process(42, BEGINNING + 5 * SECOND, ppid=1, cpu_user=2)
    source = ReplaySource(
        capture(
            tick(0, process(1, cutime=0, cstime=0)),
            tick(1, process(1, cutime=0, cstime=0), child),
            *(tick(number, process(1, cutime=0, cstime=0)) for number in (2, 3, 4)),
            tick(5, process(1, cutime=2, cstime=0)),
        )
    )
    for _ in range(6):
        batch = source.sample()
    assert batch.table.counters[Counter.CHILD_USER, batch.living[0]] == 200


def test_cpu_of_a_child_whose_parent_died_with_it_goes_to_the_grandparent(capture):
    parent, child = process(7, ppid=1), process(42, ppid=7, cpu_user=2)
    source = ReplaySource(
        capture(tick(0, process(1, cutime=0), parent, child), tick(1, process(1, cutime=5)))
    )
    source.sample()
    batch = source.sample()
    assert batch.table.counters[Counter.CHILD_USER, batch.living[0]] == 300


def test_children_that_a_newborn_has_reaped_already_count(capture):
    source = ReplaySource(capture(tick(0), tick(1, process(42, BEGINNING + 5 * SECOND, cutime=3, cstime=1))))
    source.sample()
    batch = source.sample()
    assert batch.table.counters[Counter.CHILD_USER :, batch.living[0]].tolist() == [300, 100]


def test_a_command_line_that_changes_leaves_an_owner_as_it_was_completed(capture):
    words = {"cgroup": "/a.slice/b.service", "labels": {"tier": "web"}}
    source = ReplaySource(capture(tick(0, process(cmd="a", **words)), tick(1, process(cmd="a b", **words))))
    identifier = OwnerIdentifier()
    for _ in range(2):
        batch = source.sample()
        identifier.identify(batch)
        changed = batch.table.changed[batch.living[0]]
        batch.table.release()
    assert not changed
    owner = batch.table.identity[batch.living[0]].owner
    assert owner == Owner(unit="b.service", slice="a.slice", labels=(("tier", "web"),))


def test_a_new_boot_ends_every_process(capture):
    source = ReplaySource(capture(tick(0, process()), tick(1, process(), host=HOST | {"boot": "b2"})))
    before = source.sample()
    after = source.sample()
    assert after.died.tolist() == before.living.tolist()
    assert after.born.size == 1
    assert after.living.tolist() == after.born.tolist()


def test_text_without_end_is_cut_and_holds_no_nul(capture):
    batch = ReplaySource(capture(tick(0, process(cmd="x" * 1_000_000, name="a\0b")))).sample()
    identity = batch.table.identity[batch.living[0]]
    assert (len(identity.command_line), identity.name) == (4096, "ab")


def test_a_state_of_more_or_other_letters_is_no_error(capture):
    batch = ReplaySource(
        capture(tick(0, process(1, state="sleeping"), process(2, state="é"), process(3)))
    ).sample()
    assert batch.table.state[batch.living].tolist() == [ord("s"), 0, 0]


def test_the_clock_stands_at_the_tick_and_waiting_takes_no_time(capture):
    source = ReplaySource(capture(tick(0), tick(2)))
    source.sample()
    start = source.clock.monotonic()
    assert source.clock.wall_ns() == BEGINNING
    source.sample()
    assert source.clock.wall_ns() == BEGINNING + 30 * SECOND
    assert source.clock.monotonic() - start == 30.0
    assert not source.clock.wait(threading.Event(), 3600)


def test_a_long_command_line_keeps_what_runs_behind_its_class_path(capture):
    line = f"java -cp {'/opt/lib/library.jar:' * 400} kafka.Kafka server.properties"
    source = ReplaySource(capture(tick(0, process(cmd=line))))
    source.sample()
    kept = source.table.identity[source.table.living()[0]].command_line
    assert kept.startswith("java -cp /opt/lib/library.jar:")
    assert kept.endswith(" kafka.Kafka server.properties")

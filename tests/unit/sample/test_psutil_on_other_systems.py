from __future__ import annotations

import psutil
import pytest

from nrdot.batch import Counter, Gauge
from nrdot.identify.identifier import OwnerIdentifier
from nrdot.identify.labels import StaticLabels
from nrdot.sample.capture_writer import CaptureWriter
from nrdot.sample.psutil_source import PsutilSource
from nrdot.sample.replay import ReplaySource
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.process_library import MACOS, WINDOWS, FakeLibrary, times
from nrdot.testing.hosts.tables import sampled

MICRO = 1_000_000


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def mac():
    return FakeLibrary(MACOS)


@pytest.fixture
def windows():
    return FakeLibrary(WINDOWS)


def row_of(batch, pid: int) -> int:
    (row,) = (row for row in batch.living.tolist() if batch.table.pid[row] == pid)
    return row


def test_macos_processes_have_everything_but_io(mac, clock):
    mac.add(
        42, "nginx", cpu_times=times(user=1.5, system=0.25), num_threads=3, cmdline=["nginx", "-g", "x"],
        memory_info=times(rss=4096, vms=8192, pfaults=9, pageins=2),
    )  # fmt: skip
    batch = PsutilSource(clock, library=mac, system="darwin").sample()
    table, row = batch.table, row_of(batch, 42)
    assert (batch.host.os, batch.host.hz, batch.host.cpus, batch.host.memory) == (
        "darwin",
        MICRO,
        8,
        16 << 30,
    )
    assert table.counters[: Counter.READ, row].tolist() == [1_500_000, 250_000, 0]
    assert table.counters[[Counter.FAULTS_MINOR, Counter.FAULTS_MAJOR], row].tolist() == [9, 2]
    assert table.gauges[: Gauge.PRIVATE, row].tolist() == [4096, 8192, -1, 3, -1, -1]
    assert (table.limited[row], batch.limited, batch.unreadable) == (True, 1, ("io_counters",))
    identity = table.identity[row]
    assert (identity.name, identity.command, identity.command_line) == ("nginx", "nginx", "nginx -g x")
    assert (identity.executable, identity.user, identity.uid) == ("/usr/bin/nginx", "me", 501)
    assert (chr(table.state[row]), table.parent[row], identity.kernel) == ("S", 1, False)
    assert (table.start[row], table.born_ns[row]) == (42 * MICRO, round((mac.boot_time() + 42) * 1e9))


def test_processes_that_our_rights_do_not_reach_are_counted_and_not_zero(mac, clock):
    mac.add(42, "mine")
    mac.add(43, "root's", cpu_times=None, memory_info=None, cmdline=None, exe=None)
    batch = PsutilSource(clock, library=mac, system="darwin").sample()
    assert batch.table.pid[batch.living].tolist() == [42]
    assert batch.limited == 2
    assert batch.unreadable == ("cpu_times", "io_counters", "memory_info")


def test_a_process_becomes_readable_when_its_rights_change(mac, clock):
    mac.add(43, "root's", cpu_times=None, memory_info=None)
    source = PsutilSource(clock, library=mac, system="darwin")
    source.sample()
    clock.advance(15)
    mac.processes[43] |= {"cpu_times": times(user=9.0, system=0.0), "memory_info": times(rss=1, vms=2)}
    batch = source.sample()
    assert batch.table.found[row_of(batch, 43)]
    assert batch.table.cpu[row_of(batch, 43)] == 0.0


def test_zombies_are_counted_though_nothing_of_them_is_readable(mac, clock):
    mac.add(42, "done", status=psutil.STATUS_ZOMBIE, cpu_times=None, memory_info=None, cmdline=None, exe=None)
    batch = PsutilSource(clock, library=mac, system="darwin").sample()
    row = row_of(batch, 42)
    assert chr(batch.table.state[row]) == "Z"
    assert batch.table.gauges[Gauge.RSS, row] == 0
    assert batch.unreadable == ("io_counters",)


def test_a_process_that_turns_zombie_keeps_its_cpu_time(mac, clock):
    mac.add(42, "done", cpu_times=times(user=2.0, system=1.0))
    source = PsutilSource(clock, library=mac, system="darwin")
    source.sample()
    mac.processes[42] |= {"status": psutil.STATUS_ZOMBIE, "cpu_times": None, "memory_info": None}
    clock.advance(15)
    batch = source.sample()
    assert batch.table.counters[Counter.CPU_USER, row_of(batch, 42)] == 2 * MICRO


def test_windows_counts_handles_and_leaves_the_idle_process_out(windows, clock):
    windows.add(0, "System Idle Process", cpu_times=times(user=0.0, system=1e6))
    windows.add(42, "nginx.exe", io_counters=times(read_bytes=5, write_bytes=6), username=r"CORP\me",
                memory_info=times(rss=1, vms=2, num_page_faults=7))  # fmt: skip
    optional = frozenset({Gauge.DESCRIPTORS, Counter.SWITCHES_VOLUNTARY})
    batch = PsutilSource(clock, library=windows, system="win32", optional=optional).sample()
    table = batch.table
    assert table.pid[batch.living].tolist() == [42]
    row = row_of(batch, 42)
    assert batch.host.os == "windows"
    assert table.counters[Counter.READ : Counter.FAULTS_MAJOR, row].tolist() == [5, 6, 7]
    assert table.counters[[Counter.SWITCHES_VOLUNTARY, Counter.SWITCHES_INVOLUNTARY], row].tolist() == [1, 2]
    assert table.gauges[Gauge.DESCRIPTORS, row] == 7
    assert (table.limited[row], batch.unreadable) == (False, ())
    assert (table.identity[row].user, table.identity[row].uid) == (r"CORP\me", -1)


def test_what_nobody_asked_for_is_unknown(windows, clock):
    windows.add(42, "nginx.exe")
    batch = PsutilSource(clock, library=windows, system="win32").sample()
    row = row_of(batch, 42)
    assert batch.table.gauges[[Gauge.DESCRIPTORS, Gauge.SWAP], row].tolist() == [-1, -1]
    assert batch.table.counters[Counter.SWITCHES_VOLUNTARY, row] == 0


def test_births_deaths_and_reused_pids_are_told_apart(windows, clock):
    windows.add(42, "old.exe", cpu_times=times(user=100.0, system=0.0))
    source = PsutilSource(clock, library=windows, system="win32")
    old = row_of(source.sample(), 42)
    clock.advance(10)
    birth = clock.wall_ns() / 1e9 - 5
    windows.add(42, "new.exe", cpu_times=times(user=2.0, system=0.0), create_time=birth)
    batch = source.sample()
    row = row_of(batch, 42)
    assert (batch.died.tolist(), batch.born.tolist()) == ([old], [row])
    assert (batch.table.identity[row].name, batch.table.found[row]) == ("new.exe", False)
    assert batch.table.cpu[row] == pytest.approx(0.2)
    del windows.processes[42]
    assert source.sample().died.tolist() == [row]


def test_cpu_of_children_is_counted_once_whether_they_were_seen_or_not(mac, clock):
    def cpu(own: float, children: float) -> object:
        return times(user=own, system=0.0, children_user=children, children_system=0.0)

    mac.add(42, "make", cpu_times=cpu(1.0, 50.0))
    mac.add(43, "cc", ppid=42, cpu_times=cpu(2.0, 0.0))
    source = PsutilSource(clock, library=mac, system="darwin")
    assert not source.sample().table.counters[Counter.CHILD_USER :].any()
    clock.advance(15)
    del mac.processes[43]
    mac.processes[42]["cpu_times"] = cpu(1.0, 55.0)  # 2 of the one that was seen, 3 of another
    batch = source.sample()
    assert batch.table.counters[Counter.CHILD_USER, row_of(batch, 42)] == 3 * MICRO


def test_the_same_process_is_recognised_after_the_clock_was_set(windows, clock):
    windows.add(42, "nginx.exe")
    source = PsutilSource(clock, library=windows, system="win32")
    source.sample()
    clock.jump(3600)
    windows.processes[42]["create_time"] += 3600
    batch = source.sample()
    assert (batch.born.size, batch.died.size) == (0, 0)


def test_a_process_that_ends_while_it_is_read_is_counted(windows, clock):
    windows.add(42, "brief.exe", ends_while_read=True)
    batch = PsutilSource(clock, library=windows, system="win32").sample()
    assert (batch.living.size, batch.vanished) == (0, 1)


def test_only_rows_that_differ_have_moved(windows, clock):
    windows.add(42, "busy.exe")
    windows.add(43, "idle.exe")
    source = PsutilSource(clock, library=windows, system="win32")
    source.sample()
    clock.advance(10)
    windows.processes[42]["cpu_times"] = times(user=5.0, system=0.0)
    batch = source.sample()
    assert batch.moved.tolist() == [row_of(batch, 42)]
    assert batch.table.cpu[row_of(batch, 42)] == pytest.approx(0.5)
    assert batch.table.previous[Counter.CPU_USER, row_of(batch, 42)] == 0


def test_another_name_or_parent_names_the_process(windows, clock):
    windows.add(42, "sh", cmdline=["sh"])
    source = PsutilSource(clock, library=windows, system="win32")
    seen = []
    for change in ({}, {}, {}, {"name": "java", "cmdline": ["java"]}, {"ppid": 7}, {}):
        windows.processes[42] |= change
        batch = source.sample()
        row = row_of(batch, 42)
        seen.append((batch.named.tolist() == [row], bool(batch.table.changed[row])))
        batch.table.release()
    assert seen == [(True, True), (False, False), (False, False), (True, True), (True, True), (False, False)]
    assert (batch.table.identity[row].command, batch.table.parent[row]) == ("java", 7)


def test_a_young_process_that_becomes_another_program_under_its_name_is_read_again(windows, clock):
    windows.add(42, "python", cmdline=["python"])
    source = PsutilSource(clock, library=windows, system="win32")
    source.sample().table.release()
    windows.processes[42]["cmdline"] = ["python", "shop.py"]
    batch = source.sample()
    assert batch.table.identity[row_of(batch, 42)].command_line == "python shop.py"
    assert not batch.table.changed[row_of(batch, 42)]  # command lines are not exported


def test_an_owner_that_was_completed_stays_when_words_are_read_again(windows, clock):
    windows.add(42, "nginx.exe")
    source, identifier = (
        PsutilSource(clock, library=windows, system="win32"),
        OwnerIdentifier([StaticLabels({"env": "prod"})]),
    )
    for _ in range(2):
        batch = source.sample()
        named = batch.named.tolist()
        identifier.identify(batch)
    assert named == []
    assert batch.table.identity[row_of(batch, 42)].owner.labels == (("env", "prod"),)


def test_a_start_before_the_boot_that_the_system_names_is_the_boot(windows, clock):
    windows.add(42, "nginx.exe", create_time=windows.boot_time() - 1)
    batch = PsutilSource(clock, library=windows, system="win32").sample()
    assert batch.table.start[row_of(batch, 42)] == 0


def test_what_psutil_saw_is_recorded_and_replayed(mac, clock, tmp_path):
    mac.add(42, "nginx", cpu_times=times(user=1.234567, system=0.000001))
    source, live = PsutilSource(clock, library=mac, system="darwin"), []
    with CaptureWriter(tmp_path / "mac.jsonl.zst", redact=str) as writer:
        for seconds in (0.0, 1.5, 1.75):
            mac.processes[42]["cpu_times"] = times(user=1.234567 + seconds, system=0.25)
            batch = source.sample()
            writer.write(batch)
            live.append((batch.host, sampled(batch.table)))
            clock.advance(10)
    replay = ReplaySource(tmp_path / "mac.jsonl.zst")
    for expected in live:
        batch = replay.sample()
        assert (batch.host, sampled(batch.table)) == expected


def test_bytes_that_are_no_text_become_valid_text_and_long_text_is_cut(mac, clock):
    mac.add(42, "a\udcff", cmdline=["x" * 1_000_000, "y\0z"])
    batch = PsutilSource(clock, library=mac, system="darwin").sample()
    identity = batch.table.identity[row_of(batch, 42)]
    assert identity.name == "a\N{REPLACEMENT CHARACTER}"
    assert len(identity.command_line) == 4096


def test_busy_time_of_all_processors_is_in_the_hosts_ticks(mac, clock):
    mac.busy = times(user=1.0, nice=0.5, system=0.25, idle=99.0)
    assert PsutilSource(clock, library=mac, system="darwin").sample().host.busy == 1_750_000

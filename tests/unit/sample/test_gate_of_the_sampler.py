from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nrdot.batch import Counter
from nrdot.clock import SystemClock
from nrdot.sample.files import ProcFiles
from nrdot.sample.gate import ClockGate, SchedstatGate, choose_gate
from nrdot.sample.procfs import ProcfsSource
from nrdot.testing.hosts.sampled import AGENT, SampledHost

on_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs a real Linux /proc")


def pids(host, rows):
    return sorted(host.table.pid[rows].tolist())


def test_only_what_moved_is_read(host):
    for pid in range(100, 120):
        host.proc.add(pid, "sleeper")
    host.sample(after=1)
    host.sample(after=1)  # the gate is trusted from here on
    host.proc.run(105, user=1)
    host.proc.run(106)  # less than a tick of CPU
    batch = host.sample(after=0)
    assert pids(host, batch.moved) == [105, 106, AGENT]


def test_before_the_agents_own_clock_has_moved_nobody_is_believed_to_sleep(host):
    host.proc.add(42, "a")
    host.source.sample()
    host.proc.change(42, user=5)  # the gate says nothing
    batch = host.source.sample()
    assert not host.source.gate.trusted
    assert host.delta(42, Counter.CPU_USER) == 5
    assert len(batch.moved) == len(batch.living)


def test_with_accounting_switched_off_everything_is_read_for_ever():
    with SampledHost() as host:
        for pid in (1, AGENT):
            host.proc.change(pid, run_ns=0, wait_ns=0, slices=0)
        host.restart()
        host.proc.add(42, "a")
        host.gated = False  # the agent runs, and its file does not say so
        for _ in range(4):
            host.proc.change(42, user=host.proc.processes[42].user + 3)
            host.proc.write("42/schedstat", b"0 0 0\n")
            host.sample()
        assert not host.source.gate.trusted
        assert host.delta(42, Counter.CPU_USER) == 3


def test_without_the_file_there_is_no_gate_and_nothing_is_missed():
    with SampledHost(gated=False) as host:
        host.proc.add(42, "a")
        host.sample()
        host.proc.change(42, user=3)
        batch = host.sample()
        assert not host.source.gate.guards(host.row(42))
        assert host.delta(42, Counter.CPU_USER) == 3
        assert len(batch.moved) == len(batch.living)


def test_a_process_with_threads_is_read_every_time_because_its_file_speaks_of_the_main_one(host):
    host.proc.add(42, "java", threads=8)
    host.sample()
    host.sample()
    assert not host.source.gate.guards(host.row(42))
    host.proc.run(42, user=4, gate=False)
    host.sample()
    assert host.delta(42, Counter.CPU_USER) == 4


def test_a_process_that_starts_a_thread_leaves_the_gate_and_comes_back_without_it(host):
    host.proc.add(42, "a")
    host.sample()
    host.sample()
    host.proc.run(42, user=1)
    host.proc.change(42, threads=2)
    host.sample()
    assert not host.source.gate.guards(host.row(42))
    host.proc.run(42, user=1, gate=False)
    host.sample()
    assert host.delta(42, Counter.CPU_USER) == 1
    host.proc.change(42, threads=1)
    host.sample()
    assert host.source.gate.guards(host.row(42))


def test_what_runs_between_the_reading_and_the_gates_first_look_is_not_lost(host):
    host.proc.add(42, "a", threads=2)
    host.sample()
    host.sample()
    host.proc.change(42, threads=1)
    watch = host.source.gate.watch

    def watch_late(row, pid, threads):
        if pid == "42":
            host.proc.run(42, user=6)  # stat was read, the gate has not looked yet
        watch(row, pid, threads)

    host.source.gate.watch = watch_late
    host.sample(after=1)
    host.source.gate.watch = watch
    host.sample(after=1)
    assert host.counter(42, Counter.CPU_USER) == 6


def test_births_are_found_though_nothing_is_listed_while_the_kernel_made_no_process(host):
    host.proc.add(42, "a")
    host.sample(after=1)
    host.sample(after=1)
    listed = []
    listing = host.source._files.list
    host.source._files.list = lambda: listed.append(1) or listing()
    host.sample(after=1)
    assert not listed
    row = host.row(42)
    host.proc.remove(42)
    assert host.sample(after=1).died.tolist() == [row]  # the gate tells
    host.proc.add(43, "b")
    host.sample(after=1)
    assert 43 in host.known()
    listed.clear()
    for _ in range(60):
        host.sample(after=1)
    assert listed == [1]  # once a sweep all the same


def test_a_kernel_that_does_not_count_its_processes_has_them_listed_every_time(host):
    host.sample()
    for pid in range(100, 104):
        host.proc.add(pid, "a")
        stat = (host.proc.root / "stat").read_bytes()
        host.proc.write("stat", stat[: stat.index(b"processes")])
        host.sample(after=1)
        assert pid in host.known()


def test_a_death_is_one_vanished_process_only_where_it_was_being_read(host):
    host.proc.add(42, "a")
    host.proc.add(43, "b")
    host.sample()
    host.proc.remove(42)
    assert host.sample().vanished == 0
    (host.proc.root / "43/statm").unlink()
    host.proc.run(43)
    assert host.sample().vanished == 1


@on_linux
def test_our_own_proc_is_guarded_by_the_process_clock_and_any_other_by_schedstat(host):
    assert choose_gate(ProcFiles(Path("/proc"), 10)).name == "process clock"
    assert isinstance(host.source.gate, SchedstatGate)


def asleep(process):
    """Until every thread waits: whoever has just printed a line still has a little to do.

    Looked at twice, because a thread that was woken by another is awake at the second look.
    """
    looks = 0
    while looks < 2:
        tasks = Path(f"/proc/{process.pid}/task").glob("*/stat")
        states = {task.read_text().rpartition(") ")[2][0] for task in tasks}
        looks = looks + 1 if states == {"S"} else 0
        time.sleep(0.001)


@pytest.fixture
def child():
    """A process of two threads: the main one sleeps, the other spends CPU when told to."""
    code = """
import sys, threading, time
def work():
    for line in sys.stdin:
        end = time.thread_time() + 0.03
        while time.thread_time() < end: pass
        print('done', flush=True)
thread = threading.Thread(target=work)
thread.start()
print('ready', flush=True)
thread.join()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        asleep(process)
        yield process
        process.stdin.close()


@on_linux
@pytest.mark.parametrize(("number", "letter"), [(signal.SIGSTOP, "T"), (signal.SIGKILL, "Z")])
def test_a_signal_moves_the_clock_of_a_sleeper_so_that_its_new_state_is_read(child, number, letter):
    gate = ClockGate()
    gate.watch(3, str(child.pid), 2)
    gate.moved()
    assert gate.moved() == ([], [])
    os.kill(child.pid, number)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    stat = Path(f"/proc/{child.pid}/stat").read_text()
    assert stat.rpartition(") ")[2][0] == letter
    assert gate.moved() == ([3], [])
    child.kill()


@on_linux
def test_the_process_clock_counts_every_thread_and_notices_the_end(child):
    gate = ClockGate()
    gate.watch(3, str(child.pid), 2)
    gate.moved()
    gate.moved()
    assert gate.trusted
    child.stdin.write("work\n")
    child.stdin.flush()
    assert child.stdout.readline() == "done\n"
    asleep(child)
    assert gate.stirred([3, 4]) == [3, 4]  # 4 is nobody that it guards
    assert gate.moved() == ([3], [])
    assert gate.stirred([3]) == []
    child.stdin.close()
    child.wait()
    assert gate.stirred([3]) == [3]
    assert gate.moved() == ([], [3])
    gate.remove(3)
    assert gate.moved() == ([], [])


@on_linux
def test_work_of_a_thread_arrives_on_this_machine(child):
    source = ProcfsSource(Path("/proc"), SystemClock())
    for _ in range(2):
        batch = source.sample()
    (row,) = [row for row in batch.living.tolist() if source.table.pid[row] == child.pid]
    before = source.table.counters[:2, row].sum()
    child.stdin.write("work\n")
    child.stdin.flush()
    child.stdout.readline()
    source.sample()
    assert source.table.counters[:2, row].sum() - before >= 2
    assert source.table.pid[row] == child.pid
    assert any(source.table.pid[batch.living] == os.getpid())

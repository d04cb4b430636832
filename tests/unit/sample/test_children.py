"""CPU of children that no sample saw: as the table of a fake machine shows it, and on this machine."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nrdot.batch import CHILDREN, Counter
from nrdot.clock import SystemClock
from nrdot.sample.parse import busy_ticks
from nrdot.sample.procfs import ProcfsSource

USER, SYSTEM = Counter.CHILD_USER, Counter.CHILD_SYSTEM
OWN = slice(Counter.CPU_USER, Counter.CPU_SYSTEM + 1)
on_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs a real Linux /proc")


@pytest.fixture
def shell(host):
    host.proc.add(50, "shell", child_user=300)
    host.sample()
    return host


def children(host):
    """CPU of children, summed over everything that ever had a row."""
    return int(host.table.counters[CHILDREN].sum() - host.table.previous[CHILDREN].sum())


def test_a_child_that_no_sample_saw_is_its_parents_once(shell):
    shell.proc.add(51, "short", parent=50, user=7, system=2)
    shell.proc.exit(51)
    shell.sample()
    assert (shell.delta(50, USER), shell.delta(50, SYSTEM)) == (7, 2)
    for _ in range(6):
        shell.sample()
        assert children(shell) == 0
    assert shell.counter(50, USER) == 7  # what it had reaped before we came is not ours to count


def test_of_a_child_that_was_seen_only_its_last_moments_are_its_parents(shell):
    shell.proc.add(51, "job", parent=50, user=100)
    shell.sample()
    shell.proc.run(51, user=5)
    shell.proc.exit(51)
    shell.sample()
    assert shell.delta(50, USER) == 5


def test_a_zombie_is_counted_once_whenever_it_is_reaped(shell):
    shell.proc.add(51, "job", parent=50, user=100)
    shell.sample()
    shell.proc.run(51, user=5)
    shell.proc.die(51)
    shell.sample()
    assert (shell.delta(51, Counter.CPU_USER), children(shell)) == (5, 0)
    shell.proc.exit(51)
    shell.sample()
    assert children(shell) == 0


def test_a_child_that_its_parent_is_just_reaping_is_counted_once(shell):
    # The kernel charges the parent first and takes the child out of /proc last.
    shell.proc.add(51, "job", parent=50, user=100)
    shell.sample()
    shell.proc.run(51, user=5)
    shell.proc.change(51, state="X")
    shell.proc.change(50, child_user=300 + 105)
    shell.proc.run(50)
    counted = [shell.sample().died.size and children(shell)]
    shell.proc.remove(51)
    for _ in range(3):
        shell.sample()
        counted.append(children(shell))
    assert 51 not in shell.known()
    # Five ticks are the last moments of the child, whether its own row or its parent's has them.
    assert shell.counter(50, USER) + 5 == sum(counted) + 5 == 5


def test_nobody_is_born_who_is_just_being_reaped(shell):
    shell.proc.add(51, "short", parent=50, user=7, state="X")
    shell.proc.change(50, child_user=307)
    shell.proc.run(50)
    shell.sample()
    assert 51 not in shell.known()
    assert shell.delta(50, USER) == 7


def test_a_parent_that_reaps_itself_without_being_charged_leaves_it_unaccounted(shell):
    shell.proc.add(51, "job", parent=50, user=100)
    shell.sample()
    shell.proc.run(51, user=5)
    shell.proc.remove(51)  # SIGCHLD ignored
    shell.proc.add(52, "unseen", parent=50, user=40)
    shell.proc.remove(52)
    for _ in range(3):
        shell.sample()
        assert children(shell) == 0
    shell.proc.add(53, "later", parent=50, user=9)
    shell.proc.exit(53)
    shell.sample()
    assert children(shell) == 9  # what was owed is forgiven by now


def test_a_parent_that_is_charged_before_its_child_is_found_gone_is_not_charged_for_what_was_seen(shell):
    shell.proc.add(51, "job", parent=50, user=1000)
    shell.sample()
    read = shell.source._readings.read

    def reaped_meanwhile(row, pid, *, moving):
        if pid == "50" and 51 in shell.proc.processes:
            shell.proc.run(51, user=3)
            shell.proc.exit(51)  # the gate has just said that it lives
        return read(row, pid, moving=moving)

    shell.source._readings.read = reaped_meanwhile
    shell.proc.run(50)
    batch = shell.sample()
    assert 51 not in shell.known()
    assert len(batch.died) == 1
    assert shell.delta(50, USER) == 3
    shell.sample()
    assert children(shell) == 0


def test_a_child_and_its_parent_that_end_together_are_owed_to_whoever_reaped_them(shell):
    shell.proc.add(51, "make", parent=50, user=10)
    shell.proc.add(52, "cc", parent=51, user=1000)
    shell.sample()
    shell.proc.run(52, user=4)
    shell.proc.exit(52)  # reaped by make, and make by the shell
    shell.proc.exit(51)
    shell.sample()
    assert (children(shell), shell.delta(50, USER)) == (4, 4)
    shell.sample()
    assert children(shell) == 0


def test_an_orphan_that_ended_at_once_is_not_counted_twice_because_init_reaped_it(shell):
    """A service is stopped: its main process goes first, and the workers of an hour are left to init."""
    shell.proc.add(51, "master", parent=50, user=10)
    shell.proc.add(52, "worker", parent=51, user=360_000)
    shell.sample()
    shell.proc.exit(51)
    shell.proc.change(52, parent=1)
    shell.proc.run(52, user=6)
    shell.proc.exit(52)
    shell.sample()
    assert children(shell) == 6
    for _ in range(3):
        shell.sample()
        assert children(shell) == 0


def test_a_row_used_again_owes_nothing_for_the_one_before(shell):
    shell.proc.add(51, "a", parent=50, child_user=70)
    shell.sample()
    row = shell.row(51)
    shell.proc.add(52, "b", parent=51, user=500)
    shell.sample()
    shell.proc.remove(52)
    shell.proc.remove(51)
    shell.sample()
    shell.table.release()
    shell.proc.add(60, "c", parent=1)
    shell.proc.add(61, "d", parent=1)
    shell.sample()
    assert row in {shell.row(60), shell.row(61)}
    for pid in (60, 61):
        shell.proc.add(pid + 10, "short", parent=pid, user=11)
        shell.proc.exit(pid + 10)
    shell.sample()
    assert (shell.delta(60, USER), shell.delta(61, USER)) == (11, 11)


def test_a_table_that_grows_keeps_its_accounts(shell):
    for pid in range(1000, 1515):
        shell.proc.add(pid, "crowd", parent=50, user=1)
    shell.sample()
    assert shell.table.capacity > 512
    for pid in range(1000, 1515):
        shell.proc.run(pid, user=1)
        shell.proc.exit(pid)
    shell.sample()
    assert shell.delta(50, USER) == 515


STORM = """
import os, signal, sys, time
if sys.argv[1] == 'ignored':
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print('ready', flush=True)
for line in sys.stdin:
    count, seconds = line.split()
    before = sum(os.times()[:2])
    for _ in range(int(count)):
        pid = os.fork()
        if not pid:
            while time.process_time() < float(seconds): pass
            os._exit(0)
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass
    times = os.times()
    print(round(100 * (times.children_user + times.children_system)), flush=True)
"""


@pytest.fixture
def storm():
    started = []

    def start(kind):
        process = subprocess.Popen(
            [sys.executable, "-c", STORM, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def fork(process, count, seconds):
    process.stdin.write(f"{count} {seconds}\n")
    process.stdin.flush()
    return process


class Machine:
    """This machine, and every row that a child of one process had."""

    def __init__(self):
        self.source = ProcfsSource(Path("/proc"), SystemClock())
        self.table = self.source.table
        self.seen = set()

    def sample(self, parent):
        batch = self.source.sample()
        self.seen.update(np.flatnonzero(self.table.alive & (self.table.parent == parent)).tolist())
        return batch

    def row(self, pid):
        (row,) = np.flatnonzero(self.table.alive & (self.table.pid == pid)).tolist()
        return row


@on_linux
def test_a_fork_storm_of_which_samples_see_a_part_adds_up_to_what_the_kernel_charged(storm):
    process, machine = storm("reaped"), Machine()
    machine.sample(process.pid)
    fork(process, 25, 0.05)
    while not select.select([process.stdout], [], [], 0)[0]:
        machine.sample(process.pid)  # as long as it lasts: some of its children's CPU is seen, some is not
    charged = int(process.stdout.readline())
    machine.sample(process.pid)
    machine.sample(process.pid)
    row = machine.row(process.pid)
    unseen = int(machine.table.counters[CHILDREN, row].sum())
    seen = int(machine.table.counters[OWN, sorted(machine.seen)].sum())
    assert charged >= 25
    # One tick for user and one for system time, which the kernel rounds apart.
    assert abs(unseen + seen - charged) <= 2
    assert 0 < seen < charged


@on_linux
def test_children_that_nobody_waits_for_stay_unaccounted(storm):
    process, machine = storm("ignored"), Machine()
    machine.sample(process.pid)
    assert fork(process, 5, 0.05).stdout.readline() == "0\n"
    machine.sample(process.pid)
    machine.sample(process.pid)
    assert machine.table.counters[CHILDREN, machine.row(process.pid)].sum() == 0


def differs(process, machine):
    """By how much processes and processors differ over a storm, and what is allowed; all in clock ticks."""
    batch = machine.sample(process.pid)
    before = machine.table.counters[OWN].sum() + machine.table.counters[CHILDREN].sum()
    busy = batch.host.busy
    fork(process, 60, 0.02)
    assert int(process.stdout.readline()) >= 110
    batch = machine.sample(process.pid)
    born = batch.born[machine.table.found[batch.born]]
    after = machine.table.counters[OWN].sum() + machine.table.counters[CHILDREN].sum()
    after -= machine.table.counters[OWN, born].sum()
    spent = batch.host.busy - busy
    assert busy_ticks(Path("/proc/stat").read_bytes()) >= batch.host.busy
    return abs(int(after - before) - spent), 20 + spent * 0.1


@on_linux
def test_processes_and_their_unseen_children_agree_with_the_processors_within_a_tenth(storm):
    """Processors count by interrupts, processes by the clock: over a second of CPU they differ a little.

    The storm's CPU alone is well above what is allowed, so code that loses it fails each time. Others on
    this machine may run children that they disown, which nobody can account for: then it is tried again.
    """
    process, machine = storm("reaped"), Machine()
    found = []
    while len(found) < 6 and not (found and found[-1][0] <= found[-1][1]):
        found.append(differs(process, machine))
        machine.table.release()
    assert found[-1][0] <= found[-1][1], found


@on_linux
def test_sampling_neither_forks_nor_leaves_descriptors_behind():
    source = ProcfsSource(Path("/proc"), SystemClock(), descriptors=0)
    kept = len([*Path("/proc/self/fd").iterdir()])
    children_before = os.times()[2:4]
    reaped = []
    before = signal.signal(signal.SIGCHLD, lambda *_: reaped.append(1))
    try:
        for _ in range(3):
            source.sample()
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert not reaped
    assert os.times()[2:4] == children_before
    assert len([*Path("/proc/self/fd").iterdir()]) == kept

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nrdot.clock import SystemClock
from nrdot.sample.census import Census
from nrdot.sample.gate import ClockGate
from nrdot.sample.procfs import ProcfsSource

on_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs a real Linux /proc")


class Machine:
    """Gives pids out as the kernel does, and notes what is asked of it."""

    def __init__(self, count: int = 40) -> None:
        self.pids = set(range(1, count + 1))
        self.last = self.forks = count
        self.shown = lambda _pid: True
        self.listed = 0
        self.asked: list[int] = []
        self.known: set[str] = set()
        self.census = Census(self, self.processes)

    def fork(self, count: int = 1) -> list[str]:
        first = self.last + 1
        self.last += count
        self.forks += count
        self.pids.update(range(first, self.last + 1))
        return [str(pid) for pid in range(first, self.last + 1)]

    def processes(self, pids):
        self.asked = list(pids)
        return [pid for pid in pids if pid in self.pids]

    def list(self):
        self.listed += 1
        return ["self", *map(str, sorted(self.pids))]

    def read(self, path):
        assert path == "loadavg"
        return f"0.10 0.20 0.30 1/99 {self.last}\n".encode()

    def exists(self, path):
        return self.shown(path)

    def call(self, *, always=False):
        new, gone = self.census.call(self.forks, self.known, always=always)
        self.known = (self.known | set(new)) - set(gone)
        return new

    def settled(self):
        """Up to where numbers are trusted and used."""
        for _ in range(3):
            self.fork()
            self.call()
        self.listed = 0
        return self


def test_everybody_is_listed_at_first_and_nobody_is_asked_for_while_nothing_was_made():
    machine = Machine()
    assert len(machine.call()) == 40
    assert machine.call() == []
    assert machine.listed == 1


def test_once_listings_have_confirmed_the_numbers_newcomers_are_found_by_them():
    machine = Machine().settled()
    assert machine.fork(3) == machine.call()
    assert machine.fork() == machine.call()
    assert machine.listed == 0
    assert len(machine.asked) == 4  # those of this look and of the one before


def test_a_number_given_out_before_it_became_a_process_is_found_at_the_next_look():
    machine = Machine().settled()
    machine.fork()
    machine.pids.remove(machine.last)  # in the middle of its making
    assert machine.call() == []
    late = machine.last
    machine.pids.add(late)
    machine.fork()
    assert machine.call() == [str(late), str(late + 1)]


def test_a_process_that_chose_its_pid_is_found_by_a_listing():
    machine = Machine().settled()
    machine.call()
    machine.pids.add(9000)
    machine.forks += 1
    machine.call()
    assert "9000" in machine.known
    assert machine.listed == 1


def test_a_newcomer_with_a_strange_number_ends_the_trust_until_a_listing_confirms_it_again():
    machine = Machine().settled()
    machine.pids.add(9000)
    machine.forks += 1
    machine.call(always=True)
    assert not machine.census.trusted
    machine.fork()
    machine.call()
    assert machine.listed == 2
    assert machine.census.trusted


def test_where_the_numbers_start_again_everybody_is_listed():
    machine = Machine().settled()
    machine.known.remove("30")  # it ended, and the next one has its pid
    machine.census.look_again()
    machine.last, machine.forks = 30, machine.forks + 1
    assert machine.call() == ["30"]
    assert machine.listed == 1


def test_when_more_came_than_a_listing_costs_everybody_is_listed():
    machine = Machine().settled()
    assert machine.fork(30) == machine.call()
    assert machine.listed == 1


def test_a_listing_tells_who_is_gone_and_numbers_do_not():
    machine = Machine().settled()
    machine.pids.remove(7)
    machine.fork()
    machine.call()
    assert "7" in machine.known
    machine.census.begin_anew()
    machine.call()
    assert "7" not in machine.known
    assert machine.listed == 1


def test_whoever_is_not_shown_to_us_is_not_a_newcomer():
    machine = Machine().settled()
    machine.shown = lambda pid: pid != str(machine.last)
    machine.fork(2)
    assert machine.call() == [str(machine.last - 1)]


def test_the_hidden_are_tried_again_at_a_new_beginning_and_cost_no_trust():
    machine = Machine().settled()
    machine.census.hidden.add("5")
    machine.known.remove("5")
    machine.fork()
    assert machine.call() == [str(machine.last)]
    machine.census.begin_anew()
    assert machine.call() == ["5"]
    assert machine.census.trusted


def test_without_numbers_every_look_is_a_listing():
    machine = Machine()
    machine.census = Census(machine, None)
    for _ in range(4):
        machine.fork()
        machine.call()
    assert machine.listed == 4
    assert len(machine.known) == 44


@on_linux
def test_on_this_machine_a_child_is_found_by_its_number():
    source = ProcfsSource(Path("/proc"), SystemClock())
    listing, listed = source._files.list, []
    source._files.list = lambda: listed.append(1) or listing()
    for _ in range(20):
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
            listed.clear()
            batch = source.sample()
            known = set(batch.table.pid[batch.living].tolist())
            assert child.pid in known
            child.communicate(b"\n")
        if not listed:
            break  # the machine may be busy enough for listings now and then
    assert not listed


@on_linux
def test_threads_are_no_processes():
    code = "import threading; threading.Thread(target=input).start(); print('ready', flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        numbers = [int(path.name) for path in Path(f"/proc/{process.pid}/task").iterdir()]
        assert len(numbers) == 2
        assert ClockGate.processes(numbers) == [process.pid]
        process.communicate(b"\n")

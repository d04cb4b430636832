"""Over any history the table behind the gate says what a reader of every file would say."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nrdot.batch import CHILDREN, Counter, Gauge
from nrdot.testing.hosts.sampled import SampledHost

PIDS = st.integers(100, 105)
TICKS = st.integers(0, 5)

ACTIONS = st.one_of(
    st.tuples(st.just("start"), PIDS, st.integers(1, 3), TICKS),
    st.tuples(st.just("run"), PIDS, TICKS, TICKS),
    st.tuples(st.just("thread"), PIDS, TICKS, TICKS),
    st.tuples(st.just("threads"), PIDS, st.integers(1, 3), TICKS),
    st.tuples(st.just("write"), PIDS, st.integers(1, 1 << 20), TICKS),
    st.tuples(st.just("exec"), PIDS, TICKS, TICKS),
    st.tuples(st.just("adopt"), PIDS, PIDS, TICKS),
    st.tuples(st.just("die"), PIDS, TICKS, TICKS),
    st.tuples(st.just("exit"), PIDS, TICKS, TICKS),
    st.tuples(st.just("sample"), st.sampled_from([0.0, 1.0, 15.0, 61.0]), TICKS, TICKS),
)


def act(host, action, pid, first, second):
    proc = host.proc
    if action == "sample":
        return
    if action == "start":
        if pid not in proc.processes:
            parent = pid - 1 if second % 2 and pid - 1 in proc.processes else 1
            proc.add(pid, f"p{second}", threads=first, user=second, parent=parent)
        return
    process = proc.processes.get(pid)
    if process is None:
        return
    if process.state == "Z" and action != "exit":
        return
    if action == "run":
        proc.run(pid, user=first, system=second, faults_minor=first)
    elif action == "thread" and process.threads > 1:
        proc.run(pid, user=first, gate=False)
    elif action == "threads":
        proc.run(pid)
        proc.change(pid, threads=first)
    elif action == "write":
        proc.run(pid, written=first, read=second)
    elif action == "exec":
        proc.replace_program(pid, f"exec{first}")
    elif action == "adopt" and first in proc.processes and first != pid:
        proc.run(pid)
        proc.change(pid, parent=first if proc.processes[first].parent == 1 else 1)
    elif action == "die" and process.threads == 1:
        proc.run(pid, user=first)
        proc.die(pid)
    elif action == "exit":
        for child in [child for child in proc.processes.values() if child.parent == pid]:
            proc.change(child.pid, parent=1)
        proc.exit(pid)


def assert_exact(host):
    """Whatever only a process itself can change, of everyone alive, and nobody else."""
    table, proc = host.table, host.proc
    assert host.known() == sorted(proc.processes)
    for pid, process in proc.processes.items():
        row = host.row(pid)
        measured = table.counters[:, row]
        assert (measured[Counter.CPU_USER], measured[Counter.CPU_SYSTEM]) == (process.user, process.system)
        assert (measured[Counter.READ], measured[Counter.WRITTEN]) == (process.read, process.written)
        assert measured[Counter.FAULTS_MINOR] == process.faults_minor
        assert table.gauges[Gauge.THREADS, row] == process.threads
        assert table.parent[row] == process.parent
        assert table.state[row] == ord(process.state)
        assert table.identity[row].name == process.name.decode()
        assert table.start[row] == process.start
    assert (table.counters >= table.previous)[:, table.alive].all()


def cpu_ever_spent(host, gone):
    """By all processes there ever were: the living, and what of the dead nobody was charged with."""
    return sum(p.user + p.system for p in host.proc.processes.values()) + gone


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTIONS, max_size=40), st.sampled_from([0, 4, 1000]), st.booleans())
def test_nothing_that_moved_is_missed(actions, descriptors, gated):
    with SampledHost(descriptors=descriptors, gated=gated) as host:
        host.sample()
        for action in actions:
            act(host, *action)
            if action[0] == "sample":
                host.sample(after=action[1])
                assert_exact(host)
        host.sample(after=1)
        assert_exact(host)


FAMILY = {100: 1, 101: 100, 102: 101, 103: 102, 104: 102, 105: 101}
FAMILY_EVENTS = st.tuples(st.sampled_from(["run", "exit", "exit", "short", "sample"]), PIDS, TICKS)


@settings(max_examples=40, deadline=None)
@given(st.lists(FAMILY_EVENTS, max_size=25))
def test_cpu_is_neither_lost_nor_counted_twice_whoever_reaps_whom(events):
    """What the rows spent and what they reaped unseen adds up to what all processes ever spent."""
    with SampledHost() as host:
        for pid, parent in FAMILY.items():
            host.proc.add(pid, f"p{pid}", parent=parent, user=100)
        host.sample()
        gone = 0
        for event, pid, ticks in [*events, ("sample", 0, 0)]:
            process = host.proc.processes.get(pid)
            if event == "sample":
                host.sample()
                assert measured(host) == cpu_ever_spent(host, gone)
            elif process is None:
                continue
            elif event == "exit":
                gone += process.user + process.system
                act(host, "exit", pid, 0, 0)
            elif event == "run":
                host.proc.run(pid, user=ticks)
            else:
                host.proc.add(900, "short", parent=pid, user=ticks)
                host.proc.exit(900)
                gone += ticks


def measured(host):
    """Rows are never given back here, so the dead are still in the columns."""
    own = host.table.counters[[Counter.CPU_USER, Counter.CPU_SYSTEM]].sum()
    return int(own + host.table.counters[CHILDREN].sum())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1000)), max_size=12), st.sampled_from([0, 100]))
def test_storage_counters_measure_what_was_done_while_they_were_readable(history, descriptors):
    """However rights come and go: no lifetime is taken for an increment, and nothing steps back."""
    with SampledHost(nobody=True, descriptors=descriptors) as host:
        host.proc.add(42, "job", written=5000)
        for number, (readable, amount) in enumerate(history):
            if readable:
                host.proc.allow(42, "io")
            else:
                host.proc.deny(42, "io")
            host.proc.replace_program(42, f"rights{number}")  # an exec is when rights change
            grown = []
            for written in (0, 0, amount):
                host.proc.run(42, written=written)
                host.sample()
                grown.append(host.delta(42, Counter.WRITTEN) if number or grown else 0)
            assert grown == [0, 0, amount if readable else 0]
            assert host.table.limited[host.row(42)] != readable

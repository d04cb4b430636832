from __future__ import annotations

import numpy as np

from nrdot.batch import Counter, Gauge


def test_a_zombie_is_counted_until_it_is_reaped_and_keeps_the_words_it_had(host):
    host.proc.add(42, "job", cmdline=["job", "--now"], parent=1, user=5)
    host.sample()
    before = host.identity(42)
    host.proc.run(42, user=3)
    host.proc.die(42)
    for _ in range(12):  # long enough for every word to have its turn
        batch = host.sample(after=60)
        assert host.row(42) in batch.living
    assert host.table.state[host.row(42)] == ord("Z")
    assert host.identity(42) == before
    assert not host.table.changed[host.row(42)] or host.table.found[host.row(42)]
    assert (host.counter(42, Counter.CPU_USER), host.gauge(42, Gauge.RSS)) == (8, 0)
    row = host.row(42)
    host.proc.exit(42)
    batch = host.sample()
    assert batch.died.tolist() == [row]
    assert 42 not in host.known()


def test_a_zombie_that_nobody_saw_alive_has_its_name_and_its_cpu(host):
    host.sample()
    host.proc.add(42, "job", parent=1, user=5)
    host.proc.die(42)
    batch = host.sample()
    assert batch.born.tolist() == [host.row(42)]
    assert host.identity(42).name == "job"
    assert (host.identity(42).command_line, host.identity(42).executable) == ("", "")
    assert host.delta(42, Counter.CPU_USER) == 5


def test_kernel_threads_are_counted_and_known_as_such(host):
    host.proc.add_kernel_thread(2, "kthreadd", parent=0)
    host.proc.add_kernel_thread(42, "ksoftirqd/0", system=9)
    host.sample()
    assert host.identity(42).kernel
    assert not host.identity(1).kernel
    assert host.counter(42, Counter.CPU_SYSTEM) == 9
    assert (host.gauge(42, Gauge.RSS), host.gauge(42, Gauge.VIRTUAL)) == (0, 0)


def test_a_row_is_used_again_only_after_an_export(host):
    host.proc.add(42, "a", user=5, parent=0)
    host.sample()
    row = host.row(42)
    host.proc.remove(42)
    host.sample()
    host.proc.add(43, "b", parent=0)
    host.sample()
    assert host.row(43) != row
    assert host.table.counters[Counter.CPU_USER, row] == 5
    host.table.release()
    host.proc.add(44, "c", parent=0)
    host.sample()
    assert host.row(44) == row
    assert host.counter(44, Counter.CPU_USER) == 0


def test_what_is_alive_moved_born_and_dead_never_contradict_each_other(host):
    host.sample()
    for pid in range(100, 160):
        host.proc.add(pid, f"p{pid % 7}", parent=100 if pid > 130 else 1)
    host.proc.die(140)
    (host.proc.root / "120/statm").unlink()  # as if it ended while it is read
    for death in (100, 101, 140):
        batch = host.sample()
        assert not np.intersect1d(batch.born, batch.died).size
        for rows in (batch.living, batch.moved, batch.born, batch.named):
            assert host.table.alive[rows].all()
            assert len(set(rows.tolist())) == len(rows)
        assert not host.table.alive[batch.died].any()
        host.proc.exit(death)

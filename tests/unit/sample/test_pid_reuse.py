from __future__ import annotations

from nrdot.batch import Counter


def test_a_pid_used_again_is_a_new_process_without_a_negative_delta(host):
    host.proc.add(42, "old", user=500, written=9000)
    host.sample()
    first = host.row(42)
    host.proc.remove(42)
    host.proc.advance(1)
    host.proc.add(42, "new", user=3, written=10)
    batch = host.sample()
    row = host.row(42)
    assert row != first
    assert batch.died.tolist() == [first]
    assert batch.born.tolist() == [row]
    assert host.identity(42).name == "new"
    assert (host.delta(42, Counter.CPU_USER), host.delta(42, Counter.WRITTEN)) == (3, 10)
    assert host.counter(42, Counter.CPU_USER) == 3
    assert (host.table.cpu >= 0).all()


def test_a_pid_used_again_by_the_same_program_is_still_a_new_process(host):
    host.proc.add(42, "job", user=500)
    host.sample()
    host.proc.run(42, user=1)
    host.sample()  # its files are kept open from now on
    first = host.row(42)
    host.proc.remove(42)
    host.proc.add(42, "job", user=900)
    host.sample()
    assert host.row(42) != first
    assert host.table.counters[Counter.CPU_USER, first] == 501
    assert host.delta(42, Counter.CPU_USER) == 900


def test_a_pid_used_again_within_one_tick_of_the_clock_is_told_by_the_open_file(host):
    start = host.proc.add(42, "job", user=500).start
    host.sample()
    host.proc.run(42, user=1)
    host.sample()
    first = host.row(42)
    host.proc.remove(42)
    host.proc.add(42, "job", user=7, start=start)
    host.sample()
    assert host.row(42) != first
    assert host.counter(42, Counter.CPU_USER) == 7


def test_counters_never_step_back_even_where_the_kernels_do(host):
    host.proc.add(42, "job", user=500, system=10, faults_minor=50)
    host.sample()
    host.proc.run(42, user=1)
    host.sample()
    host.proc.run(42, user=-2, system=2)
    host.sample()
    assert host.delta(42, Counter.CPU_USER) == 0
    assert host.delta(42, Counter.CPU_SYSTEM) == 2
    host.proc.run(42, user=4)
    host.sample()
    assert host.counter(42, Counter.CPU_USER) == 503


def test_a_process_that_was_hidden_counts_from_the_sample_that_finds_it(host):
    host.sample()
    host.proc.add(43, "hidden", user=900, written=1 << 30)
    host.proc.change(43, start=10)  # long before the last sample, which did not see it
    host.sample()
    assert host.table.found[host.row(43)]
    assert (host.delta(43, Counter.CPU_USER), host.delta(43, Counter.WRITTEN)) == (0, 0)
    assert host.table.cpu[host.row(43)] == 0
    host.proc.run(43, user=2)
    host.sample()
    assert host.delta(43, Counter.CPU_USER) == 2


def test_a_process_born_between_two_samples_counts_from_its_birth(host):
    host.sample()
    host.proc.advance(5)
    host.proc.add(43, "born", user=90)
    host.sample()
    assert not host.table.found[host.row(43)]
    assert host.delta(43, Counter.CPU_USER) == 90


def test_a_wall_clock_that_is_set_neither_hides_the_newborn_nor_spoils_their_start(host):
    for jump in (3600.0, -7200.0):
        host.sample()
        host.clock.jump(jump)
        pid = 100 + len(host.known())
        host.proc.add(pid, "born", user=90)
        host.sample(after=0.5)
        row = host.row(pid)
        assert not host.table.found[row]
        assert host.delta(pid, Counter.CPU_USER) == 90
        age = host.clock.wall_ns() - host.table.born_ns[row]
        assert age == 500_000_000

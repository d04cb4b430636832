from __future__ import annotations

import pytest

from nrdot.batch import Counter
from nrdot.testing.hosts.sampled import SampledHost


@pytest.fixture(params=[None, 0], ids=["kept descriptors", "no descriptors"])
def host(request):
    with SampledHost(nobody=True, descriptors=request.param) as sampled:
        yield sampled


def test_io_that_is_not_readable_is_marked_and_named_once_and_is_no_measurement(host):
    host.proc.add(42, "root's", written=4096)
    host.proc.deny(42, "io")
    batch = host.sample()
    assert host.table.limited[host.row(42)]
    assert not host.table.limited[host.row(1)]
    assert (batch.limited, batch.unreadable) == (1, ("io",))
    host.proc.run(42, user=1, written=4096)
    batch = host.sample()
    assert (batch.limited, host.delta(42, Counter.WRITTEN)) == (1, 0)
    assert host.delta(42, Counter.CPU_USER) == 1


def test_io_that_becomes_readable_counts_from_there_and_not_from_birth(host):
    host.proc.add(42, "sudo", read=5 << 20, written=7 << 20)
    host.proc.deny(42, "io")
    host.sample()
    host.proc.allow(42, "io")
    host.proc.replace_program(42, "shell")  # its words are read again, and its rights with them
    for _ in range(2):
        host.proc.run(42)
        host.sample()
        assert (host.delta(42, Counter.READ), host.delta(42, Counter.WRITTEN)) == (0, 0)
    assert not host.table.limited[host.row(42)]
    host.proc.run(42, read=100, written=200)
    host.sample()
    assert (host.delta(42, Counter.READ), host.delta(42, Counter.WRITTEN)) == (100, 200)
    assert (host.counter(42, Counter.READ), host.counter(42, Counter.WRITTEN)) == (100, 200)


def test_io_that_is_unreadable_for_a_while_goes_on_where_it_stood(host):
    host.proc.add(42, "job", written=1000)
    host.sample()
    host.proc.run(42, written=10)
    host.sample()
    assert host.counter(42, Counter.WRITTEN) == 1010
    host.proc.deny(42, "io")
    host.proc.replace_program(42, "setuid", written=900_000)
    for _ in range(2):
        host.proc.run(42)
        host.sample()
        assert host.delta(42, Counter.WRITTEN) == 0
    assert host.table.limited[host.row(42)]
    host.proc.allow(42, "io")
    host.proc.replace_program(42, "job")
    for _ in range(3):
        host.proc.run(42)
        host.sample()
    assert not host.table.limited[host.row(42)]
    assert host.counter(42, Counter.WRITTEN) == 1010
    host.proc.run(42, written=5)
    host.sample()
    assert host.counter(42, Counter.WRITTEN) == 1015


def test_a_sleeper_whose_io_becomes_readable_is_found_out_by_the_sweep(host):
    host.proc.add(42, "job", written=1000)
    host.proc.deny(42, "io")
    host.sample()
    host.proc.run(42, written=1)
    host.sample()
    host.proc.allow(42, "io")
    for _ in range(5 * 4 + 4):
        host.sample()
    assert not host.table.limited[host.row(42)]
    assert host.counter(42, Counter.WRITTEN) == 0


def test_a_row_that_is_used_again_does_not_inherit_what_was_unmeasured(host):
    host.proc.add(42, "job", written=1000)
    host.proc.deny(42, "io")
    host.sample()
    host.proc.allow(42, "io")
    host.proc.replace_program(42, "other")
    host.sample()
    host.sample(after=60)
    row = host.row(42)
    host.proc.remove(42)
    host.sample()
    host.table.release()
    host.proc.add(43, "new", written=30)
    host.sample()
    assert host.row(43) == row
    assert host.delta(43, Counter.WRITTEN) == 30


def test_a_kernel_without_io_accounting_is_limited_and_does_not_measure_zero(host):
    host.proc.add(42, "job")
    (host.proc.root / "42/io").unlink()
    host.sample()
    host.proc.run(42, user=1)
    host.sample()
    assert host.table.limited[host.row(42)]
    assert host.delta(42, Counter.CPU_USER) == 1


def test_processes_that_are_listed_and_not_readable_at_all_are_counted_and_nothing_breaks(host):
    host.proc.add(42, "hidepid", user=900)
    host.proc.deny(42)  # hidepid=1: the folder is there, and closed
    for _ in range(3):
        batch = host.sample()
        assert 42 not in host.known()
        assert (batch.limited, batch.vanished) == (1, 0)
        assert "stat" in batch.unreadable


def test_processes_that_become_readable_are_found_within_a_minute_and_count_from_there(host):
    host.proc.add(42, "hidepid", user=900)
    host.proc.deny(42)
    host.sample()
    host.proc.allow(42)
    for _ in range(4):
        host.sample()
    assert host.table.found[host.row(42)]
    assert host.counter(42, Counter.CPU_USER) == 900
    assert host.delta(42, Counter.CPU_USER) == 0


def test_a_process_that_is_hidden_from_now_on_ends_for_us_and_is_counted_as_limited(host):
    host.proc.add(42, "job", user=900)
    host.sample()
    row = host.row(42)
    host.proc.run(42, user=1)
    host.proc.deny(42)
    died = []
    for _ in range(6):
        batch = host.sample()
        died += batch.died.tolist()
    assert died == [row]
    assert batch.limited == 1


def test_each_word_that_rights_do_not_reach_is_empty_and_named(host):
    host.proc.add(42, "job", cgroup="/a.slice")
    for name in ("cmdline", "cgroup"):
        host.proc.deny(42, name)
    batch = host.sample()
    assert host.identity(42).name == "job"
    assert (host.identity(42).command_line, host.table.cgroup[host.row(42)]) == ("", "")
    assert batch.unreadable == ("cgroup", "cmdline")

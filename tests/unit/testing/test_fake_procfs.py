from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from nrdot.testing.hosts.procfs import FakeProcfs, unprivileged

REAL = Path("/proc/self")
on_linux = pytest.mark.skipif(not REAL.exists(), reason="compares with the files of a real Linux")


@pytest.fixture
def proc():
    with FakeProcfs() as tree:
        tree.add(1, "init", parent=0)
        yield tree


@pytest.fixture
def psutil_of(proc):
    """psutil as a second reader that knows nothing of the fake."""
    before = psutil.PROCFS_PATH
    psutil.PROCFS_PATH = str(proc.root)
    yield psutil.Process
    psutil.PROCFS_PATH = before


@on_linux
@pytest.mark.parametrize("name", ["stat", "statm", "schedstat"])
def test_one_line_files_have_as_many_fields_as_the_kernel_prints(proc, name):
    fake = (proc.root / "1" / name).read_bytes()
    assert fake.endswith(b"\n")
    real = (REAL / name).read_bytes()
    assert len(fake.rpartition(b")")[2].split()) == len(real.rpartition(b")")[2].split())


@on_linux
@pytest.mark.parametrize("name", ["status", "io"])
def test_keyed_files_have_keys_of_the_kernel_in_its_order(proc, name):
    def keys(data: bytes) -> list[bytes]:
        return [line.split(b":")[0] for line in data.splitlines()]

    fake, real = keys((proc.root / "1" / name).read_bytes()), keys((REAL / name).read_bytes())
    assert len(fake) >= 7
    # Older kernels lack some keys (Kthread); what both print comes in the same order.
    shared = [key for key in fake if key in real]
    assert len(shared) >= len(fake) - 2
    assert shared == [key for key in real if key in fake]


def test_psutil_reads_what_was_put_in(proc, psutil_of):
    proc.advance(25.5)
    proc.add(42, "nginx", cmdline=["nginx:", "worker"], uid=33, threads=4, rss=8 << 20, shared=2 << 20,
             virtual=64 << 20, user=150, system=25, wait=7, read=4096, written=8192, voluntary=5,
             involuntary=6, descriptors=9, child_user=3, child_system=4, parent=1, state="D")  # fmt: skip
    nginx = psutil_of(42)
    times = nginx.cpu_times()
    assert (times.user, times.system, times.iowait) == (1.5, 0.25, 0.07)
    assert (times.children_user, times.children_system) == (0.03, 0.04)
    memory = nginx.memory_info()
    assert (memory.rss, memory.vms, memory.shared) == (8 << 20, 64 << 20, 2 << 20)
    assert nginx.io_counters()[2:4] == (4096, 8192)
    assert tuple(nginx.num_ctx_switches()) == (5, 6)
    assert (nginx.name(), nginx.cmdline(), nginx.exe()) == ("nginx", ["nginx:", "worker"], "/usr/bin/nginx")
    assert (nginx.ppid(), nginx.uids().real, nginx.num_threads(), nginx.num_fds()) == (1, 33, 4, 9)
    assert nginx.status() == psutil.STATUS_DISK_SLEEP
    assert nginx.create_time() == proc.boot_time + 1025.5


def test_machine_wide_files_are_readable_by_psutil(proc, psutil_of):
    proc.set_stat_totals(user=300, system=100, idle=5000)
    proc.set_stat_totals(user=400)
    assert psutil.cpu_times()[:4] == (4.0, 0.0, 1.0, 50.0)
    assert psutil.virtual_memory().total == 8 << 30
    assert psutil.boot_time() == proc.boot_time
    assert sorted(psutil.pids()) == [1]


def test_the_machine_counts_every_process_that_was_ever_made(proc):
    proc.add(42)
    proc.remove(42)
    proc.add(42)
    assert b"\nprocesses 3\n" in (proc.root / "stat").read_bytes()


def test_running_advances_cpu_and_the_gate(proc):
    process = proc.add(42)
    before = (proc.root / "42/schedstat").read_bytes()
    proc.run(42, user=3, written=512)
    assert (process.user, process.written) == (3, 512)
    assert (proc.root / "42/schedstat").read_bytes() != before


def test_a_run_without_a_whole_tick_still_advances_the_gate(proc):
    proc.add(42)
    before = (proc.root / "42/schedstat").read_bytes()
    proc.run(42)
    assert (proc.root / "42/schedstat").read_bytes() != before


@pytest.mark.parametrize("act", ["other thread runs", "changed from outside"])
def test_the_gate_stands_still_when_the_main_thread_sleeps(proc, act):
    proc.add(42, threads=2)
    before = (proc.root / "42/schedstat").read_bytes(), (proc.root / "42/stat").read_bytes()
    if act == "other thread runs":
        proc.run(42, user=5, gate=False)
    else:
        proc.change(42, rss=1 << 20)
    assert (proc.root / "42/schedstat").read_bytes() == before[0]
    assert (proc.root / "42/stat").read_bytes() != before[1]


def test_a_kept_descriptor_follows_changes_and_reads_nothing_once_the_process_is_gone(proc):
    proc.add(42, "old", rss=100 << 20)
    kept = os.open(proc.root / "42/stat", os.O_RDONLY)
    try:
        proc.run(42, user=7)
        assert b" 7 0 0 0 20 0 " in os.pread(kept, 4096, 0)
        proc.change(42, rss=0, virtual=0)
        assert os.pread(kept, 4096, 0) == (proc.root / "42/stat").read_bytes()
        proc.remove(42)
        assert os.pread(kept, 4096, 0) == b""
        proc.add(42, "new")
        assert os.pread(kept, 4096, 0) == b""
    finally:
        os.close(kept)


def test_a_reaped_child_is_charged_to_its_parent_with_its_own_children(proc):
    proc.add(42)
    proc.add(43, parent=42, user=5, system=2, child_user=30, child_system=20)
    before = (proc.root / "42/schedstat").read_bytes()
    proc.exit(43)
    assert not (proc.root / "43").exists()
    assert (proc.processes[42].child_user, proc.processes[42].child_system) == (35, 22)
    assert (proc.root / "42/schedstat").read_bytes() != before


def test_a_zombie_has_no_memory_no_words_and_no_executable(proc, psutil_of):
    proc.add(42, "done")
    proc.die(42)
    zombie = psutil_of(42)
    assert zombie.status() == psutil.STATUS_ZOMBIE
    assert b"VmRSS" not in (proc.root / "42/status").read_bytes()
    assert (proc.root / "42/cmdline").read_bytes() == b""
    assert not (proc.root / "42/exe").is_symlink()
    assert list((proc.root / "42/fd").iterdir()) == []


def test_a_kernel_thread_has_no_memory_and_the_flag_of_one(proc):
    proc.add_kernel_thread(7, "kworker/0:1-events")
    data = (proc.root / "7/stat").read_bytes()
    assert data.startswith(b"7 (kworker/0:1-events) I 2 ")
    assert int(data.split()[8]) & 0x00200000
    assert b"Kthread:\t1\n" in (proc.root / "7/status").read_bytes()
    assert (proc.root / "7/cmdline").read_bytes() == b""


def test_names_stand_raw_in_stat_and_escaped_in_status(proc):
    proc.add(42, b"a) R 1\n\\\xff")
    assert (proc.root / "42/stat").read_bytes().startswith(b"42 (a) R 1\n\\\xff) S ")
    assert (proc.root / "42/status").read_bytes().startswith(b"Name:\ta) R 1\\n\\\\\xff\n")


def test_an_exec_keeps_pid_and_start(proc):
    start = proc.add(42, "sh").start
    proc.replace_program(42, "java")
    assert (proc.root / "42/cmdline").read_bytes() == b"java\0"
    assert (proc.root / "42/exe").readlink() == Path("/usr/bin/java")
    assert proc.processes[42].start == start


def test_a_bare_path_becomes_cgroup_v2_and_text_stays_as_it_is(proc):
    proc.add(42, cgroup="/a.slice")
    proc.add(43, cgroup="1:cpu:/x\n0::/y\n")
    assert (proc.root / "42/cgroup").read_text() == "0::/a.slice\n"
    assert (proc.root / "43/cgroup").read_text() == "1:cpu:/x\n0::/y\n"


@pytest.mark.parametrize("names", [("io",), ()], ids=["one file", "the folder"])
def test_what_is_denied_cannot_be_read_without_rights_and_still_changes(proc, names):
    proc.add(42)
    proc.deny(42, *names)
    proc.run(42, read=4096)
    with unprivileged(), pytest.raises(PermissionError):
        (proc.root / "42/io").read_bytes()
    proc.allow(42, *names)
    with unprivileged():
        assert b"read_bytes: 4096\n" in (proc.root / "42/io").read_bytes()
    proc.deny(42, *names)
    proc.remove(42)
    assert not (proc.root / "42").exists()


def test_self_names_the_process_that_is_our_own(proc):
    proc.add(99, "nrdot", own=True)
    assert (proc.root / "self/comm").read_bytes() == b"nrdot\n"


@pytest.mark.parametrize(
    "mistake",
    [
        lambda proc: proc.add(1),
        lambda proc: proc.add(2, colour="red"),
        lambda proc: proc.change(1, colour="red"),
        lambda proc: proc.set_stat_totals(colour=1),
    ],
)
def test_a_mistake_in_a_test_is_an_error_at_once(proc, mistake):
    with pytest.raises((TypeError, ValueError), match=r"in use|colour"):
        mistake(proc)


def test_the_tree_goes_away_with_its_owner_and_a_given_root_stays(tmp_path):
    tree = FakeProcfs()
    tree.close()
    assert not tree.root.exists()
    with FakeProcfs(tmp_path / "proc") as given:
        given.add(1)
    assert (tmp_path / "proc/1/stat").is_file()

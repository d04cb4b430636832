from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import zstandard

from nrdot.batch import Counter, Gauge
from nrdot.errors import CaptureError
from nrdot.identify.identifier import OwnerIdentifier
from nrdot.identify.labels import Facts
from nrdot.sample.capture_writer import CaptureWriter
from nrdot.sample.procfs import ProcfsSource
from nrdot.sample.replay import ReplaySource
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.procfs import FakeProcfs, unprivileged
from nrdot.testing.hosts.tables import sampled

SECRET = "hunter2"


class Recorder:
    """A fake host with an agent that records it."""

    def __init__(self, proc: FakeProcfs, path: Path, **options: object) -> None:
        self.proc = proc
        self.clock = ManualClock()
        self.source = ProcfsSource(proc.root, self.clock)
        self.identifier = OwnerIdentifier()
        self.writer = CaptureWriter(path, **options)
        weakref.finalize(self, self.writer.close)

    def tick(self):
        self.proc.run(1)
        batch = self.source.sample()
        self.identifier.identify(batch)
        self.writer.write(batch)
        self.clock.advance(15)
        self.proc.advance(15)
        return batch


def replayed(path: Path):
    """What a replay makes of each tick of a capture."""
    source, identifier, seen = ReplaySource(path), OwnerIdentifier(), []
    with suppress(StopIteration):
        while True:
            batch = source.sample()
            identifier.identify(batch)
            seen.append(sampled(batch.table))
    return seen


@pytest.fixture
def proc():
    with FakeProcfs() as tree:
        tree.add(1, "init", parent=0, own=True)
        yield tree


def lines(path: Path) -> list[dict]:
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    return [json.loads(line) for line in data.splitlines()]


def processes(line: dict) -> dict[int, dict]:
    return {process["pid"]: process for process in line["procs"]}


def test_a_process_is_written_with_the_documented_fields(proc, tmp_path):
    proc.add(
        42, "nginx", cmdline=["nginx: worker"], uid=33, user=41, system=183, rss=4096000, virtual=10240000,
        written=4096, cgroup="/system.slice/nginx.service", wait=2, faults_minor=5,
    )  # fmt: skip
    recorder = Recorder(proc, tmp_path / "c.jsonl", redact=str)
    batch = recorder.tick()
    (line,) = lines(tmp_path / "c.jsonl")
    assert (line["v"], line["t"]) == (1, batch.time_ns)
    assert line["host"]["id"] == batch.host.id
    assert line["host"]["boot"] == batch.host.boot
    assert (line["host"]["cpus"], line["host"]["memory"]) == (2, 8 << 30)
    found = processes(line)[42]
    born = int(batch.table.born_ns[batch.table.pid == 42][0])
    assert found.items() >= {
        "pid": 42, "ppid": 1, "start": born, "name": "nginx", "cmd": "nginx: worker", "state": "S",
        "threads": 1,
        "cpu_user": 0.41, "cpu_system": 1.83, "cpu_wait": 0.02, "rss": 4096000, "vsize": 10240000,
        "read": 0, "write": 4096, "cgroup": "/system.slice/nginx.service", "uid": 33, "faults": [5, 0],
        "exe": "/usr/bin/nginx", "user": batch.table.identity[1].user,
    }.items()  # fmt: skip


def test_what_is_unchanged_is_written_short_though_it_was_read_again(proc, tmp_path):
    proc.add(42, "idle")
    recorder = Recorder(proc, tmp_path / "c.jsonl")
    recorder.tick()
    for _ in range(8):  # the sweep comes round twice
        recorder.tick()
    first, *others = lines(tmp_path / "c.jsonl")
    whole = processes(first)[42]
    assert {json.dumps(processes(line)[42]) for line in others} == {
        json.dumps({"pid": 42, "start": whole["start"]})
    }


@pytest.mark.parametrize(
    "event",
    [
        lambda proc: proc.run(42, user=1),
        lambda proc: proc.run(42, read=1),
        lambda proc: proc.replace_program(42, "java"),
        lambda proc: (proc.change(42, parent=7), proc.run(42)),
        lambda proc: proc.change(42, rss=8 << 20),
        lambda proc: proc.change(42, cgroup="3:freezer:/job\n", state="D"),
        lambda proc: (proc.change(42, state="T"), proc.run(42)),
        lambda proc: proc.change(42, cgroup="/x.slice"),
        lambda proc: proc.change(42, cgroup="/tells/nothing"),
    ],
)
def test_whatever_changes_is_written_in_full(proc, tmp_path, event):
    proc.add(42, "busy")
    recorder = Recorder(proc, tmp_path / "c.jsonl")
    recorder.tick()
    event(proc)
    for _ in range(21):  # what others do to a sleeper shows with the sweep
        recorder.tick()
    assert [line for line in lines(tmp_path / "c.jsonl")[1:] if "name" in processes(line)[42]]


def test_labels_that_are_learned_later_are_written_and_replayed(proc, tmp_path):
    class Late:
        revision = 0
        known: Facts | None = None

        def facts(self, owner):
            return self.known if owner.unit else None

    proc.add(42, "nginx", cgroup="/system.slice/nginx.service")
    path = tmp_path / "c.jsonl"
    recorder = Recorder(proc, path, redact=str)
    source = Late()
    recorder.identifier = OwnerIdentifier([source])
    recorder.tick()
    source.known = Facts({"tier": "web"}, "p", "n", "Deployment/p", {"k8s.node.name": "n1"})
    source.revision = 1
    live = sampled(recorder.tick().table)
    assert processes(lines(path)[1])[42]["labels"] == {"tier": "web"}
    assert replayed(path)[1] == live


def test_cpu_of_children_that_no_tick_saw_is_written_and_replayed(proc, tmp_path):
    path = tmp_path / "c.jsonl"
    proc.add(42, "make")
    recorder = Recorder(proc, path, redact=str)
    recorder.tick()
    proc.add(43, "cc", parent=42, user=25, system=5)
    proc.exit(43)
    live = sampled(recorder.tick().table)
    assert processes(lines(path)[1])[42]["unseen"] == [0.25, 0.05]
    assert replayed(path)[1] == live


def test_unreadable_input_and_output_are_null_and_replayed(proc, tmp_path):
    path = tmp_path / "c.jsonl"
    proc.add(42, "secretive", read=5)
    proc.add(43, "late", read=7)
    proc.deny(42, "io")
    recorder = Recorder(proc, path, redact=str)
    live = []
    for denied in ((), (43,)):
        for pid in denied:
            proc.deny(pid, "io")
        for pid in (42, 43):
            proc.run(pid, user=1)
        with unprivileged():
            batch = recorder.source.sample()
        recorder.identifier.identify(batch)
        recorder.writer.write(batch)
        live.append(sampled(batch.table))
        recorder.clock.advance(15)
    written = [[processes(line)[pid]["read"] for pid in (42, 43)] for line in lines(path)]
    assert written == [[None, 7], [None, None]]
    assert replayed(path) == live


def test_command_lines_are_left_out_unless_asked_for(proc, tmp_path):
    proc.add(42, "mysql", cmdline=["mysql", f"-p{SECRET}"])
    proc.add(43, "worker", cmdline=[f"worker: --password={SECRET}"])
    Recorder(proc, tmp_path / "c.jsonl").tick()
    assert SECRET not in (tmp_path / "c.jsonl").read_text()
    batch = ReplaySource(tmp_path / "c.jsonl").sample()
    words = [batch.table.identity[row] for row in batch.living.tolist()]
    assert [(identity.command, identity.command_line) for identity in words[1:]] == [
        ("mysql", ""),
        ("/usr/bin/worker", ""),  # a title is no argv[0]
    ]


def test_command_lines_that_are_asked_for_go_through_the_redaction(proc, tmp_path):
    proc.add(42, "mysql", cmdline=["mysql", f"-p{SECRET}"])
    proc.add(43, "worker", cmdline=[f"worker: {SECRET}"])
    Recorder(proc, tmp_path / "c.jsonl", redact=lambda text: text.replace(SECRET, "****")).tick()
    assert SECRET not in (tmp_path / "c.jsonl").read_text()
    found = processes(lines(tmp_path / "c.jsonl")[0])
    assert (found[42]["cmd"], found[43]["cmd"], found[43]["argv0"]) == (
        "mysql -p****",
        "worker: ****",
        "/usr/bin/worker",
    )


@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.zst"])
def test_every_tick_is_in_the_file_when_write_returns(proc, tmp_path, name):
    recorder = Recorder(proc, tmp_path / name)
    for number in range(1, 4):
        recorder.tick()
        assert len(lines(tmp_path / name)) == number
        assert recorder.writer.ticks == number
        assert recorder.writer.size == (tmp_path / name).stat().st_size


@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.zst"])
def test_a_killed_recorder_leaves_a_capture_that_can_be_read(tmp_path, name):
    script = """
        import sys
        from pathlib import Path
        from nrdot.clock import SystemClock
        from nrdot.sample.capture_writer import CaptureWriter
        from nrdot.sample.procfs import ProcfsSource
        from nrdot.testing.hosts.procfs import FakeProcfs
        proc = FakeProcfs(Path(sys.argv[2]))
        proc.add(1, "init", own=True)
        source, writer = ProcfsSource(proc.root, SystemClock()), CaptureWriter(Path(sys.argv[1]))
        while True:
            proc.run(1, user=1)
            writer.write(source.sample())
            print(writer.ticks, flush=True)
    """
    path = tmp_path / name
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), path, tmp_path / "proc"], stdout=subprocess.PIPE
    ) as process:
        for _ in range(20):
            written = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    source, count = ReplaySource(path), 0
    while True:
        try:
            source.sample()
        except StopIteration:
            break
        count += 1
    assert count >= written


def test_a_compressed_capture_cut_at_any_byte_gives_the_ticks_before_the_cut(proc, tmp_path):
    path = tmp_path / "c.jsonl.zst"
    recorder = Recorder(proc, path)
    ends = [0]
    for _ in range(3):
        recorder.tick()
        ends.append(recorder.writer.size)
    data = path.read_bytes()
    for cut in range(ends[1], len(data)):
        path.write_bytes(data[:cut])
        source, count = ReplaySource(path), 0
        while True:
            try:
                source.sample()
            except StopIteration:
                break
            count += 1
        whole = max(number for number, end in enumerate(ends) if end <= cut)
        assert whole <= count <= whole + 1  # a frame may lack no more than its checksum


@contextmanager
def largest_file(size: int):
    """A stand-in for a full disk: writes beyond `size` fail, the part before it is written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.zst"])
def test_a_disk_that_fills_up_ends_the_capture_after_a_whole_tick(proc, tmp_path, name):
    path = tmp_path / name
    recorder = Recorder(proc, path)
    recorder.tick()
    size = recorder.writer.size
    with largest_file(size + 20), pytest.raises(CaptureError, match="its first 1 ticks can be read") as error:
        recorder.tick()
    assert str(path) in str(error.value)
    assert path.stat().st_size == size
    assert len(lines(path)) == 1


def test_a_file_that_cannot_be_made_is_an_error_with_its_reason(tmp_path):
    with pytest.raises(CaptureError, match=r"missing/c.jsonl: cannot be written: No such file"):
        CaptureWriter(tmp_path / "missing" / "c.jsonl")


def test_a_device_that_takes_nothing_is_an_error_with_its_reason(proc):
    recorder = Recorder(proc, Path("/dev/full"))
    with pytest.raises(CaptureError, match="No space left on device"):
        recorder.tick()


def test_a_writer_that_begins_late_tells_of_every_process_in_full(proc, tmp_path):
    proc.add(42, "old")
    recorder = Recorder(proc, tmp_path / "early.jsonl")
    recorder.tick()
    with CaptureWriter(tmp_path / "late.jsonl") as late:
        late.write(recorder.tick())
    assert all("name" in process for process in lines(tmp_path / "late.jsonl")[0]["procs"])


def test_a_row_that_is_used_again_is_a_new_process_in_the_capture(proc, tmp_path):
    path = tmp_path / "c.jsonl"
    proc.add(42, "old")
    recorder = Recorder(proc, path)
    recorder.tick()
    proc.remove(42)
    recorder.tick().table.release()
    proc.add(42, "new")
    recorder.tick()
    batches = lines(path)
    assert [sorted(processes(line)) for line in batches] == [[1, 42], [1], [1, 42]]
    assert processes(batches[2])[42]["name"] == "new"
    assert processes(batches[2])[42]["start"] > processes(batches[0])[42]["start"]


def test_optional_values_are_written_where_they_are_known(proc, tmp_path):
    proc.add(42, "db", descriptors=9, swap=4096, voluntary=3, involuntary=4, shared=8192)
    recorder = Recorder(proc, tmp_path / "c.jsonl")
    recorder.source = ProcfsSource(
        proc.root,
        recorder.clock,
        optional=frozenset({Gauge.DESCRIPTORS, Gauge.SWAP, Counter.SWITCHES_VOLUNTARY}),
    )
    recorder.tick()
    found = processes(lines(tmp_path / "c.jsonl")[0])[42]
    assert (found["fds"], found["swap"], found["switches"], found["shared"]) == (9, 4096, [3, 4], 8192)
    Recorder(proc, tmp_path / "d.jsonl").tick()
    assert {"fds", "swap", "switches"}.isdisjoint(processes(lines(tmp_path / "d.jsonl")[0])[42])


def test_the_file_is_closed_once_and_a_second_close_is_harmless(tmp_path):
    def kept() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = kept()
    with CaptureWriter(tmp_path / "c.jsonl") as writer:
        assert kept() == before + 1
    writer.close()
    assert kept() == before


def test_a_capture_belongs_to_its_maker_alone(tmp_path):
    path = tmp_path / "host.jsonl"
    before = os.umask(0)
    try:
        CaptureWriter(path).close()
    finally:
        os.umask(before)

    assert path.stat().st_mode & 0o777 == 0o600

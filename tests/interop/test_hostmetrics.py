"""NRDOT beside the Collector's own process scraper: the same processes, at the same time."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

import psutil
import pytest
from parts.agent import Agent
from parts.collector import Collector, process_scraper
from parts.program import executable, wait_until
from parts.witness import KernelIo, Witness, last_values, shapes
from parts.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from parts.points import Point
    from parts.servers import Nginx, PostgreSQL, Redis

pytestmark = pytest.mark.timeout(300)

OPTIONAL = (
    "process.threads",
    "process.open_file_descriptors",
    "process.paging.faults",
    "process.context_switches",
)
DEFAULT = ("process.cpu.time", "process.disk.io", "process.memory.usage", "process.memory.virtual")
OWN_ATTRIBUTES = ("host.name", "host.id", "os.type")
OWN_PREFIXES = ("host.", "os.", "container.", "k8s.")  # hostmetrics knows nothing of these
METER = "nrdot-meter"
UNUSED_UID = 54321


class Side:
    """Both observers over the same stretch of time; what the test does happens inside it."""

    def __init__(self, folder: Path, names: tuple[str, ...] = ()) -> None:
        scraper = process_scraper("1s", names, **dict.fromkeys(OPTIONAL, True))
        self.collector = Collector(folder, receivers=scraper, name="hostmetrics")
        self.agent = Agent(
            folder,
            mode="observe",
            metrics=[*DEFAULT, *OPTIONAL],
            command_line={"enabled": True},
        )

    def wait(self) -> None:
        """Let both look at a world that stands still, more than the witness's margin on either side."""
        self._scrapes(3)
        self.agent.wait_for_exports(3)
        self._scrapes(3)

    def _scrapes(self, count: int) -> None:
        lines = self._lines() + count
        wait_until(lambda: self._lines() >= lines, "the process scraper")

    def _lines(self) -> int:
        return self.collector.output.read_bytes().count(b"\n") if self.collector.output.exists() else 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.collector)
            self._scrapes(3)
            stack.enter_context(self.agent)
            self.wait()
            self._running = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.agent.program.stop()
        self._scrapes(3)
        self._running.close()

    def points(self, pids: Container[int] | None = None) -> tuple[list[Point], list[Point]]:
        """What NRDOT and what hostmetrics said of some processes, or of all."""
        return self.agent.points(pids), self.collector.points(pids)


@pytest.fixture
def crowd(scratch: Path) -> Iterator[dict[str, int]]:
    """Processes with everything that a name or an owner can be, by what is odd about them."""
    with ExitStack() as stack:
        ordinary = stack.enter_context(Workload("nrdot-meter", scratch))
        spaces = stack.enter_context(Workload("a) R 1 2 (x", scratch))
        long = stack.enter_context(Workload("abcdefghijklmnop", scratch))
        stranger = stack.enter_context(Workload("stranger", scratch))
        threads = stack.enter_context(Workload("threads", scratch))
        zombie = ordinary.zombie()
        stranger.become(UNUSED_UID)
        threads.threads(5)
        program = scratch / "a-name-longer-than-the-kernel-keeps"
        shutil.copy(executable("sleep"), program)
        lengthy = stack.enter_context(_sleeper([str(program), "600"]))
        title = stack.enter_context(_sleeper(["a title: with  spaces", "600"], executable("sleep")))
        program.unlink()
        pids = {
            "long executable that was deleted": lengthy.pid,
            "title": title.pid,
            "ordinary": ordinary.pid,
            "spaces": spaces.pid,
            "long": long.pid,
            "stranger": stranger.pid,
            "threads": threads.pid,
            "zombie": zombie,
        }
        if psutil.pid_exists(2) and psutil.Process(2).name() == "kthreadd":
            pids["kernel thread"] = 2
        yield pids


def test_every_process_has_the_metrics_and_attributes_that_hostmetrics_gives_it(
    tmp_path: Path, crowd: dict[str, int]
) -> None:
    side = Side(tmp_path, tuple(psutil.Process(pid).name() for pid in crowd.values()))
    with side:
        side.wait()
    mine, theirs = side.points(set(crowd.values()))
    witness = Witness(theirs)
    ours = {point.pid: dict(point.resource) for point in mine}
    for what, pid in crowd.items():
        assert shapes(mine, pid) == shapes(theirs, pid), what
        shared = {key: value for key, value in ours[pid].items() if not key.startswith(OWN_PREFIXES)}
        expected = dict(witness.resources[pid])
        if what == "stranger":
            # hostmetrics leaves out a user that has no name; users of containers often have none.
            expected["process.owner"] = str(UNUSED_UID)
        assert shared == expected, what
        assert all(ours[pid].get(key) for key in OWN_ATTRIBUTES), what


def test_no_process_of_the_host_is_missing(tmp_path: Path) -> None:
    side = Side(tmp_path)
    with side:
        side.wait()
    mine, theirs = side.points()
    counted = [point for point in mine if point.pid is not None]
    window = (min(point.start_ns for point in counted), max(point.time_ns for point in counted))
    lived = Witness(theirs).alive_throughout(*window)
    assert lived
    assert lived - {point.pid for point in counted} == set()


def test_counters_of_a_process_found_at_the_start_show_what_it_did_since_then(
    tmp_path: Path, workload: Workload
) -> None:
    side = Side(tmp_path, (METER,))
    workload.burn(30)
    workload.write(1 << 20)
    with side:
        workload.burn(20)
        workload.burn_elsewhere(15)
        workload.write(3 << 20)
        workload.read(1 << 20)
        side.wait()
    mine, theirs = side.points({workload.pid})
    _assert_counters_agree(mine, theirs, {workload.pid})
    ours = last_values(mine)
    user = ours[workload.pid, "process.cpu.time", (("state", "user"),)].value
    # 30 ticks before the agent came do not count, 35 after it do; the kernel calls some of them system time.
    assert user is not None
    assert 0.2 <= user <= 0.45


def test_disk_counters_are_the_kernels_and_leave_out_what_never_reached_a_disk(
    tmp_path: Path, workload: Workload
) -> None:
    side = Side(tmp_path, (METER,))
    workload.write(1 << 20)
    before = KernelIo.now([workload.pid])
    with side:
        workload.write(3 << 20)
        workload.read(2 << 20)
        side.wait()
    after = KernelIo.now([workload.pid])
    mine, theirs = side.points({workload.pid})
    for direction in ("read", "write"):
        key = (workload.pid, "process.disk.io", (("direction", direction),))
        asked = (workload.pid, direction)
        assert last_values(mine)[key].value == after.disk[asked] - before.disk[asked]
        assert last_values(theirs)[key].value == after.calls[asked]
    assert last_values(mine)[workload.pid, "process.disk.io", (("direction", "write"),)].value == 3 << 20


def test_counters_of_a_process_born_under_the_agent_are_absolute(tmp_path: Path, scratch: Path) -> None:
    side = Side(tmp_path, (METER,))
    with side, Workload(METER, scratch) as newborn:
        newborn.burn(20)
        newborn.write(1 << 20)
        newborn.hold(8 << 20)
        side.wait()
        pid = newborn.pid
    mine, theirs = side.points({pid})
    witness = Witness(theirs)
    counters = {key: point for key, point in last_values(mine).items() if _is_comparable(point)}
    assert counters
    for key, point in counters.items():
        seen = witness.level(key, point.time_ns)
        assert point.value is not None
        assert seen.hold(point.value), (point, seen)


def test_gauges_agree_once_a_process_rests(tmp_path: Path, workload: Workload) -> None:
    side = Side(tmp_path, (METER,))
    with side:
        workload.hold(32 << 20)
        workload.threads(3)
        side.wait()
    mine, theirs = side.points({workload.pid})
    witness = Witness(theirs)
    gauges = {key: point for key, point in last_values(mine).items() if not point.kind.monotonic}
    assert {metric for _, metric, _ in gauges} == {
        "process.memory.usage",
        "process.memory.virtual",
        "process.threads",
        "process.open_file_descriptors",
    }
    for key, point in gauges.items():
        assert point.value is not None
        assert witness.level(key, point.time_ns).hold(point.value), (key, point)


def test_real_servers_show_the_same_work_to_both(
    tmp_path: Path, postgresql: PostgreSQL, nginx: Nginx, redis: Redis
) -> None:
    roots = {
        "postgres": postgresql.program.pid,
        "nginx": nginx.program.pid,
        "redis-server": redis.program.pid,
    }
    side = Side(tmp_path, tuple(roots))
    with postgresql.session() as query:
        families = {name: _family(pid) for name, pid in roots.items()}
        everyone = set().union(*families.values())
        earliest = KernelIo.now(everyone)
        with side:
            early = KernelIo.now(everyone)
            query()
            postgresql.work()
            nginx.work()
            redis.work()
            side.wait()
            late = KernelIo.now(everyone)
        latest = KernelIo.now(everyone)
    mine, theirs = side.points(everyone)
    for name, family in families.items():
        _assert_counters_agree(mine, theirs, family)
        spent = sum(
            point.value or 0
            for (pid, metric, _), point in last_values(mine).items()
            if pid in family and metric == "process.cpu.time"
        )
        assert spent > 0, f"{name} did nothing that could be compared"
        for pid in family:
            assert shapes(mine, pid) == shapes(theirs, pid), (name, pid)
        words = {dict(point.resource)["process.executable.name"] for point in mine if point.pid in family}
        assert words == {name}
    for (pid, metric, attributes), point in last_values(mine).items():
        if metric == "process.disk.io":
            asked = (pid, str(attributes[0][1]))
            low, high = late.disk[asked] - early.disk[asked], latest.disk[asked] - earliest.disk[asked]
            assert point.value is not None
            assert low <= point.value <= high, (point, low, high)


def _is_comparable(point: Point) -> bool:
    """Counters that mean the same on both sides; for disks see KernelIo."""
    return point.kind.monotonic and point.metric != "process.disk.io"


def _assert_counters_agree(mine: list[Point], theirs: list[Point], pids: set[int]) -> None:
    """Every counter of these processes lies between what hostmetrics saw around the same two moments."""
    witness = Witness(theirs)
    checked = 0
    for key, point in last_values(mine).items():
        if key[0] not in pids or not _is_comparable(point):
            continue
        seen = witness.increment(key, point.start_ns, point.time_ns)
        assert point.value is not None
        assert seen.hold(point.value), (point, seen)
        checked += 1
    assert checked >= 3 * len(pids)


@contextmanager
def _sleeper(arguments: list[str], program: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A program that only waits; `arguments` need not begin with its own name."""
    with subprocess.Popen(arguments, executable=program) as sleeper:
        # Between fork and exec the child still bears our name.
        wait_until(lambda: psutil.Process(sleeper.pid).cmdline() == arguments, "the exec")
        yield sleeper
        sleeper.kill()


def _family(pid: int) -> set[int]:
    root = psutil.Process(pid)
    return {pid, *(child.pid for child in root.children(recursive=True))}

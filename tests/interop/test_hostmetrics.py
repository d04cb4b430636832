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
from parts.witness import Witness, last_values, shapes
from parts.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Iterator
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
UNUSED_UID = 54321


class Side:
    """Both observers over the same stretch of time; what the test does happens inside it."""

    def __init__(self, folder: Path) -> None:
        scraper = process_scraper("1s", **dict.fromkeys(OPTIONAL, True))
        self.collector = Collector(folder, receivers=scraper, name="hostmetrics")
        self.agent = Agent(
            folder,
            mode="observe",
            metrics=[*DEFAULT, *OPTIONAL],
            command_line={"enabled": True},
        )
        self.ours: list[Point] = []
        self.theirs: list[Point] = []

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
        self.ours = self.agent.points()
        self.theirs = self.collector.points()


@pytest.fixture
def side(tmp_path: Path) -> Side:
    return Side(tmp_path)


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
    side: Side, crowd: dict[str, int]
) -> None:
    with side:
        side.wait()
    witness = Witness(side.theirs)
    ours = {point.pid: dict(point.resource) for point in side.ours if point.pid is not None}
    for what, pid in crowd.items():
        assert shapes(side.ours, pid) == shapes(side.theirs, pid), what
        mine = {key: value for key, value in ours[pid].items() if not key.startswith(OWN_PREFIXES)}
        assert mine == witness.resources[pid], what
        assert all(ours[pid].get(key) for key in OWN_ATTRIBUTES), what


def test_no_process_of_the_host_is_missing(side: Side) -> None:
    with side:
        side.wait()
    counted = [point for point in side.ours if point.pid is not None]
    window = (min(point.start_ns for point in counted), max(point.time_ns for point in counted))
    lived = Witness(side.theirs).alive_throughout(*window)
    assert lived
    assert lived - {point.pid for point in counted} == set()


def test_counters_of_a_process_found_at_the_start_show_what_it_did_since_then(
    side: Side, workload: Workload
) -> None:
    workload.burn(30)
    workload.write(1 << 20)
    with side:
        workload.burn(20)
        workload.burn_elsewhere(15)
        workload.write(3 << 20)
        workload.read(1 << 20)
        side.wait()
    _assert_counters_agree(side, {workload.pid})
    ours = last_values(side.ours)
    user = ours[workload.pid, "process.cpu.time", (("state", "user"),)].value
    written = ours[workload.pid, "process.disk.io", (("direction", "write"),)].value
    # 30 ticks and a mebibyte before the agent came do not count, 35 ticks and three mebibytes after it do.
    # The kernel gives some ticks to system time, and counts the child's answers as bytes written.
    assert user is not None
    assert written is not None
    assert 0.2 <= user <= 0.45
    assert 3 << 20 <= written < (3 << 20) + 4096


def test_counters_of_a_process_born_under_the_agent_are_absolute(side: Side, scratch: Path) -> None:
    with side, Workload("nrdot-newborn", scratch) as newborn:
        newborn.burn(20)
        newborn.write(1 << 20)
        newborn.hold(8 << 20)
        side.wait()
        pid = newborn.pid
    witness = Witness(side.theirs)
    for (owner, metric, attributes), point in last_values(side.ours).items():
        if owner == pid and point.kind.monotonic:
            seen = witness.level((pid, metric, attributes), point.time_ns)
            assert point.value is not None
            assert seen.hold(point.value), (metric, attributes, point, seen)


def test_gauges_agree_once_a_process_rests(side: Side, workload: Workload) -> None:
    with side:
        workload.hold(32 << 20)
        workload.threads(3)
        side.wait()
    witness = Witness(side.theirs)
    ours = {key: point for key, point in last_values(side.ours).items() if key[0] == workload.pid}
    gauges = {key: point for key, point in ours.items() if not point.kind.monotonic}
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
    side: Side, postgresql: PostgreSQL, nginx: Nginx, redis: Redis
) -> None:
    roots = {
        "postgres": postgresql.program.pid,
        "nginx": nginx.program.pid,
        "redis-server": redis.program.pid,
    }
    with side:
        postgresql.work()
        nginx.work()
        redis.work()
        side.wait()
        families = {name: _family(pid) for name, pid in roots.items()}
    for name, family in families.items():
        _assert_counters_agree(side, family)
        ours = last_values(side.ours)
        spent = sum(
            point.value or 0
            for (pid, metric, _), point in ours.items()
            if pid in family and metric == "process.cpu.time"
        )
        assert spent > 0, f"{name} did nothing that could be compared"
        for pid in family:
            assert shapes(side.ours, pid) == shapes(side.theirs, pid), (name, pid)
            executable = next(
                dict(point.resource)["process.executable.name"] for point in side.ours if point.pid == pid
            )
            assert executable == name


def _assert_counters_agree(side: Side, pids: set[int]) -> None:
    """Every counter of these processes lies between what hostmetrics saw around the same two moments."""
    witness = Witness(side.theirs)
    checked = 0
    for (pid, metric, attributes), point in last_values(side.ours).items():
        if pid not in pids or not point.kind.monotonic:
            continue
        seen = witness.increment((pid, metric, attributes), point.start_ns, point.time_ns)
        assert point.value is not None
        assert seen.hold(point.value), (pid, metric, attributes, point, seen)
        checked += 1
    assert checked >= 5 * len(pids)


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

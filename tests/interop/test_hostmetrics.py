"""NRDOT beside the Collector's own process scraper: the same processes, at the same time.

Both watch once for all tests here: a crowd with everything that a name or an owner can be, a meter that does
known work, a process born under both, and three real servers.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pytest
from parts.program import executable, wait_until
from parts.servers import Nginx, PostgreSQL, Redis, open_folder
from parts.side_by_side import SideBySide
from parts.witness import MARGIN_NS, KernelIo, Witness, last_values, shapes
from parts.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from parts.points import Point

OWN_ATTRIBUTES = ("host.name", "host.id", "os.type")
OWN_PREFIXES = ("host.", "os.", "container.", "k8s.")  # hostmetrics knows nothing of these
UNUSED_UID = 54321
USER = (("state", "user"),)
WRITE = (("direction", "write"),)


@dataclass
class Seen:
    """What both said, and what the kernel said of disks: before, at the start, at the end and after."""

    both: SideBySide
    crowd: dict[str, int]
    meter: int
    newborn: int
    families: dict[str, set[int]]
    mine: list[Point]
    theirs: list[Point]
    disks: list[KernelIo]

    def mine_of(self, pids: set[int]) -> dict[tuple[int, str, object], Point]:
        return {key: point for key, point in last_values(self.mine).items() if key[0] in pids}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    with ExitStack() as stack:
        scratch = stack.enter_context(open_folder("nrdot-scratch-"))
        crowd = _crowd(stack, scratch)
        meter = stack.enter_context(Workload("nrdot-meter", scratch))
        meter.burn(30)
        meter.write(1 << 20)
        servers = _servers(stack)
        query = stack.enter_context(servers["postgres"].session())
        families = {name: _family(server.program.pid) for name, server in servers.items()}
        watched = {meter.pid}.union(*families.values())
        disks = [KernelIo.now(watched)]
        with SideBySide(tmp_path_factory.mktemp("beside")) as both:
            disks.append(KernelIo.now(watched))
            newborn = stack.enter_context(Workload("nrdot-newborn", scratch))
            for worker in (meter, newborn):
                worker.burn(20)
                worker.burn_elsewhere(15)
                worker.write(3 << 20)
                worker.read(2 << 20)
                worker.hold(32 << 20)
                worker.threads(3)
            query()
            for server in servers.values():
                server.work()
            both.rest()
            disks.append(KernelIo.now(watched))
        disks.append(KernelIo.now(watched))
        mine, theirs = both.points({*crowd.values(), *watched, newborn.pid})
        return Seen(both, crowd, meter.pid, newborn.pid, families, mine, theirs, disks)


def test_every_process_has_the_metrics_of_hostmetrics(seen: Seen) -> None:
    """Names, units, kinds, temporality, attributes and types of numbers; descriptions are our own."""
    everyone = {*seen.crowd.values(), seen.meter, seen.newborn}.union(*seen.families.values())
    for pid in everyone:
        assert shapes(seen.mine, pid) == shapes(seen.theirs, pid), pid


def test_every_process_has_the_attributes_of_hostmetrics(seen: Seen) -> None:
    witness = Witness(seen.theirs)
    ours = {point.pid: dict(point.resource) for point in seen.mine}
    for what, pid in seen.crowd.items():
        expected = dict(witness.resources[pid])
        if what == "stranger":
            # hostmetrics leaves out a user that has no name; users of containers often have none.
            expected["process.owner"] = str(UNUSED_UID)
        if what == "deleted":
            # An upgrade of the program must not split its series.
            path = str(expected["process.executable.path"])
            assert path.endswith(" (deleted)")
            expected["process.executable.path"] = path.removesuffix(" (deleted)")
        shared = {key: value for key, value in ours[pid].items() if not key.startswith(OWN_PREFIXES)}
        assert shared == expected, what
        assert all(ours[pid].get(key) for key in OWN_ATTRIBUTES), what


def test_the_schema_is_that_of_hostmetrics_and_the_scope_is_our_own(seen: Seen) -> None:
    assert {point.schema for point in seen.mine} == {point.schema for point in seen.theirs}
    assert {point.scope for point in seen.mine} == {"nrdot"}
    assert all(point.scope_version for point in seen.mine)


def test_no_process_of_the_host_is_missing(seen: Seen) -> None:
    mine, theirs = seen.both.presence()
    moments = set().union(*mine.values())
    begin, end = min(moments) - MARGIN_NS, max(moments) + MARGIN_NS
    lived = {pid for pid, times in theirs.items() if min(times) <= begin and max(times) >= end}
    assert lived >= {*seen.crowd.values(), seen.meter}
    assert lived - mine.keys() == set()


def test_counters_of_a_process_found_at_the_start_show_what_it_did_since_then(seen: Seen) -> None:
    _assert_counters_agree(seen, {seen.meter})
    user = seen.mine_of({seen.meter})[seen.meter, "process.cpu.time", USER].value
    # 30 ticks before the agent came do not count, 35 after it do; the kernel calls some of them system time.
    assert user is not None
    assert 0.2 <= user <= 0.45


def test_counters_of_a_process_born_under_the_agent_are_absolute(seen: Seen) -> None:
    """Its series under the name from before it became its program counts as well, where it was seen."""
    witness = Witness(seen.theirs)
    counters = {key: point for key, point in seen.mine_of({seen.newborn}).items() if _is_comparable(point)}
    before = _counted_under_other_words(seen, seen.newborn)
    assert {metric for _, metric, _ in counters} == {
        "process.cpu.time",
        "process.paging.faults",
        "process.context_switches",
    }
    for key, point in counters.items():
        assert point.value is not None
        assert witness.level(key, point.time_ns).hold(before[key] + point.value), point


def _counted_under_other_words(seen: Seen, pid: int) -> Counter[tuple[int, str, object]]:
    """What the series of a process reached that ended when its words changed."""
    last: dict[tuple[object, ...], Point] = {}
    for point in seen.mine:
        if point.pid == pid and point.value is not None:
            last[point.series] = max(point, last.get(point.series, point), key=lambda one: one.time_ns)
    newest = {id(point) for point in seen.mine_of({pid}).values()}
    found: Counter[tuple[int, str, object]] = Counter()
    for point in last.values():
        if id(point) not in newest and point.value is not None:
            found[pid, point.metric, point.attributes] += point.value
    return found


def test_disk_counters_are_the_kernels_and_leave_out_what_never_reached_a_disk(seen: Seen) -> None:
    before, after = seen.disks[0], seen.disks[-1]
    for direction in ("read", "write"):
        key = (seen.meter, "process.disk.io", (("direction", direction),))
        asked = (seen.meter, direction)
        assert last_values(seen.mine)[key].value == after.disk[asked] - before.disk[asked]
        assert last_values(seen.theirs)[key].value == after.calls[asked]
    written = seen.mine_of({seen.meter})[seen.meter, "process.disk.io", WRITE].value
    assert written is not None
    assert written >= 3 << 20


def test_gauges_agree_once_a_process_rests(seen: Seen) -> None:
    witness = Witness(seen.theirs)
    pids = {seen.meter, seen.newborn, *seen.crowd.values()}
    gauges = {key: point for key, point in seen.mine_of(pids).items() if not point.kind.monotonic}
    assert len(gauges) == 4 * len(pids)
    for key, point in gauges.items():
        assert point.value is not None
        assert witness.level(key, point.time_ns).hold(point.value), point


@pytest.mark.parametrize("name", ["postgres", "nginx", "redis-server"])
def test_a_real_server_shows_the_same_work_to_both(seen: Seen, name: str) -> None:
    family = seen.families[name]
    _assert_counters_agree(seen, family)
    _assert_disks_agree(seen, family)
    values = seen.mine_of(family)
    assert sum(point.value or 0 for (_, metric, _), point in values.items() if metric == "process.cpu.time")
    assert {dict(point.resource)["process.executable.name"] for point in values.values()} == {name}


def _is_comparable(point: Point) -> bool:
    """Counters that mean the same on both sides; for disks see KernelIo."""
    return point.kind.monotonic and point.metric != "process.disk.io"


def _assert_counters_agree(seen: Seen, pids: set[int]) -> None:
    """Every counter of these processes lies between what hostmetrics saw around the same two moments."""
    witness = Witness(seen.theirs)
    counters = {key: point for key, point in seen.mine_of(pids).items() if _is_comparable(point)}
    assert len(counters) == 7 * len(pids)
    for key, point in counters.items():
        bounds = witness.increment(key, point.start_ns, point.time_ns)
        assert point.value is not None
        assert bounds.hold(point.value), (point, bounds)


def _assert_disks_agree(seen: Seen, pids: set[int]) -> None:
    earliest, early, late, latest = (reading.disk for reading in seen.disks)
    for (pid, metric, attributes), point in seen.mine_of(pids).items():
        if metric == "process.disk.io":
            asked = (pid, str(attributes[0][1]))
            assert point.value is not None
            assert late[asked] - early[asked] <= point.value <= latest[asked] - earliest[asked], point


def _crowd(stack: ExitStack, scratch: Path) -> dict[str, int]:
    """Processes by what is odd about them."""
    names = {
        "ordinary": "nrdot-ordinary",
        "spaces": "a) R 1 2 (x",
        "long": "abcdefghijklmnop",
        "stranger": "stranger",
        "threads": "threads",
    }
    workers = {what: stack.enter_context(Workload(name, scratch)) for what, name in names.items()}
    workers["stranger"].become(UNUSED_UID)
    workers["threads"].threads(5)
    program = scratch / "a-name-longer-than-the-kernel-keeps"
    shutil.copy(executable("sleep"), program)
    lengthy = stack.enter_context(_sleeper([str(program), "3600"]))
    title = stack.enter_context(_sleeper(["a title: with  spaces", "3600"], executable("sleep")))
    replaced = scratch / "replaced"
    shutil.copy(executable("sleep"), replaced)
    deleted = stack.enter_context(_sleeper([str(replaced), "3600"]))
    replaced.unlink()
    crowd = {what: worker.pid for what, worker in workers.items()}
    crowd |= {"lengthy": lengthy.pid, "title": title.pid, "deleted": deleted.pid}
    crowd["zombie"] = workers["ordinary"].zombie()
    if psutil.pid_exists(2) and psutil.Process(2).name() == "kthreadd":  # not in a container
        crowd["kernel thread"] = 2
    return crowd


def _servers(stack: ExitStack) -> dict[str, PostgreSQL | Nginx | Redis]:
    kinds = {"postgres": (PostgreSQL, PostgreSQL.user), "nginx": (Nginx, None), "redis-server": (Redis, None)}
    servers = {}
    for name, (kind, owner) in kinds.items():
        servers[name] = kind(stack.enter_context(open_folder(f"nrdot-{name}-", owner)))
        stack.enter_context(servers[name].program)
    return servers


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

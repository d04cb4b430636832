"""Whatever a host does, its capture replays to the table that the live agent had, tick by tick."""

from __future__ import annotations

import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from nrdot.identify.identifier import OwnerIdentifier
from nrdot.identify.labels import StaticLabels
from nrdot.sample.capture_writer import CaptureWriter
from nrdot.sample.procfs import ProcfsSource
from nrdot.sample.replay import ReplaySource
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.procfs import FakeProcfs
from nrdot.testing.hosts.tables import sampled

PIDS = st.integers(2, 9)
COUNT = st.integers(0, 1 << 36)
NAMES = st.sampled_from(["nginx", "a) R 1", "tab\there", "naïve", b"\xff\xfe", "new\nline", "postgres"])
COMMANDS = st.sampled_from(
    [[], ["nginx", "-g", "x y"], ["nginx: worker process"], ["/usr/bin/java", "-jar"], [""]]
)
CGROUPS = st.sampled_from(
    ["/", "/system.slice/nginx.service", "/a (deleted)", f"4:memory:/docker/{'ab' * 32}\n0::/\n", "", "0::/x"]
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "rss": st.integers(0, 1 << 30).map(lambda pages: pages * 4096),
        "shared": st.integers(0, 1 << 20).map(lambda pages: pages * 4096),
        "virtual": st.integers(0, 1 << 30).map(lambda pages: pages * 4096),
        "threads": st.integers(1, 9),
        "parent": st.integers(1, 9),
        "state": st.sampled_from("RSDTZI"),
        "uid": st.sampled_from([0, 65534, 4_000_000_000]),
        "cgroup": CGROUPS,
    },
)
GROWTH = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("user", "system", "wait", "read", "written", "faults_minor", "faults_major"), COUNT
    ),
)
STEPS = st.one_of(
    st.tuples(st.just("add"), PIDS, NAMES, COMMANDS, VALUES),
    st.tuples(st.just("add_kernel_thread"), PIDS),
    st.tuples(st.just("run"), PIDS, GROWTH),
    st.tuples(st.just("change"), PIDS, VALUES),
    st.tuples(st.just("exec"), PIDS, NAMES, COMMANDS),
    st.tuples(st.just("exit"), PIDS),
    st.tuples(st.just("remove"), PIDS),
    st.tuples(st.just("age"), PIDS),
    st.tuples(st.just("brief child"), PIDS, GROWTH),
)
TICKS = st.lists(
    st.tuples(st.lists(STEPS, max_size=6), st.floats(0.01, 100), st.booleans()), min_size=1, max_size=8
)


def act(proc: FakeProcfs, step: tuple) -> None:
    kind, pid, *rest = step
    exists = pid in proc.processes
    if kind == "add" and not exists:
        proc.add(pid, rest[0], cmdline=rest[1], **rest[2])
    elif kind == "add_kernel_thread" and not exists:
        proc.add_kernel_thread(pid)
    elif kind == "age" and not exists:
        proc.add(pid, "hidden until now", start=proc.forks)
    elif kind == "brief child" and exists:
        proc.add(99, "brief", parent=pid)
        proc.run(99, **rest[0])
        proc.exit(99)
    elif kind == "run" and exists:
        proc.run(pid, **rest[0])
    elif kind == "change" and exists:
        proc.change(pid, **rest[0])
    elif kind == "exec" and exists:
        proc.run(pid)
        proc.change(pid, name=rest[0] if isinstance(rest[0], bytes) else rest[0].encode(), cmdline=rest[1])
    elif kind in ("exit", "remove") and exists:
        getattr(proc, kind)(pid)


@given(ticks=TICKS, suffix=st.sampled_from(["capture.jsonl", "capture.jsonl.zst"]), labels=st.booleans())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_replay_gives_the_table_of_the_live_agent(ticks, suffix, labels):
    identifier = OwnerIdentifier([StaticLabels({"env": "prod"} if labels else {})])
    clock = ManualClock()
    live = []
    with tempfile.TemporaryDirectory() as folder, FakeProcfs() as proc:
        path = Path(folder) / suffix
        proc.add(1, "init", parent=0, own=True)
        source = ProcfsSource(proc.root, clock)
        with CaptureWriter(path, redact=lambda text: text) as writer:
            for steps, seconds, export in ticks:
                for step in steps:
                    act(proc, step)
                proc.run(1)
                batch = source.sample()
                identifier.identify(batch)
                writer.write(batch)
                live.append((batch.time_ns, batch.seconds, batch.first, batch.host, sampled(batch.table)))
                if export:
                    batch.table.release()
                clock.advance(seconds)
                proc.advance(seconds)

        replay, again = ReplaySource(path), OwnerIdentifier()
        for (time_ns, seconds, first, host, table), (_, _, export) in zip(live, ticks, strict=True):
            batch = replay.sample()
            again.identify(batch)
            assert (batch.time_ns, batch.seconds, batch.first, batch.host) == (time_ns, seconds, first, host)
            assert replay.clock.wall_ns() == time_ns
            assert sampled(batch.table) == table
            if export:
                batch.table.release()

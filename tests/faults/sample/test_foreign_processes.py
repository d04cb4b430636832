"""Processes of other namespaces, other users and bad manners, on this machine where it lets us."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from nrdot.clock import SystemClock
from nrdot.sample.arguments import LINE_LIMIT
from nrdot.sample.procfs import ProcfsSource
from nrdot.testing.hosts.sampled import SampledHost

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs a real Linux /proc")

PYTHON = sys.executable


def may_unshare():
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-pf", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_unshare(), reason="this user may not make a pid namespace here")
def test_a_process_of_nested_pid_namespaces_has_its_host_pid_parent_and_control_group():
    # Its own mark, because others may run this test here at the same time.
    code = f"import os; print(os.getpid(), flush=True); input() # {uuid.uuid4()}"
    with subprocess.Popen(
        ["unshare", "-pf", "unshare", "-pf", PYTHON, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as outer:
        assert outer.stdout.readline() == "1\n"  # what it believes
        source = ProcfsSource(Path("/proc"), SystemClock())
        batch = source.sample()
        table = source.table
        rows = {int(table.pid[row]): row for row in batch.living.tolist()}
        inner = [row for row in rows.values() if code in table.identity[row].command_line]
        (row,) = [row for row in inner if table.identity[row].name.startswith("python")]
        pid = int(table.pid[row])
        assert pid != 1
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        assert next(line for line in status.splitlines() if line.startswith("NSpid")).split()[-1] == "1"
        assert int(table.parent[rows[int(table.parent[row])]]) == outer.pid
        assert table.cgroup[row] == Path("/proc/self/cgroup").read_text(encoding="ascii")
        source.sample()
        assert source.gate.guards(row)
        outer.stdin.close()


def test_a_command_line_of_a_megabyte_is_cut():
    with subprocess.Popen(
        [PYTHON, "-c", "input()", *["x" * 100_000] * 10], stdin=subprocess.PIPE, text=True
    ) as process:
        source = ProcfsSource(Path("/proc"), SystemClock())
        batch = source.sample()
        (row,) = [row for row in batch.living.tolist() if source.table.pid[row] == process.pid]
        line = source.table.identity[row].command_line
        process.stdin.close()
    assert len(line) <= LINE_LIMIT
    assert line.startswith(f"{PYTHON} -c input() xxx")


def test_a_command_line_that_is_cut_within_a_character_is_still_text():
    with SampledHost() as host:
        host.proc.add(42, "a", cmdline=["a" + "\U0001f4be" * (1 << 18)])
        host.sample()
        line = host.identity(42).command_line
        assert len(line.encode()) <= LINE_LIMIT + 2  # the sign for what is broken is longer than the break
        assert line.encode("utf-8").decode("utf-8") == line


UNPRIVILEGED = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from nrdot.clock import SystemClock
from nrdot.sample.procfs import ProcfsSource
ProcfsSource(Path("/proc"), SystemClock()).sample()  # loads what nobody may not be able to read
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
source = ProcfsSource(Path("/proc"), SystemClock())
for _ in range(3):
    batch = source.sample()
table, rows = source.table, batch.living
one = rows[table.pid[rows] == 1]
print(json.dumps({
    "processes": len(rows), "limited": batch.limited, "unreadable": batch.unreadable,
    "init": bool(table.limited[one].all()), "trusted": source.gate.trusted,
    "written": int(table.counters[3:5, table.limited].sum()),
}))
"""


def test_without_rights_the_processes_of_others_are_marked_and_nothing_breaks():
    if os.getuid() == 0 and not os.access("/proc/1/io", os.R_OK):
        pytest.fail("root cannot read /proc/1/io: this machine tells nothing about rights")
    done = subprocess.run(
        [PYTHON, "-W", "error", "-c", UNPRIVILEGED, str(Path(__file__).parents[3])],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["limited"] > 0
    assert said["init"]
    assert said["written"] == 0
    assert {"exe", "io"} <= set(said["unreadable"])
    assert said["trusted"]
    assert said["processes"] >= said["limited"]

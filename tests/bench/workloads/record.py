"""Records sample hosts: each mix in namespaces of its own on this machine, and its capture beside the others.

    sudo .venv/bin/python tests/bench/workloads/record.py [HOST...] [--minutes 25] [--interval 5] [--to DIR]
                                                          [--crowd 1]

For Debian as root, with: util-linux iproute2 gcc make postgresql nginx redis openjdk-17-jdk-headless python3.
Hosts run at the same time, niced; all seven use about one core. The steady one is recorded by itself, for
over an hour: `record.py sample-host-6 --minutes 70 --interval 10`. What is recorded are the processes inside
of the namespaces only: nothing of the machine itself, and no paths or names of it, which `tidy.py` sees to.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixes import CROWD, MIXES
from tidy import tidy

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
# Where cgroups can be made for units: a machine with systemd's own hierarchy, or with version 2 alone.
HIERARCHIES = (Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup"))
SETTLE = 4.0  # seconds between the start of a host and its first sample


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before its time; no capture is complete"))
    asked = arguments()
    asked.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        actor = Path(folder) / "actor"
        subprocess.run(["cc", "-O2", "-pthread", "-o", actor, HERE / "programs" / "actor.c"], check=True)
        recorders = []
        for name in asked.hosts or MIXES:
            document = json.dumps(busier(MIXES[name].document(), asked.crowd))
            init = stack.enter_context(running(name, document, actor, Path(folder)))
            time.sleep(SETTLE)
            recorders.append((name, record(name, init, asked)))
        for name, recorder in recorders:
            if recorder.wait():
                sys.exit(f"{name}: the recorder failed, its message stands above")
            draft = asked.to / f"{name}.draft.jsonl.zst"
            tidy(draft, asked.to / f"{name}.jsonl.zst", name)
            draft.unlink()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("hosts", nargs="*", metavar="HOST", help=", ".join(MIXES))
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--interval", type=float, default=5, help="seconds")
    parser.add_argument("--crowd", type=int, default=1, metavar="N", help="the crowd works N times as much")
    parser.add_argument("--to", type=Path, default=ROOT / "samples" / "captures", metavar="DIR")
    return parser.parse_args()


def busier(document: dict[str, Any], times: int) -> dict[str, Any]:
    """The same mix, whose crowd uses so many times the CPU."""
    names = {one[0] for one in CROWD}
    for service in document["services"]:
        if service["actor"] and service["name"] in names:
            actor = service["actor"]
            service["actor"] = re.sub(r"burn=(\d+)", lambda burn: f"burn={int(burn[1]) * times}", actor)
    return document


@contextmanager
def running(name: str, document: str, actor: Path, folder: Path) -> Iterator[int]:
    """A sample host inside the `with` block; the pid of its first process as this machine counts."""
    mix = folder / f"{name}.json"
    mix.write_text(document)
    with cgroup(name) as units:
        inside = [
            "/usr/bin/python3",
            str(HERE / "inside.py"),
            str(mix),
            str(actor),
            str(units),
            str(folder / name),
        ]
        namespaces = ["--pid", "--fork", "--mount-proc", "--mount", "--uts", "--ipc", "--net", "--cgroup"]
        command = ["unshare", *namespaces, "--kill-child", *inside]
        if units.is_dir():  # the cgroup namespace begins where the process is when it is made
            command = ["sh", "-c", f'echo 0 > {units}/cgroup.procs; exec "$@"', "sh", *command]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as host:
            print(name, host.stdout.readline().strip(), file=sys.stderr)
            children = Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text().split()
            try:
                yield int(children[0])
            finally:
                host.send_signal(signal.SIGKILL)
                host.wait()
                time.sleep(1)  # until the kernel has ended the last of them


@contextmanager
def cgroup(name: str) -> Iterator[Path]:
    """A cgroup for the host's units, or a path that is none where this machine allows none."""
    hierarchy = next((one for one in HIERARCHIES if (one / "cgroup.procs").exists()), None)
    if hierarchy is None:
        yield Path("/nonexistent")
        return
    folder = hierarchy / f"nrdot-{name}"
    folder.mkdir()
    try:
        yield folder
    finally:
        for unit in sorted(folder.rglob("*/"), key=lambda path: -len(path.parts)):
            unit.rmdir()
        folder.rmdir()


def record(name: str, init: int, asked: argparse.Namespace) -> subprocess.Popen[bytes]:
    nrdot = Path(sys.executable).with_name("nrdot")
    if not nrdot.exists():
        nrdot = Path(shutil.which("nrdot") or "nrdot")
    output = asked.to / f"{name}.draft.jsonl.zst"
    output.unlink(missing_ok=True)
    window = [f"--duration={asked.minutes:g}m", f"--interval={asked.interval:g}s"]
    return subprocess.Popen([nrdot, "record", "-o", output, "--procfs", f"/proc/{init}/root/proc", *window])


if __name__ == "__main__":
    main()

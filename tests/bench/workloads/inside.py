"""The first process of a sample host: starts the services of its mix and looks after them.

It runs in namespaces of its own (processes, mounts, host name, network, cgroups), so a capture of this
/proc holds the sample host and nothing of the machine. When it ends the kernel ends the whole host.
Standard library only: it runs with the system's Python.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HOME = Path("/srv")
RESTART_AFTER = 2.0  # seconds
NICE = 10  # the machine may have other work


def main() -> None:
    mix = json.loads(Path(sys.argv[1]).read_text())
    actor, cgroups = Path(sys.argv[2]), Path(sys.argv[3])
    programs = Path(__file__).resolve().parent / "programs"
    subprocess.run(["hostname", mix["host"]], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # On disk, not in memory: only what reaches a disk counts as I/O of a process.
    disk = Path(sys.argv[4])
    mount(disk / "home", HOME)
    shutil.copytree(programs, HOME / "programs")
    shutil.copy(HOME / "programs" / "nginx.conf", HOME / "nginx.conf")
    bring_names(actor, {service["name"] for service in mix["services"] if service["actor"] is not None})
    # Last: what was read so far may lie below it.
    mount(disk / "tmp", Path("/tmp"), mode=0o1777)
    ctypes.CDLL(None).prctl(15, b"systemd")
    os.nice(NICE)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    look_after(mix["services"], cgroups)


def mount(folder: Path, where: Path, mode: int = 0o755) -> None:
    folder.mkdir(parents=True)
    folder.chmod(mode)
    subprocess.run(["mount", "--bind", str(folder), str(where)], check=True)


def bring_names(actor: Path, names: set[str]) -> None:
    """The kernel names a process after the file that it runs: one copy of the actor for each name."""
    folder = HOME / "bin"
    folder.mkdir()
    first = folder / ".actor"
    shutil.copy(actor, first)
    for name in names:
        (folder / name).hardlink_to(first)


def look_after(services: list[dict], cgroups: Path) -> None:
    running = {start(service, cgroups): service for service in services}
    due: list[tuple[float, dict]] = []
    print("ready", len(running), flush=True)
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            pid = 0
        service = running.pop(pid, None) if pid else None
        if service and service["restart"]:
            due.append((time.monotonic() + RESTART_AFTER, service))
        for entry in [entry for entry in due if entry[0] <= time.monotonic()]:
            due.remove(entry)
            running[start(entry[1], cgroups)] = entry[1]
        if not pid:
            time.sleep(0.5)


def start(service: dict, cgroups: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        enter(service, cgroups)
    except BaseException as error:  # noqa: BLE001 - a child that failed must not go on as a second init
        print(f"{service['name']}: {error}", file=sys.stderr, flush=True)
    os._exit(1)


def enter(service: dict, cgroups: Path) -> None:
    """In the child: the unit's cgroup, the user, the program."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if cgroups.is_dir() and service["unit"]:
        unit = cgroups / service["unit"]
        unit.mkdir(parents=True, exist_ok=True)
        (unit / "cgroup.procs").write_text("0")
    arguments = [part.replace("HOME", str(HOME)) for part in service["command"]]
    os.chdir(HOME)
    user = pwd.getpwnam(service["user"])
    if user.pw_uid:
        folder = HOME / service["user"]
        folder.mkdir(exist_ok=True)
        os.chown(folder, user.pw_uid, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    output = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(output, descriptor)
    if service["actor"] is None:
        os.execvpe(arguments[0], arguments, environment)
    os.execve(HOME / "bin" / service["name"], arguments, environment | {"ACTOR": service["actor"]})


main()

"""How much of other processes we may see: the process file system, our rights, hidepid."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from nrdot.doctor.finding import fine, odd, wrong
from nrdot.errors import StartError
from nrdot.sample.files import ProcFiles
from nrdot.sample.host import read_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nrdot.doctor.finding import Finding

LOOKED_AT = 400  # processes of others whose files are tried
GRANT = (
    "run the agent with AmbientCapabilities=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH, as its systemd unit does, "
    "or as root"
)
_CAPABILITIES = {"CAP_DAC_READ_SEARCH": 2, "CAP_SYS_PTRACE": 19}
_LOSSES = {
    "io": "their reads and writes are unknown",
    "exe": "their executables are unknown",
    "fd": "their open descriptors are unknown",
}


def check(procfs: Path) -> Iterator[Finding]:
    topic = "processes"
    try:
        host = read_host(procfs)
        files = ProcFiles(procfs, 0)
        pids = [name for name in files.list() if name.isdigit()]
    except (StartError, OSError) as error:
        words = str(error) if isinstance(error, StartError) else f"{procfs}: {error.strerror}"
        yield wrong(topic, words, "mount /proc, or name another directory as agent.procfs")
        return
    yield fine(topic, f"{len(pids)} at {procfs}, {host.cpus} processors")
    if not pids:
        yield wrong(topic, f"{procfs} shows no process", "mount the host's /proc, or check agent.procfs")
    yield from _hidden(files, pids)
    yield from _capabilities(files)
    yield from _readable(files, pids)


def _hidden(files: ProcFiles, pids: list[str]) -> Iterator[Finding]:
    topic = "hidepid"
    option = _hidepid(files)
    if option in ("", "0", "off"):
        yield fine(topic, "processes of other users are not hidden")
    elif "1" in pids and _owner(files, "1") != os.geteuid():
        yield fine(topic, f"/proc is mounted with hidepid={option}, and we see other users' processes")
    elif os.geteuid() == 0:
        yield fine(topic, f"/proc is mounted with hidepid={option}, which does not concern root")
    else:
        yield wrong(
            topic,
            f"/proc is mounted with hidepid={option}: processes of other users are invisible",
            "mount it with gid= of the agent's group, or grant CAP_SYS_PTRACE",
        )


def _hidepid(files: ProcFiles) -> str:
    """The option of the mount at our root, empty where there is none."""
    try:
        lines = files.read("self/mountinfo", 1 << 20).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        fields = line.split()
        if len(fields) > 6 and _unescaped(fields[4]) == files.root and " - proc " in line:
            options = line.rpartition(" ")[2].split(",")
            return next((word.partition("=")[2] for word in options if word.startswith("hidepid=")), "")
    return ""


def _unescaped(place: str) -> str:
    """The kernel writes a space in a path, and what else would end a field, as its octal number."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), place)


def _capabilities(files: ProcFiles) -> Iterator[Finding]:
    topic = "capabilities"
    try:
        status = files.read("self/status", 1 << 14).decode("ascii", "replace")
    except OSError:
        return
    held = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0")
    mask = int(held, 16)
    missing = [name for name, bit in _CAPABILITIES.items() if not mask >> bit & 1]
    if not missing:
        yield fine(topic, "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH are held")
        return
    yield odd(topic, f"without {' and '.join(missing)}: other users' processes show less", GRANT)


def _readable(files: ProcFiles, pids: list[str]) -> Iterator[Finding]:
    """Try what needs rights on processes of others, instead of guessing from what we are."""
    others = [pid for pid in pids if _owner(files, pid) not in (os.geteuid(), None)][:LOOKED_AT]
    if not others:
        yield fine("permissions", "every process is our own user's")
        return
    tries: dict[str, Callable[[str], object]] = {
        "io": lambda pid: files.read(f"{pid}/io"),
        "exe": lambda pid: files.link(f"{pid}/exe"),
        "fd": lambda pid: files.count(f"{pid}/fd"),
    }
    denied = {name: sum(_denied(attempt, pid) for pid in others) for name, attempt in tries.items()}
    for name, count in denied.items():
        if count:
            words = f"{name} of {count} of {len(others)} processes of other users is closed to us"
            yield odd("permissions", f"{words}: {_LOSSES[name]}", GRANT)
    if not any(denied.values()):
        yield fine("permissions", f"io, exe and fd of {len(others)} processes of other users are readable")


def _denied(attempt: Callable[[str], object], pid: str) -> bool:
    try:
        attempt(pid)
    except PermissionError:
        return True
    except OSError:  # ended, or a kernel thread, which has no executable
        return False
    return False


def _owner(files: ProcFiles, pid: str) -> int | None:
    try:
        return os.stat(f"{files.root}/{pid}").st_uid  # noqa: PTH116 - beside the other calls on plain paths
    except OSError:
        return None

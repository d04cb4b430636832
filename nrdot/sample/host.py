"""What is known of the machine before any process is read."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from nrdot.batch import Host
from nrdot.errors import StartError
from nrdot.sample.parse import memory_total


def read_host(procfs: Path) -> Host:
    """Host facts from /proc and the machine id. Raises StartError where there is no /proc."""
    if not (procfs / "stat").is_file():
        raise StartError(
            f"{procfs}: no process file system here (stat is missing); mount /proc or set agent.procfs"
        )
    text = (procfs / "stat").read_bytes()
    processors = sum(1 for line in text.split(b"\n") if line.startswith(b"cpu") and line[3:4].isdigit())
    return Host(
        id=machine_id(),
        name=platform.node(),
        boot=_boot(procfs),
        cpus=processors or os.cpu_count() or 1,
        memory=memory_total(_read(procfs / "meminfo")),
        hz=os.sysconf("SC_CLK_TCK"),
        os="linux",
    )


def machine_id() -> str:
    """The id that the Collector's resource detection uses; the host's name where there is none."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            if found := Path(path).read_text(encoding="ascii").strip():
                return found
        except (OSError, UnicodeDecodeError):
            continue
    return platform.node()


def _boot(procfs: Path) -> str:
    try:
        return (procfs / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""

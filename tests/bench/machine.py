"""What the figures were measured on, in a few words."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path


def describe(processes: int, proc: Path = Path("/proc")) -> dict[str, str]:
    return {
        "CPU": field(proc / "cpuinfo", "model name") or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": gigabytes(field(proc / "meminfo", "MemTotal")),
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "extra processes": str(processes),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "load before": load(),
    }


def load() -> str:
    """How busy the machine is with other things; figures of a busy machine are worth less."""
    return f"{os.getloadavg()[0]:.1f}"


def field(path: Path, name: str) -> str:
    """The value of the first `name : value` line of a file of /proc, empty when there is none."""
    if not path.exists():
        return ""
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def gigabytes(kibibytes: str) -> str:
    digits = kibibytes.removesuffix(" kB")
    return f"{int(digits) * 1024 / 1e9:.0f} GB" if digits.isdigit() else "unknown"

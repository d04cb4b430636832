"""Captures of hosts that never were: crowds of processes that work, come, go and change their names.

Everything follows from the seed, so that two captures of the same arguments are the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from nrdot.testing.clock import NOON_NS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = (
    *("nginx", "postgres", "redis-server", "java", "python3", "sshd", "cron", "containerd", "bash"),
    *(f"service-{number}" for number in range(12)),
)
USERS = ("root", "www-data", "postgres", "app")
SECOND = 1_000_000_000


@dataclass(slots=True)
class _Process:
    pid: int
    start: int
    name: str
    user: str
    unit: str
    limited: bool  # I/O is not readable
    share: float  # of one core
    cpu: float = 0.0
    rss: int = 0
    written: int = 0
    told: dict[str, Any] = field(default_factory=dict)  # what the last tick said

    def work(self, seconds: float, chance: Random) -> None:
        if not self.share and chance.random() > 0.02:
            return
        self.cpu = round(self.cpu + max(self.share, 0.001) * seconds * chance.uniform(0.5, 1.5), 2)
        self.rss += 4096 * chance.randrange(-20, 21)
        self.written += 4096 * chance.randrange(50)

    def shown(self) -> dict[str, Any]:
        """In full where something changed since the last tick."""
        now = {
            "pid": self.pid,
            "ppid": 1,
            "start": self.start,
            "name": self.name,
            "cmd": f"/usr/bin/{self.name}",
            "user": self.user,
            "cpu_user": round(0.7 * self.cpu, 2),
            "cpu_system": round(0.3 * self.cpu, 2),
            "rss": max(self.rss, 4096),
            "vsize": 1 << 30,
            "threads": 1,
            "state": "S",
            "read": None if self.limited else 0,
            "write": None if self.limited else self.written,
            "cgroup": f"/system.slice/{self.unit}",
        }
        if now == self.told:
            return {"pid": self.pid, "start": self.start}
        self.told = now
        return now


def crowd(
    *,
    processes: int = 60,
    ticks: int = 40,
    interval: float = 15.0,
    busy: float = 0.1,
    churn: float = 0.5,
    renames: float = 0.1,
    seed: int = 1,
    host: str = "h1",
) -> Iterator[dict[str, Any]]:
    """The ticks of one host. `churn` and `renames` are how many processes end and are renamed at a tick."""
    chance = Random(seed)
    living = [
        _born(1000 + number, NOON_NS - chance.randrange(10**15), busy, chance) for number in range(processes)
    ]
    facts = {"id": host, "name": f"name-{host}", "cpus": 4, "memory": 16 << 30, "boot": "b1", "hz": 100}
    pid = 1000 + processes
    for tick in range(ticks):
        now = NOON_NS + round(tick * interval * SECOND)
        for process in living:
            process.work(interval, chance)
        for _ in range(_often(churn, chance)):
            living[chance.randrange(len(living))] = _born(pid, now - SECOND, busy, chance)
            pid += 1
        for _ in range(_often(renames, chance)):
            chance.choice(living).name = chance.choice(NAMES)
        yield {"v": 1, "t": now, "host": facts, "procs": [process.shown() for process in living]}


def workers(
    processes: int, *, ticks: int, spacing: float = 1.0, busy: int, first: str, **fields: Any
) -> Iterator[dict[str, Any]]:
    """A crowd whose figures can be told in one's head: the first `busy` of them use half a core each.

    The first one's name is given, the others are worker-0 to worker-3 in turn; `fields` are everybody's.
    """
    host = {"id": "h1", "name": "host <1>", "cpus": 4, "boot": "b1"}
    for number in range(ticks):
        told = [
            {
                "pid": 100 + place,
                "start": NOON_NS - 1000 * SECOND,
                "name": f"worker-{place % 4}" if place else first,
                "cpu_user": round(number * spacing * 0.5, 2) if place < busy else 0.0,
                "cpu_system": 0.0,
                "read": 0,
                "write": 0,
                "rss": 1000 + place,
                **fields,
            }
            for place in range(processes)
        ]
        yield {"v": 1, "t": NOON_NS + round(number * spacing * SECOND), "host": host, "procs": told}


def write_capture(path: Path, ticks: Iterator[dict[str, Any]]) -> Path:
    with path.open("wb") as file:
        for tick in ticks:
            file.write(msgspec.json.encode(tick) + b"\n")
    return path


def _born(pid: int, start: int, busy: float, chance: Random) -> _Process:
    name = chance.choice(NAMES)
    return _Process(
        pid=pid,
        start=start,
        name=name,
        user=chance.choice(USERS),
        unit=f"{name}.service",
        limited=chance.random() < 0.1,
        share=chance.random() if chance.random() < busy else 0.0,
        rss=chance.randrange(1 << 20, 1 << 28, 4096),
    )


def _often(rate: float, chance: Random) -> int:
    """A whole number that is `rate` on average."""
    return int(rate) + (chance.random() < rate % 1)

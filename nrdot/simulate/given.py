"""What a profile makes of processes that are only described: by their names, labels, units, and idle.

A described process runs through the very stages that the agent runs. It uses nothing, so no rank, anomaly
or grace speaks for it, and it stands four times in the table, so that no group is too small to open: what
is left is what the rules make of it. The budget is left out, because it depends on who else is there.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from nrdot.config.settled.intervals import exports_every
from nrdot.sample.capture import CapturedHost, CapturedProcess, CapturedTick
from nrdot.simulate.verdicts import verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nrdot.config.settled.configuration import Configuration
    from nrdot.simulate.verdicts import Judged

COPIES = 4  # a group opens at three members, and for fewer than three nothing is rolled up
FIRST_PID = 1000
NANOSECONDS = 1_000_000_000
HOUR = 3600
EXPORTS = 2  # the first one may come anywhere within its interval


@dataclass(frozen=True, slots=True)
class Given:
    """A process as somebody describes it."""

    name: str
    command_line: str = ""
    user: str = ""
    unit: str = ""
    pod: str = ""
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def judge(configuration: Configuration, processes: Sequence[Given], time_ns: int) -> list[Judged]:
    """What the host's profile makes of each process at a moment. Raises ConfigError."""
    if not processes:
        return []
    configured = _without_budget(configuration)
    every = exports_every(configured.settings, configured.profile)
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "given.jsonl"
        capture.write_bytes(b"".join(_ticks(processes, time_ns, every)))
        found = {one.pid: one for one in verdicts(capture, configured).processes}
    return [found[FIRST_PID + COPIES * place] for place in range(len(processes))]


def _without_budget(configuration: Configuration) -> Configuration:
    profiles = {
        name: msgspec.structs.replace(profile, budget=0) for name, profile in configuration.profiles.items()
    }
    return replace(configuration, profiles=profiles)


def _ticks(processes: Sequence[Given], time_ns: int, every: float) -> Iterator[bytes]:
    """A baseline and enough samples for an export; the last sample is at the moment that is asked about."""
    whole = [
        _captured(one, FIRST_PID + COPIES * place + copy, time_ns)
        for place, one in enumerate(processes)
        for copy in range(COPIES)
    ]
    same = [CapturedProcess(pid=one.pid, start=one.start) for one in whole]
    host = CapturedHost(id="described", memory=8 << 30, boot="described")
    for before in range(EXPORTS, -1, -1):
        moment = time_ns - round(before * every * NANOSECONDS)
        first = before == EXPORTS
        tick = CapturedTick(v=1, t=moment, procs=whole if first else same, host=host if first else None)
        yield msgspec.json.encode(tick) + b"\n"


def _captured(one: Given, pid: int, time_ns: int) -> CapturedProcess:
    return CapturedProcess(
        pid=pid,
        start=max(time_ns - 24 * HOUR * NANOSECONDS, 0),
        name=one.name,
        cpu_user=0.0,
        cpu_system=0.0,
        rss=0,
        user=one.user,
        cmd=one.command_line or one.name,
        cgroup=f"/system.slice/{one.unit}" if one.unit else "",
        labels=dict(one.labels),
        pod=(one.pod, one.namespace, "") if one.pod or one.namespace else None,
    )

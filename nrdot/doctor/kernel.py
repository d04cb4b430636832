"""What the kernel offers and what time it is: descriptors, the idle gate, accounting, clocks."""

from __future__ import annotations

import ctypes
import os
import resource
from typing import TYPE_CHECKING

from nrdot.doctor.finding import fine, odd, wrong
from nrdot.sample.files import RESERVED, ProcFiles
from nrdot.sample.gate import choose_gate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nrdot.clock import Clock
    from nrdot.doctor.finding import Finding

EACH = 3  # descriptors that a process may take: stat, io and where needed its gate
PLAUSIBLE_NS = 1_704_067_200_000_000_000  # 2024: no clock that is set shows less
DRIFT = 5.0  # seconds between the boot time that two clocks tell
EFFORT = 200_000  # steps of arithmetic, so that our own run time advances for sure
_UNSYNCHRONISED = 5  # adjtimex(2): TIME_ERROR


def check(procfs: Path, clock: Clock) -> Iterator[Finding]:
    files = ProcFiles(procfs, 1)
    yield from _release(files)
    yield from _descriptors(files)
    yield from _gate(files)
    yield from _time(files, clock)


def _release(files: ProcFiles) -> Iterator[Finding]:
    topic = "kernel"
    system = os.uname()
    yield fine(topic, f"{system.sysname} {system.release}, cgroups {_cgroups(files)}")
    if not _exists(files, "self/io"):
        mend = "a kernel with CONFIG_TASK_IO_ACCOUNTING counts them"
        yield odd(topic, "no process has an io file: reads and writes are unknown", mend)
    if _exists(files, "loadavg") and not _exists(files, "sys/kernel/random/boot_id"):
        mend = "mount the whole /proc"
        yield odd(topic, "no boot id: a restart of the machine is told by start times alone", mend)


def _cgroups(files: ProcFiles) -> str:
    try:
        text = files.read("self/cgroup", 1 << 14)
    except OSError:
        return "unknown"
    return "v2" if text.startswith(b"0::") else "v1"


def _descriptors(files: ProcFiles) -> Iterator[Finding]:
    topic = "descriptors"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        processes = sum(name.isdigit() for name in files.list())
    except OSError:
        return  # said already
    wanted = processes * EACH + RESERVED
    raised = f" (raised from {soft:,} at start)" if soft < hard else ""
    words = f"limit {hard:,}{raised}, {processes:,} processes take up to {wanted:,}"
    if hard >= wanted:
        yield fine(topic, words)
    else:
        mend = f"LimitNOFILE={max(65536, wanted * 2)} in the unit; past the limit files are opened each time"
        yield odd(topic, words, mend)


def _gate(files: ProcFiles) -> Iterator[Finding]:
    """Trusted after our own run time was seen to advance, exactly as the sampler asks."""
    topic = "idle gate"
    gate = choose_gate(files)
    gate.moved()
    sum(range(EFFORT))
    gate.moved()
    if gate.trusted:
        yield fine(topic, f"{gate.name}: who sleeps costs next to nothing")
        return
    words = f"{gate.name} stands still: every process is read at every sample"
    yield odd(topic, words, "nothing breaks, it costs more CPU; sysctl kernel.sched_schedstats=1 may help")


def _time(files: ProcFiles, clock: Clock) -> Iterator[Finding]:
    topic = "clock"
    now = clock.wall_ns()
    if now < PLAUSIBLE_NS:
        mend = "set it: backends refuse points this old"
        yield wrong(topic, "the clock is years behind", mend)
        return
    drift = _drift(files, now)
    if drift is not None and abs(drift) > DRIFT:
        words = f"the clock was set by {drift:+.0f} s since boot: start times of older processes are off"
        yield odd(topic, words, "nothing to do; intervals are measured on another clock")
    state = _synchronised()
    if state is False:
        words = "the kernel says that nobody keeps the clock right"
        yield odd(topic, words, "run chrony or systemd-timesyncd; endpoints refuse points that are far off")
    else:
        yield fine(topic, "kept by a time service" if state else "plausible")


def _drift(files: ProcFiles, now: int) -> float | None:
    """Seconds between the boot time now and the one that the kernel prints."""
    try:
        lines = files.read("stat", 1 << 20).split(b"\n")
        boot = next((int(line.split()[1]) for line in lines if line.startswith(b"btime ")), None)
        uptime = float(files.read("uptime").split()[0])
        return None if boot is None else now / 1e9 - uptime - boot
    except (OSError, ValueError, IndexError):
        return None


def _synchronised() -> bool | None:
    """What adjtimex(2) says; None where it cannot be asked."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
    if call is None:
        return None
    state = call(ctypes.create_string_buffer(512))  # larger than the structure is; all zero only asks
    return None if state < 0 else state != _UNSYNCHRONISED


def _exists(files: ProcFiles, path: str) -> bool:
    return os.path.exists(f"{files.root}/{path}")  # noqa: PTH110 - beside the other calls on plain paths

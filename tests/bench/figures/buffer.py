"""The disk buffer: its rate beside C, a gigabyte of backlog at the start, deaths, rot, a day offline."""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard
from figures.offline import TICKS_AN_HOUR, an_hour
from programs import BUILT, HERE, compiled
from rounds import side_by_side, spread
from scale import scale
from table import at_least, at_most, stated

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.clock import SystemClock
from nrdot.stages import Record
from nrdot.testing.clock import ManualClock
from nrdot.testing.delivery.buffer_writer import SETTINGS, Writers
from nrdot.testing.delivery.records import number_of, numbers, put_all, record, sequences, waiting
from nrdot.testing.disks.simulated import SimulatedDisk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from table import Row

SIZE = 50 * 1024
RATE, MEMORY, FIRST, ROOM, SPEED = 0.9, 20, 2, 500, 200
MB, DAY = 1e6, 86_400
DIRECTORY = Path("/state/buffer")


def run() -> list[Row]:
    full = scale().rounds > 10
    with folder() as place:
        return [
            *rate(place, 300 if full else 30),
            *backlog(place, 20_000 if full else 400),
            *deaths(place, 300 if full else 20),
            *rot(40 if full else 4),
            *offline(place, 24 if full else 1),
        ]


@contextmanager
def folder() -> Iterator[Path]:
    """On the disk that holds the repository: a folder for temporary files may lie in memory."""
    BUILT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILT) as name:
        yield Path(name)


def rate(place: Path, count: int) -> list[Row]:
    """Records made durable one by one, in turns with a C program that does the least one can."""
    real, noise = place / "real", place / "noise"
    real.write_bytes(b"".join(made.payload for made in an_hour())[:SIZE])
    noise.write_bytes(random.Random(1).randbytes(SIZE))
    ours = [sys.executable, str(HERE / "subjects" / "append.py")]
    commands = {
        "c": [str(compiled("append")), str(place / "raw"), str(SIZE), str(count)],
        "metrics": [*ours, str(place / "metrics"), str(real), str(count)],
        "noise": [*ours, str(place / "random"), str(noise), str(count)],
    }
    results = side_by_side(commands, scale().rounds, 0.05)
    raw = results["c"]

    def beside(name: str) -> tuple[float, str]:
        own = results[name]
        ratios = [a / b for a, b in zip(raw.column("took"), own.column("took"), strict=True)]
        return raw.median("took") / own.median("took"), spread(ratios)

    metrics, random_bytes = beside("metrics"), beside("noise")
    return [
        at_least("50 KB records, each durable, buffer / C", metrics[0], RATE, "x", metrics[1]),
        stated("  the same with bytes that do not compress", random_bytes[0], "x", random_bytes[1]),
        stated("  CPU of a put with its sync", results["metrics"].median("cpu") / count / 1e3, "us"),
        *(
            stated(f"  {label}", count / results[name].median("took") * 1e9, "records/s")
            for name, label in (
                ("c", "C"),
                ("metrics", "the buffer, 50 KB of metrics"),
                ("noise", "of noise"),
            )
        ),
    ]


def backlog(place: Path, count: int) -> list[Row]:
    """A gigabyte that does not compress, read from the device and not from the kernel's memory."""
    directory = place / "backlog"
    settings = BufferSettings(max_bytes=2 << 30, durability=Durability.NEVER)
    buffer = DiskBuffer(directory, settings, SystemClock(), Files())
    chance = random.Random(2)
    for _ in range(count):
        buffer.put(Record(chance.randbytes(SIZE), 300, time.time_ns()))
    size = buffer.statistics().bytes
    buffer.close()
    for path in directory.glob("*.segment"):
        forget(path)
    command = [sys.executable, str(HERE / "subjects" / "backlog.py"), str(directory)]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    shutil.rmtree(directory)
    if answer["records"] != count:
        raise RuntimeError(f"{count} records went in and {answer['records']} came out")
    return [
        at_most(f"backlog of {size / 1e9:.2g} GB, memory more", answer["memory"] / MB, MEMORY, "MB"),
        at_most("  first record after", answer["first"], FIRST, "s"),
        stated("  open after", answer["opened"], "s"),
        stated("  memory more until then", answer["memory_opened"] / MB, "MB"),
        stated("  read, checked and acknowledged", size / answer["last"] / MB, "MB/s"),
    ]


def forget(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def deaths(place: Path, kills: int) -> list[Row]:
    """A process that puts and acknowledges, killed at any moment."""
    directory, chance = place / "deaths", random.Random(3)
    writers = Writers(directory)
    lost, wrong, gone = 0, 0, set()
    try:
        for _ in range(kills):
            pid = writers.start()
            for _ in range(chance.randrange(12)):
                writers.listen()
            time.sleep(chance.uniform(0.0, 0.003))
            os.kill(pid, signal.SIGKILL)
            writers.until("dead")
            buffer = DiskBuffer(directory, SETTINGS, SystemClock(), Files())
            there = numbers(buffer)
            lost += len(set(writers.put) - writers.leaving - gone - set(there))
            wrong += there.count(-1)
            half = len(there) // 2
            gone |= set(there[:half])
            buffer.acknowledge(sequences(buffer, half))
            buffer.close()
    finally:
        writers.close()
    return [
        at_most(f"killed {kills} times, acknowledged records lost", lost, 0, f"of {len(writers.put):,}"),
        at_most("  wrong bytes delivered", wrong, 0, ""),
    ]


def rot(count: int) -> list[Row]:
    """Each byte of a finished segment flipped, and the segment cut at each byte."""
    logging.getLogger("nrdot.buffer").setLevel(logging.CRITICAL)  # it says each time what was lost
    disk = SimulatedDisk()
    buffer = DiskBuffer(DIRECTORY, BufferSettings(), ManualClock(), disk)
    put_all(buffer, [record(number, 100 + number) for number in range(count)])
    buffer.close()
    disk.kill()
    (path,) = disk.paths("normal-*")
    size = len(disk.content(path))
    beyond = wrong = torn = 0
    for offset in range(size):
        flipped = disk.copy()
        flipped.flip(path, offset, 1 << (offset % 8))
        there = after(flipped)
        wrong += there.count(-1)
        beyond += max(count - len(there) - 1, 0)
        cut = disk.copy()
        cut.cut(path, offset)
        there = after(cut)
        wrong += there.count(-1)
        torn += there != list(range(len(there)))
    return [
        at_most(f"each of {size:,} bytes flipped, lost beyond the record hit", beyond, 0, "records"),
        at_most("  cut at each, complete records lost", torn, 0, ""),
        at_most("  wrong bytes delivered", wrong, 0, ""),
    ]


def after(disk: SimulatedDisk) -> list[int]:
    buffer = DiskBuffer(DIRECTORY, BufferSettings(), ManualClock(), disk)
    return [number_of(made) for made in waiting(buffer)]


def offline(place: Path, hours: int) -> list[Row]:
    """A day without an endpoint, and the day's delivery up to the socket: read, merged, compressed."""
    settings = BufferSettings(max_bytes=1 << 30, durability=Durability.NEVER)
    buffer = DiskBuffer(place / "offline", settings, SystemClock(), Files())
    hour = an_hour()
    for _ in range(hours):
        put_all(buffer, hour)
    now = buffer.statistics()
    days = DAY / (3600 * hours)
    compressor = zstandard.ZstdCompressor(level=3)
    began = time.monotonic()
    while found := buffer.peek(10_000, 4 << 20):
        compressor.compress(b"".join(made.payload for _, made in found))
        buffer.acknowledge([sequence for sequence, _ in found])
    seconds = time.monotonic() - began
    buffer.close()
    if now.dropped or buffer.statistics().delivered != now.produced:
        raise RuntimeError("the day did not fit, or did not come out whole")
    return [
        at_most("a day offline, 300 processes at 15 s, balanced", now.bytes * days / MB, ROOM, "MB"),
        at_least("  drained faster than produced", hours * 3600 / seconds, SPEED, "x"),
        stated("  points a day", now.produced * days, ""),
        stated("  records an export", len(hour) / TICKS_AN_HOUR, ""),
        stated("  before compression", sum(len(made.payload) for made in hour) * 24 / MB, "MB"),
    ]

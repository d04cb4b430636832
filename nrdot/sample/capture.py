"""Captures: the format, and reading it. Writing is in `capture_writer`.

A capture is JSON lines, one object a tick; compressed with zstd when its name ends in `.zst`. Anyone can
write one from another source, so everything here is checked, and what is wrong is named by its line.

    {"v": 1, "t": <Unix ns>, "seconds": 15.0, "host": {...}, "procs": [{...}, ...]}

`seconds` is the time since the tick before on a clock that never jumps; without it the difference of the
`t` counts. A host that a line does not describe is that of the line before.

A process is listed in full (`CapturedProcess` says what each field holds), or with `pid` and `start` alone:
then it is unchanged since the tick before. A process that is not listed has ended. Unknown fields are
ignored. A process is known by its pid and start; a host's new `boot` ends all processes.

A recorder that was killed may leave half a line at the end of a compressed file: that is no error, the
ticks before it count and `torn` says so. A plain file ends with a whole line, because its writer takes half
a line back.
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Annotated

import msgspec
import zstandard

from nrdot.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = 1
COMPRESSED = ".zst"
LINE_LIMIT = 64 << 20  # bytes; 100,000 processes in full
_WINDOW_LIMIT = 128 << 20

# Bounds keep what a capture says within the table's 64-bit columns, at any clock rate.
Whole = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=9e9)]
Rate = Annotated[int, msgspec.Meta(ge=1, le=10**9)]
# Of two numbers, or the first of them alone. Not a tuple: msgspec 0.22 crashes on a tuple of fixed length in
# a union with a bounded integer.
Pair = Annotated[list[Whole], msgspec.Meta(min_length=2, max_length=2)] | Whole


class CapturedHost(msgspec.Struct, frozen=True, omit_defaults=True):
    """The machine. `id`, `cpus`, `memory` (bytes) and `boot` are what other sources give."""

    id: str = ""
    cpus: Whole = 1
    memory: Whole = 0
    boot: str = ""
    hz: Rate = 100  # clock ticks a second, the unit in which CPU time is counted
    name: str = ""
    os: str = "linux"
    busy: Seconds = 0.0  # all processors on all processes since boot
    attributes: dict[str, str] = {}  # further resource attributes


class CapturedProcess(msgspec.Struct, omit_defaults=True, gc=False):
    """One process. In full it has at least `pid`, `start`, `name`, `cpu_user`, `cpu_system` and `rss`."""

    pid: Whole
    start: Whole  # Unix time in nanoseconds
    name: str | None = None
    cpu_user: Seconds | None = None  # seconds since start, as all CPU times
    cpu_system: Seconds | None = None
    rss: Whole | None = None  # bytes, as all sizes
    ppid: Whole = 0
    user: str = ""
    state: str = ""
    threads: Whole = 1
    vsize: Whole = 0
    read: Whole | None = None  # bytes since start; null where our rights do not reach
    write: Whole | None = None
    cgroup: str = ""  # a path of cgroup v2, or the whole text of /proc/PID/cgroup
    # None rather than empty ones: most processes of a tick are listed as unchanged, and each would own two.
    labels: dict[str, str] | None = None
    cmd: str = ""  # the command line, its arguments separated by spaces
    exe: str = ""
    cpu_wait: Seconds = 0.0  # waiting for block devices
    cutime: Seconds | None = None  # of reaped children, as the kernel counts them
    cstime: Seconds | None = None
    fds: Whole | None = None
    faults: Pair = 0  # [minor, major], or minor alone
    switches: Pair = 0  # [voluntary, involuntary], or voluntary alone
    swap: Whole | None = None
    # What our own recorder adds, so that a replay gives the very same table.
    start_ticks: Whole | None = None  # clock ticks since boot
    uid: Annotated[int, msgspec.Meta(ge=-1, le=2**32)] = -1
    argv0: str | None = None  # where it is not the first word of `cmd`
    kernel: bool = False  # a kernel thread
    shared: Whole | None = None  # the part of `rss` that is file-backed or shared memory
    unseen: tuple[Seconds, Seconds] | None = None  # CPU of children that no tick saw, user and system
    pod: tuple[str, str, str] | None = None  # name, namespace, workload
    attributes: dict[str, str] | None = None  # further resource attributes


class CapturedTick(msgspec.Struct, omit_defaults=True):
    """One line."""

    v: int
    t: Whole
    procs: list[CapturedProcess]
    host: CapturedHost | None = None
    seconds: Seconds | None = None


class CaptureReader:
    """The ticks of one capture, in order. Raises CaptureError; holds one line at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line = 0  # number of the line that was read last
        self.torn = False
        self._decoder = msgspec.json.Decoder(CapturedTick)

    def __iter__(self) -> Iterator[CapturedTick]:
        try:
            with self.path.open("rb") as file:
                compressed = self.path.name.endswith(COMPRESSED)
                yield from self._ticks(_decompressed(file) if compressed else file, compressed=compressed)
        except IsADirectoryError as error:
            raise CaptureError(
                f"{self.path}: a directory is no capture; name the files in it, {self.path}/*.jsonl*"
            ) from error
        except OSError as error:
            raise CaptureError(f"{self.path}: cannot be read: {error.strerror or error}") from error
        except zstandard.ZstdError as error:
            raise CaptureError(f"{self._where(1)}: not zstd data ({error}); record it anew") from error

    def error(self, reason: str) -> CaptureError:
        """What is wrong with the line that was read last."""
        return CaptureError(f"{self._where()}: {reason}")

    def _ticks(self, file: IO[bytes], *, compressed: bool) -> Iterator[CapturedTick]:
        while data := file.readline(LINE_LIMIT + 1):
            self.line += 1
            if len(data) > LINE_LIMIT:
                raise self.error(f"longer than {LINE_LIMIT >> 20} MiB, which no tick is")
            if data.isspace():
                continue
            try:
                tick = self._decoder.decode(data)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                if compressed and not data.endswith(b"\n"):
                    self.torn = True
                    return
                raise self.error(f"not a tick of a capture: {error}") from error
            if tick.v != VERSION:
                raise self.error(f"a capture of version {tick.v}; this NRDOT reads version {VERSION}")
            yield tick

    def _where(self, ahead: int = 0) -> str:
        line = self.line + ahead
        return f"{self.path}, line {line}" if line else str(self.path)


def _decompressed(file: IO[bytes]) -> IO[bytes]:
    """Every frame in turn, a bounded piece at a time whatever it inflates to."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT)
    return io.BufferedReader(decompressor.stream_reader(file, read_across_frames=True), 1 << 18)

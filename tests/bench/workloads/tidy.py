"""Takes out of a capture what belongs to the machine that recorded it, and compresses it in one frame."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from pathlib import Path

# The paths of this machine that may show: interpreters outside of the system, and this folder.
_PATHS = (
    (re.compile(r"/\S*/bin/python3(\.\d+)?"), "/usr/bin/python3"),
    (re.compile(r"/\S*/workloads/inside\.py( \S+)*"), "/lib/systemd/systemd --system"),
)
_INIT = re.compile(r"^/usr/bin/python3 /lib/systemd/systemd")


def tidy(draft: Path, result: Path, host: str) -> None:
    """Write `draft` again as `result`."""
    compressor = zstandard.ZstdCompressor(level=19)
    decompressor = zstandard.ZstdDecompressor()
    with draft.open("rb") as file, decompressor.stream_reader(file, read_across_frames=True) as reader:
        lines = b"".join(iter(lambda: reader.read(1 << 20), b"")).splitlines()
    result.write_bytes(compressor.compress(b"".join(_line(line, host) for line in lines)))


def _line(line: bytes, host: str) -> bytes:
    tick = json.loads(line)
    if "host" in tick:
        tick["host"].pop("busy", None)  # of the whole machine
        tick["host"] |= {"id": host, "name": host, "boot": f"boot-of-{host}"}
    for process in tick["procs"]:
        for field in ("cmd", "argv0", "exe"):
            if field in process:
                process[field] = _plain(process[field])
        if "cgroup" in process:
            process["cgroup"] = _unit(process["cgroup"], host)
        if process["pid"] == 1:
            process |= {key: "/lib/systemd/systemd" for key in ("argv0", "exe") if key in process}
    return json.dumps(tick, separators=(",", ":")).encode() + b"\n"


def _plain(text: str) -> str:
    for pattern, replacement in _PATHS:
        text = pattern.sub(replacement, text)
    return _INIT.sub("/lib/systemd/systemd", text)


def _unit(cgroup: str, host: str) -> str:
    """The path below the host's own cgroup, as a machine with version 2 alone shows it."""
    _, _, path = cgroup.partition(f"/nrdot-{host}")
    return path.partition("\n")[0] or "/"

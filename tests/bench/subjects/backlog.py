"""Opens a disk buffer with a backlog as an agent would at its start, and delivers all of it to nobody.

    backlog.py DIRECTORY

Prints one line of JSON: seconds to the open buffer, to the first record and to the last, records, and the
growth of resident memory over the imports at each of the three, in bytes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.settings import BufferSettings
from nrdot.clock import SystemClock

POINTS, SIZE = 10_000, 4 << 20  # one request, as the agent's defaults have it


def peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def main(directory: str) -> None:
    before, began = peak(), time.monotonic()
    buffer = DiskBuffer(Path(directory), BufferSettings(max_bytes=2 << 30), SystemClock(), Files())
    opened, memory_opened = time.monotonic() - began, peak() - before
    found = buffer.peek(POINTS, SIZE)
    first, memory_first = time.monotonic() - began, peak() - before
    records = 0
    while found:
        records += len(found)
        buffer.acknowledge([sequence for sequence, _ in found])
        found = buffer.peek(POINTS, SIZE)
    answer = {
        "opened": opened,
        "first": first,
        "last": time.monotonic() - began,
        "records": records,
        "memory_opened": memory_opened,
        "memory_first": memory_first,
        "memory": peak() - before,
    }
    buffer.close()
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])

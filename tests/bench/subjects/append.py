"""Puts records into a disk buffer, each durable before the next: one round for each line of standard input.

    append.py DIRECTORY PAYLOAD COUNT

Answers with {"took": NANOSECONDS, "cpu": NANOSECONDS}. Between rounds everything is delivered, so that the
buffer stays small.
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
from nrdot.stages import Record

EVERYTHING = 1 << 40


def main(directory: str, payload: str, count: str) -> None:
    buffer = DiskBuffer(Path(directory), BufferSettings(), SystemClock(), Files())
    made = Record(Path(payload).read_bytes(), 300, time.time_ns())
    for _ in sys.stdin:
        began, cpu = time.monotonic_ns(), time.process_time_ns()
        for _ in range(int(count)):
            buffer.put(made)
        took, cpu = time.monotonic_ns() - began, time.process_time_ns() - cpu
        while found := buffer.peek(EVERYTHING, 4 << 20):
            buffer.acknowledge([sequence for sequence, _ in found])
        print(json.dumps({"took": took, "cpu": cpu}), flush=True)
    buffer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

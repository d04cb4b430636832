"""Captures by hand, a line a tick: for tests that say exactly what somebody wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nrdot.sample.replay import ReplaySource

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.batch import Batch

SECOND = 1_000_000_000
BEGINNING = 1_795_226_339 * SECOND  # of the capture
BORN = 1_795_226_000_120_000_000  # when its processes were, before that
HOST = {"id": "h1", "cpus": 2, "memory": 8_000_000_000, "boot": "b1"}


def process(pid: int = 42, start: int = BORN, **fields: Any) -> dict[str, Any]:
    """With the fields that a process has to have, and those that are given."""
    return {
        "pid": pid,
        "start": start,
        "name": "nginx",
        "cpu_user": 0.0,
        "cpu_system": 0.0,
        "rss": 0,
        **fields,
    }


def tick(number: int, *processes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """15 seconds after the one before."""
    moment = BEGINNING + number * 15 * SECOND
    return {"v": 1, "t": moment, "host": HOST, "procs": list(processes), **fields}


def written(path: Path, *lines: dict[str, Any] | str) -> Path:
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{line}\n" for line in text))
    return path


def replayed(path: Path) -> list[Batch]:
    """Every batch of a capture; they share one table, which is that of the last."""
    source, batches = ReplaySource(path), []
    while True:
        try:
            batches.append(source.sample())
        except StopIteration:
            return batches

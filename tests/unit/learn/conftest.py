from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nrdot.batch import Counter
from nrdot.checks.loading import load
from nrdot.learn.history import History, read_history
from nrdot.sample.capture_writer import CaptureWriter
from nrdot.testing.hosts.invented import InventedHost

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TICKS = 120


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Path]:
    """A capture of half an hour: `act(host, tick)` says what happens before each sample."""

    def record(act: Callable[[InventedHost, int], None], name: str = "h1") -> Path:
        host = InventedHost(interval=15.0)
        path = tmp_path / f"{name}.jsonl"
        with CaptureWriter(path) as writer:
            for tick in range(TICKS):
                act(host, tick)
                batch = host.sample()
                writer.write(batch)
                batch.table.release()
        return path

    return record


@pytest.fixture
def history(record: Callable[..., Path]) -> Callable[..., History]:
    return lambda act: read_history(record(act), load(None))


@pytest.fixture
def shop(record: Callable[..., Path]) -> Callable[..., Path]:
    """Forty processes, of which every fourth works all the time and the others sleep nearly always."""

    def shop(name: str = "h1") -> Path:
        def act(host: InventedHost, tick: int) -> None:
            if tick == 0:
                for number in range(40):
                    host.begin(100 + number, f"worker-{number}")
            for number, process in enumerate(host.processes):
                busy = number % 4 == 0
                host.run(process, Counter.CPU_USER, 150 + number if busy else int(tick % 40 == number))

        return record(act, name)

    return shop

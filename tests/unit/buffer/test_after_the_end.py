"""A request may come back after its buffer was closed, and another process may have the directory by then."""

import threading
from pathlib import Path

import pytest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.encryption import NO_KEYS, Keyring
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences

DIRECTORY = Path("/state/buffer")


@pytest.fixture
def handed_over(start, disk, clock):
    """A closed buffer with what it had handed out, and the next one on the same directory."""
    before = start()
    put_all(before, map(record, range(4)))
    handed = sequences(before)
    before.close()
    after = DiskBuffer(DIRECTORY, BufferSettings(), clock, disk)
    yield before, handed, after
    after.close()


@pytest.mark.parametrize(
    "late",
    [
        lambda buffer, handed: buffer.acknowledge(handed),
        lambda buffer, handed: buffer.reject(handed, "400"),
        lambda buffer, handed: buffer.drop(handed, "too_old"),
        lambda buffer, _handed: buffer.peek(10, 1 << 20),
        lambda buffer, _handed: buffer.flush(),
        lambda buffer, _handed: buffer.put(record(9)),
        lambda buffer, _handed: buffer.check(),
        lambda buffer, _handed: buffer.use(BufferSettings(), Keyring(b"k" * 32)),
        lambda buffer, _handed: buffer.use(BufferSettings(durability=Durability.NEVER), NO_KEYS),
        lambda buffer, _handed: buffer.use(BufferSettings(durability=Durability.INTERVAL), NO_KEYS),
        lambda buffer, _handed: buffer.close(),
    ],
)
def test_what_comes_after_the_end_touches_no_file_and_says_nothing(handed_over, disk, clock, late, caplog):
    before, handed, after = handed_over
    clock.advance(10)
    threads = threading.active_count()
    caplog.clear()
    there = {path: disk.content(path) for path in disk.paths()}
    touched = []
    disk.fail = lambda operation, path: touched.append((operation, path))
    late(before, handed)
    assert touched == []
    assert (caplog.text, threading.active_count()) == ("", threads)
    disk.mend()
    assert {path: disk.content(path) for path in disk.paths()} == there
    assert numbers(after) == [0, 1, 2, 3]
    assert imbalance(after) == 0


def test_the_figures_after_the_end_are_the_last_ones_and_still_add_up(handed_over):
    before, handed, _ = handed_over
    before.acknowledge(handed)
    before.put(record(9))
    now = before.statistics()
    assert (now.records, now.produced, now.delivered, now.dropped) == (4, 50, 0, {"closed": 10})

"""Rows 11 and 44: a second process on the same directory, and one that is told to end."""

import signal
import subprocess
import sys

import pytest

from nrdot.errors import StartError
from nrdot.testing.delivery.records import imbalance, numbers

HOLD = """
import signal, sys
from pathlib import Path
from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.clock import SystemClock
from nrdot.testing.delivery.records import record

settings = BufferSettings(durability=Durability.INTERVAL, sync_seconds=600.0)
buffer = DiskBuffer(Path(sys.argv[1]), settings, SystemClock(), Files())
ending = []
signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
number = 0
while not ending:
    buffer.put(record(number))
    number += 1
    if number == 50:
        print("ready", flush=True)
buffer.close()
print(number, flush=True)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "buffer")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_process_ends_with_one_line_that_names_the_first(tmp_path, holder, open_buffer):
    with pytest.raises(StartError) as caught:
        open_buffer(tmp_path / "buffer")
    message = str(caught.value)
    assert f"in use by process {holder.pid};" in message
    assert str(tmp_path / "buffer") in message
    assert "\n" not in message


def test_the_directory_is_free_again_once_the_first_is_dead(tmp_path, holder, open_buffer):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert len(numbers(open_buffer(tmp_path / "buffer"))) >= 50


def test_a_process_told_to_end_twice_leaves_everything_durable(tmp_path, holder, open_buffer):
    holder.send_signal(signal.SIGTERM)
    holder.send_signal(signal.SIGTERM)
    put = int(holder.stdout.readline())
    assert holder.wait(10) == 0
    buffer = open_buffer(tmp_path / "buffer")
    assert numbers(buffer)[:put] == list(range(put))
    assert imbalance(buffer) == 0

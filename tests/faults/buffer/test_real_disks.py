"""Rows 4, 6 and 7 on real file systems: power loss, a full disk, a file system that turns read-only."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.inspection import verify
from nrdot.buffer.settings import BufferSettings
from nrdot.clock import SystemClock
from nrdot.stages import Priority
from nrdot.testing.clock import ManualClock
from nrdot.testing.delivery.buffer_writer import SETTINGS
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences


def test_nothing_acknowledged_is_lost_when_the_power_fails(tmp_path, mounted, ext4_image, start_writers):
    """The image behind the mount is copied while a process writes: it holds what a device would hold, and
    nothing of what was still in the kernel's memory."""
    instead = "test_crash_at_every_step.py"
    image = ext4_image(instead=instead)
    # No commit by the clock, so that the copy is of one moment.
    writers = start_writers(mounted("-o", "loop,commit=300", str(image), instead=instead) / "buffer")
    pid = writers.start()
    for cut in range(3):
        hear(writers, 60)
        os.kill(pid, signal.SIGSTOP)
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)
        promised = set(writers.put)
        snapshot = tmp_path / f"snapshot{cut}.img"
        shutil.copyfile(image, snapshot)
        os.kill(pid, signal.SIGCONT)
        hear(writers, 60)  # with what it said of leaving before the copy was made
        there, balance = read_snapshot(mounted("-o", "loop", str(snapshot), instead=instead) / "buffer")
        assert -1 not in there
        assert promised - writers.leaving <= set(there)
        assert len(there) > 10
        assert balance == 0
    os.kill(pid, signal.SIGKILL)
    writers.until("dead")


def hear(writers, puts):
    end = len(writers.put) + puts
    while len(writers.put) < end:
        writers.listen()


def read_snapshot(directory):
    buffer = DiskBuffer(directory, SETTINGS, SystemClock(), Files())
    found = numbers(buffer), imbalance(buffer)
    buffer.close()
    return found


def test_a_full_disk_costs_the_least_that_matters_and_mends_itself(mounted, open_buffer):
    directory = mounted("-t", "tmpfs", "-o", "size=1m", "tmpfs", instead="tests/property/buffer") / "buffer"
    buffer = open_buffer(directory, max_bytes=1 << 30)
    put_all(buffer, [record(number, 8000, Priority.CRITICAL) for number in range(40)])
    put_all(buffer, [record(number, 8000, Priority(number % 2)) for number in range(40, 300)])
    there = numbers(buffer)
    assert there[:40] == list(range(40))
    assert there[-1] in (298, 299)
    assert len(there) > 60
    assert buffer.alarm == ""
    assert set(buffer.statistics().dropped) == {"disk_full"}
    assert imbalance(buffer) == 0
    buffer.acknowledge(sequences(buffer))
    put_all(buffer, [record(number, 8000) for number in range(300, 350)])
    assert numbers(buffer) == list(range(300, 350))
    assert buffer.statistics().delivered == 10 * len(there)
    assert verify(Files(), directory).whole


def test_a_disk_that_others_fill_up_sends_records_to_memory_and_back(mounted, open_buffer):
    mount = mounted("-t", "tmpfs", "-o", "size=1m", "tmpfs", instead="tests/property/buffer")
    clock = ManualClock()
    buffer = DiskBuffer(mount / "buffer", BufferSettings(), clock, Files())
    put_all(buffer, [record(0, 100, Priority.CRITICAL)])
    fill(mount / "others")
    put_all(buffer, [record(number, 8000, Priority.NORMAL) for number in range(1, 20)])
    assert buffer.alarm == "No space left on device"
    assert numbers(buffer) == list(range(20))
    (mount / "others").unlink()
    clock.advance(6)
    buffer.put(record(20))
    assert buffer.alarm == ""
    buffer.close()
    assert numbers(open_buffer(mount / "buffer")) == list(range(21))


def fill(path: Path):
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def test_a_file_system_that_turns_read_only_costs_nothing_while_the_process_lives(mounted, ext4_image):
    """ext4 does this by itself when it finds an error, with files open for writing; so the test makes one."""
    instead = "tests/unit/buffer/test_memory_mode.py"
    image = ext4_image(instead=instead)
    mount = mounted("-o", "loop,errors=remount-ro", str(image), instead=instead)
    device = mount.stat().st_dev
    loop = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
    trigger = Path(f"/sys/fs/ext4/{loop}/trigger_fs_error")
    if not trigger.exists():
        pytest.skip(f"this kernel finds no error on demand; {instead} stands in, with an injected disk")
    clock = ManualClock()
    buffer = DiskBuffer(mount / "buffer", BufferSettings(), clock, Files())
    put_all(buffer, map(record, range(10)))
    trigger.write_text("1")
    put_all(buffer, map(record, range(10, 20)))
    assert buffer.alarm == "Read-only file system"
    assert numbers(buffer) == list(range(20))
    buffer.acknowledge(sequences(buffer, 5))
    # An administrator repairs the disk, or a copy of it, and mounts it at the same place. The buffer still
    # holds files of the old mount open.
    repaired = image.with_name("repaired.img")
    shutil.copyfile(image, repaired)
    subprocess.run(["e2fsck", "-fy", str(repaired)], check=False, capture_output=True)
    subprocess.run(["umount", "-l", str(mount)], check=True)
    subprocess.run(["mount", "-o", "loop", str(repaired), str(mount)], check=True)
    clock.advance(6)
    buffer.put(record(20))
    assert buffer.alarm == ""
    assert numbers(buffer) == list(range(5, 21))
    buffer.close()
    after = DiskBuffer(mount / "buffer", BufferSettings(), clock, Files())
    assert numbers(after) == list(range(5, 21))
    assert (after.statistics().delivered, imbalance(after)) == (50, 0)
    after.close()

"""Real disks for the buffer's faults. Where a machine has none to give, a skip says what stands in."""

import os
import subprocess
from pathlib import Path

import pytest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.settings import BufferSettings
from nrdot.clock import SystemClock
from nrdot.testing.delivery.buffer_writer import Writers


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0


@pytest.fixture
def mounted(tmp_path):
    """Mounts a file system for the time of a test."""
    mounts = []

    def _mount(*arguments, instead):
        target = tmp_path / f"mount{len(mounts)}"
        target.mkdir(exist_ok=True)
        if os.geteuid() != 0 or not run("mount", *arguments, str(target)):
            pytest.skip(f"no mounts on this machine; {instead} stands in, with an injected disk")
        mounts.append(target)
        return target

    yield _mount
    for target in reversed(mounts):
        run("umount", "-l", str(target))


@pytest.fixture
def ext4_image(tmp_path):
    """A file with an ext4 of its own."""

    def _make(name="disk", megabytes=24, instead=""):
        path = tmp_path / f"{name}.img"
        with path.open("wb") as image:
            image.truncate(megabytes << 20)
        if not run("mkfs.ext4", "-q", "-F", str(path)):
            pytest.skip(f"no mkfs.ext4 on this machine; {instead} stands in, with an injected disk")
        return path

    return _make


@pytest.fixture
def open_buffer():
    """Opens buffers on real directories, and closes them in the end."""
    opened = []

    def _open(directory: Path, **settings):
        opened.append(DiskBuffer(directory, BufferSettings(**settings), SystemClock(), Files()))
        return opened[-1]

    yield _open
    for buffer in opened:
        buffer.close()


@pytest.fixture
def start_writers():
    started = []

    def _start(*arguments, **options):
        started.append(Writers(*arguments, **options))
        return started[-1]

    yield _start
    for writers in started:
        writers.close()

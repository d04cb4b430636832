"""Files of the operating system: whose they are, and who holds a lock."""

from __future__ import annotations

import os
import signal
import sys
from threading import Event, Thread, get_ident

import pytest

from nrdot.buffer.files import Files


@pytest.mark.skipif(sys.platform == "win32", reason="files have no owner by number there")
def test_what_root_mended_belongs_to_the_owner_of_the_directory_again(tmp_path):
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead" / "letter").write_bytes(b"")
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.write_bytes(b"")
    (tmp_path / "link").symlink_to(elsewhere)
    owner = os.geteuid(), os.getegid()
    if os.geteuid() == 0:
        owner = 4321, 8765
        os.chown(tmp_path, *owner)
    Files().give_back(tmp_path)
    for path in (tmp_path / "dead", tmp_path / "dead" / "letter", tmp_path / "link"):
        state = path.lstat()
        assert (state.st_uid, state.st_gid) == owner
    assert elsewhere.stat().st_uid == os.geteuid()  # a link leads nobody out of the directory


def test_a_lock_says_who_holds_it_and_one_that_nobody_took_says_nothing(tmp_path):
    files = Files()
    path = tmp_path / "lock"
    assert files.owner(path) == ""
    descriptor = files.lock(path, b"1234567\n")
    assert files.owner(path) == "1234567"
    with pytest.raises(BlockingIOError):
        files.lock(path, b"42\n")
    files.close(descriptor)
    descriptor = files.lock(path, b"42\n")
    assert files.owner(path) == "42"
    files.close(descriptor)


def test_a_file_that_closes_badly_ends_nothing(tmp_path):
    files = Files()
    descriptor = files.create(tmp_path / "segment")
    os.close(descriptor)
    files.close(descriptor)


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_a_directory_is_made_with_all_above_it_and_for_the_agents_user_alone(tmp_path):
    path = tmp_path / "state" / "buffer"
    for _ in range(2):
        Files().make_directory(path)
    assert path.stat().st_mode & 0o777 == 0o700


def test_what_is_free_is_what_the_file_system_has(tmp_path):
    free = Files().free(tmp_path)
    assert 0 < free < 1 << 60
    assert free % 512 == 0


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_files_are_for_the_agents_user_alone_whatever_the_umask(tmp_path):
    files = Files()
    before = os.umask(0)
    try:
        files.close(files.create(tmp_path / "segment"))
        files.close(files.lock(tmp_path / "lock", b"1"))
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    with pytest.raises(FileExistsError):
        files.create(tmp_path / "segment")


def test_what_is_read_at_the_end_of_a_file_is_what_there_is(tmp_path):
    files = Files()
    descriptor = files.create(tmp_path / "segment")
    files.append(descriptor, [b"0123", b"456789"])
    assert files.read(descriptor, 2, 4) == b"2345"
    assert files.read(descriptor, 6, 100) == b"6789"
    assert files.read(descriptor, 10, 100) == b""
    files.append(descriptor, [b"ab"])
    assert files.read(descriptor, 8, 4) == b"89ab"
    assert files.size(descriptor) == 12
    files.close(descriptor)


@pytest.mark.skipif(sys.platform == "win32", reason="reads are whole there")
def test_a_read_that_ends_early_goes_on_where_it_ended(tmp_path, monkeypatch):
    """A network's file system may give less than there is; what it holds is not damaged for that."""
    files, whole = Files(), os.pread
    descriptor = files.create(tmp_path / "segment")
    files.append(descriptor, [b"0123456789"])
    monkeypatch.setattr(os, "pread", lambda number, size, at: whole(number, min(size, 3), at))
    assert files.read(descriptor, 1, 8) == b"12345678"
    assert files.read(descriptor, 4, 100) == b"456789"
    files.close(descriptor)


@pytest.mark.skipif(sys.platform == "win32", reason="writes are not interrupted there")
def test_a_write_that_ends_early_goes_on_where_it_ended():
    """A pipe takes what it has room for; a signal ends the write that waits for more."""
    out, into = os.pipe()
    os.set_blocking(out, False)
    taken = bytearray()

    def drain(_number, _frame):
        while True:
            try:
                data = os.read(out, 1 << 20)
            except BlockingIOError:
                return
            taken.extend(data)

    done, main = Event(), get_ident()

    def disturb():
        while not done.wait(0.005):
            signal.pthread_kill(main, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, drain)
    disturber = Thread(target=disturb)
    disturber.start()
    pieces = [bytes([number]) * 50_000 for number in range(8)]
    try:
        Files().append(into, pieces)
    finally:
        done.set()
        disturber.join()
        signal.signal(signal.SIGUSR1, before)
    drain(0, None)
    assert bytes(taken) == b"".join(pieces)
    os.close(out)
    os.close(into)

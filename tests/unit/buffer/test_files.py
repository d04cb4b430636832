"""Files of the operating system: whose they are, and who holds a lock."""

from __future__ import annotations

import os
import sys

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

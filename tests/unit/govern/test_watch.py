import os

import pytest

from nrdot.govern.watch import Watch, digest
from nrdot.testing.clock import ManualClock


class Watched:
    def __init__(self, folder):
        self.file = folder / "nrdot.yaml"
        self.file.write_text("profile: balanced\n")
        self.clock = ManualClock()
        self.watch = Watch(self.clock)
        self.names = [self.file]

    def load(self, until_ns=None):
        self.watch.follow({str(path): digest(path) for path in self.names}, until_ns)

    def looks(self, seconds=10):
        """Whether a change was told at each of the looks, a second apart."""
        told = []
        for _ in range(seconds):
            told.append(self.watch.look())
            self.clock.advance(1.0)
        return told


@pytest.fixture
def watched(tmp_path):
    made = Watched(tmp_path)
    made.load()
    made.looks()
    return made


def test_what_stands_still_is_no_change(watched):
    assert not any(watched.looks())
    assert watched.watch.wait() is None


def test_an_edit_is_told_once_it_has_stood_still_for_a_second(watched):
    watched.file.write_text("profile: aggressive\n")

    assert watched.looks(4) == [False, True, False, False]


def test_a_file_that_is_still_being_written_is_waited_for(watched):
    for number in range(5):
        with watched.file.open("a") as file:
            file.write(f"# {number}\n")
        assert watched.looks(1) == [False]

    assert watched.looks(2) == [True, False]


def test_a_change_is_looked_at_again_soon_and_not_at_the_next_turn_of_the_loop(watched):
    watched.file.write_text("profile: aggressive\n")
    watched.watch.look()

    assert watched.watch.wait() == 1.0


def test_a_file_that_was_touched_or_saved_as_it_was_is_no_change(watched):
    os.utime(watched.file, (1, 1))
    assert not any(watched.looks())
    watched.file.write_bytes(watched.file.read_bytes())
    assert not any(watched.looks())


def test_a_file_that_was_renamed_over_is_a_change(watched, tmp_path):
    other = tmp_path / "other"
    other.write_text("profile: aggressive\n")
    other.replace(watched.file)

    assert any(watched.looks())


def test_a_file_that_vanishes_and_one_that_appears_are_changes(watched, tmp_path):
    watched.names.append(tmp_path / "later.yaml")
    watched.load()
    assert not any(watched.looks())

    (tmp_path / "later.yaml").write_text("threshold: 0.5\n")
    assert any(watched.looks())
    watched.load()
    watched.file.unlink()
    assert any(watched.looks())


def test_the_swap_of_a_config_map_is_a_change(watched, tmp_path):
    for version, text in (("..1", "profile: balanced\n"), ("..2", "profile: aggressive\n")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "mounted.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "mounted.yaml").symlink_to("..data/mounted.yaml")
    watched.names = [tmp_path / "mounted.yaml"]
    watched.load()
    assert not any(watched.looks())

    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")

    assert any(watched.looks())


def test_a_change_between_loading_and_the_first_look_is_not_missed(watched):
    watched.load()
    watched.file.write_text("profile: aggressive\n")

    assert any(watched.looks())


def test_a_change_that_was_refused_is_not_told_again_until_there_is_another(watched):
    watched.file.write_text("profile: [\n")
    assert any(watched.looks())
    assert not any(watched.looks())  # nobody loaded it

    watched.file.write_text("profile: aggressive\n")
    assert any(watched.looks())


def test_a_change_that_was_refused_and_is_saved_once_more_as_it_is_is_not_told_again(watched):
    watched.file.write_text("profile: [\n")
    assert any(watched.looks())

    watched.file.unlink()
    watched.file.write_text("profile: [\n")
    os.utime(watched.file, (1, 1))
    assert not any(watched.looks())


def test_files_in_a_directory_are_looked_at_too(watched, tmp_path):
    packs = tmp_path / "packs"
    packs.mkdir()
    (packs / "a.yaml").write_text("1")
    watched.names.append(packs)
    watched.load()
    assert not any(watched.looks())

    (packs / "a.yaml").write_text("2")
    assert any(watched.looks())


def test_a_time_that_comes_is_told_once(watched):
    watched.load(until_ns=watched.clock.wall_ns() + 5_000_000_000)

    assert watched.looks(10).index(True) == 5
    assert not any(watched.looks())

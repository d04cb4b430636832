import json

import pytest

from nrdot.audit.entry import FIRST, seal, timestamp
from nrdot.audit.verify import verify


@pytest.fixture
def five(kept):
    kept.append(5)
    return kept


def rewrite(kept, change):
    path = kept.files()[0]
    lines = path.read_bytes().splitlines()
    change(lines)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return verify(kept.directory, kept.disk).fault


def test_a_whole_trail_says_how_far_it_goes(five):
    found = verify(five.directory, five.disk)

    assert (found.whole, found.entries, found.first, found.last) == (True, 5, 1, 5)
    assert found.hash == five.trail.last.hash


def test_an_edited_entry_is_named(five):
    def edit(lines):
        lines[2] = lines[2].replace(b'"value":2', b'"value":9')

    fault = rewrite(five, edit)
    assert (fault.line, fault.number) == (3, 3)
    assert "edited" in fault.what


def test_an_entry_that_was_edited_with_its_hash_breaks_the_next_one(five):
    def forge(lines):
        content = json.loads(lines[2])
        before = content.pop("previous_hash")
        lines[2] = seal({**content, "value": 9, "hash": ""} | {"user": "me"}, 3, before).line

    fault = rewrite(five, forge)
    assert (fault.line, fault.number) == (4, 4)
    assert "does not follow entry 3" in fault.what


def test_an_entry_removed_from_the_middle_is_named(five):
    fault = rewrite(five, lambda lines: lines.pop(2))

    assert (fault.line, fault.number) == (3, 3)
    assert "entry 3 is missing" in fault.what


def test_entries_in_another_order_are_noticed(five):
    fault = rewrite(five, lambda lines: lines.insert(1, lines.pop(2)))

    assert fault.number == 2


def test_entries_cut_off_the_end_are_noticed(five):
    fault = rewrite(five, lambda lines: lines.pop())

    assert fault.number == 5
    assert "the end was cut off" in fault.what


def test_entries_removed_from_the_beginning_are_noticed(five):
    fault = rewrite(five, lambda lines: lines.pop(0))

    assert fault.number == 1
    assert "entry 1 is missing, and no retention entry signs them off" in fault.what


def test_a_retention_entry_for_another_hash_signs_nothing_off(five):
    five.append(change_type="retention", dropped={"through": 1, "hash": FIRST})

    fault = rewrite(five, lambda lines: lines.pop(0))

    assert "no retention entry signs them off" in fault.what


def test_the_last_entry_in_another_form_is_noticed(five):
    def forge(lines):
        content = json.loads(lines[4])
        lines[4] = seal(
            {"timestamp": content["timestamp"], "change_type": "x"}, 5, content["previous_hash"]
        ).line

    assert "not the entry that the head knows" in rewrite(five, forge).what


def test_entries_that_nobody_acknowledged_are_noticed_but_for_one_on_its_way(five):
    def add(lines):
        last = json.loads(lines[-1])
        content = {"timestamp": timestamp(0), "change_type": "x"}
        lines.append(seal(content, last["number"] + 1, last["hash"]).line)

    assert rewrite(five, add) is None
    fault = rewrite(five, add)
    assert fault.number == 7
    assert "never acknowledged" in fault.what


@pytest.mark.parametrize(("content", "words"), [(None, "is missing"), ("{", "cannot be read")])
def test_a_trail_without_its_head_proves_nothing_about_its_end(five, content, words):
    head = five.directory / "head.json"
    head.unlink() if content is None else head.write_text(content)

    fault = verify(five.directory, five.disk).fault
    assert (fault.number, fault.line) == (6, 0)
    assert words in fault.what


def test_a_copy_is_proved_without_a_head_and_may_overlap(five, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    lines = five.lines()
    (copy / "0000000001-0000000003-a.jsonl").write_bytes(b"\n".join(lines[:3]) + b"\n")
    (copy / "0000000002-0000000005-b.jsonl").write_bytes(b"\n".join(lines[1:]) + b"\n")

    assert verify(copy, five.disk, copy=True).whole
    assert not verify(copy, five.disk).whole


def test_lines_that_are_no_entries_are_broken_ones(five):
    fault = rewrite(five, lambda lines: lines.insert(2, b'{"number": 3}'))

    assert (fault.line, fault.number) == (3, 3)
    assert "does not end with a hash" in fault.what

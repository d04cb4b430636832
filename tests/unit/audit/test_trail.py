import json

import pytest

from nrdot.audit import trail as room
from nrdot.audit.entry import seal
from nrdot.audit.trail import PIECE_BYTES, PIECE_SECONDS
from nrdot.audit.verify import entries, verify
from nrdot.errors import AuditFailure
from nrdot.testing.disks.troubled import EndOfProcess

YEAR = 365 * 86400.0


def whole(kept):
    return verify(kept.directory, kept.disk)


def test_entries_are_chained_and_the_head_knows_the_last(kept):
    first, second = kept.append(), kept.append()

    assert second.content["previous_hash"] == first.hash
    assert json.loads((kept.directory / "head.json").read_text()) == {"count": 2, "hash": second.hash}
    assert whole(kept).whole


def test_another_agent_goes_on_where_the_one_before_was(kept):
    before = kept.append(3)

    kept.open()

    assert kept.trail.last.hash == before.hash
    assert kept.append().number == 4
    assert whole(kept).whole


@pytest.mark.parametrize("part", [0, 10])
def test_a_full_disk_refuses_an_entry_and_the_trail_stays_as_it_was(kept, part):
    kept.append(2)
    lines = kept.lines()
    kept.disk.full, kept.disk.part = True, part

    with pytest.raises(AuditFailure, match="the audit trail cannot be written: No space left on device"):
        kept.append()

    assert kept.lines() == lines
    assert whole(kept).whole
    kept.disk.full = False
    assert kept.append().number == 3
    assert whole(kept).whole


def test_what_could_not_be_taken_back_is_taken_back_before_the_next_entry(kept):
    kept.append()
    kept.disk.full, kept.disk.part, kept.disk.stuck = True, 10, True
    with pytest.raises(AuditFailure):
        kept.append()
    kept.disk.full = False

    with pytest.raises(AuditFailure, match="Input/output error"):
        kept.append()
    kept.disk.stuck = False

    assert kept.append().number == 2
    assert whole(kept).whole


def test_a_crash_at_any_step_leaves_a_whole_trail_with_every_acknowledged_entry(kept, tmp_path):
    for step in range(40):
        acknowledged = kept.trail.head.count
        kept.disk.steps_left = step % 4
        try:
            kept.append()
            acknowledged += 1
            kept.append()
            acknowledged += 1
        except EndOfProcess:
            pass
        kept.disk.steps_left = None
        kept.open()
        assert kept.trail.head.count >= acknowledged
        assert whole(kept).whole, whole(kept).fault
    assert kept.trail.head.count > 20


def test_a_piece_is_closed_when_it_is_large(kept):
    kept.append()
    kept.append(words="x" * PIECE_BYTES)
    kept.append(2)

    assert [path.name for path in kept.files()] == ["entries-0000000001.jsonl", "entries-0000000003.jsonl"]
    assert whole(kept).whole


def test_a_piece_is_closed_when_it_is_old_also_after_a_restart(kept):
    kept.append(2)
    kept.clock.advance(PIECE_SECONDS)
    kept.open()
    kept.append()

    assert len(kept.files()) == 2


def test_pieces_that_were_kept_long_enough_go_and_the_chain_stays_provable(kept):
    for _ in range(4):
        kept.append(3)
        kept.clock.advance(PIECE_SECONDS + 1)
    kept.append()

    assert kept.trail.retire(2.5 * PIECE_SECONDS, {"user": "nrdot"}) == 2

    assert kept.files()[0].name == "entries-0000000007.jsonl"
    found = whole(kept)
    assert (found.whole, found.first, found.last, found.retired) == (True, 7, 14, 6)
    last = list(entries(kept.directory, kept.disk))[-1].content
    assert last["change_type"] == "retention"
    assert last["dropped"]["through"] == 6


def test_the_piece_in_use_stays_however_old_it_is(kept):
    kept.append(3)
    kept.clock.advance(20 * YEAR)

    assert kept.trail.retire(YEAR, {}) == 0
    assert len(kept.lines()) == 3


def test_a_crash_while_pieces_go_leaves_a_chain_that_is_still_provable(kept):
    for _ in range(3):
        kept.append(2)
        kept.clock.advance(PIECE_SECONDS + 1)
    kept.append()
    kept.disk.steps_left = 3  # the entry that signs off takes two steps, and one piece goes

    with pytest.raises(EndOfProcess):
        kept.trail.retire(PIECE_SECONDS, {})

    kept.disk.steps_left = None
    assert kept.files()[0].name == "entries-0000000003.jsonl"
    kept.open()
    kept.append()
    assert whole(kept).whole, whole(kept).fault


def test_what_goes_is_overwritten_first_where_that_is_asked_for(kept, tmp_path):
    kept.append(words="a secret thing")
    beside = tmp_path / "beside"
    beside.hardlink_to(kept.files()[0])
    kept.clock.advance(PIECE_SECONDS + 1)
    kept.append()
    kept.clock.advance(YEAR)

    kept.trail.retire(YEAR / 2, {}, overwrite=True)

    assert set(beside.read_bytes()) == {0}


def test_a_trail_that_was_cut_goes_on_and_stays_broken(kept, caplog):
    kept.append(3)
    path = kept.files()[0]
    path.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[:2]) + b"\n")

    kept.open()
    kept.append()

    assert "does not end where its head says" in caplog.text
    found = whole(kept)
    assert not found.whole
    assert found.fault.number == 3
    assert "entry 3 is missing: entry 4 stands in its place" in found.fault.what


def test_an_entry_of_another_chain_behind_the_head_is_not_taken_for_the_one_of_a_crash(kept, caplog):
    kept.append(2)
    foreign = seal({"timestamp": "2026-11-21T12:00:00.000Z", "change_type": "reload"}, 3, "e" * 64)
    with kept.files()[-1].open("ab") as file:
        file.write(foreign.line + b"\n")

    kept.open()

    assert kept.trail.head.count == 2
    assert "does not end where its head says" in caplog.text
    assert not whole(kept).whole


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path, kept):
    (tmp_path / "file").write_text("")
    kept.directory = tmp_path / "file" / "audit"

    with pytest.raises(AuditFailure, match="the audit trail cannot be written: Not a directory"):
        kept.open()
    assert room.FOLDER == "audit"

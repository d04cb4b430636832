import hashlib
import json

import pytest

from nrdot.audit.entry import FIRST, BrokenEntryError, read, seal, timestamp
from nrdot.testing.clock import NOON_NS

CONTENT = {
    "timestamp": timestamp(NOON_NS),
    "change_type": "reload",
    "user": "Köln",
    "new_value": {"b": 1, "a": 2},
}


def test_an_entry_is_one_line_of_json_that_ends_with_its_hash():
    entry = seal(CONTENT, 1, FIRST)

    document = json.loads(entry.line)
    assert b"\n" not in entry.line
    assert list(document)[-1] == "hash"
    assert document["hash"] == entry.hash
    assert (document["number"], document["previous_hash"]) == (1, FIRST)
    assert document["new_value"] == {"a": 2, "b": 1}
    assert document["timestamp"] == "2026-11-21T12:00:00.000Z"


def test_the_hash_is_that_of_the_bytes_before_it_as_the_page_on_the_format_says():
    entry = seal(CONTENT, 7, "ab" * 32)

    body = entry.line[: entry.line.rindex(b',"hash":')]
    assert hashlib.sha256(body).hexdigest() == entry.hash
    assert b'"previous_hash":"' + b"ab" * 32 in body


def test_what_was_written_reads_as_it_was():
    entry = seal(CONTENT, 3, "cd" * 32)

    found = read(entry.line)
    assert (found.number, found.hash, found.time_ns) == (3, entry.hash, NOON_NS)
    assert found.content == entry.content


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "does not end with a hash"),
        (b"{}", "does not end with a hash"),
        (seal(CONTENT, 1, FIRST).line.replace(b"reload", b"Reload"), "was edited"),
        (seal({"timestamp": "soon", "change_type": "x"}, 1, FIRST).line, "is not an entry"),
        (seal({"timestamp": timestamp(0)}, 1, FIRST).line, "is not an entry"),
    ],
)
def test_a_line_that_is_no_entry_says_why(line, why):
    with pytest.raises(BrokenEntryError, match=why):
        read(line)


def test_a_lone_surrogate_from_a_file_name_can_be_written():
    assert read(seal({**CONTENT, "user": "\udcff"}, 1, FIRST).line).content["user"] == "\udcff"

"""One entry of the trail, and the chain that it is a link of.

An entry is one line of JSON whose last key is `hash`:

    {"change_type":"reload",...,"number":12,"previous_hash":"9f2c...","...":...,"hash":"41d0..."}

`hash` is the SHA-256, in hexadecimal, of the bytes of the line before `,"hash":`. They hold `previous_hash`,
which is the hash of the entry before, or 64 zeros for the first one; so an entry that is edited, removed,
added or moved breaks the chain. The other keys are sorted, without blanks between, in UTF-8.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST = "0" * 64  # what stands in place of the hash before the first
_END = re.compile(rb',"hash":"([0-9a-f]{64})"\}\Z')


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stands on disk."""

    number: int  # counted from 1 over the life of the trail
    hash: str
    line: bytes  # without the line's end
    content: Mapping[str, Any]

    @property
    def time_ns(self) -> int:
        return nanoseconds(self.content["timestamp"])


class BrokenEntryError(ValueError):
    """A line that is no link of the chain; the message says why."""


def seal(content: Mapping[str, Any], number: int, previous_hash: str) -> Entry:
    """The next link of the chain."""
    whole = {**content, "number": number, "previous_hash": previous_hash}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    body = text.encode("utf-8", "backslashreplace")[:-1]
    digest = hashlib.sha256(body).hexdigest()
    return Entry(number, digest, body + f',"hash":"{digest}"}}'.encode(), {**whole, "hash": digest})


def read(line: bytes) -> Entry:
    """A line as an entry that is right in itself. Raises BrokenEntryError."""
    end = _END.search(line)
    if end is None:
        raise BrokenEntryError("it does not end with a hash")
    if hashlib.sha256(line[: end.start()]).hexdigest().encode() != end[1]:
        raise BrokenEntryError("it was edited: its hash is not that of its content")
    try:
        content = json.loads(line)
        number, timestamp = content["number"], content["timestamp"]
        nanoseconds(timestamp)
        content["previous_hash"], content["change_type"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BrokenEntryError("it is not an entry") from None
    if not isinstance(number, int):
        raise BrokenEntryError("it has no number")
    return Entry(number, end[1].decode(), line, content)


def timestamp(time_ns: int) -> str:
    """A time as an entry has it: RFC 3339, UTC, milliseconds."""
    moment = datetime.fromtimestamp(time_ns // 1_000_000 / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def nanoseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000) * 1_000_000

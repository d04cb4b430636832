"""Command lines: of long ones what tells programs apart is kept, the rest is cut.

A Java service names its main class behind a class path of ten thousand bytes and hundreds of options. So an
argument behind the first that is long is cut to its head, and then options that hold their own value
(-Dname=value, -XX:..., --name=value) go, the last ones first, until the line fits. What follows an option as
its value stays beside it, or it would look like the name of what runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LINE_LIMIT = 4096  # bytes of a command line that are kept
READ_LIMIT = 128 * 1024  # bytes that are read of one that does not fit; no argument is longer
ARGUMENT_LIMIT = 256  # bytes of one argument where the line does not fit


def fitted(arguments: Sequence[bytes]) -> bytes:
    """The arguments with blanks between them, in at most `LINE_LIMIT` bytes."""
    line = b" ".join(arguments)
    if len(line) <= LINE_LIMIT:
        return line
    kept = [*arguments[:1], *(argument[:ARGUMENT_LIMIT] for argument in arguments[1:])]
    over = sum(map(len, kept)) + len(kept) - 1 - LINE_LIMIT
    for place in range(len(kept) - 1, 0, -1):
        if over <= 0:
            break
        if _holds_its_value(kept[place]):
            over -= len(kept.pop(place)) + 1
    return b" ".join(kept)[:LINE_LIMIT]


def _holds_its_value(argument: bytes) -> bool:
    return argument.startswith(b"-") and (b"=" in argument or b":" in argument)

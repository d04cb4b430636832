"""What a directory holds, found by reading only. Used at the start and by whoever looks from outside.

Finished segments are known by their seal, so a start costs the few that were being written and the progress
log, whatever the backlog.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nrdot.buffer.books import Books
from nrdot.buffer.files import opened
from nrdot.buffer.gap import CORRUPT, UNACCOUNTED, Gap, Gaps
from nrdot.buffer.index import survey
from nrdot.buffer.lane import Segment
from nrdot.buffer.letters import LETTERS, REPLAY
from nrdot.buffer.progress import NAME as PROGRESS_NAME
from nrdot.buffer.progress import Left, Progress, read_on
from nrdot.buffer.segment import FIRST_FRAME, SEAL_SIZE, Content, NewerFormat, parse_header, parse_seal
from nrdot.stages import Priority

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.buffer.files import Files
    from nrdot.buffer.lane import Loss
    from nrdot.buffer.segment import Header

SUFFIX = ".segment"
SEGMENT_NAME = re.compile(
    rf"({'|'.join(priority.name.lower() for priority in Priority)})-(\d{{20}})\.segment"
)
_NUMBERS_OF_A_SEGMENT = 1 << 32  # more than are given while one is written
LOCK, ASIDE = "lock", "aside"


@dataclass(frozen=True, slots=True)
class Stray:
    """A file that is not used, and why. Those that carry our names are moved aside, the others stay."""

    name: str
    why: str
    ours: bool = False
    empty: bool = False  # it died before it held anything


@dataclass(slots=True)
class Recovered:
    """The state of a buffer, as far as its directory tells."""

    segments: list[Segment] = field(default_factory=list)  # by first sequence
    books: Books = field(default_factory=Books)
    recorded: dict[str, int] = field(default_factory=dict)  # dropped, as the log says; books may say more
    gaps: Gaps = field(default_factory=Gaps)
    put: list[int] = field(default_factory=lambda: [0] * len(Priority))
    next_sequence: int = 1
    generation: int = 0  # of the progress log
    strays: list[Stray] = field(default_factory=list)
    progress_lost: bool = False
    vanished: bool = False  # files went away while they were looked at: an agent runs


def recover(files: Files, directory: Path) -> Recovered:
    """Raises OSError where the directory itself cannot be read."""
    found = Recovered()
    progress = None
    for name in files.names(directory):
        log = PROGRESS_NAME.fullmatch(name)
        if name in (LOCK, LETTERS, REPLAY, ASIDE):
            continue
        if not log and not SEGMENT_NAME.fullmatch(name):
            found.strays.append(Stray(name, "not a file of the buffer"))
            continue
        if log:
            found.generation = max(found.generation, int(log[1]))
        try:
            with opened(files, directory / name) as (read, size):
                header = _header(name, read(0, FIRST_FRAME), log=bool(log))
                if isinstance(header, Stray):
                    found.strays.append(header)
                elif log:
                    progress = read_on(progress, read, size, header)
                else:
                    found.segments.append(Segment(directory / name, header, size))
        except FileNotFoundError:
            found.vanished = True
        except OSError as error:
            _pass_over(found, name, error)
    found.segments.sort(key=lambda segment: segment.header.first_sequence)
    _read_segments(files, found, progress)
    _balance(found, progress)
    return found


def _pass_over(found: Recovered, name: str, error: OSError) -> None:
    """It stays, and may be read at another start: by then no other record may carry its numbers."""
    found.strays.append(Stray(name, f"cannot be read: {error.strerror}"))
    if segment := SEGMENT_NAME.fullmatch(name):
        found.next_sequence = max(found.next_sequence, int(segment[2]) + _NUMBERS_OF_A_SEGMENT)


def _header(name: str, data: bytes, *, log: bool) -> Header | Stray:
    try:
        header = parse_header(data)
    except NewerFormat:
        return Stray(name, "written in a newer format", ours=True)
    if header is None:
        empty = len(data) < FIRST_FRAME
        return Stray(name, "ends within its header" if empty else "its header is damaged", True, empty)
    if header.content != (Content.PROGRESS if log else Content.RECORDS) or header.priority >= len(Priority):
        return Stray(name, "its header belongs to another kind of file", ours=True)
    return header


def _read_segments(files: Files, found: Recovered, progress: Progress | None) -> None:
    """Totals of each segment, what has left it, and what it lost."""
    following: dict[int, int] = {}
    for segment in reversed(found.segments.copy()):
        header = segment.header
        left = progress.left.get(header.identity, Left()) if progress else Left()
        try:
            with opened(files, segment.path) as (read, _):
                seal = parse_seal(read(segment.size - SEAL_SIZE, SEAL_SIZE), header.seed)
                if seal is not None:
                    segment.take(seal)
                    segment.finished = True
                else:
                    known = survey(read, segment.size, header, following.get(header.priority))
                    segment.take(known)
                    segment.index = known.index
        except OSError as error:
            found.segments.remove(segment)
            if isinstance(error, FileNotFoundError):
                found.vanished = True
            else:
                _pass_over(found, segment.path.name, error)
            continue
        following[header.priority] = header.first_sequence
        segment.settle(left.spans, left.records, left.points, left.stored)
        loss = segment.check()
        if loss is not None:
            settle_loss(segment, loss, found.books, found.gaps)
        segment.index = None


def settle_loss(segment: Segment, loss: Loss, books: Books, gaps: Gaps) -> Gap:
    """Records that can no longer be read count as dropped, and their gap is told."""
    segment.settle(loss.spans, loss.records, loss.points, loss.stored)
    reason = UNACCOUNTED if loss.vanished else CORRUPT
    gap = gap_of(segment, reason, loss.records, loss.points)
    books.drop(reason, loss.points)
    gaps.add(gap)
    return gap


def gap_of(segment: Segment, reason: str, records: int, points: int) -> Gap:
    """A gap somewhere within a segment."""
    header = segment.header
    return Gap(
        reason,
        header.priority,
        records,
        points,
        header.first_sequence,
        segment.last_sequence,
        segment.oldest_ns,
        segment.put_ns,
    )


def _balance(found: Recovered, progress: Progress | None) -> None:
    """Sums that agree with what is there, whatever of the log is left."""
    lost = found.books  # so far only what was found to be corrupt
    if progress is not None:
        found.put = progress.put
        found.next_sequence = max(found.next_sequence, progress.next_sequence)
        found.books = progress.books
        found.recorded = dict(progress.books.dropped)
        for gap in progress.gaps:
            found.gaps.add(gap)
        for reason, points in lost.dropped.items():
            found.books.drop(reason, points)
    for segment in found.segments:
        priority = segment.header.priority
        found.put[priority] = max(found.put[priority], segment.header.points_before + segment.points)
        found.next_sequence = max(found.next_sequence, segment.last_sequence + 1)
    books = found.books
    there = books.left + sum(segment.pending_points for segment in found.segments)
    if progress is None:
        # Nobody knows any more what was delivered: the books begin anew with what waits.
        found.progress_lost = bool(found.segments)
        books.produced = there
    else:
        books.produced = max(sum(found.put) + books.unwritten, books.produced, there)
        missing = books.produced - there
        if missing:
            books.drop(UNACCOUNTED, missing)
            found.gaps.add(Gap(UNACCOUNTED, Priority.OPTIONAL, 0, missing, 0, 0, 0, 0))

"""Looking at a buffer from outside, while an agent runs or not. Nothing here writes, but `replay`.

The command line prints what these functions return. They take no lock: a buffer's files are only ever
appended to and unlinked, so a look that is a moment old is the worst that can happen.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.buffer.coding import Coder
from nrdot.buffer.encryption import NO_KEYS
from nrdot.buffer.files import opened
from nrdot.buffer.letters import LETTERS, REPLAY, Letter, read_letter
from nrdot.buffer.reader import Reader
from nrdot.buffer.recovery import ASIDE, LOCK, SUFFIX, Recovered, recover
from nrdot.buffer.segment import (
    FIRST_FRAME,
    NO_KEY,
    Frame,
    Kind,
    NewerFormat,
    pack_header,
    parse_header,
    scan,
)
from nrdot.buffer.settings import BufferSettings
from nrdot.buffer.store import Store
from nrdot.clock import SystemClock
from nrdot.stages import Priority

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nrdot.buffer.encryption import Keyring
    from nrdot.buffer.files import Files
    from nrdot.buffer.gap import Gap
    from nrdot.buffer.reader import Place
    from nrdot.buffer.segment import Header
    from nrdot.stages import Record

_LOOKS = 5
_CODER = Coder()


@dataclass(frozen=True, slots=True)
class BufferStatus:
    """The figures of `nrdot buffer status`. All but the first four and the last ones count points."""

    records: int
    bytes: int  # of what waits, as stored
    oldest_ns: int | None
    segments: int
    produced: int
    delivered: int
    rejected: int
    dropped: dict[str, int]
    disk_bytes: int  # of all segments
    waiting: dict[str, int]  # records by priority
    encrypted: dict[str, int]  # records by the key that they need
    gaps: tuple[Gap, ...]  # not told to the endpoint yet
    letters: int  # requests in the dead letters
    set_aside: tuple[str, ...]
    unused: tuple[str, ...]  # files that are not the buffer's or cannot be read, and why
    owner: str  # process that last took the directory, empty when none did


@dataclass(frozen=True, slots=True)
class Fault:
    """One damaged place."""

    file: str
    offset: int
    size: int
    what: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Every frame of every file was read and compared with its checksum."""

    files: int
    records: int  # readable ones, whether they wait or have left
    points: int
    held: int  # of these, whole as far as one can tell without their key
    faults: tuple[Fault, ...]
    unfinished: tuple[Fault, ...]  # ends within a frame, as a crash or a write under way leaves it

    @property
    def whole(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True)
class WaitingRecord:
    """A record that waits; `record` is None where its key is missing or it cannot be read."""

    sequence: int
    priority: Priority
    points: int
    time_ns: int
    stored: int
    file: str
    record: Record | None


def status(files: Files, directory: Path) -> BufferStatus:
    """Raises OSError where the directory cannot be read."""
    found = _look(files, directory)
    encrypted: dict[str, int] = {}
    for segment in found.segments:
        if segment.header.key_id != NO_KEY and segment.pending_records:
            key = segment.header.key_id.hex()
            encrypted[key] = encrypted.get(key, 0) + segment.pending_records
    return BufferStatus(
        records=sum(segment.pending_records for segment in found.segments),
        bytes=sum(segment.pending_stored for segment in found.segments),
        oldest_ns=_oldest(files, directory, found),
        segments=len(found.segments),
        produced=found.books.produced,
        delivered=found.books.delivered,
        rejected=found.books.rejected,
        dropped=found.books.dropped,
        disk_bytes=sum(segment.size for segment in found.segments),
        waiting={
            priority.name.lower(): sum(
                segment.pending_records for segment in found.segments if segment.header.priority == priority
            )
            for priority in Priority
        },
        encrypted=encrypted,
        gaps=tuple(found.gaps),
        letters=len(files.names(directory / LETTERS)),
        set_aside=tuple(files.names(directory / ASIDE)),
        unused=tuple(f"{stray.name}: {stray.why}" for stray in found.strays),
        owner=files.owner(directory / LOCK),
    )


def verify(files: Files, directory: Path, keys: Keyring = NO_KEYS) -> Verification:
    """Read every byte. Raises OSError where the directory cannot be read."""
    paths = [directory / name for name in files.names(directory) if name.endswith(SUFFIX)]
    paths += [directory / LETTERS / name for name in files.names(directory / LETTERS)]
    sums = {"records": 0, "points": 0, "held": 0}
    faults: list[Fault] = []
    unfinished: list[Fault] = []
    for path in paths:
        with suppress(FileNotFoundError), opened(files, path) as (read, size):
            header = _checked_header(path, read(0, FIRST_FRAME), faults)
            if header is None:
                continue
            held = header.key_id not in keys
            cipher = keys.cipher(header.key_id, header.salt)
            for item in scan(read, size, header.seed):
                if not isinstance(item, Frame):
                    place = Fault(path.name, item.offset, item.size, item.what)
                    (unfinished if item.torn else faults).append(place)
                elif item.head.kind == Kind.DATA:
                    if held:
                        sums["held"] += 1
                    elif _CODER.open(item.head, item.body, cipher) is None:
                        what = f"record {item.head.sequence} does not open"
                        faults.append(Fault(path.name, item.offset, item.head.frame_size, what))
                        continue
                    sums["records"] += 1
                    sums["points"] += item.head.points
    return Verification(len(paths), **sums, faults=tuple(faults), unfinished=tuple(unfinished))


def _checked_header(path: Path, data: bytes, faults: list[Fault]) -> Header | None:
    if len(data) < FIRST_FRAME:
        return None  # a crash while it was made; it holds nothing
    try:
        header = parse_header(data)
    except NewerFormat:
        faults.append(Fault(path.name, 0, len(data), "written in a newer format"))
        return None
    if header is None:
        faults.append(Fault(path.name, 0, len(data), "its header is damaged"))
    elif data != pack_header(header):
        faults.append(Fault(path.name, 0, len(data), "one of the two copies of its header is damaged"))
    return header


def dump(files: Files, directory: Path, keys: Keyring = NO_KEYS) -> Iterator[WaitingRecord]:
    """What waits, in order of sequence; then what is held for want of its key."""
    found = _look(files, directory)
    store, reader = _reading(files, directory, found, keys)
    try:
        for place in reader.pending():
            try:
                record = reader.read(place)
            except OSError:
                record = None
            yield _waiting(place, record)
        for segment in found.segments:
            if store.held(segment):
                for place in reader.places(segment):
                    yield _waiting(place, None)
    finally:
        store.close()


def dead_letters(files: Files, directory: Path, keys: Keyring = NO_KEYS) -> Iterator[Letter]:
    """Oldest first."""
    for name in files.names(directory / LETTERS):
        with suppress(FileNotFoundError):
            yield read_letter(files, directory / LETTERS / name, keys, _CODER)


def dump_letters(files: Files, directory: Path, keys: Keyring = NO_KEYS) -> Iterator[WaitingRecord]:
    """What the dead letters hold, oldest letter first."""
    for letter in dead_letters(files, directory, keys):
        for sequence, record in letter.records:
            yield WaitingRecord(
                sequence,
                record.priority,
                record.points,
                record.time_ns,
                len(record.payload),
                letter.name,
                record,
            )


def replay(files: Files, directory: Path, names: Sequence[str] | None = None) -> list[str]:
    """Have dead letters sent again: by the agent that runs, within seconds, or by the next one.

    All of them, or those of these names. Raises OSError.
    """
    source, target = directory / LETTERS, directory / REPLAY
    chosen = [name for name in files.names(source) if names is None or name in names]
    if chosen:
        files.make_directory(target)
    for name in chosen:
        files.move(source / name, target / name)
    if chosen:
        files.sync_directory(target)
        files.give_back(directory)
    return chosen


def _look(files: Files, directory: Path) -> Recovered:
    """The directory as it is at one moment, or nearly so where an agent is busy."""
    for _ in range(_LOOKS):
        found = recover(files, directory)
        if not found.vanished:
            break
    return found


def _reading(files: Files, directory: Path, found: Recovered, keys: Keyring) -> tuple[Store, Reader]:
    settings, coder = BufferSettings(), Coder()
    store = Store(files, directory, settings, coder, keys)
    for segment in found.segments:
        store.adopt(segment)
    return store, Reader(files, store, coder, SystemClock(), settings.retry_seconds)


def _oldest(files: Files, directory: Path, found: Recovered) -> int | None:
    store, reader = _reading(files, directory, found, NO_KEYS)
    oldest = []
    for lane in store.lanes.values():
        segment = lane.oldest_pending()
        if segment is not None:
            reader.load(segment)
            oldest.append(segment.oldest_pending_ns())
            reader.release(segment)
    return min(oldest, default=None)


def _waiting(place: Place, record: Record | None) -> WaitingRecord:
    priority, name = Priority(place.segment.header.priority), place.segment.path.name
    return WaitingRecord(place.sequence, priority, place.points, place.time_ns, place.size, name, record)

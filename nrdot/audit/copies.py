"""Copies of the trail elsewhere: a directory or an object store, followed by a thread of its own.

Entries are copied in the order of the chain, as they stand, in files or objects named by the first and the
last of their numbers and the last one's hash, so a name stands for its content and is never used again:

    DESTINATION/HOST_ID/0000000001-0000000003-41d0c0de.jsonl

What was copied is remembered in `copied.json` beside the trail. The local trail decides about changes; a copy
follows when it can, and its trouble is shown and never stops the agent.
"""

from __future__ import annotations

import json
from threading import Event, Thread
from typing import TYPE_CHECKING, Protocol

from nrdot.audit.entry import BrokenEntryError, Entry, read, timestamp
from nrdot.audit.trail import pieces, read_head
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.audit.disk import Disk
    from nrdot.clock import Clock

COPIED = "copied.json"
BATCH_BYTES = 1 << 20
LOOK = 3600.0  # seconds; a new entry wakes the thread at once
FIRST_RETRY, LONGEST_RETRY = 1.0, 300.0  # seconds
GRACE = 1.0  # seconds that an ending agent waits for a copy that is under way

_log = Log("audit")


class CopyFailedError(Exception):
    """A destination did not take a copy; it may later."""


class Destination(Protocol):
    name: str  # where it goes, for people
    settings: tuple[object, ...]  # two destinations that have the same are the same

    def put(self, name: str, data: bytes, newest_ns: int) -> None:
        """Keep `data` under a name that is never used again; `newest_ns` is the time of its last entry.

        Raises CopyFailedError.
        """


class Copies:
    """The thread that follows the trail. `wake` after each entry; `close` at the end."""

    def __init__(self, trail: Path, destination: Destination, clock: Clock, disk: Disk) -> None:
        self.destination = destination
        self.error = ""  # why the last attempt failed; empty when it did not
        self.done = 0  # number of the last entry that was copied
        self._trail = trail
        self._clock = clock
        self._disk = disk
        self._awake = Event()
        self._ending = False
        self._thread = Thread(target=self._run, name="audit-copies", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There are new entries. From any thread."""
        self._awake.set()

    def leave(self) -> None:
        """Copy what is there and end, whenever that may be."""
        self._ending = True
        self._awake.set()

    def close(self) -> None:
        """Copy what is there if it goes quickly, and end. What is left is copied by the next agent."""
        self.leave()
        self._thread.join(GRACE)

    def copy(self) -> bool:
        """One batch; False where there is nothing left. Raises CopyFailedError and OSError."""
        batch = self._batch()
        if not batch:
            return False
        name = f"{batch[0].number:010}-{batch[-1].number:010}-{batch[-1].hash[:8]}.jsonl"
        data = b"".join(entry.line + b"\n" for entry in batch)
        self.destination.put(name, data, batch[-1].time_ns)
        self.done = batch[-1].number
        document = {"destination": self.destination.name, "through": self.done, "hash": batch[-1].hash}
        self._disk.replace(self._trail / COPIED, json.dumps(document).encode() + b"\n")
        return True

    def remember(self) -> None:
        """Go on where an earlier agent was; from the beginning for another destination."""
        try:
            document = json.loads(self._disk.read(self._trail / COPIED))
            if document["destination"] == self.destination.name:
                self.done = int(document["through"])
        except (OSError, ValueError, KeyError, TypeError):
            self.done = 0

    def _run(self) -> None:
        self.remember()
        wait = 0.0
        failures = 0
        while True:
            self._clock.wait(self._awake, wait)
            self._awake.clear()
            last_round = self._ending
            try:
                while self.copy():
                    pass
            except (CopyFailedError, OSError) as error:
                failures += 1
                self._failed(error)
                wait = min(FIRST_RETRY * 2 ** (failures - 1), LONGEST_RETRY)
            else:
                if self.error:
                    _log.info("the audit trail is copied again", destination=self.destination.name)
                self.error, failures, wait = "", 0, LOOK
            if last_round:
                return

    def _failed(self, error: Exception) -> None:
        words = (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)
        if words != self.error:
            _log.warning(
                "the audit trail cannot be copied, it is tried again",
                destination=self.destination.name,
                error=words,
                since=timestamp(self._clock.wall_ns()),
            )
        self.error = words

    def _batch(self) -> list[Entry]:
        """The entries that come next, up to a size."""
        batch: list[Entry] = []
        size = 0
        head = read_head(self._trail, self._disk)  # what lies behind it may be taken back
        for path in _from(pieces(self._trail, self._disk), self.done + 1):
            for line in self._disk.read(path).split(b"\n")[:-1]:
                try:
                    entry = read(line)
                except BrokenEntryError:
                    return batch  # nothing behind a broken entry can be vouched for
                if head is None or entry.number > head.count:
                    return batch
                if entry.number <= self.done:
                    continue
                batch.append(entry)
                size += len(line)
                if size >= BATCH_BYTES:
                    return batch
            if batch:
                return batch
        return batch


def _from(found: list[Path], number: int) -> list[Path]:
    """The piece that holds an entry, and those behind it; a piece is named by its first entry."""
    before = [path for path in found if _first(path) <= number]
    return found[max(len(before) - 1, 0) :]


def _first(path: Path) -> int:
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0

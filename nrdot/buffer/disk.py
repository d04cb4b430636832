"""The buffer on disk: implements `stages.Buffer` over an append-only log of segments.

    put ─► refuge (memory, while the disk fails) ─► store ─► segments ─► reader ─► peek
                                                      │                              │
                                            space (bounds, eviction)     accounts ◄─ acknowledge, reject, drop

    files                                  the operating system, and all that tests replace
    segment, coding, encryption            bytes: headers, frames, checksums; a payload's way into a frame
    lane, store, writer, reader, index     the segments of each priority, written and read
    books, progress, accounts, departure   who left and the sums, in a log that survives a crash; gaps
    intake, space, refuge, flusher         the way in, its bounds, memory for bad times, syncs
    directory, recovery                    what a directory holds at the start
    letters, inspection, repair            dead letters; a look and a mend from outside

What was put survives a kill at any moment, and a power cut as far as `Durability` says. Nothing here raises
after the start: a disk that fails turns the buffer to memory, said once, until it can be written again.
`docs/formats/buffer.md` describes the files.
"""

from __future__ import annotations

import heapq
import logging
from contextlib import suppress
from dataclasses import replace
from operator import attrgetter
from threading import RLock
from typing import TYPE_CHECKING

from nrdot.buffer.accounts import Accounts
from nrdot.buffer.coding import Coder, Parcel
from nrdot.buffer.departure import Departure, depart
from nrdot.buffer.directory import expire_aside, read_directory, take_directory
from nrdot.buffer.encryption import NO_KEYS
from nrdot.buffer.flusher import flusher
from nrdot.buffer.gap import CLOSED, CORRUPT, gap_record
from nrdot.buffer.intake import Intake
from nrdot.buffer.letters import Letters
from nrdot.buffer.progress import ProgressLog
from nrdot.buffer.reader import Place, Reader
from nrdot.buffer.refuge import Refuge
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.buffer.space import Space
from nrdot.buffer.store import Store
from nrdot.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from nrdot.buffer.encryption import Keyring
    from nrdot.buffer.files import Files
    from nrdot.buffer.recovery import Recovered
    from nrdot.clock import Clock
    from nrdot.stages import BufferStatistics, Record

log = logging.getLogger("nrdot.buffer")
_TEND_SECONDS = 1.0
_SWEEP_SECONDS = 3600.0
_NEVER = float("inf")
_sequence = attrgetter("sequence")


class DiskBuffer:
    """One destination's buffer. `gap_resource` names the host in records that tell of gaps; None tells none.

    Raises StartError where the directory is in use or cannot be written. For two threads: every method
    takes the one lock.
    """

    def __init__(
        self,
        directory: Path,
        settings: BufferSettings,
        clock: Clock,
        files: Files,
        *,
        keys: Keyring = NO_KEYS,
        gap_resource: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = directory
        self._settings = settings
        self._clock = clock
        self._files = files
        self._gap_resource = gap_resource
        self._lock = RLock()
        self._final: BufferStatistics | None = None  # once it is closed
        files.overwrites = settings.overwrite
        self._opened_at, self._opened_ns = clock.monotonic(), clock.wall_ns()
        self._tend_at = self._log_synced_at = self._sweep_at = self._opened_at
        self._owner = take_directory(files, directory)
        try:
            found = read_directory(files, directory, self._opened_ns)
        except StartError:
            files.close(self._owner)
            raise
        self._coder = coder = Coder()
        self._refuge = Refuge(settings.memory_bytes)
        self._store = Store(files, directory, settings, coder, keys)
        self._reader = Reader(files, self._store, coder, clock, settings.retry_seconds)
        self._letters = Letters(files, directory, settings.letters_bytes, coder)
        self._progress = ProgressLog(files, directory, clock, found.generation, settings.progress_bytes)
        self._accounts = Accounts(found, self._store, self._refuge, self._progress)
        self._space = Space(
            files,
            directory,
            settings,
            clock,
            store=self._store,
            reader=self._reader,
            accounts=self._accounts,
            letters=self._letters,
        )
        self._intake = Intake(
            settings,
            clock,
            now_ns=self._steady_ns,
            coder=coder,
            store=self._store,
            refuge=self._refuge,
            accounts=self._accounts,
            space=self._space,
            place=str(directory),
        )
        self._adopt(found)
        self._flusher = flusher(self._settings, self.flush)

    def _adopt(self, found: Recovered) -> None:
        for segment in found.segments:
            segment.put_ns = min(segment.put_ns, self._opened_ns)
            self._store.adopt(segment)
            if self._store.held(segment):
                log.warning("%s: its key is missing, held until it is there", segment.path)
        for lane, put in zip(self._store.lanes.values(), found.put, strict=True):
            lane.points_put = put
        try:
            self._intake.begin_log()
            self._accounts.remove_finished()
            self._store.sync_adopted()
        except OSError as error:
            self._intake.shelter((), error)
        self._tend()

    @property
    def alarm(self) -> str:
        """Why records wait in memory; empty while the disk works."""
        return self._intake.alarm

    # What the pipeline calls

    def put(self, record: Record) -> None:
        with self._lock:
            if self._final is not None:
                self._accounts.books.produced += record.points
                self._accounts.books.drop(CLOSED, record.points)
                return
            self._tend()
            self._intake.put(record)

    def peek(self, points: int, size: int) -> Sequence[tuple[int, Record]]:
        with self._lock:
            if self._final is not None:
                return ()
            self._tend()
            found: list[tuple[int, Record]] = []
            damaged: list[int] = []
            for item in self._waiting():
                if found and (item.points > points or item.raw > size):
                    break
                record = self._open(item, damaged)
                if record is not None:
                    found.append((item.sequence, record))
                    points -= item.points
                    size -= item.raw
            self._account_losses()
            for departure in self._depart(damaged):
                log.error(
                    "%s: %d records are damaged; they count as dropped",
                    self._directory,
                    len(departure.sequences),
                )
                self._accounts.dropped(departure.leaving, departure.gap(CORRUPT))
            return found

    def acknowledge(self, sequences: Sequence[int], *, rejected_points: int = 0) -> None:
        with self._lock:
            gone = self._depart(sequences)
            points = sum(departure.points for departure in gone)
            if gone:
                leaving = [leaving for departure in gone for leaving in departure.leaving]
                self._accounts.delivered(leaving, points, min(rejected_points, points))
                self._tell_gaps()
                self._after_leaving()

    def reject(self, sequences: Sequence[int], reason: str) -> None:
        with self._lock:
            if self._final is None:
                self._write_letter(sequences, reason)
            for departure in self._depart(sequences):
                self._accounts.rejected(departure.leaving, departure.points)
            self._after_leaving()

    def drop(self, sequences: Sequence[int], reason: str) -> None:
        with self._lock:
            for departure in self._depart(sequences):
                self._accounts.dropped(departure.leaving, departure.gap(reason))
            self._after_leaving()

    def statistics(self) -> BufferStatistics:
        with self._lock:
            if self._final is not None:
                books = self._accounts.books
                return replace(self._final, produced=books.produced, dropped=dict(books.dropped))
            for lane in self._store.lanes.values():
                if (segment := lane.oldest_pending()) is not None:
                    self._reader.load(segment)
            self._account_losses()
            return self._accounts.statistics(self.alarm)

    def flush(self) -> None:
        """Make everything durable that can be, records and log."""
        with self._lock:
            if self._final is None:
                self._intake.flush()

    def use(self, settings: BufferSettings, keys: Keyring) -> None:
        """Another configuration. Its bounds and habits hold from the next record on.

        New segments get the current key of `keys`; segments that waited for one of them are released.
        """
        with self._lock:
            if self._final is not None:
                return
            before, self._settings = self._settings, settings
            rhythm = (settings.durability, settings.sync_seconds)
            if rhythm != (before.durability, before.sync_seconds):
                self._intake.flush()
                for lane in self._store.lanes.values():
                    self._store.finish(lane)  # what was begun under one promise does not go on under another
            self._files.overwrites = settings.overwrite
            self._store.settings = self._space.settings = self._intake.settings = settings
            self._store.keys = keys
            self._refuge.capacity = settings.memory_bytes
            self._letters.limit = settings.letters_bytes
            self._progress.rotate_bytes = settings.progress_bytes
        if rhythm != (before.durability, before.sync_seconds):
            if self._flusher is not None:
                self._flusher.stop()
            self._flusher = flusher(self._settings, self.flush)

    def check(self) -> None:
        """Read every segment, so that what is damaged is in the books now and not when its turn comes."""
        with self._lock:
            if self._final is not None:
                return
            for lane in self._store.lanes.values():
                for segment in lane.segments.copy():
                    self._reader.load(segment)
                    self._account_losses()
                    self._reader.release(segment)
            self._after_leaving()

    def close(self) -> None:
        with self._lock:
            if self._final is not None:
                return
            self._intake.return_to_disk(at_once=True)
            self._intake.flush()
            self._final = self.statistics()
            with suppress(OSError):  # what a seal or a snapshot would have said is found by reading
                for lane in self._store.lanes.values():
                    self._store.finish(lane)
                self._accounts.remove_finished()
                self._accounts.begin()
            if self._refuge:
                log.error(
                    "%s: %d records that waited in memory are lost with this process: %s",
                    self._directory,
                    len(self._refuge),
                    self.alarm,
                )
            self._progress.close()
            self._store.close()
            self._files.close(self._owner)
        if self._flusher is not None:
            self._flusher.stop()

    # Reading and leaving

    def _waiting(self) -> Iterator[Place | Parcel]:
        newest_first = self._settings.newest_first
        parcels = sorted(self._refuge, key=_sequence, reverse=newest_first)
        places = self._reader.pending(newest_first=newest_first)
        return heapq.merge(places, parcels, key=_sequence, reverse=newest_first)

    def _open(self, item: Place | Parcel, damaged: list[int]) -> Record | None:
        if isinstance(item, Parcel):
            return self._coder.unpack(item)
        if self._clock.monotonic() < item.segment.retry_at:
            return None
        try:
            record = self._reader.read(item)
        except OSError as error:
            log.warning("cannot read %s: %s; its records wait", item.segment.path, error.strerror)
            self._reader.refuse(item.segment)
            return None
        if record is None:
            damaged.append(item.sequence)
        return record

    def _depart(self, sequences: Sequence[int]) -> list[Departure]:
        """Out of the buffer. Once it is closed nothing leaves: another process may have the directory."""
        if self._final is not None:
            return []
        gone = depart(sequences, self._reader, self._refuge)
        self._account_losses()
        return gone

    def _account_losses(self) -> None:
        """What reading has found to be missing goes into the books."""
        while self._reader.losses:
            segment, loss = self._reader.losses.popitem()
            log.error(
                "%s: %d records with %d points cannot be read any more; they count as dropped",
                segment.path,
                loss.records,
                loss.points,
            )
            self._accounts.lost(segment, loss)
            if loss.vanished:
                self._store.forget(segment)

    def _after_leaving(self) -> None:
        if self._final is not None or not self._intake.check_log():
            return
        now = self._clock.monotonic()
        if (
            self._settings.durability is not Durability.NEVER
            and now - self._log_synced_at >= self._settings.sync_seconds
        ):
            self._log_synced_at = now
            self._intake.sync_log()
        try:
            self._accounts.remove_finished()
        except OSError as error:
            self._intake.shelter((), error)

    def _tell_gaps(self) -> None:
        """The way out is open: what is missing becomes records."""
        if self._gap_resource is None or not self._accounts.gaps:
            return
        for gap in self._accounts.gaps:
            record = gap_record(gap, self._gap_resource, self._clock.wall_ns())
            self._intake.put(record)
        self._accounts.told()

    def _write_letter(self, sequences: Sequence[int], reason: str) -> None:
        parcels = []
        for sequence in sorted(set(sequences)):
            item = self._refuge.find(sequence) or self._reader.locate(sequence)
            record = self._open(item, []) if item is not None else None
            if record is not None:
                parcels.append(self._coder.pack(sequence, record))
        if not parcels:
            return
        try:
            self._letters.write(parcels, reason, self._clock.wall_ns(), self._store.keys)
        except OSError as error:
            log.warning(
                "cannot keep %d rejected records of %s: %s; they are gone",
                len(parcels),
                self._directory,
                error.strerror,
            )

    # From time to time

    def _tend(self) -> None:
        self._intake.return_to_disk()
        now = self._clock.monotonic()
        if now < self._tend_at:
            return
        self._tend_at = now + _TEND_SECONDS
        try:
            if self._settings.wait_seconds < _NEVER:
                self._space.expire(self._steady_ns() - round(self._settings.wait_seconds * 1e9))
        except OSError as error:
            self._intake.shelter((), error)
        if self._settings.keep_seconds is not None and now >= self._sweep_at:
            self._sweep_at = now + _SWEEP_SECONDS
            before_ns = self._steady_ns() - round((self._settings.keep_seconds - _SWEEP_SECONDS) * 1e9)
            self._letters.expire(before_ns)
            expire_aside(self._files, self._directory, before_ns)
        if not self.alarm:
            for record in self._letters.returned(self._store.keys):
                self._intake.put(record)

    def _steady_ns(self) -> int:
        """The wall clock as it was at the start, moved on by the clock that does not jump."""
        return self._opened_ns + round((self._clock.monotonic() - self._opened_at) * 1e9)

"""Records on their way in: to disk, and to memory while the disk fails."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

from nrdot.buffer.gap import DISK_FULL, FULL, MEMORY_FULL, TOO_LARGE, Gap
from nrdot.buffer.space import NO_SPACE
from nrdot.buffer.store import AROUND
from nrdot.stages import Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nrdot.buffer.accounts import Accounts
    from nrdot.buffer.coding import Coder, Parcel
    from nrdot.buffer.refuge import Refuge
    from nrdot.buffer.settings import BufferSettings
    from nrdot.buffer.space import Space
    from nrdot.buffer.store import Store
    from nrdot.clock import Clock
    from nrdot.stages import Record

log = logging.getLogger("nrdot.buffer")


class Intake:
    """Writes records, makes room for them, and knows whether the disk can be trusted.

    Raises nothing. `alarm` says why records wait in memory; it is empty while the disk works.
    """

    def __init__(
        self,
        settings: BufferSettings,
        clock: Clock,
        *,
        now_ns: Callable[[], int],
        coder: Coder,
        store: Store,
        refuge: Refuge,
        accounts: Accounts,
        space: Space,
        place: str,
    ) -> None:
        self.alarm = ""
        self.settings = settings
        self._clock = clock
        self._now_ns = now_ns
        self._coder = coder
        self._store = store
        self._refuge = refuge
        self._accounts = accounts
        self._space = space
        self._place = place  # the directory, for messages
        self._retry_at = 0.0

    def put(self, record: Record) -> None:
        parcel = self._coder.pack(self._accounts.next_sequence, record)
        self._accounts.next_sequence += 1
        largest = self.settings.max_bytes
        if parcel.raw > self.settings.record_bytes or AROUND + len(parcel.body) > largest:
            self._refuse(parcel, TOO_LARGE)
        elif self.alarm:
            self.shelter([parcel])
        else:
            self._write([parcel])
        if self._store.sync_is_due:
            self.flush()

    def _refuse(self, parcel: Parcel, reason: str) -> None:
        """It does not get in."""
        self._count(parcel)
        self._drop(parcel, reason)

    def _drop(self, parcel: Parcel, reason: str) -> None:
        number, time_ns = parcel.sequence, parcel.time_ns
        gap = Gap(reason, parcel.priority, 1, parcel.points, number, number, time_ns, time_ns)
        self._accounts.dropped((), gap)

    def _count(self, parcel: Parcel) -> None:
        """It has arrived, be it on disk, in memory or among the dropped. On its way it counts nowhere."""
        self._accounts.books.produced += parcel.points

    def _take_back(self, parcels: list[Parcel]) -> list[Parcel]:
        """They are on their way again."""
        self._accounts.books.produced -= sum(parcel.points for parcel in parcels)
        return parcels

    def _write(self, parcels: Sequence[Parcel]) -> bool:
        """To disk; what the disk does not take waits in memory. Parcels are in order of sequence."""
        waiting = deque(parcels)
        failed = False
        while waiting:
            parcel = waiting[0]
            try:
                if self._space.make_room(parcel):
                    self._store.append(parcel, self._now_ns())
                    self._count(parcel)
                else:
                    self._refuse(parcel, FULL)
            except OSError as error:
                # The segment is not trusted any more. Once more with a new one, then the disk is not either.
                suspects = self._take_back(self._store.abandon(parcel.priority))
                waiting.extendleft(reversed(suspects))
                if error.errno in NO_SPACE and self._evict(parcel.priority, AROUND + len(parcel.body)):
                    continue
                if failed:
                    self.shelter(waiting, error)
                    return False
                failed = True
            else:
                waiting.popleft()
                failed = False
                self._space.try_anew()
        return self.check_log()

    def _evict(self, priority: Priority, need: int = 0) -> bool:
        try:
            return self._space.evict(priority, DISK_FULL, need)
        except OSError:
            return False

    def flush(self) -> None:
        """Make everything durable that can be, records and log."""
        suspects, failure = self._store.sync()
        if failure is not None and self._write(self._take_back(suspects)):
            suspects, failure = self._store.sync()
            if failure is not None:
                self.shelter(self._take_back(suspects), failure)
        if not self.alarm:
            self.sync_log()

    def shelter(self, parcels: Iterable[Parcel], error: OSError | None = None) -> None:
        """Keep records in memory; with `error`, that is the state from here on, and it is said once."""
        if error is not None:
            self._retry_at = self._clock.monotonic() + self.settings.retry_seconds
            reason = error.strerror or str(error)
            if not self.alarm:
                log.error(
                    "cannot write to the buffer %s: %s; records wait in memory, %d MiB at most, until it can "
                    "be written again",
                    self._place,
                    reason,
                    self.settings.memory_bytes >> 20,
                )
            self.alarm = reason
        for parcel in parcels:
            self._count(parcel)
            for dropped in self._refuge.put(parcel):
                self._drop(dropped, MEMORY_FULL)

    def return_to_disk(self, *, at_once: bool = False) -> None:
        """Try to leave memory, when it is time."""
        if not self.alarm or (not at_once and self._clock.monotonic() < self._retry_at):
            return
        self._space.try_anew()
        try:
            self.begin_log()
            # A segment that was given up carries the name that its records want to come back under.
            self._accounts.remove_finished()
        except OSError as error:
            self.shelter((), error)
            return
        parcels = self._take_back(self._refuge.empty())
        if self._write(parcels):
            self.alarm = ""
            log.warning(
                "the buffer %s can be written again; %d records went there from memory",
                self._place,
                len(parcels),
            )

    def begin_log(self) -> None:
        """Start a new file of the progress log. Raises OSError."""
        while True:
            try:
                self._accounts.begin()
            except OSError as error:
                # Room for the log is made as for what waits: nothing that matters more than that goes.
                highest = max((parcel.priority for parcel in self._refuge), default=Priority.OPTIONAL)
                if error.errno not in NO_SPACE or not self._evict(highest):
                    raise
            else:
                return

    def check_log(self) -> bool:
        """Whether the progress log can still be written; without it, records wait in memory too."""
        failure = self._accounts.failure
        if failure is not None and not self.alarm:
            self.shelter((), failure)
        return failure is None

    def sync_log(self) -> None:
        try:
            self._accounts.sync()
        except OSError as error:
            self.shelter((), error)

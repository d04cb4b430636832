"""Room for what comes: the bounds, and what goes when they are reached."""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import TYPE_CHECKING

from nrdot.buffer.accounts import settle_all
from nrdot.buffer.gap import DISK_FULL, EXPIRED, FULL
from nrdot.buffer.recovery import gap_of
from nrdot.buffer.store import AROUND

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.buffer.accounts import Accounts
    from nrdot.buffer.coding import Parcel
    from nrdot.buffer.files import Files
    from nrdot.buffer.lane import Segment
    from nrdot.buffer.letters import Letters
    from nrdot.buffer.reader import Reader
    from nrdot.buffer.settings import BufferSettings
    from nrdot.buffer.store import Store
    from nrdot.clock import Clock
    from nrdot.stages import Priority

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Left free on the device, so that the progress log can still say what was evicted.
_RESERVE = 64 * 1024
_AMPLE = 16 << 20
_IN_VAIN = 4  # times what is needed, evicted without a write that worked since


class Space:
    """Evicts whole segments: the lowest priority first, within it the oldest. Methods raise OSError."""

    def __init__(
        self,
        files: Files,
        directory: Path,
        settings: BufferSettings,
        clock: Clock,
        *,
        store: Store,
        reader: Reader,
        accounts: Accounts,
        letters: Letters,
    ) -> None:
        self._files = files
        self._directory = directory
        self.settings = settings
        self._clock = clock
        self._spare = 0  # bytes that the device had, less what was written since
        self._look_at = 0.0
        self._evicted = 0  # bytes for a full device, since it last took something
        self._store = store
        self._reader = reader
        self._accounts = accounts
        self._letters = letters

    def make_room(self, parcel: Parcel) -> bool:
        """Until a record fits; False where only what matters more could go."""
        need = AROUND + len(parcel.body)
        while True:
            reason = self._shortage(need)
            if reason is None:
                return True
            if self._accounts.remove_finished(active=True):
                continue
            if reason == FULL and not self._would_fit(need, parcel.priority):
                return False  # nothing is evicted for what would not fit afterwards
            if not self.evict(parcel.priority, reason, need):
                # The device may still take it: others use it too, and its figures are rough.
                return reason == DISK_FULL

    def _would_fit(self, need: int, priority: Priority) -> bool:
        kept = self._store.used + self._letters.used - self._store.evictable(priority)
        return kept + need <= self.settings.max_bytes

    def _shortage(self, need: int) -> str | None:
        settings = self.settings
        used = self._store.used + self._letters.used
        if used + need > settings.max_bytes:
            return FULL
        if settings.max_records is not None:
            waiting = sum(lane.pending_records for lane in self._store.lanes.values())
            if waiting >= settings.max_records:
                return FULL
        return None if self._device_has(need) else DISK_FULL

    def _device_has(self, need: int) -> bool:
        """Ask the device once a second, and each time when it is nearly full.

        In between others may fill it up; then the write says so.
        """
        now = self._clock.monotonic()
        self._spare -= need
        if self._spare < _AMPLE or now >= self._look_at:
            self._spare = self._files.free(self._directory)
            self._look_at = now + 1.0
        return self._spare >= need + _RESERVE

    def evict(self, priority: Priority, reason: str, need: int) -> bool:
        """Drop the oldest segment of the lowest priority up to `priority`; False where there is none.

        And where the device stays full whatever goes: others take what is freed, and the rest is kept.
        """
        if reason == DISK_FULL and self._evicted >= _IN_VAIN * (need + _RESERVE):
            return False
        victim = self._store.victim(priority)
        if victim is None:
            return False
        size = victim.size
        self._discard(victim, reason)
        if reason == DISK_FULL:
            self._evicted += size
        return True

    def try_anew(self) -> None:
        """The device took something, or it is time to ask it again."""
        self._evicted = 0

    def expire(self, before_ns: int) -> None:
        """Drop segments whose last record was put before that time."""
        for lane in self._store.lanes.values():
            for segment in lane.segments.copy():
                if segment.put_ns >= before_ns:
                    continue
                if segment.pending_records:
                    self._discard(segment, EXPIRED)
                elif segment.records:  # all of it has left, and nothing is added any more
                    self._accounts.sync()
                    self._store.remove(segment)

    def _discard(self, segment: Segment, reason: str) -> None:
        gap = gap_of(segment, reason, segment.pending_records, segment.pending_points)
        self._reader.release(segment)
        if reason == DISK_FULL:
            # The log needs room as well, so the room comes first. A crash in between leaves points that
            # nobody accounts for, which the next start finds.
            self._store.remove(segment)
            self._accounts.dropped([settle_all(segment)], gap)
            return
        self._accounts.dropped([settle_all(segment)], gap)
        with suppress(OSError):  # noted by the accounts; the room is needed all the same
            self._accounts.sync()
        self._store.remove(segment)

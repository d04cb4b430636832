"""Which groups exist, and which of them a process's sums go to.

A process has a key (by default its executable's name) and a class. A group opens when three members that are
rolled up share a key; below that they join the group of their class, and where that has fewer than three
members too, the group `other`. Kernel threads are one group from the first on. An open group stays until it
has been empty for the hold time, and there are never more than `limit`, so a backend sees few series that
live long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nrdot.aggregate.keys import DROPPED, KERNEL, OTHER, Key, key_of
from nrdot.batch import Counter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from nrdot.batch import Ints, Rows, Table

NONE = -1  # no group
RESERVED = 2  # places that other keys leave to `other` and `dropped`


@dataclass(slots=True)
class Group:
    """One group for as long as it lives; a key that opens again later is another group."""

    number: int
    slot: int
    key: Key
    since_ns: int
    sent: bool = False
    empty_since: float | None = None


class Groups:
    """The open groups of a host, each in a slot of `totals`."""

    def __init__(
        self,
        chain: tuple[str, ...],
        class_name: Callable[[int], str],
        *,
        limit: int,
        hold: float,
        members: int = 3,
    ) -> None:
        self.chain = chain
        self.limit = limit
        self.hold = hold
        self.members = members
        self._class_name = class_name
        self.open: dict[Key, Group] = {}
        self.totals = np.zeros((len(Counter), 0), np.int64)
        self._free: list[int] = []
        self._made = 0
        # Keys have numbers, so that rows are counted by key in columns.
        self._numbers: dict[Key, int] = {}
        self._keys: list[Key] = []
        self._primary: NDArray[np.int64] = np.zeros(0, np.int64)
        self._secondary: NDArray[np.int64] = np.zeros(0, np.int64)
        self._slot_of: Ints | None = None  # by key number, until keys or groups come or go

    def restart(self, since_ns: int) -> None:
        """Begin every open group anew. What it counted was sent, so it counts from zero again."""
        for group in self.open.values():
            group.since_ns = since_ns
            group.sent = False
            self.totals[:, group.slot] = 0

    def adopt(self, other: Groups) -> None:
        """Take the open groups of another set, which this one replaces; more than fit here retire by age."""
        self.open, self.totals = other.open, other.totals
        self._free, self._made = other._free, other._made
        self._numbers, self._keys = other._numbers, other._keys
        self._primary, self._secondary = other._primary, other._secondary
        self._slot_of = None

    def name(self, table: Table, rows: Rows) -> None:
        """Rows were born, or changed their words or class: find their keys anew."""
        more = table.capacity - len(self._primary)
        if more:
            self._primary = np.pad(self._primary, (0, more))
            self._secondary = np.pad(self._secondary, (0, more))
        for row in rows.tolist():
            class_name = self._class_name(int(table.class_id[row]))
            self._primary[row] = self._number(key_of(table.identity[row], class_name, self.chain))
            self._secondary[row] = self._number(Key("class", class_name) if class_name else OTHER)
        if len(self._keys) > 4 * table.capacity:
            self._forget_unused(np.flatnonzero(table.alive | table.dead))

    def admit(self, members: Rows, time_ns: int) -> None:
        """Open the groups that processes which are rolled up now call for."""
        self._open_shared(self._primary[members], time_ns)
        left = members[self._slots()[self._primary[members]] == NONE]
        self._open_shared(self._secondary[left], time_ns)

    def locate(self, rows: Rows) -> Ints:
        """The slot of each row's group; NONE where only `other` is left for it."""
        slots = self._slots()
        first = slots[self._primary[rows]]
        left = first == NONE
        first[left] = slots[self._secondary[rows[left]]]
        return first

    def ensure(self, key: Key, time_ns: int) -> Group:
        group = self.open.get(key)
        if group is None:
            self._made += 1
            if not self._free:
                self._free.append(self.totals.shape[1])
                self.totals = np.pad(self.totals, ((0, 0), (0, 1)))
            group = self.open[key] = Group(self._made, self._free.pop(), key, time_ns)
            self.totals[:, group.slot] = 0
            self._slot_of = None
        return group

    def retire(self, populated: Iterable[int], now: float) -> list[Group]:
        """Groups that have been empty for the hold time end; their slots are free after this export."""
        living, ended = set(populated), []
        for group in list(self.open.values()):
            if group.slot in living:
                group.empty_since = None
            elif group.empty_since is None:
                group.empty_since = now
            elif now - group.empty_since >= self.hold:
                ended.append(self.open.pop(group.key))
                self._free.append(group.slot)
                self._slot_of = None
        return ended

    def _open_shared(self, numbers: NDArray[np.int64], time_ns: int) -> None:
        """Open groups for keys that enough members share, the largest first, as long as there is room."""
        if not numbers.size:
            return
        counts = np.bincount(numbers, minlength=len(self._keys))
        enough = counts >= self.members
        if KERNEL in self._numbers:
            enough[self._numbers[KERNEL]] = counts[self._numbers[KERNEL]] > 0
        closed = (enough & (self._slots()[:-1] == NONE)).nonzero()[0].tolist()
        if not closed:
            return
        wanted = [(self._keys[at] != KERNEL, -int(counts[at]), self._keys[at]) for at in closed]
        wanted = [one for one in wanted if one[-1] != OTHER]
        room = self.limit - RESERVED - len(self.open.keys() - {OTHER, DROPPED})
        for _, _, key in sorted(wanted)[: max(room, 0)]:
            self.ensure(key, time_ns)

    def _slots(self) -> Ints:
        """Slot by key number; NONE where the key has no open group."""
        if self._slot_of is None:
            self._slot_of = np.full(len(self._keys) + 1, NONE, np.int64)
            for key, group in self.open.items():
                if key in self._numbers and key not in {OTHER, DROPPED}:
                    self._slot_of[self._numbers[key]] = group.slot
        return self._slot_of

    def _number(self, key: Key) -> int:
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._keys)
            self._keys.append(key)
            self._slot_of = None
        return found

    def _forget_unused(self, rows: Rows) -> None:
        """Names of processes that are long gone must not fill the memory."""
        old, self._keys, self._numbers = self._keys, [], {}
        for column in (self._primary, self._secondary):
            for row in rows.tolist():
                column[row] = self._number(old[column[row]])

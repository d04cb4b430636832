"""Whether a trail is whole: every entry as it was written, none missing, none added.

What can be proved from the files alone: no entry was edited, moved, removed from the middle or cut off the
end by somebody who left the head as it was. Whoever may write everything in the directory can write the whole
chain anew from any entry on, head included; against that stand the copies elsewhere (an object store that
locks objects), and the hash of the head in the agent's log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.audit.entry import FIRST, BrokenEntryError, Entry, read
from nrdot.audit.trail import HEAD, Head, pieces, read_head
from nrdot.errors import AuditFailure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nrdot.audit.disk import Disk


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is wrong."""

    file: str
    line: int  # counted from 1; 0 where it is not about a line
    number: int  # of the entry that is broken or missing
    what: str


@dataclass(frozen=True, slots=True)
class Verification:
    entries: int
    first: int  # number of the oldest entry; 0 where there is none
    last: int
    hash: str  # of the last one
    retired: int  # entries that retention removed and signed off
    fault: Fault | None

    @property
    def whole(self) -> bool:
        return self.fault is None


class _BrokenError(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.what)
        self.fault = fault


def verify(directory: Path, disk: Disk, *, copy: bool = False) -> Verification:
    """Read everything. A copy has no head, so where it ends cannot be proved.

    Raises AuditFailure where the directory cannot be read.
    """
    walk = _Walk()
    fault: Fault | None = None
    try:
        head = None if copy else read_head(directory, disk)  # before the entries: an agent may be writing
        try:
            for path, position, line in _lines(directory, disk):
                walk.step(str(path), position, line)
            walk.finish()
            if not copy:
                walk.compare(str(directory / HEAD), head)
        except _BrokenError as error:
            fault = error.fault
    except OSError as error:
        raise AuditFailure(f"{directory}: the audit trail cannot be read: {error.strerror}") from None
    last = walk.last
    return Verification(
        entries=walk.count,
        first=walk.first.number if walk.first else 0,
        last=last.number if last else 0,
        hash=last.hash if last else FIRST,
        retired=walk.first.number - 1 if walk.first else 0,
        fault=fault,
    )


def entries(directory: Path, disk: Disk) -> Iterator[Entry]:
    """Every entry that can be read, in order. Raises AuditFailure."""
    try:
        for _, _, line in _lines(directory, disk):
            try:
                yield read(line)
            except BrokenEntryError:
                continue  # `verify` is there to say so
    except OSError as error:
        raise AuditFailure(f"{directory}: the audit trail cannot be read: {error.strerror}") from None


def _lines(directory: Path, disk: Disk) -> Iterator[tuple[Path, int, bytes]]:
    for path in pieces(directory, disk):
        try:
            data = disk.read(path)
        except FileNotFoundError:  # retention took it meanwhile
            continue
        for position, line in enumerate(data.split(b"\n"), start=1):
            if line:
                yield path, position, line


class _Walk:
    """Along the chain, link by link."""

    def __init__(self) -> None:
        self.first: Entry | None = None
        self.last: Entry | None = None
        self.count = 0
        self._beginning: tuple[str, int] = ("", 0)
        self._passed: dict[int, str] = {}  # number: hash, to know what the head speaks of
        self._signed: dict[int, str] = {}  # what retention dropped through, and the hash of that entry

    def step(self, file: str, position: int, line: bytes) -> None:
        before = self.last
        wanted = before.number + 1 if before else 0
        try:
            entry = read(line)
        except BrokenEntryError as error:
            raise _BrokenError(Fault(file, position, wanted or 1, str(error))) from None
        if before is None:
            self.first, self._beginning = entry, (file, position)
        elif self._passed.get(entry.number) == entry.hash:
            return  # the same entry again: copies may overlap
        elif entry.number != wanted:
            what = f"entry {wanted} is missing: entry {entry.number} stands in its place"
            raise _BrokenError(Fault(file, position, wanted, what))
        elif entry.content["previous_hash"] != before.hash:
            what = f"it does not follow entry {before.number}: that one was replaced"
            raise _BrokenError(Fault(file, position, entry.number, what))
        self._passed[entry.number] = entry.hash
        dropped = entry.content.get("dropped")
        if entry.content["change_type"] == "retention" and isinstance(dropped, dict):
            self._signed[dropped.get("through", 0)] = dropped.get("hash", "")
        self.last = entry
        self.count += 1

    def finish(self) -> None:
        """Whether what lies before the first entry was signed off. Raises _BrokenError."""
        first, (file, position) = self.first, self._beginning
        if first is None:
            return
        before, digest = first.number - 1, first.content["previous_hash"]
        if before == 0 and digest != FIRST:
            raise _BrokenError(Fault(file, position, 1, "it is not the first entry"))
        # Pieces go one after the other, so some that were signed off may still be here.
        signed = before == 0 or any(
            signature == (digest if through == before else self._passed.get(through))
            for through, signature in self._signed.items()
            if through >= before
        )
        if not signed:
            many = "entry 1 is" if before == 1 else f"entries 1 to {before} are"
            what = f"{many} missing, and no retention entry signs them off"
            raise _BrokenError(Fault(file, position, 1, what))

    def compare(self, file: str, head: Head | None) -> None:
        """Whether the trail ends where its head says. Raises _BrokenError."""
        last = self.last.number if self.last else 0
        if head is None or head.count < 0:
            if last == 0:
                return
            words = "is missing" if head is None else "cannot be read"
            what = f"the head {words}, so nobody can tell whether entry {last} is the last"
            raise _BrokenError(Fault(file, 0, last + 1, what))
        if head.count > last:
            what = f"entry {last + 1} is missing: the head knows of {head.count}, so the end was cut off"
            raise _BrokenError(Fault(file, 0, last + 1, what))
        if head.count and self._passed.get(head.count, head.hash) != head.hash:
            raise _BrokenError(Fault(file, 0, head.count, "it is not the entry that the head knows"))
        if last > head.count + 1:  # one may be on its way
            what = f"it was never acknowledged: the head knows of {head.count}"
            raise _BrokenError(Fault(file, 0, head.count + 2, what))

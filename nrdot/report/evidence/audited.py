"""What the audit trails say of a window: whether they are whole, which rules were changed, who got a verdict.

A host's trail lies beside its ledger. A folder of many hosts may hold a trail for each.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from nrdot.audit.disk import Disk
from nrdot.audit.trail import FOLDER, HEAD
from nrdot.audit.verify import entries, verify
from nrdot.errors import NrdotError
from nrdot.report.evidence.queries import stamp
from nrdot.report.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nrdot.audit.entry import Entry
    from nrdot.report.evidence.queries import Window

DEPTH = 3  # folders below that of a fleet in which a trail is looked for
NAMED = 3  # changes that one line names before it counts
NEVER_ABSENT = frozenset({"score", "process"})  # keys that every class, or every override, has


@dataclass(frozen=True, slots=True)
class Change:
    """One key of the configuration that got another value."""

    at: int  # Unix seconds
    key: str
    old: Any
    new: Any
    who: str

    @property
    def when(self) -> str:
        return f"on {stamp(self.at)} by {self.who}"


@dataclass(slots=True)
class Audited:
    lines: list[str] = field(default_factory=list)  # one for each trail
    changes: list[Change] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)  # that the trails note, by class
    names: set[str] = field(default_factory=set)  # of processes with such a verdict

    def changed(self, prefix: str) -> list[str]:
        """Evidence of what became of one rule in the window, the newest changes first."""
        found = sorted((one for one in self.changes if one.key.startswith(prefix)), key=lambda one: -one.at)
        told = [words for _, at_once in groupby(found, _entry) for words in _told(list(at_once), prefix)]
        if not told:
            return []
        more = f" and {counted(len(told) - NAMED, 'more change')}" if len(told) > NAMED else ""
        return [f"changed in the window: {'; '.join(told[:NAMED])}{more}"]


def _entry(change: Change) -> tuple[int, str]:
    return change.at, change.who


def _told(at_once: list[Change], prefix: str) -> list[str]:
    """What one entry of the trail says of a rule; one that is new, or gone, is not told key by key."""
    for one in at_once:
        if one.key.removeprefix(prefix) in NEVER_ABSENT and None in {one.old, one.new}:
            return [f"{'written' if one.old is None else 'taken out'} {one.when}"]
    return [
        f"{one.key.removeprefix(prefix)} {_shown(one.old)} to {_shown(one.new)} {one.when}" for one in at_once
    ]


def trails(ledger: Path) -> list[Path]:
    """Of one host the trail beside its ledger, of a fleet all within its folder."""
    beside = ledger.parent / FOLDER
    if ledger.name == "ledger" and beside.is_dir():
        return [beside]
    patterns = ("/".join(["*"] * depth + [FOLDER]) for depth in range(DEPTH))
    return sorted(path for pattern in patterns for path in ledger.glob(pattern) if path.is_dir())


def audited(ledger: Path, window: Window) -> Audited:
    found = Audited()
    places = trails(ledger)
    for place in places:
        found.lines.append(f"audit trail{f' {place}' if len(places) > 1 else ''}: {_state(place, window)}")
        try:
            for entry in entries(place, Disk()):
                _take(found, entry, window)
        except NrdotError:
            continue  # its line says so already
    if not places:
        found.lines.append(f"audit trail: none beside {ledger}; `auditLog` in the configuration keeps one")
    return found


def _state(place: Path, window: Window) -> str:
    try:
        proof = verify(place, Disk(), copy=not (place / HEAD).exists())
        inside = sum(
            window.since <= entry.time_ns // 10**9 < window.until for entry in entries(place, Disk())
        )
    except NrdotError as error:
        return str(error)
    if proof.fault is not None:
        fault = proof.fault
        return f"BROKEN at entry {fault.number} ({fault.file}:{fault.line}): {fault.what}"
    entry = "1 entry" if proof.entries == 1 else f"{proof.entries:,} entries"
    return f"{entry}, each chained to the one before, {inside:,} in the window; head {proof.hash[:16]}"


def _take(found: Audited, entry: Entry, window: Window) -> None:
    said, at = entry.content, entry.time_ns // 10**9
    if not window.since <= at < window.until:
        return
    for verdict in said.get("verdicts") or ():
        found.verdicts[verdict.get("class", "")] += 1
        found.names.add(verdict.get("name", ""))
    found.changes += _changes(said, at)


def _changes(said: Mapping[str, Any], at: int) -> Iterator[Change]:
    """The first configuration of all changes nothing."""
    before, after = said.get("previous_value"), said.get("new_value")
    if not said.get("previous_configuration") or not isinstance(before, dict) or not isinstance(after, dict):
        return
    who = str(said.get("user") or "unknown")
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old != new:
            yield Change(at, key, old, new, who)


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)

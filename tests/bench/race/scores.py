"""What a contestant reached in its turns: what it cost, what it sent, and how much CPU that shows of whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from exports import Reader

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from exports import Look, Owner
    from plan import Cell
    from receiver import Arrival


@dataclass(frozen=True, slots=True)
class Turn:
    """What was seen from outside while one contestant was at work."""

    resumed: float
    begin: float
    end: float
    ticks: int
    cpu: int  # nanoseconds
    resident: int
    processes: int
    before: Mapping[int, int]  # CPU of every process in nanoseconds, by pid
    after: Mapping[int, int]

    def of(self, pid: int) -> float:
        """Seconds of CPU that a process used in it."""
        return (self.after.get(pid, 0) - self.before.get(pid, 0)) / 1e9


class Share(NamedTuple):
    """Seconds of CPU, and of how many."""

    part: float
    whole: float


@dataclass(slots=True)
class Scores:
    """One value a round."""

    cpu: list[float] = field(default_factory=list)  # microseconds for each process and tick
    resident: list[int] = field(default_factory=list)
    points: list[float] = field(default_factory=list)  # a tick
    wire: list[float] = field(default_factory=list)  # bytes a tick
    size: list[float] = field(default_factory=list)  # the same without compression
    named: list[Share] = field(default_factory=list)  # of the tree's CPU, what single processes show
    shown: list[Share] = field(default_factory=list)  # of all CPU, what any series shows
    series: int = 0


def judged(
    turns: Sequence[Turn],
    arrivals: Sequence[Arrival],
    cell: Cell,
    harness: Mapping[int, str],
    names: Mapping[int, str],
) -> Scores:
    """`harness` are the contestants and the receiver, which are not of the tree; `names` are the tree's."""
    scores, reader, series = Scores(), Reader(cell.interval), set()
    for arrival in arrivals:
        reader.define(arrival)
    for one in turns:
        reader.forget()
        seen = [reader.read(arrival) for arrival in arrivals if one.resumed <= arrival.at <= one.end]
        counted = [look for look in seen if look.at > one.begin]
        series.update(*(look.series for look in counted))
        scores.cpu.append(one.cpu / 1000 / one.ticks / one.processes)
        scores.resident.append(one.resident)
        scores.points.append(sum(look.points for look in counted) / one.ticks)
        scores.wire.append(sum(look.wire for look in counted) / one.ticks)
        scores.size.append(sum(look.size for look in counted) / one.ticks)
        scores.named.append(Share(covered(one, counted, harness, names), spent(one, harness)))
        scores.shown.append(Share(shown(one, counted, harness), spent(one, harness)))
    scores.series = len(series)
    return scores


def covered(
    one: Turn, counted: Sequence[Look], harness: Mapping[int, str], names: Mapping[int, str]
) -> float:
    """Seconds of CPU of those processes of the tree that have a series of their own.

    By the kernel's clock, because what is exported counts in hundredths of a second, of which the least busy
    use a part; for those that ended within the turn, and for groups of one under a name of the contestant's
    own, by what was exported.
    """
    pids = {name: pid for pid, name in names.items()}
    by_clock, by_export = set(), 0.0
    for look in counted:
        for owner, seconds in look.used.items():
            if not owner.alone or stranger(owner, harness):
                continue
            pid = owner.pid or pids.get(owner.name, 0)
            if pid in one.after:
                by_clock.add(pid)
            else:
                by_export += seconds
    return by_export + sum(one.of(pid) for pid in by_clock)


def shown(one: Turn, counted: Sequence[Look], harness: Mapping[int, str]) -> float:
    """Seconds of CPU of the tree in any series: the harness is taken out, of groups too."""
    used = [of_owner for look in counted for of_owner in look.used.items()]
    alone = {found for owner, _ in used if owner.alone for found in strangers(owner, harness)}
    total = sum(seconds for owner, seconds in used if not (owner.alone and stranger(owner, harness)))
    grouped = any(not owner.alone for owner, _ in used)
    return total - (sum(one.of(pid) for pid in harness.keys() - alone) if grouped else 0.0)


def stranger(owner: Owner, harness: Mapping[int, str]) -> bool:
    return bool(strangers(owner, harness))


def strangers(owner: Owner, harness: Mapping[int, str]) -> list[int]:
    """Which of the harness an owner is."""
    return [pid for pid, name in harness.items() if (owner.pid == pid if owner.pid else owner.name == name)]


def spent(one: Turn, without: Container[int]) -> float:
    """Seconds of CPU in a turn."""
    return sum(one.of(pid) for pid in one.after.keys() | one.before.keys() if pid not in without)

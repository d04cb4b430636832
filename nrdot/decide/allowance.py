"""The points that a host's exports may come to, as a share of what every process would send.

Each export earns its share and pays for what was really sent: zeros that begin series, markers that end them,
groups. What is saved at one may be spent at a later one, within twenty minutes. Only coverage has to keep to
it: whoever is kept for a reason of its own is paid for, and coverage gets by with what is left.
"""

from __future__ import annotations

MEMORY_SECONDS = 1200.0
FEWEST = 300  # processes; a smaller host has the points of one so large, because it costs little anyway
# What a process costs until the end of the next export: it begins between two, and is in both.
BEGINS = 2
# Of what an export earns, for those who go on even where nothing is saved. Else they were given up for those
# who begin, who cost more and would be given up next.
STEADY = 0.8
# Of what an export earns, lent at the start, when all series begin at once; given back within the memory.
LENT = 0.15
UNLIMITED = 1 << 40


class Allowance:
    """Counts points. A share of 1 is no limit."""

    def __init__(self, share: float = 1.0, *, points: int = 1, export_interval: float = 60.0) -> None:
        """`points` of a process that is kept, at each export."""
        self.unlimited = share >= 1
        self._share = share
        self._points = max(points, 1)
        self._exports = max(MEMORY_SECONDS / max(export_interval, 1.0), 1.0)
        self._due = share * FEWEST * self._points  # what an export earns
        self._saved = self._owed = LENT * self._due
        self._kept = 0  # processes, at the last export
        self._paid = 0  # for the last export and since

    def adopt(self, other: Allowance) -> None:
        """Go on with what another one, which this one replaces, has saved; without a limit nobody saves."""
        if other.unlimited:
            return
        self._saved, self._owed = other._saved, other._owed
        self._kept, self._paid = other._kept, other._paid

    def earn(self, processes: int) -> None:
        """An export of so many living processes is due."""
        self._due = self._share * max(processes, FEWEST) * self._points
        back = min(self._owed, LENT * self._due / self._exports)
        self._owed -= back
        self._saved = min(self._saved + self._due - back, self._exports * self._due)

    def places(self) -> int:
        """Processes that this export can pay for, where all else costs about what it did before.

        Not asked where there is no limit.
        """
        beside = max(self._paid - self._kept * self._points, 0)
        return int(max(self._saved - beside, STEADY * self._due) // self._points)

    def settle(self, kept: int) -> None:
        """The export keeps so many processes; what it costs is paid next."""
        self._kept, self._paid = kept, 0

    def pay(self, points: int) -> None:
        """Points were sent, at an export or between two."""
        self._saved -= points
        self._paid += points

    def newcomers(self) -> int:
        """Processes that may begin between two exports."""
        if self.unlimited:
            return UNLIMITED
        return max(int(self._saved // (BEGINS * self._points)), 0)

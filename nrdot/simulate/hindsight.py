"""Past incidents as a test of a profile: whether whoever looked would have seen the process.

An incident is seen where a process of its services has series of its own at the incident's time or within
`AFTERMATH` after it: that is when people look. Incidents outside the capture, and those of services that no
process answers to at that time, are nobody's fault and are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nrdot.stages import Verdict

if TYPE_CHECKING:
    from nrdot.pipeline import Tick
    from nrdot.score.incidents import IncidentPart

AFTERMATH = 300  # seconds
_SECOND = 1_000_000_000


@dataclass(slots=True)
class Hindsight:
    """Looks at each tick of a replay."""

    incidents: IncidentPart
    present: set[int] = field(default_factory=set)  # incidents of which a process was there
    seen: set[int] = field(default_factory=set)
    _exported: bool = False
    _first_ns: int = 0

    def look(self, tick: Tick) -> None:
        batch, table = tick.batch, tick.batch.table
        self._first_ns = self._first_ns or batch.time_ns
        self._exported = self._exported or tick.frame is not None
        now = batch.time_ns
        current = {
            index
            for index, time_ns in enumerate(self.incidents.times.tolist())
            if self._first_ns <= time_ns <= now <= time_ns + AFTERMATH * _SECOND
        }
        waiting = current - self.seen
        # Before the first export there is nothing that anybody could look at.
        if not waiting or not self._exported:
            return
        for row in batch.living.tolist():
            found = self.incidents.matching(table.identity[row]) & waiting
            self.present |= found
            if found and table.verdict[row] == Verdict.KEEP:
                self.seen |= found

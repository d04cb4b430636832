"""The verdicts of processes whose class asks for `full_audit_trail`: each change goes to the audit trail.

One entry for an export at which something changed. An entry names at most `NAMED` changes and an hour at most
`HOURLY`; what is more is counted in the entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nrdot.stages import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nrdot.agent.wire import Stages
    from nrdot.batch import Rows, Table
    from nrdot.clock import Clock
    from nrdot.config.settled.configuration import Configuration
    from nrdot.pipeline import Tick

NAMED = 100
HOURLY = 1000
HOUR = 3600.0
SPECIAL = "full_audit_trail"


class VerdictTrail:
    """Watches each export; `use` whenever stages are new. What it knows of processes stays."""

    def __init__(self, note: Callable[[Mapping[str, Any]], None], clock: Clock) -> None:
        self._note = note
        self._clock = clock
        self._stages: Stages | None = None
        self._known: dict[tuple[int, int], int] = {}  # verdict by pid and start
        self._hour = clock.monotonic()
        self._named = 0
        self._counted = 0  # changes that no entry has named

    def use(self, configuration: Configuration, stages: Stages) -> None:
        classes = configuration.settings.process_classification.values()
        asked = any(rule.special_handling.full_audit_trail for rule in classes)
        self._stages = stages if asked else None

    def __call__(self, tick: Tick) -> None:
        if self._stages is None or tick.frame is None or not tick.frame.whole:
            return
        table = tick.batch.table
        marked = self._stages.scorer.patterns.handled(SPECIAL, table.capacity)[: table.capacity]
        rows = np.flatnonzero(marked & table.alive)
        changes = self._changes(table, rows)
        if changes or self._counted:
            self._write(changes)

    def _changes(self, table: Table, rows: Rows) -> list[dict[str, Any]]:
        known: dict[tuple[int, int], int] = {}
        changes = []
        for row in rows.tolist():
            key = (int(table.pid[row]), int(table.start[row]))
            now, before = int(table.verdict[row]), self._known.get(key)
            known[key] = now
            if now != before:
                changes.append(self._described(table, row, before))
        self._known = known
        return changes

    def _described(self, table: Table, row: int, before: int | None) -> dict[str, Any]:
        names = self._stages.scorer.patterns.class_names if self._stages else ()
        return {
            "pid": int(table.pid[row]),
            "started": int(table.born_ns[row]),
            "name": table.identity[row].name,
            "class": names[int(table.class_id[row])],
            "previous_value": None if before is None else Verdict(before).name,
            "new_value": Verdict(int(table.verdict[row])).name,
            "reason": Reason(int(table.reason[row])).name.lower(),
        }

    def _write(self, changes: list[dict[str, Any]]) -> None:
        now = self._clock.monotonic()
        if now - self._hour >= HOUR:
            self._hour, self._named = now, 0
        named = changes[: max(min(NAMED, HOURLY - self._named), 0)]
        self._counted += len(changes) - len(named)
        if not named:
            return
        self._named += len(named)
        more = {"not_named": self._counted} if self._counted else {}
        self._counted = 0
        self._note({"change_type": "verdict", "user": "nrdot", "verdicts": named, **more})

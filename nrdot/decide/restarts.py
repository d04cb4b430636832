"""Services that restart in a loop.

A service is a name within an owner (unit or container) of which some process has lived longer than the
warm-up; a job that cron starts every minute never becomes one. It loops when within ten minutes it is born
at least so many times as many of it live, times the number that the configuration names: a pool of workers
that renews a few is no loop.

Of a loop one process in two minutes is told: each has series of its own for as long as it lives, and a loop
of many short lives would spend the budget that the next anomaly needs.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nrdot.batch import Batch, Identity, Table

WINDOW = 600.0  # seconds
REPEAT = 120.0  # seconds between two rows that are told of one loop
FORGOTTEN = 86400.0  # seconds after which a service without a process is forgotten


class Loop(NamedTuple):
    """Births of a service within the window, and how many were to be expected at most."""

    births: int
    allowed: int


class _Service:
    __slots__ = ("alive", "births", "seen", "settled", "told")

    def __init__(self) -> None:
        self.alive = 0
        self.births: deque[float] = deque()
        self.settled = False  # some process of it lived longer than the warm-up
        self.seen = 0.0
        self.told = -REPEAT  # when a row of its loop was told last


class Restarts:
    """Counts births by service; work is done for births and deaths only."""

    def __init__(self, restarts: int, settle: float) -> None:
        self._restarts = restarts
        self._settle = settle
        self._services: dict[tuple[str, str], _Service] = {}
        # By row: the service of its process, and since when it is known.
        self._of_row: list[_Service | None] = []
        self._since: list[float] = []
        self._pruned = 0.0

    def adopt(self, other: Restarts) -> None:
        self._services, self._pruned = other._services, other._pruned
        self._of_row, self._since = other._of_row, other._since

    def observe(self, batch: Batch, now: float) -> dict[int, Loop]:
        """Rows that were born at this sample into a loop of which none was told just now."""
        if (more := batch.table.capacity - len(self._of_row)) > 0:
            self._of_row += [None] * more
            self._since += [now] * more
        self._bury(batch.died.tolist(), now)
        looping = {}
        for row in batch.born.tolist():
            service = self._enter(batch.table, row, now)
            if batch.first or batch.table.found[row]:
                continue
            service.births.append(now)
            while service.births[0] < now - WINDOW:
                service.births.popleft()
            allowed = self._restarts * max(service.alive, 1)
            if service.settled and len(service.births) >= allowed and now - service.told >= REPEAT:
                service.told = now
                looping[row] = Loop(len(service.births), allowed - 1)
        if now - self._pruned > WINDOW:
            self._prune(now)
        return looping

    def _enter(self, table: Table, row: int, now: float) -> _Service:
        key = _key(table.identity[row])
        service = self._services.setdefault(key, _Service())
        service.alive += 1
        self._of_row[row], self._since[row] = service, now
        return service

    def _bury(self, rows: Iterable[int], now: float) -> None:
        for row in rows:
            service, self._of_row[row] = self._of_row[row], None
            if service is not None:
                service.alive -= 1
                service.seen = now
                service.settled = service.settled or now - self._since[row] >= self._settle

    def _prune(self, now: float) -> None:
        self._pruned = now
        gone = [key for key, one in self._services.items() if not one.alive and now - one.seen > FORGOTTEN]
        unsettled = [key for key, one in self._services.items() if not one.alive and not one.settled]
        for key in {*gone, *unsettled}:
            del self._services[key]


def _key(identity: Identity) -> tuple[str, str]:
    owner = identity.owner
    return identity.name, owner.unit or owner.container or owner.pod_uid

"""What became of points, by destination: the growth of counters that buffers and drains keep anyway."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from nrdot.ledger.rows import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from nrdot.stages import Buffer, BufferStatistics


class DrainStatus(Protocol):
    @property
    def requests(self) -> Mapping[str, int]: ...
    @property
    def payload_bytes(self) -> int: ...
    @property
    def wire_bytes(self) -> int: ...


class Draining(Protocol):
    def status(self) -> DrainStatus: ...


class Destination(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def buffer(self) -> Buffer: ...
    @property
    def drain(self) -> Draining: ...


class Deliveries:
    """Remembers what it saw last; a destination counts from the first look at it."""

    def __init__(self) -> None:
        self._destinations: Sequence[Destination] = ()
        self._buffers: dict[int, BufferStatistics] = {}
        self._drains: dict[int, DrainStatus] = {}

    def use(self, destinations: Sequence[Destination], ahead: int = 0) -> None:
        """From now on these; `ahead` points were put already that belong to the next rows."""
        self._destinations = destinations
        # An id is used again once its object is gone.
        self._buffers = {
            id(to.buffer): self._buffers.get(id(to.buffer)) or _before(to.buffer, ahead)
            for to in destinations
        }
        self._drains = {
            id(to.drain): self._drains.get(id(to.drain)) or to.drain.status() for to in destinations
        }

    def close(self, common: dict[str, Any], ahead: int = 0) -> list[Outcome]:
        """A row for each destination; `common` are the fields of every row.

        `ahead` points were put already that belong to the next rows.
        """
        return [self._row(destination, common, ahead) for destination in self._destinations]

    def _row(self, to: Destination, common: dict[str, Any], ahead: int) -> Outcome:
        now, status = _before(to.buffer, ahead), to.drain.status()
        before, was = self._buffers[id(to.buffer)], self._drains[id(to.drain)]
        self._buffers[id(to.buffer)], self._drains[id(to.drain)] = now, status
        left = now.delivered + now.rejected + sum(now.dropped.values())
        return Outcome(
            **common,
            destination=to.name,
            points_produced=now.produced - before.produced,
            points_delivered=now.delivered - before.delivered,
            points_rejected=now.rejected - before.rejected,
            points_dropped=_grown(now.dropped, before.dropped),
            points_waiting=max(now.produced - left, 0),
            bytes_waiting=now.bytes,
            bytes_delivered=status.payload_bytes - was.payload_bytes,
            bytes_wire=status.wire_bytes - was.wire_bytes,
            requests=_grown(status.requests, was.requests),
        )


def _before(buffer: Buffer, ahead: int) -> BufferStatistics:
    now = buffer.statistics()
    return replace(now, produced=now.produced - ahead)


def _grown(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {key: more for key, count in now.items() if (more := count - before.get(key, 0))}

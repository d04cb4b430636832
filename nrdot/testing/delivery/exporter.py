"""A destination in memory: it takes what it is told to take, and remembers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.stages import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from nrdot.errors import ExportError

    Outcome = Delivery | ExportError
    Verdict = Callable[[bytes, int], Outcome]


class CapturingExporter:
    """Implements `stages.Exporter`. `verdict` answers each request; by default everything is taken."""

    def __init__(self, verdict: Verdict | None = None) -> None:
        self.verdict: Verdict = verdict or (lambda payload, _points: Delivery(wire_bytes=len(payload)))
        self.attempts: list[bytes] = []
        self.taken: list[bytes] = []
        self.closed = False

    def export(self, payload: bytes, points: int) -> Delivery:
        self.attempts.append(payload)
        outcome = self.verdict(payload, points)
        if not isinstance(outcome, Delivery):
            raise outcome
        self.taken.append(payload)
        return outcome

    def close(self) -> None:
        self.closed = True


def in_turn(*outcomes: Outcome) -> Verdict:
    """One outcome a request, the last one for ever."""
    waiting = list(outcomes)

    def verdict(_payload: bytes, _points: int) -> Outcome:
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return verdict

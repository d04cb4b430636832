"""Overrides that match nothing: said once, when the processes that they mean have had time to begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from nrdot.agent.wire import Stages
    from nrdot.pipeline import Tick

_log = Log("agent")

PATIENCE = 300.0  # seconds of sampling


class UnmatchedOverrides:
    """A watcher of the daemon's ticks. What was said is not said again after a reload."""

    def __init__(self) -> None:
        self._stages: Stages | None = None
        self._left = PATIENCE
        self._said: set[str] = set()

    def use(self, stages: Stages) -> None:
        """Other rules hold from now on."""
        self._stages = stages
        self._left = PATIENCE

    def __call__(self, tick: Tick) -> None:
        if self._stages is None:
            return
        self._left -= tick.batch.seconds
        if self._left > 0:
            return
        for one in self._stages.scorer.unmatched(tick.batch.table):
            if one.override.process not in self._said:
                self._said.add(one.override.process)
                _log.warning(str(one))
        self._stages = None

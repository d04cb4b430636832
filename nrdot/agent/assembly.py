"""What a configuration makes of the agent: stages, destinations, and what looks on beside them.

Made anew at the start, at each reload, and when the time itself changes the profile. What the parts before
have come to know goes on in the new ones: rows and groups, buffers, the ledger's minute.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.agent.beside.books import DIRECTORY, Bookkeeping
from nrdot.agent.beside.trim import Trim, give_back
from nrdot.agent.beside.unmatched import UnmatchedOverrides
from nrdot.agent.beside.unoptimized import UnoptimizedPoints
from nrdot.agent.beside.verdict_trail import VerdictTrail
from nrdot.agent.delivery.destinations import Destinations, keyring
from nrdot.agent.loop.daemon import Parts
from nrdot.agent.telling.selfmetrics import (
    SelfRecords,
    TickWatcher,
    observe_destinations,
    observe_ledger,
    observe_status,
)
from nrdot.agent.wire import build_stages, points_per_process
from nrdot.config.settled.intervals import exports_every
from nrdot.export.pace import offset
from nrdot.govern.course import course
from nrdot.telemetry.meters import Meters

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from nrdot.agent.node.node import Node
    from nrdot.agent.source import BegunSampler
    from nrdot.agent.telling.status import Status
    from nrdot.agent.wire import Stages
    from nrdot.clock import Clock
    from nrdot.config.settled.configuration import Configuration
    from nrdot.govern.auditor import Auditor
    from nrdot.govern.course import Course
    from nrdot.pipeline import Tick


class Assembly:
    """One agent's parts, made of one configuration after the other."""

    def __init__(
        self,
        sampler: BegunSampler,
        configuration: Configuration,
        *,
        clock: Clock,
        status: Status,
        auditor: Auditor,
    ) -> None:
        settings, host = configuration.settings, sampler.host
        state = Path(settings.agent.state_dir)
        resource = {"host.name": host.name, "host.id": host.id, "os.type": host.os} | settings.resource
        self.meters = Meters(resource, clock)
        self.destinations = Destinations(clock, state, resource, keyring(configuration))
        self.course: Course | None = None
        self._sampler = sampler
        self._clock = clock
        self._status = status
        self._auditor = auditor
        self._ledger = Bookkeeping(state / DIRECTORY)
        self._verdicts = VerdictTrail(auditor.note, clock)
        self._unmatched = UnmatchedOverrides()
        self._node: Node | None = None
        self._stages: Stages | None = None
        observe_status(self.meters, status)
        observe_ledger(self.meters, self._ledger.store)
        observe_destinations(self.meters, status, clock)

    def open(self, stack: ExitStack, configuration: Configuration) -> None:
        """What stays open for as long as the agent runs, and is closed in the opposite order."""
        stack.callback(self._ledger.close)
        settings = configuration.settings
        if settings.kubernetes is not None:
            from nrdot.agent.node.node import Node

            self._node = Node(settings.kubernetes, settings.agent.pushed, self._clock, self._status)
            stack.callback(self._node.close)
            self._ledger.listener = self._node.consumption

    def parts(
        self,
        stated: Configuration,
        now: Course | None = None,
        confirm: Callable[[], None] = lambda: None,
    ) -> Parts:
        """What a configuration makes of the agent, with what the one before has come to know.

        `now` is what its timetable says; the timetable is made where it is absent. `confirm` is called once
        everything is made, and may refuse it all.
        """
        host_id = self._sampler.host.id
        now = now or course(stated, host_id, self._clock.wall_ns())
        configuration = now.effective
        settings = configuration.settings
        # The destinations come last: what they open stays open, so nothing may fail behind them.
        stages = build_stages(
            configuration,
            self._clock,
            self._sampler,
            telemetry=SelfRecords(self.meters),
            first_export=offset(host_id, exports_every(settings, configuration.profile)),
            labels=self._node.sources if self._node else (),
        )
        destinations = self.destinations.use(configuration, confirm)
        stages.pipeline.buffers = [destination.buffer for destination in destinations]
        if self._stages is not None:
            stages.adopt(self._stages)
        self._ledger.use(configuration, stages, destinations, stated.revision, self._clock)
        self._verdicts.use(configuration, stages)
        self._unmatched.use(stages)
        if self._node is not None:
            self._node.use(configuration, stages)
        self._stages = stages
        self.course = now
        self._status.profile = now.document()
        return Parts(
            pipeline=stages.pipeline,
            destinations=destinations,
            interval=settings.agent.interval,
            cpu_budget=settings.agent.cpu_budget,
            revision=stated.revision,
            watchers=self._watchers(configuration),
        )

    def turned(self, parts: Parts) -> Parts:
        """Before each tick: what the timetable changes is made, and logged, as its minute comes."""
        before = self.course
        if before is None or (now := before.turned(self._clock.wall_ns())) is None:
            return parts
        if now.holding.effect != before.holding.effect:
            parts = self.parts(now.configuration, now)
        self.course = now
        self._status.profile = now.document()
        now.tell(before)
        if now.holding != before.holding:
            self._auditor.note(now.entry(before))
        return parts

    def _watchers(self, configuration: Configuration) -> list[Callable[[Tick], None]]:
        """What looks on after each tick."""
        return [
            TickWatcher(self._status),
            UnoptimizedPoints(
                self._status,
                points=points_per_process(configuration.profile),
                interval=configuration.settings.baseline.interval,
            ),
            self._verdicts,
            self._unmatched,
            self._tended,
            Trim(give_back),
            *([self._node] if self._node else []),
        ]

    def _tended(self, _tick: Tick) -> None:
        """What the trail could not take before, and what it has kept long enough."""
        self._auditor.tend()
        self._status.audit = self._auditor.document()

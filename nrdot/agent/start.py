"""From a configuration file to a running daemon, and from a changed file to the daemon's new parts."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.agent.books import Bookkeeping
from nrdot.agent.checks import load
from nrdot.agent.daemon import Daemon, Parts
from nrdot.agent.destinations import Destinations, keyring
from nrdot.agent.health import HealthServer
from nrdot.agent.intervals import exports_every
from nrdot.agent.notify import Notifier
from nrdot.agent.selfmetrics import SelfRecords, TickWatcher, observe_destinations, observe_status
from nrdot.agent.signals import Requests, signals
from nrdot.agent.state import StateDirectory
from nrdot.agent.status import Status
from nrdot.agent.timetable import course
from nrdot.agent.unoptimized import UnoptimizedPoints
from nrdot.agent.wire import build_stages, points_per_process
from nrdot.export.pace import offset
from nrdot.telemetry.log import Log, configure
from nrdot.telemetry.meters import Meters
from nrdot.telemetry.redact import Redaction

if TYPE_CHECKING:
    from nrdot.agent.source import Beginning
    from nrdot.agent.timetable import Course
    from nrdot.agent.wire import Stages
    from nrdot.clock import Clock
    from nrdot.config.configuration import Configuration

_log = Log("agent")


class Agent:
    """One agent from its first sample on. Raises ConfigError and StartError, and only before it runs."""

    def __init__(self, path: Path | None, beginning: Beginning, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._began = beginning.began
        self.configuration = beginning.configuration
        settings = self.configuration.settings
        self._sampler = beginning.sampler
        self._host_id = self._sampler.host.id
        self._status = Status(clock)
        resource = {
            "host.name": self._sampler.host.name,
            "host.id": self._host_id,
            "os.type": self._sampler.host.os,
        }
        self._meters = Meters(resource | settings.resource, clock)
        self._destinations = Destinations(
            clock, Path(settings.agent.state_dir), resource | settings.resource, keyring(self.configuration)
        )
        self._ledger = Bookkeeping(Path(settings.agent.state_dir))
        self._stages: Stages | None = None
        self._course: Course | None = None
        self._redaction = Redaction()

    def run(self, *, duration: float | None = None, once: bool = False) -> int:
        """The exit status."""
        settings, clock = self.configuration.settings, self._clock
        requests = Requests(clock)
        with ExitStack() as stack:
            writer = configure(
                sys.stderr,
                clock,
                level=settings.agent.log_level,
                form=settings.agent.log_format,
            )
            self._redaction = writer.redaction
            self._redaction.hide(_secrets(self.configuration))
            for problem in self.configuration.warnings:
                _log.warning(str(problem))
            state = StateDirectory(Path(settings.agent.state_dir))
            stack.callback(state.close)
            if state.warning:
                _log.warning(state.warning)
            observe_status(self._meters, self._status)
            observe_destinations(self._meters, self._status, clock)
            if settings.agent.listen and not once:
                health = HealthServer(settings.agent.listen, clock, self._status, self._meters.openmetrics)
                stack.callback(health.close)
            stack.callback(self._ledger.close)
            notifier = Notifier(os.environ, clock)
            stack.callback(notifier.close)
            stack.enter_context(signals(requests))
            daemon = Daemon(
                self._parts(self.configuration),
                clock=clock,
                requests=requests,
                status=self._status,
                notifier=notifier,
                reload=self._reload,
                transition=self._transition,
            )
            return daemon.once(self._began) if once else daemon.run(duration)

    def _load(self) -> Configuration:
        return load(self._path)

    def _parts(self, stated: Configuration, now: Course | None = None) -> Parts:
        """What a configuration makes of the agent, with what the one before has come to know.

        `now` is what its timetable says; the timetable is made where it is absent.
        """
        now = now or course(stated, self._host_id, self._clock)
        configuration = now.effective
        settings = configuration.settings
        before = self._stages
        # The destinations come last: what they open stays open, so nothing may fail behind them.
        stages = build_stages(
            configuration,
            self._clock,
            self._sampler,
            telemetry=SelfRecords(self._meters),
            first_export=offset(self._host_id, exports_every(settings, configuration.profile)),
        )
        destinations = self._destinations.use(configuration)
        stages.pipeline.buffers = [destination.buffer for destination in destinations]
        if before is not None:
            stages.adopt(before)
        self._ledger.use(configuration, stages, destinations, stated.revision)
        self._stages = stages
        self._course = now
        self._status.profile = now.document()
        return Parts(
            pipeline=stages.pipeline,
            destinations=destinations,
            interval=settings.agent.interval,
            cpu_budget=settings.agent.cpu_budget,
            revision=stated.revision,
            watchers=[
                TickWatcher(self._status),
                UnoptimizedPoints(
                    self._status,
                    points=points_per_process(configuration.profile),
                    interval=settings.baseline.interval,
                ),
                self._ledger,
            ],
        )

    def _transition(self, parts: Parts) -> Parts:
        """Before each tick: what the timetable changes is made, and logged, as its minute comes."""
        before = self._course
        if before is None or (now := before.turned(self._clock)) is None:
            return parts
        if now.holding.effect != before.holding.effect:
            parts = self._parts(self.configuration, now)
        self._course = now
        self._status.profile = now.document()
        now.tell(before)
        return parts

    def _reload(self, parts: Parts) -> Parts:
        """Between two ticks. A file that is bad raises, and the running parts stay."""
        configuration = self._load()
        self._destinations.use_keys(keyring(configuration))  # rotated, perhaps, under the same name
        if configuration.revision == self.configuration.revision:
            return parts
        self._redaction.hide([*_secrets(self.configuration), *_secrets(configuration)])
        fixed = [
            name
            for name in ("procfs", "state_dir", "listen")
            if _differs(self.configuration, configuration, name)
        ]
        if fixed:
            _log.warning("these settings change at the next start only", settings=", ".join(fixed))
        new = self._parts(configuration)
        self.configuration = configuration
        return new


def _differs(before: Configuration, after: Configuration, name: str) -> bool:
    return bool(getattr(before.settings.agent, name) != getattr(after.settings.agent, name))


def _secrets(configuration: Configuration) -> list[str]:
    """Values that no log line may show."""
    return [
        value
        for destination in configuration.settings.export
        if destination.otlp is not None
        for value in destination.otlp.headers.values()
    ]

"""From a configuration file to a running daemon, and from a changed file to the daemon's new parts.

    choose ─► weigh ─► make the parts ─► write it down ─► it takes effect
      ▲         │             │                 │
      │         └─────────────┴─────────────────┴──► refused: the parts before stay
    file, push, rollback, last good

`_enforced` goes this way from left to right, at the start and at each reload; `_transition` makes only the
parts anew, when the time itself changes the profile.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.agent.beside.books import DIRECTORY, Bookkeeping
from nrdot.agent.beside.trim import Trim, give_back
from nrdot.agent.beside.unmatched import UnmatchedOverrides
from nrdot.agent.beside.unoptimized import UnoptimizedPoints
from nrdot.agent.beside.verdict_trail import VerdictTrail
from nrdot.agent.delivery.destinations import Destinations, keyring
from nrdot.agent.loop.daemon import Daemon, Parts
from nrdot.agent.loop.notify import Notifier
from nrdot.agent.loop.signals import Requests, signals
from nrdot.agent.state import StateDirectory
from nrdot.agent.telling.selfmetrics import (
    SelfRecords,
    TickWatcher,
    observe_destinations,
    observe_ledger,
    observe_log,
    observe_status,
)
from nrdot.agent.telling.status import Status
from nrdot.agent.wire import build_stages, points_per_process
from nrdot.audit.disk import Disk
from nrdot.config.problem import InvalidConfigurationError
from nrdot.config.settled.intervals import exports_every
from nrdot.errors import AuditFailure, ConfigError, NrdotError
from nrdot.export.pace import offset
from nrdot.govern.auditor import Auditor
from nrdot.govern.choosing import Origin
from nrdot.govern.course import course
from nrdot.govern.watch import Watch
from nrdot.telemetry.log import Log, configure
from nrdot.telemetry.meters import Meters
from nrdot.telemetry.redact import Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nrdot.agent.node.node import Node
    from nrdot.agent.source import Beginning
    from nrdot.agent.wire import Stages
    from nrdot.clock import Clock
    from nrdot.config.settled.configuration import Configuration
    from nrdot.govern.auditor import Change
    from nrdot.govern.choosing import Choice
    from nrdot.govern.course import Course
    from nrdot.pipeline import Tick

_log = Log("agent")

SECOND = 1_000_000_000
AUDIT_PAUSE = 60  # seconds until a change that could not be written down is tried again


class Agent:
    """One agent from its first sample on. Raises ConfigError and StartError, and only before it runs."""

    def __init__(self, beginning: Beginning, clock: Clock) -> None:
        self._clock = clock
        self._began = beginning.began
        self._chooser = beginning.chooser
        self._choice = beginning.choice
        self.configuration = beginning.choice.configuration
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
        self._ledger = Bookkeeping(Path(settings.agent.state_dir) / DIRECTORY)
        kept = self._chooser.kept(settings)
        self._auditor = Auditor(Path(settings.agent.state_dir), self._host_id, kept, clock, Disk())
        self._verdicts = VerdictTrail(self._auditor.note, clock)
        self._unmatched = UnmatchedOverrides()
        self._watch = Watch(clock)
        self._node: Node | None = None
        self._stages: Stages | None = None
        self._course: Course | None = None
        self._redaction = Redaction()

    def run(self, *, duration: float | None = None, once: bool = False) -> int:
        """The exit status."""
        clock = self._clock
        requests = Requests(clock)
        with ExitStack() as stack:
            self._begin_log()
            self._open(stack, listen=not once)
            notifier = Notifier(os.environ, clock)
            stack.callback(notifier.close)
            stack.enter_context(signals(requests))
            daemon = Daemon(
                self._first_parts(),
                clock=clock,
                requests=requests,
                status=self._status,
                notifier=notifier,
                reload=self._reload,
                transition=self._transition,
                watch=self._watch,
            )
            return daemon.once(self._began) if once else daemon.run(duration)

    def _begin_log(self) -> None:
        agent = self.configuration.settings.agent
        writer = configure(sys.stderr, self._clock, level=agent.log_level, form=agent.log_format)
        observe_log(self._meters, writer)
        self._redaction = writer.redaction
        self._redaction.hide(_secrets(self.configuration))
        for problem in self.configuration.warnings:
            _log.warning(str(problem))

    def _open(self, stack: ExitStack, *, listen: bool) -> None:
        """What stays open for as long as the agent runs, and is closed in the opposite order."""
        settings, clock = self.configuration.settings, self._clock
        state = StateDirectory(Path(settings.agent.state_dir))
        stack.callback(state.close)
        if state.warning:
            _log.warning(state.warning)
        observe_status(self._meters, self._status)
        observe_ledger(self._meters, self._ledger.store)
        observe_destinations(self._meters, self._status, clock)
        if settings.agent.listen and listen:
            from nrdot.agent.telling.health import HealthServer  # with the library's server, nearly 1 MB

            health = HealthServer(settings.agent.listen, clock, self._status, self._meters.openmetrics)
            stack.callback(health.close)
        stack.callback(self._ledger.close)
        stack.callback(self._auditor.close)
        if settings.kubernetes is not None:
            from nrdot.agent.node.node import Node

            self._node = Node(settings.kubernetes, settings.agent.pushed, clock, self._status)
            stack.callback(self._node.close)
            self._ledger.listener = self._node.consumption

    def _first_parts(self) -> Parts:
        """What the first choice makes of the agent, or the last good one where it cannot be used."""
        try:
            return self._enforced(self._choice, starting=True)
        except (ConfigError, AuditFailure) as error:
            if self._choice.origin is Origin.ROLLBACK:
                self._chooser.gave_up(self._choice)
                return self._enforced(self._chooser.choose(), starting=True)
            instead = self._chooser.instead(str(error), self._choice.read)
            if self._choice.origin is Origin.LAST_GOOD or instead is None:
                raise
            return self._enforced(instead, starting=True)

    def _enforced(self, choice: Choice, *, starting: bool = False) -> Parts:
        """What a choice makes of the agent, once that is written down. What refuses it raises."""
        change = self._auditor.weigh(choice, starting=starting)
        parts = self._parts(choice.configuration, confirm=lambda: self._auditor.write(change))
        self._settle(change, show=True)
        if self._course is not None:
            self._auditor.holds(self._course)
        return replace(parts, trouble=choice.complaint)

    def _settle(self, change: Change, *, show: bool) -> None:
        """A choice has taken effect; `show` says where it is not the file's."""
        choice = change.choice
        self._choice, self.configuration = choice, choice.configuration
        self._auditor.settle(change)
        self._status.audit = self._auditor.document()
        watched = dict(choice.read)
        try:
            watched |= self._chooser.took_effect(choice)
        except OSError as error:
            words = error.strerror or type(error).__name__
            _log.error("the last good configuration cannot be kept for the next start", error=words)
        self._status.pushed = int(choice.pushed.header.revision) if choice.pushed else 0
        self._follow(watched)
        if show or choice.origin is not Origin.LAST_GOOD:
            self._status.origin = "" if choice.origin is Origin.FILE else choice.origin.value
        if show:
            _tell(choice)
        if choice.refusal is not None:
            self._auditor.refused(choice.refusal)

    def _parts(
        self,
        stated: Configuration,
        now: Course | None = None,
        confirm: Callable[[], None] = lambda: None,
    ) -> Parts:
        """What a configuration makes of the agent, with what the one before has come to know.

        `now` is what its timetable says; the timetable is made where it is absent. `confirm` is called once
        everything is made, and may refuse it all.
        """
        now = now or course(stated, self._host_id, self._clock.wall_ns())
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
            labels=self._node.sources if self._node else (),
        )
        destinations = self._destinations.use(configuration, confirm)
        stages.pipeline.buffers = [destination.buffer for destination in destinations]
        if before is not None:
            stages.adopt(before)
        self._ledger.use(configuration, stages, destinations, stated.revision, self._clock)
        self._verdicts.use(configuration, stages)
        self._unmatched.use(stages)
        if self._node is not None:
            self._node.use(configuration, stages)
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
                self._verdicts,
                self._unmatched,
                self._tended,
                Trim(give_back),
                *([self._node] if self._node else []),
            ],
        )

    def _transition(self, parts: Parts) -> Parts:
        """Before each tick: what the timetable changes is made, and logged, as its minute comes."""
        before = self._course
        if before is None or (now := before.turned(self._clock.wall_ns())) is None:
            return parts
        if now.holding.effect != before.holding.effect:
            parts = self._parts(self.configuration, now)
        self._course = now
        self._status.profile = now.document()
        now.tell(before)
        if now.holding != before.holding:
            self._auditor.note(now.entry(before))
        return parts

    def _reload(self, parts: Parts) -> Parts:
        """Between two ticks. A file that is bad raises, and the running parts stay."""
        try:
            choice = self._chooser.choose()
        except InvalidConfigurationError as error:
            self._follow({**self._choice.read, **error.read})
            raise
        try:
            return self._applied(choice, parts)
        except NrdotError as error:
            self._chooser.gave_up(choice)
            self._follow(choice.read, again=isinstance(error, AuditFailure))
            raise

    def _follow(self, read: Mapping[str, str], *, again: bool = False) -> None:
        """Watch these files, and the time at which a push ends, or at which to try `again`."""
        now, pushed = self._clock.wall_ns(), self._choice.pushed
        moments = [pushed.header.expires_ns] if pushed and pushed.header.expires_ns > now else []
        if again:
            moments.append(now + AUDIT_PAUSE * SECOND)
        self._watch.follow(read, min(moments, default=None))

    def _applied(self, choice: Choice, parts: Parts) -> Parts:
        """The parts of a choice; the same ones where it changes nothing that they depend on."""
        configuration, before = choice.configuration, self.configuration
        keys, keys_before = keyring(configuration), self._destinations.keys
        self._destinations.use_keys(keys)  # rotated, perhaps, under the same name
        if configuration.revision == before.revision and choice.contents == self._choice.contents:
            change = self._auditor.weigh(choice)
            self._auditor.write(change)
            self._settle(change, show=False)
            if choice.complaint:
                raise ConfigError(choice.complaint)
            return parts
        self._redaction.hide([*_secrets(before), *_secrets(configuration)])
        try:
            new = self._enforced(choice)
        except NrdotError:
            self._destinations.use_keys(keys_before)
            raise
        fixed = [name for name in ("procfs", "state_dir", "listen") if _differs(before, configuration, name)]
        if fixed:
            _log.warning("these settings change at the next start only", settings=", ".join(fixed))
        return new

    def _tended(self, _tick: Tick) -> None:
        """After each tick: what the trail could not take before, and what it has kept long enough."""
        self._auditor.tend()
        self._status.audit = self._auditor.document()


def _tell(choice: Choice) -> None:
    """Say loudly when it is not the file, or not what was pushed, that holds."""
    if choice.origin is Origin.LAST_GOOD:
        words = "the configuration is bad, the last good one holds until it is mended"
        _log.error(words, error=choice.trouble)
    elif choice.rollback is not None:
        wish = choice.rollback
        _log.warning("a rollback holds until the file changes", to=wish.to, asked_by=wish.user)
        if choice.trouble:
            _log.error("the configuration is bad", error=choice.trouble)
    if choice.refusal is not None:
        _log.error("what is pushed does not hold", error=choice.refusal.what)


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

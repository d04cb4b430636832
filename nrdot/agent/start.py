"""From a configuration file to a running daemon, and from a changed file to the daemon's new parts.

    choose ─► weigh ─► make the parts ─► write it down ─► it takes effect
      ▲         │             │                 │
      │         └─────────────┴─────────────────┴──► refused: the parts before stay
    file, push, rollback, last good

`_enforced` goes this way from left to right, at the start and at each reload; `assembly.py` makes the parts,
also anew when the time itself changes the profile.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.agent.assembly import Assembly
from nrdot.agent.delivery.destinations import keyring
from nrdot.agent.loop.daemon import Daemon, Parts
from nrdot.agent.loop.notify import Notifier
from nrdot.agent.loop.signals import Requests, signals
from nrdot.agent.state import StateDirectory
from nrdot.agent.telling.selfmetrics import observe_log
from nrdot.agent.telling.status import Status
from nrdot.audit.disk import Disk
from nrdot.config.problem import InvalidConfigurationError
from nrdot.errors import AuditFailure, ConfigError, NrdotError
from nrdot.govern.auditor import Auditor
from nrdot.govern.choosing import Origin
from nrdot.govern.watch import Watch
from nrdot.telemetry.log import Log, configure
from nrdot.telemetry.redact import Redaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.agent.source import Beginning
    from nrdot.clock import Clock
    from nrdot.config.settled.configuration import Configuration
    from nrdot.govern.auditor import Change
    from nrdot.govern.choosing import Choice

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
        state, host_id = Path(settings.agent.state_dir), beginning.sampler.host.id
        self._status = Status(clock)
        self._auditor = Auditor(state, host_id, self._chooser.kept(settings), clock, Disk())
        self._assembly = Assembly(
            beginning.sampler, self.configuration, clock=clock, status=self._status, auditor=self._auditor
        )
        self._watch = Watch(clock)
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
                transition=self._assembly.turned,
                watch=self._watch,
            )
            return daemon.once(self._began) if once else daemon.run(duration)

    def _begin_log(self) -> None:
        agent = self.configuration.settings.agent
        writer = configure(sys.stderr, self._clock, level=agent.log_level, form=agent.log_format)
        observe_log(self._assembly.meters, writer)
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
        if settings.agent.listen and listen:
            from nrdot.agent.telling.health import HealthServer  # with the library's server, nearly 1 MB

            health = HealthServer(
                settings.agent.listen, clock, self._status, self._assembly.meters.openmetrics
            )
            stack.callback(health.close)
        stack.callback(self._auditor.close)
        self._assembly.open(stack, self.configuration)

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
        parts = self._assembly.parts(choice.configuration, confirm=lambda: self._auditor.write(change))
        self._settle(change, show=True)
        if self._assembly.course is not None:
            self._auditor.holds(self._assembly.course)
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
        keys, keys_before = keyring(configuration), self._assembly.destinations.keys
        self._assembly.destinations.use_keys(keys)  # rotated, perhaps, under the same name
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
            self._assembly.destinations.use_keys(keys_before)
            raise
        fixed = [name for name in ("procfs", "state_dir", "listen") if _differs(before, configuration, name)]
        if fixed:
            _log.warning("these settings change at the next start only", settings=", ".join(fixed))
        return new


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

"""The agent while it runs: one loop that ticks, one thread for each destination that delivers.

    start ─► first tick ─► READY ─► wait ─► tick ─► budget ─┐ ─► last flush ─► drain ─► close
                                      ▲        reload ◄─────┤
                                      └─────────────────────┘

The loop is the main thread and the only one that touches the pipeline; a reload happens between two ticks.
From the first request to stop to the end it takes at most `EXIT` seconds, whatever the network does; what
was not delivered by then is in the buffers, which are closed in any case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nrdot.agent.delivery.drains import Drains
from nrdot.agent.loop.beat import Beat
from nrdot.agent.loop.budget import Budget
from nrdot.errors import NrdotError
from nrdot.telemetry.log import Log
from nrdot.telemetry.own import cpu_seconds, thread_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nrdot.agent.delivery.drains import Destination
    from nrdot.agent.loop.budget import Change
    from nrdot.agent.loop.notify import Notifier
    from nrdot.agent.loop.signals import Requests
    from nrdot.agent.telling.status import Status
    from nrdot.clock import Clock
    from nrdot.pipeline import Tick

_log = Log("agent")

EXIT = 10.0  # seconds from the first request to stop to the end
RESERVE = 2.0  # seconds of them for the threads and the disk
GLANCE = 5.0  # seconds; the loop turns at least this often, so that its stillness means something
ONCE = 1.0  # seconds between the two samples of --once
PROSPECT = 5.0  # seconds without a single record delivered after which waiting on is in vain
ONCE_PROSPECT = 12.0  # seconds; nobody asked us to hurry, so one whole request may time out
RELOAD_PAUSE = 1.0  # seconds between two looks at the configuration
RELOAD_ROOM = 0.5  # seconds before the next tick that a reload needs, until it is known better
TRANSITION_PAUSE = 60.0  # seconds until a change by schedule that failed is tried again


class Ticking(Protocol):
    """`pipeline.Pipeline`. StopIteration means that a replayed capture has ended."""

    def tick(self) -> Tick: ...

    def flush(self) -> Tick:
        """A tick at which everything is due, whatever the schedule says."""

    def glance(self) -> Tick | None:
        """In the place of a tick that is shed; None where nobody wants to be looked at all the same."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a configuration makes of the agent. What a reload leaves alone stays the same object."""

    pipeline: Ticking
    destinations: Sequence[Destination]
    interval: float  # seconds
    cpu_budget: float  # cores; 0 is no limit
    revision: str
    watchers: Sequence[Callable[[Tick], None]] = ()  # on the pipeline's thread, after each tick
    trouble: str = ""  # why what was asked for does not hold; empty when it does


class Watching(Protocol):
    """`govern.watch.Watch`."""

    def look(self) -> bool:
        """Whether there is something else to load. Cheap: it is asked at each turn of the loop."""

    def wait(self) -> float | None:
        """Seconds until it wants to be asked again; None for whenever."""


class Daemon:
    """`reload` gets the parts that run and returns the new ones; NrdotError keeps the old ones running.

    `transition` does the same before each tick, for what changes with time by itself.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        clock: Clock,
        requests: Requests,
        status: Status,
        notifier: Notifier,
        reload: Callable[[Parts], Parts],
        transition: Callable[[Parts], Parts],
        watch: Watching,
        cpu: Callable[[], float] = lambda: sum(cpu_seconds()),
    ) -> None:
        self._parts = parts
        self._clock = clock
        self._requests = requests
        self._status = status
        self._notifier = notifier
        self._reload = reload
        self._transition = transition
        self._watch = watch
        self._room = RELOAD_ROOM
        self._patient_until = clock.monotonic()  # after a transition that failed
        self._cpu = cpu
        self._drains = Drains(clock)
        self._budget = Budget(parts.cpu_budget, parts.interval)
        self._beat = Beat(clock, parts.interval)
        self._reloaded = clock.monotonic() - RELOAD_PAUSE
        status.config_error = parts.trouble
        self._show(parts)

    def run(self, duration: float | None = None) -> int:
        """Until asked to stop, the end of a capture, or `duration` seconds later; the exit status."""
        end = None if duration is None else self._clock.monotonic() + duration
        try:
            self._drains.use(self._parts.destinations)
            if self._tick():
                self._notifier.ready()
                self._say()
                places = ", ".join(one.place for one in self._parts.destinations)
                said = {"revision": self._parts.revision, "interval": self._parts.interval, "to": places}
                _log.info("the agent runs", **said)
                self._beat = Beat(self._clock, self._parts.interval)
                self._budget.observe(self._clock.monotonic(), self._cpu())
                self._loop(end)
            left = self._finish(PROSPECT, (self._requests.asked or self._clock.monotonic()) + EXIT - RESERVE)
            if not left and not self._requests.at_once.is_set():
                _log.info("the agent ends, and nothing waits to be delivered")
        finally:
            self._drains.close(RESERVE / 2)
        return 0

    def once(self, began: float) -> int:
        """Two samples, one export; status 1 where a destination did not take it in time.

        `began` is when the first of them was taken.
        """
        destinations = self._parts.destinations
        before = [to.buffer.statistics().delivered for to in destinations]
        try:
            self._drains.use(destinations)
            if self._tick():
                self._notifier.ready()
                self._clock.wait(self._requests.stopping, began + ONCE - self._clock.monotonic())
            left = self._finish(ONCE_PROSPECT, self._clock.monotonic() + 2 * ONCE_PROSPECT)
        finally:
            self._drains.close(RESERVE / 2)
        for to, earlier in zip(destinations, before, strict=True):
            points = to.buffer.statistics().delivered - earlier
            say, words = (_log.info, "exported once") if points else (_log.warning, "nothing was taken")
            say(words, destination=to.name, points_delivered=points, to=to.place)
        return 1 if left else 0

    def _loop(self, end: float | None) -> None:
        requests = self._requests
        while not requests.stopping.is_set():
            now = self._clock.monotonic()
            self._status.alive = now
            self._notifier.feed()
            if end is not None and now >= end:
                return
            turn = self._beat.take()
            self._status.ticks["late"] += turn.late
            self._status.ticks["shed"] += turn.shed
            if turn.late:
                _log.warning("ticks were skipped: the agent or the machine was busy", ticks=turn.late)
            if turn.run:
                self._turn_over()
                if not self._tick():
                    return
                self._shed(self._budget.observe(self._clock.monotonic(), self._cpu()))
            elif turn.glance and self._parts.pipeline.glance():
                self._drains.wake()
            if self._watch.look():
                requests.reload()
            if requests.reload_wanted() and self._until_reload() <= 0 and (turn.run or self._has_room()):
                self._renew()
            requests.wake.clear()
            if not requests.stopping.is_set():
                self._clock.wait(requests.wake, self._idle(end))

    def _idle(self, end: float | None) -> float:
        """Seconds until there is something to do."""
        waits = [self._beat.remaining(), GLANCE]
        if self._notifier.rhythm is not None:
            waits.append(self._notifier.rhythm)
        if end is not None:
            waits.append(end - self._clock.monotonic())
        if self._requests.reload_wanted() and self._has_room():
            waits.append(self._until_reload())
        look = self._watch.wait()
        if look is not None:
            waits.append(look)
        return max(min(waits), 0.0)

    def _tick(self) -> bool:
        """False at the end of a capture."""
        began = thread_seconds()
        try:
            tick = self._parts.pipeline.tick()
        except StopIteration:
            return False
        self._done(tick, thread_seconds() - began)
        return True

    def _done(self, tick: Tick, cpu: float) -> None:
        if tick.records:
            self._drains.wake()
        self._status.tick_cpu = cpu
        self._status.ticks["run"] += 1
        for watcher in self._parts.watchers:
            watcher(tick)

    def _shed(self, change: Change | None) -> None:
        if change is None:
            return
        self._beat.stretch = change.stretch
        self._status.interval = self._parts.interval * change.stretch
        used, limit = f"{change.cores:.2%} of one core", f"{change.limit:.2%}"
        fields = {"used": used, "budget": limit, "interval": self._status.interval}
        self._status.cadence = f"one tick in {change.stretch}: {used} used, the budget is {limit}"
        if change.stretch > change.before:
            _log.warning("the CPU budget is exceeded: ticks are shed", **fields)
        elif change.stretch == change.before:
            _log.error("the CPU budget cannot be kept: no more ticks are shed; raise it", **fields)
        else:
            self._status.cadence = f"one tick in {change.stretch}" if change.stretch > 1 else ""
            _log.info("the CPU budget has room again: fewer ticks are shed", **fields)
        self._say()

    def _turn_over(self) -> None:
        """What the time itself changes is changed between two ticks."""
        now = self._clock.monotonic()
        if now < self._patient_until:
            return
        try:
            parts = self._transition(self._parts)
        except NrdotError as error:
            self._patient_until = now + TRANSITION_PAUSE
            _log.error(
                "a change by schedule cannot be made, the configuration stays; tried again in a minute",
                error=str(error),
            )
        else:
            self._use(parts)

    def _until_reload(self) -> float:
        """Seconds; requests that come faster than this are one."""
        return self._reloaded + RELOAD_PAUSE - self._clock.monotonic()

    def _has_room(self) -> bool:
        """Whether a reload would be done before the next tick; else it comes right after that one."""
        return self._beat.remaining() > self._room

    def _renew(self) -> None:
        began = self._clock.monotonic()
        self._notifier.reloading()
        self._requests.take_reload()
        try:
            parts = self._reload(self._parts)
        except NrdotError as error:
            self._status.config_error = str(error)
            self._status.reloads["refused"] += 1
            _log.error("the configuration is refused, the last good one stays", error=str(error))
        else:
            outcome, trouble = ("unchanged", "") if parts is self._parts else ("applied", parts.trouble)
            self._use(parts)  # before anybody is told that it is
            self._status.config_error = trouble
            self._status.reloads[outcome] += 1
            _log.info(f"the configuration is {outcome}", revision=parts.revision)
        self._reloaded = self._clock.monotonic()
        self._room = max(RELOAD_ROOM, 2 * (self._reloaded - began))
        self._notifier.ready()
        self._say()

    def _use(self, parts: Parts) -> None:
        before, self._parts = self._parts, parts
        if parts is before:
            return
        self._drains.use(parts.destinations)
        if (parts.interval, parts.cpu_budget) != (before.interval, before.cpu_budget):
            self._beat = Beat(self._clock, parts.interval)
            self._budget = Budget(parts.cpu_budget, parts.interval)
            self._budget.observe(self._clock.monotonic(), self._cpu())
            self._status.cadence = ""
        self._show(parts)

    def _finish(self, prospect: float, deadline: float) -> int:
        """The last export, and as much delivery as the time allows; the number of records left."""
        self._status.stopping = True
        self._notifier.stopping()
        requests = self._requests
        if requests.at_once.is_set():
            _log.warning("asked twice to stop: nothing more is waited for")
            return 0
        began = thread_seconds()
        try:
            tick = self._parts.pipeline.flush()
        except StopIteration:
            _log.debug("the capture has ended")
        else:
            self._done(tick, thread_seconds() - began)
        left = self._drains.settle(prospect, deadline, requests.at_once, self._turn)
        if requests.at_once.is_set():
            _log.warning("asked twice to stop: nothing more is waited for")
        if left:
            _log.warning("the agent ends before everything is delivered", records_left=left)
        return left

    def _turn(self) -> None:
        self._status.alive = self._clock.monotonic()
        self._notifier.feed()

    def _show(self, parts: Parts) -> None:
        self._status.revision = parts.revision
        self._status.destinations = parts.destinations
        self._status.interval = parts.interval * self._beat.stretch

    def _say(self) -> None:
        """Keep `systemctl status` in step with what /readyz says."""
        trouble = [f"configuration refused: {self._status.config_error}"] if self._status.config_error else []
        cadence = [self._status.cadence] if self._status.cadence else []
        self._notifier.status("; ".join([*trouble, *cadence]) or "running")

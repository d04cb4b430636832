"""The threads that empty the buffers, one for each destination."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Protocol

from nrdot.errors import StartError
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nrdot.clock import Clock
    from nrdot.export.journal import DestinationState
    from nrdot.stages import Buffer

_log = Log("agent")

# Seconds between two looks at buffers that are about to be empty.
LOOK = 0.05
# Seconds before a drain that failed by a fault of ours runs again; doubled up to a minute.
RESTART = 1.0
LONGEST_RESTART = 60.0


class Draining(Protocol):
    """`pipeline.Drain`."""

    def run(self, stop: Event) -> None:
        """Deliver until `stop` is set and `wake` was called. What is left stays in the buffer."""

    def wake(self) -> None:
        """Something changed: look now. From any thread."""

    def hurry(self) -> None:
        """The agent ends: send what is there at once. From any thread."""

    @property
    def state(self) -> str:
        """A line for people."""

    def status(self) -> DestinationState: ...


@dataclass(frozen=True, slots=True)
class Destination:
    name: str
    buffer: Buffer
    drain: Draining
    place: str  # its file or its address, for people

    def document(self, now_ns: int) -> dict[str, Any]:
        status, buffered = self.drain.status(), self.buffer.statistics()
        oldest, success = buffered.oldest_ns, status.last_success_ns
        return {
            "name": self.name,
            "state": self.drain.state,
            "circuit": status.circuit,
            "alarm": status.alarm,
            "overdue": status.overdue,
            **({"buffer_alarm": buffered.alarm} if buffered.alarm else {}),
            **({"compressed_times": round(status.ratio, 1)} if status.ratio else {}),
            "records": buffered.records,
            "bytes": buffered.bytes,
            "oldest_seconds": None if oldest is None else max(now_ns - oldest, 0) / 1e9,
            "last_success_seconds": None if success is None else max(now_ns - success, 0) / 1e9,
        }


class Drains:
    """Belongs to the daemon's thread."""

    def __init__(self, clock: Clock, thread: Callable[..., Thread] = Thread) -> None:
        self._clock = clock
        self._thread = thread
        self._running: dict[str, _Running] = {}
        self._leaving: list[_Running] = []
        self._unbegun: list[Destination] = []  # for want of a thread

    def use(self, destinations: Sequence[Destination]) -> None:
        """Start what is new, leave alone what is the same object, and stop what is gone.

        Nothing here waits: a drain that follows another on the same buffer begins when that one has ended.
        Raises StartError where the first drains get no thread; later that is said, and tried again.
        """
        wanted = {destination.name: destination for destination in destinations}
        before = self._running
        self._leaving = [running for running in self._leaving if running.thread.is_alive()]
        self._running = {}
        for name, running in before.items():
            if name in wanted and wanted[name].drain is running.destination.drain:
                self._running[name] = running
            else:
                shared = any(other.buffer is running.destination.buffer for other in destinations)
                running.leave(close=not shared)
                self._leaving.append(running)
        for gone in self._unbegun:
            if not any(gone.buffer is other.buffer for other in destinations):
                gone.buffer.close()
        self._unbegun = []
        for name, destination in wanted.items():
            if name not in self._running:
                try:
                    self._begin(destination)
                except StartError as error:
                    if not before:
                        raise
                    self._unbegun.append(destination)
                    _log.error(f"{error}; until then records wait", destination=name)

    def wake(self) -> None:
        """There are new records."""
        for running in self._running.values():
            running.destination.drain.wake()
        for destination in self._unbegun.copy():
            with suppress(StartError):  # it was said
                self._begin(destination)
                self._unbegun.remove(destination)

    def _begin(self, destination: Destination) -> None:
        follows = [other.thread for other in self._leaving if other.destination.buffer is destination.buffer]
        self._running[destination.name] = _Running(destination, self._clock, follows, self._thread)

    def settle(
        self,
        prospect: float,
        deadline: float,
        at_once: Event,
        alive: Callable[[], object],
    ) -> int:
        """Wait until the buffers are empty, for `prospect` seconds without progress, or up to `deadline`.

        The number of records left. `alive` is called again and again meanwhile.
        """
        for running in self._running.values():
            running.destination.drain.hurry()
        left, since = self._left(), self._clock.monotonic()
        while left and not at_once.is_set():
            now = self._clock.monotonic()
            if now >= deadline or now - since >= prospect:
                break
            alive()
            self._clock.wait(at_once, min(LOOK, deadline - now))
            before, left = left, self._left()
            if left != before:
                since = self._clock.monotonic()
        return left

    def close(self, seconds: float) -> None:
        """Stop all threads and make the buffers durable.

        A request may still be under way after `seconds`; its thread dies with the process.
        """
        everyone = [*self._running.values(), *self._leaving]
        for running in everyone:
            running.end()
        deadline = self._clock.monotonic() + seconds
        for running in everyone:
            running.thread.join(max(deadline - self._clock.monotonic(), 0.0))
            running.destination.buffer.close()
        for destination in self._unbegun:
            destination.buffer.close()
        self._running.clear()

    def _left(self) -> int:
        return sum(running.destination.buffer.statistics().records for running in self._running.values())


class _Running:
    def __init__(
        self,
        destination: Destination,
        clock: Clock,
        follows: Sequence[Thread],
        thread: Callable[..., Thread],
    ) -> None:
        self.destination = destination
        self.stop = Event()
        self._clock = clock
        self._follows = follows
        self._close = False
        # A request may hang in the network for longer than an exit may take, so nobody waits for the thread.
        self.thread = thread(target=self._run, name=f"drain {destination.name}", daemon=True)
        try:
            self.thread.start()
        except RuntimeError:
            raise StartError(
                "cannot start a thread for exports: the limit (TasksMax, ulimit -u) is reached; raise it",
            ) from None

    def leave(self, *, close: bool) -> None:
        """The configuration names it no more."""
        self._close = close
        self.end()

    def end(self) -> None:
        self.stop.set()
        self.destination.drain.wake()

    def _run(self) -> None:
        for thread in self._follows:
            thread.join()
        pause = RESTART
        while True:
            try:
                self.destination.drain.run(self.stop)
                break
            # A fault of ours must not end delivery for good and in silence.
            except Exception as error:  # noqa: BLE001
                _log.error(
                    "the drain failed and starts again",
                    destination=self.destination.name,
                    error=f"{type(error).__name__}: {error}",
                    again_in=pause,
                )
            if self._clock.wait(self.stop, pause):
                break
            pause = min(2 * pause, LONGEST_RESTART)
        if self._close:
            left = self.destination.buffer.statistics().records
            self.destination.buffer.close()
            if left:
                _log.warning(
                    "a destination is gone; what waits for it stays in its buffer until it is named again",
                    destination=self.destination.name,
                    records_left=left,
                )

"""What the outside asks of a running agent, and the signals that ask it.

A signal handler of Python runs between two instructions of the main thread, which may just then hold the
lock of the very event that the handler wants to set. So handlers only put the number into a queue that is
made for that, and a thread of its own does the rest.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.clock import Clock

STOP = (signal.SIGTERM, signal.SIGINT)
ONE_REQUEST = 0.5  # seconds: `timeout` signals its child and then its group, which asks once


class Requests:
    """Set from any thread, answered by the daemon's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.asked: float | None = None  # when the first request to stop came, on the monotonic clock
        self.wake = Event()  # something was asked for
        self.stopping = Event()
        self.at_once = Event()  # asked to stop twice: whoever asks will not wait for the network
        self._reload = Event()

    def stop(self) -> None:
        now = self._clock.monotonic()
        if self.asked is None:
            self.asked = now
        elif now - self.asked > ONE_REQUEST:
            self.at_once.set()
        self.stopping.set()
        self.wake.set()

    def reload(self) -> None:
        """Any number of these before the daemon answers are one."""
        self._reload.set()
        self.wake.set()

    def reload_wanted(self) -> bool:
        return self._reload.is_set()

    def take_reload(self) -> None:
        """Call before the configuration is read, so that a request made meanwhile leads to another look."""
        self._reload.clear()


@contextmanager
def signals(requests: Requests) -> Iterator[None]:
    """SIGTERM and SIGINT stop, SIGHUP reloads. For the main thread; the old handlers come back at the end."""
    asked: SimpleQueue[int] = SimpleQueue()

    def answer() -> None:
        while number := asked.get():
            if number in STOP:
                requests.stop()
            else:
                requests.reload()

    numbers = [*STOP, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    listener = Thread(target=answer, name="signals", daemon=True)
    listener.start()
    before = {number: signal.signal(number, lambda number, _frame: asked.put(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        asked.put(0)
        listener.join()

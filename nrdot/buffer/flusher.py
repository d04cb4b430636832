"""The thread behind `durability: interval`."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

from nrdot.buffer.settings import Durability

if TYPE_CHECKING:
    from collections.abc import Callable

    from nrdot.buffer.settings import BufferSettings


class Flusher:
    """Calls `flush` each interval of real time: a device's cache knows no other."""

    def __init__(self, flush: Callable[[], None], seconds: float) -> None:
        self._flush = flush
        self._seconds = seconds
        self._stop = Event()
        self._thread = Thread(target=self._run, name="nrdot-buffer-flush", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._flush()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def flusher(settings: BufferSettings, flush: Callable[[], None]) -> Flusher | None:
    """None where nothing is forced to the device at intervals."""
    return Flusher(flush, settings.sync_seconds) if settings.durability is Durability.INTERVAL else None

"""Waiting for what another thread does, with an end that only hangs reach."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 12.0  # seconds
STEP = 0.02


def until(happened: Callable[[], object], words: str) -> None:
    """Raises AssertionError with `words` where it never does."""
    pause = Event()
    for _ in range(round(LONGEST / STEP)):
        if happened():
            return
        pause.wait(STEP)
    raise AssertionError(words)

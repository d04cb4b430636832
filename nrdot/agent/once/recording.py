"""Samples of this host into a capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.agent.loop.beat import Beat
from nrdot.agent.source import build_sampler
from nrdot.agent.wire import build_identifier
from nrdot.encode.redact import redact
from nrdot.sample.capture_writer import CaptureWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from threading import Event

    from nrdot.batch import Batch
    from nrdot.clock import Clock
    from nrdot.config.settled.configuration import Configuration


def record_host(
    configuration: Configuration,
    clock: Clock,
    output: Path,
    *,
    stop: Event,
    duration: float | None,
    interval: float | None,
    command_lines: bool,
    progress: Callable[[Batch], None] | None = None,
) -> tuple[int, int]:
    """How many samples were written, and the bytes of the file. Raises CaptureError, StartError."""
    sampler = build_sampler(configuration, clock)
    identifier = build_identifier(configuration)
    step = interval or configuration.settings.agent.interval
    end = None if duration is None else clock.monotonic() + duration
    with CaptureWriter(output, redact=redact if command_lines else None) as writer:
        beat = Beat(clock, step)
        while True:
            batch = sampler.sample()
            batch = identifier.identify(batch)
            writer.write(batch)
            batch.table.release()
            if progress is not None:
                progress(batch)
            while not stop.is_set() and not beat.take().run:
                left = beat.remaining() if end is None else min(beat.remaining(), end - clock.monotonic())
                if left <= 0 and end is not None and clock.monotonic() >= end:
                    break
                clock.wait(stop, max(left, 0.0))
            if stop.is_set() or (end is not None and clock.monotonic() >= end):
                return writer.ticks, writer.size

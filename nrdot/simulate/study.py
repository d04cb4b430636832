"""Many captures under many profiles, over the cores of this machine.

A task is one capture under one configuration; it knows nothing of the others, so the figures are the same
whatever the number of processes and the order in which they end.
"""

from __future__ import annotations

import logging
import os
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from logging.handlers import QueueHandler
from multiprocessing import active_children, get_context
from queue import SimpleQueue
from typing import TYPE_CHECKING

from nrdot.errors import CaptureError, NrdotError
from nrdot.simulate.run import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nrdot.config.settled.configuration import Configuration
    from nrdot.simulate.outcome import Outcome


class WorkerError(NrdotError):
    """A process that simulates was ended by the machine."""


@dataclass(frozen=True, slots=True)
class Task:
    capture: Path
    configuration: Configuration
    scheduled: bool = False
    ledger: Path | None = None


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(tasks: Sequence[Task], processes: int, done: Callable[[], object]) -> list[Outcome | CaptureError]:
    """The outcome of each task, or what is wrong with its capture, in their order.

    `done` is called as each ends. Raises NrdotError for what is not a capture's.
    """
    processes = min(processes, len(tasks))
    if processes <= 1:
        return [_told(_one(task), done) for task in tasks]
    # Spawned, because a copy of a process that has threads may hang, and a progress bar is one.
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=_unhurried) as pool:
        futures = [pool.submit(_apart, task) for task in tasks]
        try:
            for future in as_completed(futures):
                for record in future.result()[1]:
                    logging.getLogger(record.name).handle(record)
                done()
        except BrokenProcessPool:
            raise WorkerError(
                "a process that simulated was ended by the machine, for want of memory perhaps; "
                "nothing is printed; try again with --jobs 1"
            ) from None
        except BaseException:
            # Nobody waits for what nobody wants any more, nor for a capture that never ends.
            for child in active_children():
                child.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result()[0] for future in futures]


def _unhurried() -> None:
    """Ctrl-C reaches every process of a terminal; the one that was asked for says what happens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _apart(task: Task) -> tuple[Outcome | CaptureError, list[logging.LogRecord]]:
    """In a process of its own: what is logged there comes back beside the outcome, to be said once."""
    heard: SimpleQueue[logging.LogRecord] = SimpleQueue()
    handler = QueueHandler(heard)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        outcome = _one(task)
    finally:
        root.removeHandler(handler)
    return outcome, [heard.get() for _ in range(heard.qsize())]


def _one(task: Task) -> Outcome | CaptureError:
    try:
        return simulate(task.capture, task.configuration, scheduled=task.scheduled, ledger=task.ledger)
    except CaptureError as error:
        return error


def _told(outcome: Outcome | CaptureError, done: Callable[[], object]) -> Outcome | CaptureError:
    done()
    return outcome

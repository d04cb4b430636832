"""`nrdot agent` without the command line's library, which the daemon would carry for as long as it runs.

Only the way in which a service starts it is read here: `agent`, `-c FILE` and `--once`. Everything else,
help and mistakes included, goes the usual way.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Plain(NamedTuple):
    config: Path | None
    once: bool


def plain_agent(arguments: Sequence[str]) -> Plain | None:
    """What was asked for; None where it takes more than this to understand it."""
    if not arguments or arguments[0] != "agent":
        return None
    config, once = None, False
    rest = iter(arguments[1:])
    for word in rest:
        if word == "--once":
            once = True
        elif word in ("-c", "--config"):
            name = next(rest, "")
            if not name or name.startswith("-"):
                return None
            config = Path(name)
        else:
            return None
    return Plain(config, once)


def run_agent(config: Path | None, *, duration: float | None = None, once: bool = False) -> int:
    """The exit status. Raises ConfigError and StartError."""
    # A reload that is asked for while the agent starts would end it; what it reads now is the newest anyway.
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Before numpy is loaded: it would start a thread for each processor, for matrices that nobody multiplies.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from nrdot.agent.beside.trim import keep_little

    keep_little()
    from nrdot.agent.source import begin
    from nrdot.clock import SystemClock

    clock = SystemClock()
    # Who looks on for a moment wants to hear what is wrong; who leaves the agent alone wants it to run.
    beginning = begin(config, clock, fallback=not once)
    from nrdot.agent.start import Agent  # while the time between two samples goes by

    return Agent(beginning, clock).run(duration=duration, once=once)

"""`nrdot agent`: the daemon."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from nrdot.cli.options import Config, seconds


def agent(
    config: Config = None,
    duration: Annotated[
        float | None,
        typer.Option(help="End by itself after this long, for example 30s.", parser=seconds, metavar="TIME"),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Take two samples one second apart, export, and end.")
    ] = False,
) -> None:
    """Watch this host's processes and export what matters."""
    # Before numpy is loaded: it would start a thread for each processor, for matrices that nobody multiplies.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from nrdot.agent.start import Agent
    from nrdot.clock import SystemClock

    raise typer.Exit(Agent(config, SystemClock()).run(duration=duration, once=once))

"""`nrdot agent`: the daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from nrdot.cli.options import Config, seconds
from nrdot.cli.plain import run_agent


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
    raise typer.Exit(run_agent(config, duration=duration, once=once))

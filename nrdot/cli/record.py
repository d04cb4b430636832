"""`nrdot record`: this host's processes as a capture, to replay, simulate and train with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nrdot.cli.options import Config, Procfs, configuration, seconds


def record(
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="File to write; compressed where it ends in .zst.", metavar="FILE"
        ),
    ],
    config: Config = None,
    duration: Annotated[
        float | None,
        typer.Option(
            help="How long, for example 10m; until interrupted where absent.", parser=seconds, metavar="TIME"
        ),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(
            help="Between two samples; agent.interval where absent.", parser=seconds, metavar="TIME"
        ),
    ] = None,
    command_lines: Annotated[bool, typer.Option(help="With command lines, secrets taken out.")] = True,
    procfs: Procfs = None,
) -> None:
    """Write a capture of every process."""
    from nrdot.agent.loop.signals import Requests, signals
    from nrdot.agent.once.recording import record_host
    from nrdot.cli.output import amount, errors, progress
    from nrdot.clock import SystemClock

    clock = SystemClock()
    requests = Requests(clock)
    found = configuration(config, procfs)
    with signals(requests), progress(f"recording to {output}; Ctrl-C ends it"):
        ticks, size = record_host(
            found,
            clock,
            output,
            stop=requests.stopping,
            duration=duration,
            interval=interval,
            command_lines=command_lines,
        )
    errors().print(f"{output}: {ticks} sample{'' if ticks == 1 else 's'}, {amount(size)}", markup=False)

"""`nrdot train`: a model from captures alone."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from nrdot.cli.options import Config, configuration, seconds


def train(
    captures: Annotated[list[Path], typer.Argument(help="Captures, one host each.", metavar="CAPTURE")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Model to write.", metavar="FILE")],
    name: Annotated[
        str | None, typer.Option(help="What explain calls it; the file's name where absent.", metavar="NAME")
    ] = None,
    horizon: Annotated[
        float,
        typer.Option(
            help="How far ahead it looks; 10m where absent.",
            parser=seconds,
            show_default=False,
            metavar="TIME",
        ),
    ] = 600.0,
    config: Config = None,
) -> None:
    """Learn which processes will matter soon: be large, change their behaviour, or restart."""
    from nrdot.cli.output import errors, progress, writable
    from nrdot.errors import UsageError
    from nrdot.extras import mend

    if find_spec("sklearn") is None:
        raise UsageError(f"train: scikit-learn is not installed, so nothing is trained; {mend('train')}")
    writable(output)
    from nrdot.learn.history import read_history
    from nrdot.learn.training import train as run

    found = configuration(config)
    with progress(f"training on {len(captures)} captures"):
        histories = [read_history(capture, found) for capture in captures]
        try:
            checksum = run(histories, output, name=name or output.stem, horizon=horizon)
        except OSError as error:
            raise UsageError(
                f"{output}: cannot be written: {error.strerror}; the model is not kept"
            ) from None
    errors().print(f"{output}: sha256 {checksum}", markup=False)
    errors().print("Its worth shows on captures that it has not seen: nrdot model evaluate")

"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration file; the defaults where absent.", metavar="FILE"),
]


def seconds(text: str) -> float:
    """A duration as the configuration writes it: 30s, 5m, 1h."""
    from nrdot.config.problem import MalformedError
    from nrdot.config.units import duration

    try:
        return duration(text)
    except MalformedError as error:
        raise typer.BadParameter(str(error)) from error

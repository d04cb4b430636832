"""The command line: one file a noun, put together here.

A command's file is imported with the program, so it imports at its top only what is cheap; what a command
needs to run is imported inside it.
"""

from __future__ import annotations

import typer

from nrdot.cli import agent, record, scan, simulate

app = typer.Typer(
    name="nrdot",
    help="Keep process metrics useful at a tenth of their cost.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(agent.agent)
app.command()(scan.scan)
app.command()(record.record)
app.command()(simulate.simulate)


@app.callback()
def root() -> None:
    """Keep process metrics useful at a tenth of their cost."""

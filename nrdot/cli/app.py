"""The command line: one file a noun, put together here.

A command's file is imported with the program, so it imports at its top only what is cheap; what a command
needs to run is imported inside it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from nrdot.cli import (
    agent,
    audit,
    buffer,
    demo,
    doctor,
    explain,
    ledger,
    model,
    operate,
    profile_diff,
    profile_lint,
    profile_show,
    profile_test,
    profiles,
    record,
    report,
    rollback,
    scan,
    simulate,
    timeline,
    train,
)

NAME = "Keep process metrics useful at a tenth of their cost."
_HELP = {"help_option_names": ["-h", "--help"]}


def _group(words: str) -> typer.Typer:
    return typer.Typer(
        help=words,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=_HELP,
    )


app = _group(NAME)
app.info.name = "nrdot"
app.command()(demo.demo)
app.command()(agent.agent)
app.command()(scan.scan)
app.command()(explain.explain)
app.command()(doctor.doctor)
app.command()(record.record)
app.command()(simulate.simulate)
app.command()(report.report)
app.command()(train.train)

profile = _group("Look at profiles and check them.")
profile.command("list")(profiles.list_profiles)
profile.command()(profile_show.show)
profile.command()(profile_lint.lint)
profile.command()(profile_diff.diff)
profile.command("test")(profile_test.run_tests)
profile.command()(timeline.timeline)
profile.command()(profiles.schema)
profile.command()(rollback.rollback)
app.add_typer(profile, name="profile")

buffers = _group("Look into the disk buffer, while an agent runs or not.")
buffers.command()(buffer.status)
buffers.command()(buffer.verify)
buffers.command()(buffer.dump)
buffers.command()(buffer.letters)
buffers.command()(buffer.replay)
buffers.command()(buffer.repair)
app.add_typer(buffers, name="buffer")

audits = _group("See who changed the configuration, and prove that the record is whole.")
audits.command()(audit.log)
audits.command()(audit.verify)
app.add_typer(audits, name="audit")

ledgers = _group("Look after the record of what was seen, kept and saved.")
ledgers.command()(ledger.compact)
app.add_typer(ledgers, name="ledger")

operators = _group("Kubernetes: roll profiles out to a cluster's agents.")
operators.command()(operate.run)
operators.command()(operate.manifests)
app.add_typer(operators, name="operator")

models = _group("Look at trained models.")
models.command()(model.show)
models.command()(model.evaluate)
app.add_typer(models, name="model")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"nrdot {version('nrdot')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Keep process metrics useful at a tenth of their cost."""

"""The command line: one file or folder a noun, put together here.

A command's file is imported with the program, so it imports at its top only what is cheap; what a command
needs to run is imported inside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from nrdot import __version__
from nrdot.cli import (
    agent,
    audit,
    buffer,
    doctor,
    explain,
    ledger,
    model,
    operate,
    record,
    report,
    scan,
    simulate,
    train,
)
from nrdot.cli.demo import demo
from nrdot.cli.profiles import diff, lint, listing, rollback, run_tests, show, timeline

if TYPE_CHECKING:
    from collections.abc import Callable

_Function = TypeVar("_Function", bound="Callable[..., Any]")
NAME = "Keep process metrics useful at a tenth of their cost."
_HELP = {"help_option_names": ["-h", "--help"]}


class _Group(typer.Typer):
    """Commands whose help names what is typed (FILE...), and no type of a programming language."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[_Function], _Function]:
        return super().command(name, cls=_Command, **settings)


class _Command(TyperCommand):
    def collect_usage_pieces(self, _context: Any) -> list[str]:
        return ["[OPTIONS]", *(_typed(one) for one in self.params if _is_argument(one))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        for title, wanted in (("Arguments", True), ("Options", False)):
            lines = [described(one, ctx) for one in self.get_params(ctx) if _is_argument(one) is wanted]
            if shown := [line for line in lines if line is not None]:
                with formatter.section(title):
                    formatter.write_dl(shown)


def described(parameter: Any, context: Any) -> tuple[str, str] | None:
    """What is typed, and the sentence about it; None for what is hidden."""
    if _is_argument(parameter):
        return _typed(parameter), parameter.help
    found: tuple[str, str] | None = parameter.get_help_record(context)
    return found


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _typed(argument: Any) -> str:
    name = f"{argument.metavar}{'...' if argument.nargs != 1 else ''}"
    return name if argument.required else f"[{name}]"


def _group(words: str) -> typer.Typer:
    return _Group(
        help=words,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=_HELP,
    )


app = _group(NAME)
app.info.name = "nrdot"
app.info.epilog = "Begin with nrdot demo: it looks at this host for half a minute and sends nothing."
app.command(short_help="Show what would be sent of this host, why, and what it saves.")(demo.demo)
app.command()(agent.agent)
app.command(short_help="Show every process now: score, class, verdict, reason.")(scan.scan)
app.command(short_help="Show why one process has its score and its verdict.")(explain.explain)
app.command(short_help="Check what works on this host, and how to mend it.")(doctor.doctor)
app.command()(record.record)
app.command(short_help="Run captures under profiles, and say which one to take.")(simulate.simulate)
app.command(short_help="Show what was seen, kept and saved, in money.")(report.report)
app.command(short_help="Learn from captures which processes will matter soon.")(train.train)

profile = _group("Look at profiles and check them.")
profile.command("list", short_help="List the profiles that can be named.")(listing.list_profiles)
profile.command(short_help="Show a profile or a configuration, and what it comes to.")(show.show)
profile.command(short_help="Tell what is wrong with files, and what to write.")(lint.lint)
profile.command(short_help="Show what differs in effect between two of them.")(diff.diff)
profile.command("test", short_help="Run tests of what a configuration does.")(run_tests.run_tests)
profile.command()(timeline.timeline)
profile.command(short_help="Print the JSON Schema of a document, for editors.")(listing.schema)
profile.command(short_help="Put the previous audited configuration back.")(rollback.rollback)
app.add_typer(profile, name="profile")

buffers = _group("Look into the disk buffer, while an agent runs or not.")
buffers.command(short_help="Show what waits, and what became of the rest.")(buffer.status)
buffers.command(short_help="Compare every byte with its checksum.")(buffer.verify)
buffers.command(short_help="Print what waits, as OTLP JSON lines.")(buffer.dump)
buffers.command(short_help="List what the endpoint refused for good.")(buffer.letters)
buffers.command(short_help="Send dead letters again.")(buffer.replay)
buffers.command(short_help="Set aside what is damaged; not while an agent runs.")(buffer.repair)
app.add_typer(buffers, name="buffer")

audits = _group("See who changed the configuration, and prove it.")
audits.command(short_help="Show every change: when, who, what and why.")(audit.log)
audits.command(short_help="Prove that no entry was edited, moved or removed.")(audit.verify)
app.add_typer(audits, name="audit")

ledgers = _group("Look after the record of what was seen and saved.")
ledgers.command()(ledger.compact)
app.add_typer(ledgers, name="ledger")

operators = _group("Kubernetes: roll profiles out to a cluster's agents.")
operators.command(short_help="Roll profiles out, and take back what fails.")(operate.run)
operators.command(short_help="Print everything that a cluster needs.")(operate.manifests)
app.add_typer(operators, name="operator")

models = _group("Look at trained models.")
models.command(short_help="Print a model's card: its training, size and checksum.")(model.show)
models.command(short_help="Print average precision on captures.")(model.evaluate)
app.add_typer(models, name="model")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"nrdot {__version__}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Keep process metrics useful at a tenth of their cost."""

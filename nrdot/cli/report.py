"""`nrdot report`: what was seen, kept and saved, in money."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Config, Json, configuration

if TYPE_CHECKING:
    from nrdot.pricing.prices import Pricing
    from nrdot.report.evidence.engine import Engine
    from nrdot.report.evidence.queries import Window

FORMATS = ("table", "json", "csv", "html", "focus")
KINDS = ("savings", "criticality", "compliance", "rollout")
BY = ("namespace", "class", "unit", "user", "host", "tenant", "profile")
DIALECTS = ("duckdb", "spark", "clickhouse", "bigquery", "snowflake")
EXTRA = ("duckdb", "pygal", "sqlglot")
DEFAULT_SINCE = "7d"
MOST = 1e15  # of money: what is more was not meant


def _one_of(name: str, known: tuple[str, ...]) -> dict[str, Any]:
    """What tells an option's values apart, and what a shell offers for them."""

    def check(value: str) -> str:
        if value not in known:
            raise typer.BadParameter(f"'{value}' is not one of {', '.join(known)}", param_hint=f"--{name}")
        return value

    return {"callback": check, "autocompletion": lambda: [*known]}


def _amount(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= MOST:
        raise typer.BadParameter(f"'{text}' is not an amount of money; for example 5000")
    return found


def report(
    ledger: Annotated[
        Path | None,
        typer.Option(
            help="A ledger, or a folder of many hosts' ledgers; the agent's where absent.", metavar="DIR"
        ),
    ] = None,
    since: Annotated[
        str, typer.Option(help="How far back: 7d, 12h, or a day (2026-11-01).", metavar="TIME")
    ] = DEFAULT_SINCE,
    until: Annotated[
        str | None, typer.Option(help="Where the window ends; the newest row where absent.", metavar="TIME")
    ] = None,
    kind: Annotated[
        str,
        typer.Option(help=f"What to report: {', '.join(KINDS)}.", metavar="KIND", **_one_of("kind", KINDS)),
    ] = "savings",
    style: Annotated[
        str,
        typer.Option(
            "--format", help=f"{', '.join(FORMATS)}.", metavar="FORMAT", **_one_of("format", FORMATS)
        ),
    ] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write there, not to the terminal.", metavar="FILE")
    ] = None,
    by: Annotated[
        str,
        typer.Option(help=f"Divide the bill by {', '.join(BY)}.", metavar="KEY", **_one_of("by", BY)),
    ] = "class",
    meter: Annotated[
        str | None, typer.Option(help="Meter of the headline and of the division.", metavar="NAME")
    ] = None,
    pricing: Annotated[
        Path | None, typer.Option(help="Your prices, over those that ship.", metavar="FILE")
    ] = None,
    actual_bill: Annotated[
        str | None,
        typer.Option(help="What an invoice says for a month, to compare with.", metavar="[METER=]AMOUNT"),
    ] = None,
    cost_of_nrdot: Annotated[
        float | None,
        typer.Option(
            help="What introducing NRDOT costs, once, in the price list's currency.",
            parser=_amount,
            metavar="AMOUNT",
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show each figure's formula with its numbers.")
    ] = False,
    show_pricing: Annotated[
        bool, typer.Option("--show-pricing", help="Print the prices that ship, and end.")
    ] = False,
    show_sql: Annotated[
        bool,
        typer.Option(
            "--show-sql",
            help="Print the queries behind the figures, and end; with --ledger as a script for DuckDB.",
        ),
    ] = False,
    dialect: Annotated[
        str,
        typer.Option(
            help=f"Engine that --show-sql writes for: {', '.join(DIALECTS)}.",
            metavar="NAME",
            **_one_of("dialect", DIALECTS),
        ),
    ] = "duckdb",
    inventory: Annotated[
        Path | None,
        typer.Option(
            help="Hosts by region and environment (YAML or CSV), for --kind rollout.", metavar="FILE"
        ),
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show what was seen, kept and saved, in money, and what was not seen."""
    style = "json" if json else style
    with _with_the_extra():
        if show_pricing:
            from nrdot.pricing.prices import shipped_text

            _deliver(shipped_text(), output)
        elif show_sql:
            _deliver(_statements(ledger, since, until, by, dialect), output)
        elif kind == "rollout":
            _rollout(inventory, style, output)
        else:
            from nrdot.pricing.prices import load_pricing

            prices, directory = load_pricing(pricing), _ledger(ledger, config)
            if kind == "savings":
                found = _savings(directory, since, until, prices, (by, meter, actual_bill, cost_of_nrdot))
            else:
                found = _other(kind, directory, since, until, by, config)
            _show(found, kind, style, output, explain=explain)


@contextmanager
def _with_the_extra() -> Iterator[None]:
    """What only reports need is an extra of the installation; say so where it is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        from nrdot.errors import UsageError
        from nrdot.extras import mend

        raise UsageError(f"{error.name} is not installed; {mend('report')}") from None


def _ledger(given: Path | None, config: Path | None) -> Path:
    """A state directory is as good as the ledger in it."""
    if given is None:
        return Path(configuration(config, quiet=True).settings.agent.state_dir) / "ledger"
    inner = given / "ledger"
    return inner if inner.is_dir() else given


def _savings(
    directory: Path,
    since: str,
    until: str | None,
    prices: Pricing,
    asked: tuple[str, str | None, str | None, float | None],
) -> dict[str, Any]:
    from nrdot.report.kinds.savings import Wanted, savings

    by, meter, actual_bill, introduction = asked
    wanted = Wanted(by, meter, _invoice(actual_bill, meter or prices.primary, prices), introduction)
    if meter is not None:
        prices.meter(meter)
    with _open(directory) as engine:
        return savings(engine, _window(engine, since, until), prices, wanted)


def _other(
    kind: str, directory: Path, since: str, until: str | None, by: str, config: Path | None
) -> dict[str, Any]:
    from nrdot.report.kinds.compliance import compliance
    from nrdot.report.kinds.criticality import criticality

    found = configuration(config, quiet=True)
    with _open(directory) as engine:
        window = _window(engine, since, until)
        if kind == "criticality":
            return criticality(engine, window, found, by if by != "class" else "host")
        return compliance(engine, window, found, directory)


def _statements(ledger: Path | None, since: str, until: str | None, by: str, dialect: str) -> str:
    """For a ledger that was named, as a script that runs; for other engines, with what they must fill in."""
    from nrdot.report.evidence.dialects import OWN, runnable, script

    if ledger is None or dialect != OWN:
        return script(dialect, by)
    with _open(_ledger(ledger, None)) as engine:
        return runnable(engine, _window(engine, since, until), by)


def _rollout(inventory: Path | None, style: str, output: Path | None) -> None:
    from nrdot.errors import UsageError
    from nrdot.report.kinds.inventory import read_inventory
    from nrdot.report.kinds.rollout import plan

    if inventory is None:
        raise UsageError(
            "--kind rollout needs --inventory FILE: hosts by region, environment and criticality"
        )
    _show(plan(read_inventory(inventory)), "rollout", style, output, explain=False)


def _open(directory: Path) -> Engine:
    from nrdot.clock import SystemClock
    from nrdot.report.evidence.engine import Engine
    from nrdot.report.evidence.files import find

    return Engine(find(directory), SystemClock().wall_ns() // 1_000_000_000)


def _window(engine: Engine, since: str, until: str | None) -> Window:
    end = None if until is None else _time(until, "--until")
    try:
        from nrdot.config.values.units import duration

        start: float | datetime = duration(since)
    except ValueError:
        start = _time(since, "--since")
    if isinstance(start, float) and start < 3600:
        raise typer.BadParameter("an hour is the least", param_hint="--since")
    if isinstance(start, datetime) and end is not None and start >= end:
        raise typer.BadParameter(f"{since} is not before --until {until}", param_hint="--since")
    return engine.open(start, end)


def _time(text: str, option: str) -> datetime:
    from datetime import UTC

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"'{text}' is neither a duration (7d, 12h) nor a day or time (2026-11-01, 2026-11-01T08:00Z)",
            param_hint=option,
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _invoice(text: str | None, meter: str, prices: Pricing) -> tuple[str, float] | None:
    if text is None:
        return None
    name, equals, amount = text.rpartition("=")
    if not _AMOUNT.fullmatch(amount):
        raise typer.BadParameter(
            f"'{amount}' is not an amount; for example new_relic=1250.40, with a point before the cents",
            param_hint="--actual-bill",
        )
    return prices.meter(name if equals else meter).name, float(amount.replace(",", ""))


# Commas stand where thousands end and nowhere else: 1.250,40 and 1250,40 are amounts to half the world.
_AMOUNT = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?|\d+(\.\d+)?|\.\d+")


def _show(found: dict[str, Any], kind: str, style: str, output: Path | None, *, explain: bool) -> None:
    from nrdot.errors import UsageError

    if style == "focus" and kind != "savings":
        raise UsageError(f"--format focus is for savings; {kind} has table, json, csv and html")
    if style == "table" and output is None:
        from nrdot.cli.report_tables import show

        show(found, kind, explain=explain)
        return
    _deliver(_written(found, kind, style, explain=explain), output)


def _written(found: dict[str, Any], kind: str, style: str, *, explain: bool) -> str:
    if style == "table":
        from nrdot.cli.report_tables import as_text

        return as_text(found, kind, explain=explain)
    if style == "json":
        import msgspec

        return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
    if style == "csv":
        from nrdot.report.tables.flat import as_csv

        return as_csv(found, kind)
    if style == "focus":
        from nrdot.report.tables.focus import as_focus

        return as_focus(found)
    from nrdot.report.pages.page import page

    return page(found, kind)


def _deliver(text: str, output: Path | None) -> None:
    """Raises UsageError."""
    from nrdot.cli.output import keep

    if output is None:
        typer.echo(text, nl=not text.endswith("\n"))
        return
    keep(text, output, what="the report")
    typer.echo(f"report: {output}", err=True)

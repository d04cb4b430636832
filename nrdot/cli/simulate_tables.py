"""A study on the terminal: the same documents that `--json` prints, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from nrdot.cli.output import amount, console, table
from nrdot.report.words import less
from nrdot.simulate.goals import MEASURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.simulate.money import Priced

ENOUGH = 600  # seconds of a capture
NARROW = 150  # columns of a terminal, below which profiles stand side by side
COLUMNS = (
    "profile",
    "points",
    "less, same interval",
    "less, baseline",
    "series",
    "bytes",
    "critical",
    "CPU covered",
    "incidents seen",
    "costs a month",
    "saves a month",
)


def show(documents: dict[str, dict[str, Any]], meter: Priced, partly: str) -> None:
    """`partly` says which captures the figures are of, where that is not all of them."""
    columns: Sequence[str] = COLUMNS
    rows = [_row(name, one) for name, one in documents.items()]
    if console().width < NARROW:  # a figure a line
        columns, *rows = zip(columns, *rows, strict=True)
    shown = table(*columns, right=set(columns[1:]))
    for row in rows:
        shown.add_row(*row)
    console().print(shown)
    if partly:
        console().print(f"[yellow]The figures are of {escape(partly)}[/yellow]", highlight=False)
    shortest = min(one["seconds"] / one["hosts"] for one in documents.values())
    if shortest < ENOUGH:
        why = "first exports, which begin every series, are most of it; record ten minutes or more"
        console().print(f"[yellow]{shortest:,.0f} s a capture are little: {why}[/yellow]")
    any_ = next(iter(documents.values()))
    counted = any_["fleet"]["hosts"]
    whose = "the captured hosts" if counted == any_["hosts"] else f"{hosts_of(counted)} like the captured"
    words = f"Money is of {whose}, saved is against the baseline, by {meter.name}: "
    console().print(f"[dim]{words}{escape(meter.formula)}[/dim]")


def _row(name: str, one: dict[str, Any]) -> tuple[str, ...]:
    critical, incidents = one["critical"], one["incidents"]
    return (
        name,
        f"{one['points']:,}",
        less(one["points"], one["points_same_interval"]),
        less(one["points"], one["points_unoptimized"]),
        f"{one['series']:,}",
        amount(one["bytes"]),
        f"{critical['exported']}/{critical['seen']}",
        f"{one['cpu_covered']:.0%}",
        f"{incidents['seen']}/{incidents['present']}" if incidents["present"] else "-",
        *_money(one),
    )


def _money(one: dict[str, Any]) -> tuple[str, ...]:
    """What a month of all hosts costs and saves; nothing before the baseline's first export."""
    if not one["points_unoptimized"]:
        return "-", "-"
    return tuple(f"{one['fleet'][what]:,.2f} {one['currency']}" for what in ("cost", "savings"))


def show_curve(candidates: dict[str, dict[str, Any]], front: list[str], hosts: int) -> None:
    """Those that none beats."""
    columns = ("candidate that none beats", "costs a month", "CPU covered", "points", "critical")
    shown = table(*columns, right=set(columns[1:]))
    for name in front:
        one = candidates[name]
        critical = one["critical"]
        shown.add_row(
            name,
            f"{MEASURES['cost'].of(one):,.2f} {one['currency']}",
            f"{MEASURES['coverage'].of(one):.1%}",
            f"{one['points']:,}",
            f"{critical['exported']}/{critical['seen']}",
        )
    console().print(shown)
    words = f"{len(candidates)} candidates were tried, at the cost of {hosts_of(hosts)}"
    console().print(f"[dim]{words}; --json and --html have all[/dim]")


def show_advice(advice: dict[str, Any], hosts: int) -> None:
    words = "recommended" if advice["kept"] else "nothing keeps every limit; nearest is"
    console().print(f"\n{words}: [bold]{escape(advice['name'])}[/bold] ({hosts_of(hosts)})", highlight=False)
    for reason in advice["reasons"]:
        console().print(f"  {reason}", highlight=False, markup=False)


def hosts_of(number: int) -> str:
    return "1 host" if number == 1 else f"{number:,} hosts"

"""What `nrdot demo` prints: the profiles side by side, who is kept, and money.

On a narrow terminal a profile has a line, and only what decides stands in it: no word is cut into pieces, and
the page has the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from nrdot.cli.demo.words import HEADLINE, SAME_INTERVAL, brief, briefly, side_by_side, within_free
from nrdot.cli.output import amount, table
from nrdot.report.words import less
from nrdot.simulate.fleet import Fleet, vendors

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nrdot.simulate.comparison import Comparison, Figures

NARROW = 76  # columns of a terminal, below which profiles do not fit side by side
NAME = 12  # of a process, at most, on a narrow one
TOP = 8  # kept processes


def show(out: Console, found: Comparison, hosts: int, *, live: bool) -> None:
    narrow = out.width < NARROW
    out.print(profiles(found, narrow=narrow))
    _who(out, headline(found), narrow=narrow)
    _prices(out, found, hosts, narrow=narrow)
    for line in (
        *briefly(found, live=live),
        "The page has each formula, and what else to know of these figures.",
    ):
        out.print(f"[dim]{line}[/dim]")


def headline(found: Comparison) -> Figures:
    """The profile that most hosts take."""
    return next((one for one in found.profiles if one.profile == HEADLINE), found.profiles[0])


def profiles(found: Comparison, *, narrow: bool, short: bool = False) -> Table:
    """Every figure of every profile; `short` is for a screen that is full without the last comparison."""
    columns = (found.none, *found.profiles)
    if narrow:
        shown = table("", "points an hour", "less", right={"points an hour", "less"})
        for one in columns:
            saved = "-" if one is found.none else less(one.points_hourly, found.none.points_hourly)
            style = _style("less", one, found.none)
            shown.add_row(one.profile, f"{one.points_hourly:,.0f}", Text(saved, style=style))
        return shown
    shown = table("", *(one.profile for one in columns), right={one.profile for one in columns})
    for title, figures in side_by_side(found):
        if short and title == SAME_INTERVAL:
            continue
        words = zip(figures, columns, strict=True)
        shown.add_row(title, *(Text(text, style=_style(title, one, found.none)) for text, one in words))
    return shown


def _style(title: str, one: Figures, none: Figures) -> str:
    if title != "less" or one is none:
        return ""
    return "bold green" if one.points_hourly <= none.points_hourly else "bold yellow"


def processes(*columns: str, right: set[str], narrow: bool) -> Table:
    """A process a line: on a narrow terminal long names give way."""
    shown = table(*columns, right=right)
    if narrow:
        name = shown.columns[0]
        name.overflow, name.max_width = "ellipsis", NAME
    return shown


def _who(out: Console, one: Figures, *, narrow: bool) -> None:
    title = f"kept under {one.profile}"
    figures = {"pid", "score", "cores", "memory"}
    if narrow:
        shown = processes(title, "cores", "reason", right=figures, narrow=True)
    else:
        shown = processes(title, "pid", "score", "cores", "memory", "reason", right=figures, narrow=False)
    for kept in one.top[:TOP]:
        name, cores, why = Text(kept.name, no_wrap=narrow), f"{kept.cpu:.2f}", brief(kept.reason)
        if narrow:
            shown.add_row(name, cores, why)
        else:
            shown.add_row(name, str(kept.pid), f"{kept.score:.2f}", cores, amount(kept.rss), why)
    out.print(shown)
    more = sum(one.reasons.values()) - len(one.top[:TOP])
    if more > 0:
        out.print(f"and {more} more; the page names the largest\n")


def _prices(out: Console, found: Comparison, hosts: int, *, narrow: bool) -> None:
    meters = vendors()
    columns = (found.none, headline(found)) if narrow else (found.none, *found.profiles)
    names = [one.profile for one in columns]
    many = f"{hosts:,} such hosts" if hosts > 1 else "such a host"
    shown = table(f"{meters[0].currency} a month, {many}", *names, right=set(names))
    bills = [(meter, [meter.monthly(Fleet(one, hosts)) for one in columns]) for meter in meters]
    for meter, bill in bills:
        shown.add_row(meter.name, *(f"{month:,.2f}" for month in bill))
    out.print(shown)
    for line in within_free(bills):
        out.print(line + "\n")

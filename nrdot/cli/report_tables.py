"""A report on the terminal: the same document as every other format, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from nrdot.cli.output import WIDE, console, table
from nrdot.report.words import NOBODY, OBSERVED, STEP_WORDS, amount, host_hours, less, money, not_seen, rate

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Document = dict[str, Any]
TOP = 12  # rows of what could be long
NARROW = 110  # columns of a terminal
CELL = 9  # columns that a figure takes at least


def show(found: Document, kind: str, *, explain: bool) -> None:
    _write(console(), found, kind, explain=explain)


def as_text(found: Document, kind: str, *, explain: bool) -> str:
    from io import StringIO

    from nrdot.cli.harmless import HarmlessConsole

    text = StringIO()
    out = HarmlessConsole(file=text, highlight=False, width=WIDE, color_system=None)
    _write(out, found, kind, explain=explain)
    return text.getvalue()


def _write(out: Console, found: Document, kind: str, *, explain: bool) -> None:
    for part in _PARTS[kind](found, explain=explain, width=out.width):
        out.print(part)


def _savings(found: Document, *, explain: bool, width: int) -> list[RenderableType]:
    from nrdot.report.bill.cents import in_cents

    found = in_cents(found)
    parts: list[RenderableType] = [_headline(found), _figures(found)]
    if not found["too_short"]:
        parts += [_meters(found, width), _attribution(found), _allocation(found), _projection(found)]
    parts += [f"[bold]Not seen[/bold] {_plain(line)}" for line in not_seen(found)]
    left_out = (line for line in found["left_out"] if line != found["too_short"])
    parts += [f"[dim]left out: {_plain(line)}[/dim]" for line in left_out]
    if explain and not found["too_short"]:
        from nrdot.report.bill.worth import explained

        parts += [_plain(line) for lines in (*found["explain"].values(), explained(found)) for line in lines]
    return parts


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _headline(found: Document) -> str:
    window, processes, critical = found["window"], found["processes"], found["critical"]
    meter = found["meters"][found["meter"]]
    hosts = "1 host" if window["hosts"] == 1 else f"{window['hosts']:,} hosts"
    proof = (
        f"{critical['exported']:,} of {critical['seen']:,} exports of critical ones went out by themselves"
        if critical["seen"]
        else "no process was critical"
    )
    seen = host_hours(window)
    within = ": all of it is within the free allowance; --meter NAME bills by another"
    free = within if _nothing(found) else ""
    observed = window["mode"] in OBSERVED
    words = ("would be more", "would be saved") if observed else ("more", "saved")
    amounts, word = money(abs(meter["saved"]), meter["currency"]), words[meter["saved"] >= 0]
    mode = f", {OBSERVED[window['mode']]}" if observed else ""
    told = f"[bold]{amounts} a month[/bold] {word} on {_plain(meter['title'])}{rate(window)}{free}"
    if found["too_short"]:
        told = f"[bold]No figures of a month:[/bold] {_plain(found['too_short'])}"
    return (
        f"{told}\n"
        f"{window['from']} to {window['to']}, {hosts}, {seen}, prices of {_plain(found['prices_of'])}{mode}\n"
        f"{processes['seen']:,.0f} processes at a time: {processes['kept']:,.0f} by themselves, "
        f"{processes['rolled_up']:,.0f} rolled up, {processes['dropped']:,.0f} dropped; {proof}"
    )


def _figures(found: Document) -> RenderableType:
    shown = table("in the window", "without NRDOT", "hostmetrics", "with NRDOT", "less", right=set(_FIGURES))
    points, series, size = found["points"], found["series"], found["bytes"]
    for name, values, write in (
        ("points", points, lambda value: f"{value:,.0f}"),
        ("series, active", series, lambda value: f"{value:,.0f}"),
        ("OTLP", size, amount),
    ):
        before, after = values["unoptimized"], values["sent"]
        alone = values.get("hostmetrics")
        shown.add_row(
            name, write(before), "-" if alone is None else write(alone), write(after), less(after, before)
        )
    return shown


_FIGURES = ("without NRDOT", "hostmetrics", "with NRDOT", "less")


def _meters(found: Document, width: int) -> RenderableType:
    """Titles stand beside the names where there is room for them; `--explain` has them all the same."""
    currency = found["currency"]
    shown = table(
        f"{currency} a month",
        "without NRDOT",
        "hostmetrics",
        "with NRDOT",
        "saved",
        "less",
        right={"without NRDOT", "hostmetrics", "with NRDOT", "saved", "less"},
    )
    for place in (0, 2):  # other headings break instead
        shown.columns[place].no_wrap = width < NARROW
    for name, meter in found["meters"].items():
        shown.add_row(
            name if width < NARROW else f"{name}: {meter['title']}",
            money(meter["unoptimized"]),
            money(meter["hostmetrics"]),
            money(meter["sent"]),
            money(meter["saved"]),
            less(meter["sent"], meter["unoptimized"], 0),
            style="bold" if name == found["meter"] else "",
        )
    return shown


def _attribution(found: Document) -> RenderableType:
    meter = found["meters"][found["meter"]]
    shown = table(
        "saved by", "points", f"{found['currency']} a month", right={"points", f"{found['currency']} a month"}
    )
    for name, words in STEP_WORDS.items():
        shown.add_row(words, f"{found['attribution'][name]:,}", money(meter["attribution"][name]))
    shown.add_row("together", f"{sum(found['attribution'].values()):,}", money(meter["saved"]), style="bold")
    return shown


def _allocation(found: Document) -> RenderableType:
    """In money; in points where the bill is nothing, because then every share of it is."""
    by, currency, rows = found["allocation_by"], found["currency"], found["allocation"]
    amounts = {
        f"{currency} a month": "value",
        "direct": "direct",
        "shared": "shared",
        "without NRDOT": "unoptimized",
    }
    told = {} if _nothing(found) else amounts
    columns = (*told, "processes") if told else ("points sent", "processes")
    shown = table(by, *columns, right=set(columns))

    def add(name: str, of: list[Document], style: str = "") -> None:
        cells = [money(sum(row[key] for row in of)) for key in told.values()]
        cells = cells or [f"{sum(row['points'] for row in of):,}"]
        shown.add_row(name, *cells, f"{sum(row['processes'] for row in of):,.1f}", style=style)

    for row in rows[:TOP]:
        add(row["name"], [row])
    if rest := rows[TOP:]:
        add(f"{len(rest)} more", rest, "dim")
    return shown


def _nothing(found: Document) -> bool:
    """All of it is within the free allowance."""
    meter = found["meters"][found["meter"]]
    return not (meter["unoptimized"] or meter["sent"])


def _projection(found: Document) -> str:
    projection, back, currency = found["projection"], found["return"], found["currency"]
    lines = [_span(name, projection[name], currency) for name in ("month", "year")]
    running = f", and {money(back['monthly'], currency)} for running it" if back["monthly"] else ""
    lines.append(
        f"NRDOT's own cost: {back['agent_core_hours']:,.2f} core-hours a month, "
        f"{money(back['agent_cost'], currency)}{running}; "
        f"left: [bold]{money(back['net_monthly'], currency)} a month[/bold]."
    )
    if back["introduction"]:
        paid = (
            f"paid back in {back['payback_months']:,.1f} months"
            if back["payback_months"] is not None
            else "never paid back at this rate"
        )
        year = f", {back['first_year']:+.0%} over the first year" if back["first_year"] is not None else ""
        lines.append(f"Introducing it for {money(back['introduction'], currency)} is {paid}{year}.")
    actual = found.get("actual")
    if actual:
        lines.append(_actual(actual, currency))
    return "\n".join(lines)


def _span(name: str, span: Document, currency: str) -> str:
    dearer = span["value"] < 0
    value = money(abs(span["value"]), currency)
    told = f"A {name} costs {value} more" if dearer else f"A {name} saves {value}"
    if span["low"] is None:
        return f"{told}; no range: fewer than two whole days were seen."
    low, high = (-span["high"], -span["low"]) if dearer else (span["low"], span["high"])
    return f"{told}, between {money(low)} and {money(high)} (9 of 10)."


def _actual(actual: Document, currency: str) -> str:
    words = f"The invoice of {money(actual['invoice'], currency)} on {actual['meter']}"
    if actual["factor"] is None:
        return f"{words} has no factor: the estimate with NRDOT is 0."
    return (
        f"{words} is {actual['factor']:,.2f} times the estimate of {money(actual['estimate'], currency)}; "
        "it bills all that you send, the estimate processes alone."
    )


def _criticality(found: Document, *, explain: bool, width: int) -> list[RenderableType]:
    del explain
    named = max((len(row["class"] or NOBODY) for row in found["rows"]), default=0)
    groups = _fitting(found["groups"][:TOP], width - named - 10)
    shown = table("class", "score", *groups, right={"score", *groups})
    for row in found["rows"]:
        cells = [_cell(row["cells"].get(group)) for group in groups]
        score = "-" if row["score"] is None else f"{row['score']:.2f}"
        shown.add_row(row["class"] or NOBODY, score, *cells, style="bold" if row["critical"] else "")
    more = len(found["groups"]) - len(groups)
    title = (
        f"[bold]Criticality[/bold] by class and {found['by']}: processes, and how many have their own series"
    )
    parts: list[RenderableType] = [title, shown]
    if more > 0:
        parts.append(f"[dim]and {more} more columns; --format html or json has them[/dim]")
    return parts + [f"[dim]left out: {_plain(line)}[/dim]" for line in found["left_out"]]


def _fitting(names: list[str], room: int) -> list[str]:
    """As many columns as there is room for, one at least."""
    fitting: list[str] = []
    for name in names:
        room -= max(len(name), CELL) + 3
        if room < 0 and fitting:
            break
        fitting.append(name)
    return fitting


def _cell(cell: Document | None) -> Text:
    if cell is None:
        return Text()
    said = Text(f"{cell['processes']:,.1f} {cell['kept']:.0%}")
    return said.append(" !", "red") if cell["critical_missed"] else said


def _compliance(found: Document, *, explain: bool, width: int) -> list[RenderableType]:
    del explain, width
    colours = {"met": "green", "idle": "yellow", "missed": "red", "open": "red"}
    shown = table("requirement", "rule", "covers", "state", "evidence")
    for row in found["rows"]:
        state = row["state"]
        shown.add_row(
            row["requirement"],
            row["rule"],
            row["covers"],
            Text(state, style=colours[state]),
            "; ".join(row["evidence"]),
        )
    parts: list[RenderableType] = [shown] if found["rows"] else []
    parts += [_plain(line) for line in found["audit"]]
    return parts + [f"[dim]left out: {_plain(line)}[/dim]" for line in found["left_out"]]


def _rollout(found: Document, *, explain: bool, width: int) -> list[RenderableType]:
    del explain, width
    shown = table("phase", "weeks", "hosts", "profile", "what", "gate, beside those below", right={"hosts"})
    for phase in found["phases"]:
        weeks = (
            f"{phase['from_week']}"
            if phase["from_week"] == phase["to_week"]
            else f"{phase['from_week']}-{phase['to_week']}"
        )
        shown.add_row(
            phase["name"],
            weeks,
            f"{phase['hosts']:,}",
            phase["profile"],
            "; ".join(phase["steps"]),
            "; ".join(gate for gate in phase["gates"] if gate not in found["every_gate"]),
        )
    gates = [f"gate: {_plain(line)}" for line in found["every_gate"]]
    return [shown, *gates, *(f"[dim]{_plain(line)}[/dim]" for line in found["notes"])]


_PARTS = {
    "savings": _savings,
    "criticality": _criticality,
    "compliance": _compliance,
    "rollout": _rollout,
}

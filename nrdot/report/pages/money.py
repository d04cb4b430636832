"""The parts of the page about savings that speak of money: vendors, who causes what, what it is worth."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nrdot.report.bill.worth import explained
from nrdot.report.pages import charts
from nrdot.report.pages.parts import figure, section, table
from nrdot.report.words import counted, less, money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.report.pages.parts import Document

ROWS = 14  # bars of a chart, rows of a table


def meters(found: Document) -> str:
    rows = []
    for name, meter in found["meters"].items():
        chosen = ' class="chosen"' if name == found["meter"] else ""
        before, sent, saved = meter["unoptimized"], meter["sent"], meter["saved"]
        kind = "less" if saved >= 0 else "more"
        rows.append(
            f'<tr{chosen}><td class="word">{escape(meter["title"])}</td><td>{money(before)}</td>'
            f"<td>{money(meter['hostmetrics'])}</td><td>{money(sent)}</td>"
            f'<td class="{kind}">{money(saved)}</td><td>{less(sent, before, 0)}</td></tr>'
        )
    head = (
        f'<th class="word">{escape(found["currency"])} a month</th><th>without<br>NRDOT</th>'
        "<th>hostmetrics<br>each 60 s</th><th>with<br>NRDOT</th><th>saved</th><th>less</th>"
    )
    return section(
        "What each vendor would bill",
        table(head, "".join(rows)),
        note=(
            "Meters are alternatives: read the one that is yours. Free allowances are taken off as if "
            "nothing else used them; set them to 0 in a price list of your own where other data does."
        ),
    )


def costs(found: Document) -> str:
    pictures: list[str] = []
    if not found["meters"][found["meter"]]["unoptimized"]:
        return section("What costs", _shares(found))
    for name, shares in ((found["allocation_by"], found["allocation"]), ("class", found["classes"])):
        if name == "class" and pictures and found["allocation_by"] == "class":
            continue
        rows = _top(shares)
        series = [
            ("direct", [row["direct"] for row in rows]),
            ("shared", [row["shared"] for row in rows]),
        ]
        drawn = charts.bars([row["name"] for row in rows], series, money, f"Cost by {name}")
        legend = (("s0", "direct"), ("s1", "its share of sums and common costs"))
        pictures.append(figure(drawn, f"{found['currency']} a month with NRDOT, by {name}.", legend))
    before = [(row["name"], row["unoptimized"]) for row in _top(found["classes"], "unoptimized")]
    if len(pictures) < 2 and any(value for _, value in before):
        drawn = charts.bars(
            [key for key, _ in before],
            [("without NRDOT", [value for _, value in before])],
            money,
            "Cost by class without NRDOT",
        )
        pictures.append(
            figure(
                drawn,
                f"{found['currency']} a month without NRDOT, by class.",
                (("none", "without NRDOT"),),
                "versus",
            )
        )
    return section("What costs", f'<div class="pair">{"".join(pictures)}</div>', _shares(found))


def _shares(found: Document) -> str:
    shares = found["allocation"]
    rows = "".join(_share(row["name"], row) for row in shares[:ROWS])
    rest = shares[ROWS:]
    if rest:
        rows += _share(f"{len(rest)} more", {name: sum(row[name] for row in rest) for name in _FIGURES})
    head = (
        f'<th class="word">{escape(found["allocation_by"])}</th>'
        f"<th>{escape(found['currency'])}<br>a month</th><th>direct</th><th>shared</th>"
        "<th>without<br>NRDOT</th><th>points<br>sent</th><th>processes</th>"
    )
    return table(head, rows)


_FIGURES = ("value", "direct", "shared", "unoptimized", "points", "processes")


def _share(name: str, row: Document) -> str:
    amounts = "".join(f"<td>{money(row[one])}</td>" for one in _FIGURES[:4])
    return (
        f'<tr><td class="word">{escape(name)}</td>{amounts}<td>{row["points"]:,}</td>'
        f"<td>{row['processes']:,.1f}</td></tr>"
    )


def worth(found: Document) -> str:
    back, currency, projection = found["return"], found["currency"], found["projection"]
    year = projection["year"]
    rows = [
        ("saved in a month", money(found["meters"][found["meter"]]["saved"])),
        ("NRDOT's CPU", f"{money(-back['agent_cost'])} ({back['agent_core_hours']:,.2f} core-hours)"),
        ("running it", money(-back["monthly"])),
        ("left in a month", money(back["net_monthly"])),
        ("saved in a year", _range(year)),
    ]
    if back["introduction"]:
        payback = back["payback_months"]
        rows.append(("introducing it, once", money(-back["introduction"])))
        rows.append(
            ("paid back after", "never at this rate" if payback is None else f"{payback:,.1f} months")
        )
    if back["introduction"] and back["first_year"] is not None:
        rows.append(("gain of the first year over its cost", f"{back['first_year']:+,.0%}"))
    actual = found.get("actual")
    if actual and actual["factor"] is not None:
        rows.append(
            (
                "your invoice over the estimate",
                f"{actual['factor']:,.2f} ({money(actual['invoice'])} / {money(actual['estimate'])})",
            )
        )
    cells = "".join(
        f'<tr><td class="word">{escape(name)}</td><td>{escape(value)}</td></tr>' for name, value in rows
    )
    note = (
        f"The range is how {counted(projection['days'], 'day')} differed: nine months of ten fall into it."
        if year["low"] is not None
        else "Fewer than two whole days were seen, so there is no range."
    )
    head = f'<th class="word">{escape(currency)}</th><th></th>'
    return section("What it is worth", table(head, cells), note=note)


def _range(span: Document) -> str:
    if span["low"] is None:
        return money(span["value"])
    return f"{money(span['value'])} ({money(span['low'])} to {money(span['high'])})"


def explain(found: Document) -> str:
    text = "\n\n".join("\n".join(lines) for lines in (*found["explain"].values(), explained(found)))
    return section(
        "How each figure was computed",
        f"<details><summary>Formulas, with their numbers</summary><pre>{escape(text)}</pre></details>",
        note=f"A month is {found['month_hours']:g} hours at the rate of the hours that were seen.",
    )


def _top(shares: Sequence[Document], by: str = "value") -> list[Document]:
    rows = sorted((row for row in shares if row[by]), key=lambda row: -row[by])
    rest = rows[ROWS:]
    if not rest:
        return rows
    sums = {name: sum(row[name] for row in rest) for name in ("value", "direct", "shared", "unoptimized")}
    return [*rows[:ROWS], {"name": f"{len(rest)} more", **sums}]

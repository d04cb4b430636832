"""The body of the page about savings, section by section in the order in which people ask."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from nrdot.report import charts
from nrdot.report.steps import STEPS
from nrdot.report.words import NOBODY, STEP_WORDS, counted, headline, money, not_seen, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Document = dict[str, Any]
Body = tuple[str, str, str]  # heading, the line under it, the rest as HTML
ROWS = 14  # bars of a chart


def body(found: Document) -> Body:
    window = found["window"]
    hosts = "one host" if window["hosts"] == 1 else f"{window['hosts']:,} hosts"
    days = f"{window['from'][:10]} to {window['to'][:10]}"
    seen = f"{window['host_hours_seen']:,.0f} of {window['host_hours_expected']:,.0f} host-hours seen"
    sections = (
        _answers(found),
        _time(found),
        _attribution(found),
        _meters(found),
        _costs(found),
        _coverage(found),
        _talkers(found),
        _unseen(found),
        _worth(found),
        _explain(found),
        _left_out(found),
    )
    observed = {"observe": " · what the profile would have sent", "mixed": " · partly only observed"}
    under = f"{days} · {hosts} · {seen} · prices of {found['prices_of']}{observed.get(window['mode'], '')}"
    return "What NRDOT saved", under, "\n".join(section for section in sections if section)


def _answers(found: Document) -> str:
    meter, points, critical = found["meters"][found["meter"]], found["points"], found["critical"]
    month, back, currency = found["projection"]["month"], found["return"], found["currency"]
    between = (
        f", between {money(month['low'])} and {money(month['high'])} in nine months of ten"
        if month["low"] is not None
        else ""
    )
    free = " (all of it is within the free allowance)" if not meter["unoptimized"] else ""
    less = 1 - points["sent"] / points["unoptimized"] if points["unoptimized"] else 0.0
    met = critical["exported"] == critical["seen"]
    cards = [
        (headline(meter["saved"], currency), f"less a month on {meter['title']}{between}{free}", False),
        (
            f"{less:.0%}",
            f"fewer points: {short(points['sent'])} instead of {short(points['unoptimized'])}",
            False,
        ),
        (
            (
                f"{critical['coverage']:.2%}".replace("100.00%", "100%"),
                "of critical exports had series of their own",
                not met,
            )
            if critical["seen"]
            else ("none", "of the processes was critical; such would each keep a name", False)
        ),
        (
            headline(back["net_monthly"], currency),
            "a month is left after NRDOT's own cost",
            back["net_monthly"] < 0,
        ),
    ]
    return (
        '<section class="answers" aria-label="In short">'
        + "".join(
            f'<div class="answer{" bad" if bad else ""}"><strong>{escape(figure)}</strong>'
            f"<span>{escape(words)}</span></div>"
            for figure, words, bad in cards
        )
        + "</section>"
    )


def _time(found: Document) -> str:
    days = found["days"]
    labels = [day["day"][5:] for day in days]
    series = [
        ("without NRDOT", [day.get("unoptimized") for day in days]),
        ("with NRDOT", [day.get("sent") for day in days]),
    ]
    drawn = charts.over_time(labels, series, money, "Cost by day, without and with NRDOT")
    gaps = sum(not day["seen"] for day in days)
    note = f" {counted(gaps, 'day')} that nobody saw left empty." if gaps else ""
    title = f"{found['currency']} a day on {found['meters'][found['meter']]['title']}."
    return _section(
        "Savings over time",
        _figure(drawn, f"{title}{note}", zip(("none", "s0"), _names(series), strict=True), "versus"),
    )


def _attribution(found: Document) -> str:
    days, currency = found["days"], found["currency"]
    used = [name for name in STEPS if any(day.get("attribution", {}).get(name) for day in days)] or [
        "roll_up"
    ]
    series = [
        (STEP_WORDS[name], [day["attribution"][name] if day["seen"] else None for day in days])
        if name in used
        else (STEP_WORDS[name], [])
        for name in STEPS
    ]
    legend = [(f"s{STEPS.index(name)}", STEP_WORDS[name]) for name in used]
    drawn = charts.stacked([day["day"][5:] for day in days], series, money, "Savings by day and step")
    meter = found["meters"][found["meter"]]
    rows = "".join(
        f'<tr><td class="word"><span class="swatch s{number}"></span>{escape(STEP_WORDS[name])}</td>'
        f"<td>{found['attribution'][name]:,}</td><td>{money(meter['attribution'][name])}</td>"
        f'<td class="wide">{escape(_MEANING[name])}</td></tr>'
        for number, name in enumerate(STEPS)
    )
    total = (
        f'<tr class="total"><td class="word">together</td><td>{sum(found["attribution"].values()):,}</td>'
        f"<td>{money(meter['saved'])}</td><td></td></tr>"
    )
    head = f'<th class="word">step</th><th>points<br>less</th><th>{escape(currency)}<br>a month</th><th></th>'
    return _section(
        "Where the saving comes from",
        _figure(drawn, f"{currency} a day, step by step; what is below the line is a cost.", legend),
        _table(head, rows + total),
        note="A longer interval is shown by itself: it is no intelligence, and anybody can have it.",
    )


_MEANING = {
    "interval": "every process, but as often as NRDOT exports; negative where that is more often",
    "filter": "processes whose detail a rule of the profile gives up, less their one sum",
    "roll_up": "processes that share a group's exact sums, less those sums",
    "suppression": "values that had not changed and were not repeated",
    "life": "zeros that begin series, markers that end them, anomalies that could not wait",
    "own_metrics": "NRDOT's own metrics travel beside the processes",
    "compression": "only what is better than the counterfactual's; stored data is billed before compression",
}


def _meters(found: Document) -> str:
    rows = []
    for name, meter in found["meters"].items():
        before = meter["unoptimized"]
        share = f"{meter['saved'] / before:.0%}" if before else "-"
        chosen = ' class="chosen"' if name == found["meter"] else ""
        kind = "less" if meter["saved"] >= 0 else "more"
        rows.append(
            f'<tr{chosen}><td class="word">{escape(meter["title"])}</td><td>{money(before)}</td>'
            f"<td>{money(meter['hostmetrics'])}</td><td>{money(meter['sent'])}</td>"
            f'<td class="{kind}">{money(meter["saved"])}</td><td>{share}</td></tr>'
        )
    head = (
        f'<th class="word">{escape(found["currency"])} a month</th><th>without<br>NRDOT</th>'
        "<th>hostmetrics<br>each 60 s</th><th>with<br>NRDOT</th><th>saved</th><th>less</th>"
    )
    return _section(
        "What each vendor would bill",
        _table(head, "".join(rows)),
        note=(
            "Meters are alternatives: read the one that is yours. Free allowances are taken off as if "
            "nothing else used them; set them to 0 in a price list of your own where other data does."
        ),
    )


def _costs(found: Document) -> str:
    pictures: list[str] = []
    for name, shares in ((found["allocation_by"], found["allocation"]), ("class", found["classes"])):
        if name == "class" and pictures and found["allocation_by"] == "class":
            continue
        rows = _top(shares)
        series = [
            ("direct", [row["direct"] for row in rows]),
            ("shared", [row["shared"] for row in rows]),
        ]
        drawn = charts.bars([row["key"] or NOBODY for row in rows], series, money, f"Cost by {name}")
        legend = (("s0", "direct"), ("s1", "its share of sums and common costs"))
        pictures.append(_figure(drawn, f"{found['currency']} a month with NRDOT, by {name}.", legend))
    before = [(row["key"] or NOBODY, row["unoptimized"]) for row in _top(found["classes"], "unoptimized")]
    if len(pictures) < 2 and any(value for _, value in before):
        drawn = charts.bars(
            [key for key, _ in before],
            [("without NRDOT", [value for _, value in before])],
            money,
            "Cost by class without NRDOT",
        )
        pictures.append(
            _figure(
                drawn,
                f"{found['currency']} a month without NRDOT, by class.",
                (("none", "without NRDOT"),),
                "versus",
            )
        )
    return _section("What costs", f'<div class="pair">{"".join(pictures)}</div>', _shares(found))


def _shares(found: Document) -> str:
    rows = "".join(
        f'<tr><td class="word">{escape(row["key"] or NOBODY)}</td><td>{money(row["value"])}</td>'
        f"<td>{money(row['direct'])}</td><td>{money(row['shared'])}</td><td>{money(row['unoptimized'])}</td>"
        f"<td>{row['processes']:,.1f}</td></tr>"
        for row in found["allocation"][:ROWS]
    )
    rest = found["allocation"][ROWS:]
    if rest:
        sums = [
            sum(row[name] for row in rest)
            for name in ("value", "direct", "shared", "unoptimized", "processes")
        ]
        rows += (
            f'<tr><td class="word">{len(rest)} more</td>'
            + "".join(f"<td>{money(value)}</td>" for value in sums[:4])
            + f"<td>{sums[4]:,.1f}</td></tr>"
        )
    head = (
        f'<th class="word">{escape(found["allocation_by"])}</th>'
        f"<th>{escape(found['currency'])}<br>a month</th>"
        "<th>direct</th><th>shared</th><th>without<br>NRDOT</th><th>processes</th>"
    )
    return _table(head, rows)


def _coverage(found: Document) -> str:
    cells = found["coverage"]["cells"]
    each = "day" if found["coverage"]["step"] > 3600 else "hour"
    seen = "".join(_cell(cell["at"], *_seen(cell["seen"])) for cell in cells)
    critical = "".join(_cell(cell["at"], *_critical(cell)) for cell in cells)
    ends = f"<span>{cells[0]['at'][:10]}</span><span>{cells[-1]['at'][:10]}</span>" if cells else ""
    classes = "".join(map(_proof, found["critical"]["classes"]))
    head = '<th class="word">critical class</th><th>seen at exports</th><th>exported</th><th>missed</th>'
    return _section(
        "Was anything hidden?",
        f'<figure><div class="strips"><span>hosts seen</span><div class="strip">{seen}</div>'
        f'<span>critical exported</span><div class="strip">{critical}</div>'
        f'<span></span><div class="ends">{ends}</div></div>'
        f"<figcaption>A cell an {each}. Full: all; striped: in part; grey: nobody looked; red: a critical "
        "process was not exported; pale: there was none.</figcaption></figure>".replace("an day", "a day"),
        _table(head, classes) if classes else "",
    )


def _proof(row: Document) -> str:
    missed = row["seen"] - row["exported"]
    words = (
        f"{missed:,} in {counted(row['short_hours'], 'hour')}, first {row['first_short']}" if missed else "0"
    )
    bad = ' class="bad"' if missed else ""
    return (
        f'<tr><td class="word">{escape(row["class"] or NOBODY)}</td><td>{row["seen"]:,}</td>'
        f"<td>{row['exported']:,}</td><td{bad}>{escape(words)}</td></tr>"
    )


def _seen(share: float) -> tuple[str, str]:
    if not share:
        return "gap", "nobody looked"
    return ("", "all hosts seen") if share > 0.995 else ("part", f"{share:.0%} of host-time seen")


def _critical(cell: Document) -> tuple[str, str]:
    if not cell["seen"]:
        return "gap", "nobody looked"
    if cell["critical"] is None:
        return "idle", "no critical process"
    return ("", "all exported") if cell["critical"] >= 1 else ("bad", f"{cell['critical']:.2%} exported")


def _cell(at: str, kind: str, words: str) -> str:
    classes = f' class="{kind}"' if kind else ""
    return f'<i{classes} title="{escape(at[:16].replace("T", " "))}: {escape(words)}"></i>'


def _talkers(found: Document) -> str:
    pictures = []
    for name, words, kind in (("kept", "kept by themselves", ""), ("rolled_up", "only in sums", "versus")):
        rows = found["talkers"][name][:10]
        if not rows:
            continue
        series = [(words, [row["cpu_seconds"] / 3600 for row in rows])]
        labels = [row["name"] for row in rows]
        drawn = charts.bars(labels, series, lambda value: f"{value:,.2f}", f"CPU of names {words}")
        pictures.append(_figure(drawn, f"Core-hours of names {words}.", (), kind))
    return _section("Top talkers", f'<div class="pair">{"".join(pictures)}</div>') if pictures else ""


def _unseen(found: Document) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in not_seen(found))
    return _section("What was not seen because of NRDOT", f"<ul>{lines}</ul>") if lines else ""


def _worth(found: Document) -> str:
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
    return _section("What it is worth", _table(head, cells), note=note)


def _range(span: Document) -> str:
    if span["low"] is None:
        return money(span["value"])
    return f"{money(span['value'])} ({money(span['low'])} to {money(span['high'])})"


def _explain(found: Document) -> str:
    text = "\n\n".join("\n".join(lines) for lines in found["explain"].values())
    return _section(
        "How each figure was computed",
        f"<details><summary>Formulas, with their numbers</summary><pre>{escape(text)}</pre></details>",
        note=f"A month is {found['month_hours']:g} hours at the rate of the hours that were seen.",
    )


def _left_out(found: Document) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in found["left_out"])
    return _section("Left out", f"<ul>{lines}</ul>") if lines else ""


def _top(shares: Sequence[Document], by: str = "value") -> list[Document]:
    rows = sorted((row for row in shares if row[by]), key=lambda row: -row[by])
    rest = rows[ROWS:]
    if not rest:
        return rows
    sums = {name: sum(row[name] for row in rest) for name in ("value", "direct", "shared", "unoptimized")}
    return [*rows[:ROWS], {"key": f"{len(rest)} more", **sums}]


def _names(series: Iterable[tuple[str, Any]]) -> list[str]:
    return [name for name, _ in series]


def _section(title: str, *parts: str, note: str = "") -> str:
    words = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{words}{''.join(parts)}</section>"


def _figure(drawn: str, caption: str, legend: Iterable[tuple[str, str]], kind: str = "") -> str:
    keys = "".join(
        f'<li><span class="swatch {swatch}"></span>{escape(words)}</li>' for swatch, words in legend
    )
    listed = f'<ul class="legend">{keys}</ul>' if keys else ""
    classes = f' class="{kind}"' if kind else ""
    return (
        f'<figure{classes}>{listed}<div class="scroll">{drawn}</div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _table(head: str, rows: str) -> str:
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'

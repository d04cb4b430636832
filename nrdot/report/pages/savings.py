"""The body of the page about savings, section by section in the order in which people ask."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nrdot.report.bill.cents import in_cents
from nrdot.report.figures.steps import STEPS
from nrdot.report.pages import charts
from nrdot.report.pages.money import costs, explain, meters, worth
from nrdot.report.pages.parts import figure, section, table
from nrdot.report.words import (
    NOBODY,
    OBSERVED,
    STEP_WORDS,
    compact,
    counted,
    headline,
    host_hours,
    money,
    not_seen,
    proven,
    rate,
    short,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from nrdot.report.pages.parts import Body, Document


def body(found: Document) -> Body:
    found = in_cents(found)
    window = found["window"]
    hosts = "one host" if window["hosts"] == 1 else f"{window['hosts']:,} hosts"
    days = f"{found['days'][0]['day']} to {window['to'][:10]}"
    seen = host_hours(window)
    short = found["too_short"]
    sections = (
        *((_too_short(short),) if short else (_answers(found), _time(found), _attribution(found))),
        *(() if short else (meters(found), costs(found))),
        _coverage(found),
        _reasons(found),
        _talkers(found),
        _unseen(found),
        *(() if short else (worth(found), explain(found))),
        _left_out(found),
    )
    mode = f" · {OBSERVED[window['mode']]}" if window["mode"] in OBSERVED else ""
    under = f"{days} · {hosts} · {seen} · prices of {found['prices_of']}{mode}"
    return "What NRDOT saved", under, "\n".join(section for section in sections if section)


def _too_short(why: str) -> str:
    return section("No figures of a month", f"<p>{escape(why)}</p>")


def _answers(found: Document) -> str:
    meter, points, critical = found["meters"][found["meter"]], found["points"], found["critical"]
    month, back, currency = found["projection"]["month"], found["return"], found["currency"]
    between = (
        f", between {whole(month['low'])} and {whole(month['high'])} in nine months of ten"
        if month["low"] is not None and meter["unoptimized"] and meter["saved"] >= 0
        else ""
    )
    nothing = not (meter["unoptimized"] or meter["sent"])
    free = " (all of it is within the free allowance)" if nothing else ""
    dearer = meter["saved"] < 0
    saved = headline(abs(meter["saved"]), currency)
    less = 1 - points["sent"] / points["unoptimized"] if points["unoptimized"] else 0.0
    met = critical["exported"] == critical["seen"]
    word = "fewer" if less >= 0 else "more"
    instead = f"{short(points['sent'])} instead of {short(points['unoptimized'])}"
    title = f"{'more' if dearer else 'less'} a month on {meter['title']}"
    cards = [
        (
            saved,
            f"{title}{between}{rate(found['window'])}{free}",
            dearer,
        ),
        (f"{abs(less):.0%}", f"{word} points: {instead}", less < 0),
        (
            (
                proven(critical["coverage"]),
                "of critical exports had series of their own",
                not met,
            )
            if critical["seen"]
            else (
                "none",
                "of the processes is named as critical; a class or an override does that",
                False,
            )
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


class _Moments:
    """What charts show over time: days, or hours of few days; money, or points without a bill."""

    def __init__(self, found: Document) -> None:
        self.rows = found["hours"] or found["days"]
        self.word = "hour" if found["hours"] else "day"
        self.labels = [row["day"][5:] for row in self.rows]
        billed = any(row.get("unoptimized") or row.get("sent") for row in self.rows)
        title = found["meters"][found["meter"]]["title"]
        self.before, self.after, self.steps = "unoptimized", "sent", "attribution"
        self.write: Callable[[float], str] = money
        self.what = "Cost"
        self.unit = f"{found['currency']} {'an' if self.word == 'hour' else 'a'} {self.word} on {title}"
        if not billed:
            self.before, self.after, self.steps = "points_unoptimized", "points_sent", "attribution_points"
            self.write, self.what = compact, "Points"
            self.unit = f"Points by {self.word}; the bill on {title} is nothing"

    def line(self, key: str) -> list[float | None]:
        return [row.get(key) for row in self.rows]

    def step(self, name: str) -> list[float | None]:
        return [row[self.steps][name] if self.steps in row else None for row in self.rows]


def _time(found: Document) -> str:
    shown = _Moments(found)
    if len(shown.rows) < 2:
        return ""  # one moment is no line
    series = [("without NRDOT", shown.line(shown.before)), ("with NRDOT", shown.line(shown.after))]
    words = f"{shown.what} by {shown.word}, without and with NRDOT"
    drawn = charts.over_time(shown.labels, series, shown.write, words)
    gaps = sum(not row["seen"] for row in shown.rows)
    note = f" {counted(gaps, shown.word)} that nobody saw left empty." if gaps else ""
    silent = found["not_seen"]["host_hours_missing"]
    if silent >= 1:
        note += f" For {silent:,.0f} host-hours a host was silent: what it sent then is in no figure."
    legend = (("none", "without NRDOT"), ("s0", "with NRDOT"))
    return section("Savings over time", figure(drawn, f"{shown.unit}.{note}", legend, "versus"))


def _attribution(found: Document) -> str:
    shown, currency = _Moments(found), found["currency"]
    used = [name for name in STEPS if any(shown.step(name))]
    series = [(STEP_WORDS[name], shown.step(name) if name in used else []) for name in STEPS]
    legend = [(f"s{STEPS.index(name)}", STEP_WORDS[name]) for name in used]
    words = f"{shown.what} saved by {shown.word} and step"
    drawn = charts.stacked(shown.labels, series, shown.write, words)
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
    return section(
        "Where the saving comes from",
        figure(drawn, f"{shown.unit}, step by step; what is below the line is a cost.", legend),
        table(head, rows + total),
        note="What a longer interval saves is shown by itself: anybody can have it without NRDOT.",
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


def _coverage(found: Document) -> str:
    cells = found["coverage"]["cells"]
    each = "day" if found["coverage"]["step"] > 3600 else "hour"
    seen = "".join(_cell(cell["at"], *_seen(cell["seen"])) for cell in cells)
    critical = "".join(_cell(cell["at"], *_critical(cell)) for cell in cells)
    ends = f"<span>{cells[0]['at'][:10]}</span><span>{cells[-1]['at'][:10]}</span>" if cells else ""
    classes = "".join(map(_proof, found["critical"]["classes"]))
    head = '<th class="word">critical class</th><th>seen at exports</th><th>exported</th><th>missed</th>'
    return section(
        "Was anything hidden?",
        f'<figure><div class="strips"><span>hosts seen</span><div class="strip">{seen}</div>'
        f'<span>critical exported</span><div class="strip">{critical}</div>'
        f'<span></span><div class="ends">{ends}</div></div>'
        f"<figcaption>A cell an {each}. Full: all; striped: in part; grey: nobody looked; red: a critical "
        "process was not exported; pale: there was none.</figcaption></figure>".replace("an day", "a day"),
        table(head, classes) if classes else "",
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
    return ("", "all exported") if cell["critical"] >= 1 else ("bad", f"{proven(cell['critical'])} exported")


def _cell(at: str, kind: str, words: str) -> str:
    classes = f' class="{kind}"' if kind else ""
    return f'<i{classes} title="{escape(at[:16].replace("T", " "))}: {escape(words)}"></i>'


def _reasons(found: Document) -> str:
    words = {"keep": "kept by itself", "roll_up": "only in sums", "drop": "dropped"}
    rows = "".join(
        f'<tr><td class="word">{words[row["verdict"]]}</td>'
        f'<td class="word">{escape(row["reason"].replace("_", " "))}</td><td>{row["processes"]:,.1f}</td>'
        f"<td>{'-' if row['cpu_share'] is None else format(row['cpu_share'], '.1%')}</td>"
        f"<td>{row['points']:,}</td></tr>"
        for row in found["processes"]["reasons"]
    )
    head = (
        '<th class="word">verdict</th><th class="word">because</th><th>processes</th>'
        "<th>of the CPU</th><th>points sent</th>"
    )
    return section("Why processes were kept, or not", table(head, rows))


def _talkers(found: Document) -> str:
    pictures = []
    shown = {name: found["talkers"][name][:10] for name in ("kept", "rolled_up")}
    most = max((row["cpu_seconds"] for rows in shown.values() for row in rows), default=0.0)
    unit, seconds = ("Core-hours", 3600) if most >= 3600 else ("CPU seconds", 1)  # the same on both charts
    for name, words, kind in (("kept", "kept by themselves", ""), ("rolled_up", "only in sums", "versus")):
        rows = shown[name]
        if not rows:
            continue
        series = [(words, [row["cpu_seconds"] / seconds for row in rows])]
        labels = [row["name"] for row in rows]
        drawn = charts.bars(labels, series, lambda value: f"{value:,.2f}", f"CPU of names {words}")
        pictures.append(figure(drawn, f"{unit} of names {words}.", (), kind))
    return section("Top talkers", f'<div class="pair">{"".join(pictures)}</div>') if pictures else ""


def _unseen(found: Document) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in not_seen(found))
    return section("What was not seen because of NRDOT", f"<ul>{lines}</ul>") if lines else ""


def _left_out(found: Document) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in found["left_out"])
    return section("Left out", f"<ul>{lines}</ul>") if lines else ""

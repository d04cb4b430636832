"""The bodies of the pages about criticality, compliance and roll-out."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nrdot.report.words import NOBODY, between, counted

if TYPE_CHECKING:
    from nrdot.report.pages.parts import Body, Document

_STATES = {
    "met": "every export of its processes went out by itself",
    "missed": "some exports lacked one, or the rule did not hold all the time",
    "idle": "none of its processes is known to have run, so nothing is proved",
    "open": "the rule does not protect",
}


def criticality(found: Document) -> Body:
    groups = found["groups"]
    head = "".join(f"<th>{escape(group)}</th>" for group in groups)
    rows = "".join(
        f'<tr><td class="word">{escape(row["class"] or NOBODY)}</td>'
        f'<td class="h0">{_score(row["score"])}</td>'
        + "".join(_heat(row, row["cells"].get(group)) for group in groups)
        + "</tr>"
        for row in found["rows"]
    )
    table = (
        '<div class="scroll"><table class="heat"><thead><tr><th class="word">class</th><th>score</th>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    note = (
        '<p class="note">A cell is the processes of a class at a time, and below it the share of them with '
        "series of their own. Its colour is what the class is worth: the warmer, the more critical; full red "
        "says how many exports lacked a critical process.</p>"
    )
    under = f"{between(found['window'])} · class by {found['by']}"
    return "Process criticality", under, note + table + _left_out(found)


def _score(score: float | None) -> str:
    return "-" if score is None else f"{score:.2f}"


def _heat(row: Document, cell: Document | None) -> str:
    if cell is None:
        return "<td></td>"
    score = row["score"] or 0.0
    level = 5 if cell["critical_missed"] else 1 + sum(score >= bound for bound in (0.4, 0.7, 0.95))
    missed = f" · {counted(cell['critical_missed'], 'export')} missed" if cell["critical_missed"] else ""
    words = f"{cell['processes']:,.1f} processes, {cell['cpu_seconds']:,.0f} CPU seconds{missed}"
    below = f"{cell['critical_missed']:,} missed" if cell["critical_missed"] else f"{cell['kept']:.0%}"
    return f'<td class="h{level}" title="{escape(words)}">{cell["processes"]:,.1f}<small>{below}</small></td>'


def compliance(found: Document) -> Body:
    rows = "".join(map(_requirement, found["rows"]))
    head = "".join(f'<th class="word">{name}</th>' for name in _COLUMNS)
    table = (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        if rows
        else ""
    )
    words = "".join(f"<li>{_state(state)} {escape(meaning)}</li>" for state, meaning in _STATES.items())
    trail = "".join(f"<li>{escape(line)}</li>" for line in found["audit"])
    under = (
        f"{between(found['window'])} · configuration "
        f"{found['configuration'] or 'of the defaults'}, revision {found['revision']}"
    )
    body = (
        f"{table}<section><h2>Audit trail</h2><ul>{trail}</ul></section>"
        f"<section><h2>What the states mean</h2><ul>{words}</ul></section>{_left_out(found)}"
    )
    return "Compliance requirements and their evidence", under, body


_COLUMNS = ("requirement", "rule", "covers", "state", "evidence")


def _requirement(row: Document) -> str:
    return (
        f'<tr><td class="word"><strong>{escape(row["requirement"])}</strong></td>'
        f'<td class="word">{escape(row["rule"])}</td>'
        f'<td class="wide"><code>{escape(row["covers"])}</code></td>'
        f'<td class="word">{_state(row["state"])}</td>'
        f'<td class="wide">{escape("; ".join(row["evidence"]))}</td></tr>'
    )


def _state(state: str) -> str:
    return f'<span class="state {state}" title="{escape(_STATES[state])}">{state}</span>'


def rollout(found: Document) -> Body:
    phases = "".join(_phase(phase) for phase in found["phases"])
    notes = "".join(f"<li>{escape(note)}</li>" for note in found["notes"])
    regions = counted(found["regions"], "region")
    under = f"{found['hosts']:,} hosts in {regions} · {found['weeks']} weeks when every gate is passed"
    return (
        "Deployment plan",
        under,
        f"<section>{phases}</section><section><h2>Notes</h2><ul>{notes}</ul></section>",
    )


def _phase(phase: Document) -> str:
    first, last = phase["from_week"], phase["to_week"]
    weeks = f"week {first}" if first == last else f"weeks {first} to {last}"
    steps = "".join(f"<li>{escape(step)}</li>" for step in phase["steps"])
    gates = "".join(f"<li>{escape(gate)}</li>" for gate in phase["gates"])
    return (
        f'<div class="phase"><div class="weeks">{weeks}</div><div><h3>{escape(phase["name"])}</h3>'
        f'<p class="note">{phase["hosts"]:,} hosts · {escape(phase["profile"])}</p><ul>{steps}</ul>'
        f"<details><summary>Gate: go on only when</summary><ul>{gates}</ul></details></div></div>"
    )


def _left_out(found: Document) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in found["left_out"])
    return f"<section><h2>Left out</h2><ul>{lines}</ul></section>" if lines else ""

"""`nrdot explain`: one process, every rule that matched, and what would change its verdict."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Config, Json, Procfs, looked_at

if TYPE_CHECKING:
    from nrdot.agent.wire import Stages
    from nrdot.batch import Batch
    from nrdot.decide.explain import Check, Decision
    from nrdot.govern.course import Course
    from nrdot.score.combine import Explanation, PartScore
    from nrdot.stages import Reason

NO = 1
SHORT_SIGHTED = (
    "These are two samples, one second apart: anomalies, holds and what the model makes of the last minutes"
    " need a history, which only an agent has."
)
BRIEFLY = 12  # processes of the same name that are listed


def explain(
    process: Annotated[
        str,
        typer.Argument(help="A pid, a name, or a shell pattern over names.", metavar="PID|NAME"),
    ],
    config: Config = None,
    json: Json = False,
    procfs: Procfs = None,
) -> None:
    """Show why one process has its score and its verdict, and what would change that."""
    from nrdot.agent.once.lookup import find, nearest
    from nrdot.decide.explain import decision

    now, stages, batch = looked_at(config, procfs, quiet=json)
    rows = find(batch, process)
    if not rows:
        if process.isdecimal():
            typer.echo(f"nrdot: no process has the pid {process}; nrdot scan lists them all", err=True)
            raise typer.Exit(NO)
        near = nearest(batch, process)
        hint = f"; nearest: {', '.join(near)}" if near else "; nrdot scan lists them all"
        typer.echo(f"nrdot: no process is called {process!r}{hint}", err=True)
        raise typer.Exit(NO)
    row = rows[0]
    score, verdict = stages.scorer.explain(batch.table, row), decision(stages.policy, batch, row)
    if json:
        from nrdot.cli.output import print_json

        others = [_brief(stages, batch, other) for other in rows[1:]]
        print_json({**_document(now, batch, row, score, verdict), "others": others})
        return
    if len(rows) > 1:
        _list(stages, batch, rows)
    _show(now, batch, row, score, verdict)


def _brief(stages: Stages, batch: Batch, row: int) -> dict[str, Any]:
    from nrdot.stages import Reason, Verdict

    table = batch.table
    return {
        "pid": int(table.pid[row]),
        "start": int(table.born_ns[row]),
        "name": table.identity[row].name,
        "class": stages.scorer.patterns.class_names[table.class_id[row]] or None,
        "score": round(float(table.score[row]), 4),
        "verdict": Verdict(int(table.verdict[row])).name,
        "reason": Reason(int(table.reason[row])).name.lower(),
    }


def _document(now: Course, batch: Batch, row: int, score: Explanation, verdict: Decision) -> dict[str, Any]:
    from nrdot.batch import Gauge

    table = batch.table
    return {
        "pid": int(table.pid[row]),
        "start": int(table.born_ns[row]),
        "name": table.identity[row].name,
        "class": score.class_name or None,
        "score": round(score.score, 4),
        "composite": round(score.composite, 4),
        "cpu": round(float(table.cpu[row]), 4),
        "rss": int(table.gauges[Gauge.RSS, row]),
        "never_filtered": score.never_filtered,
        "because": score.because,
        "parts": [asdict(part) for part in score.parts],
        "overrides": [asdict(one) for one in score.overrides],
        "requirements": score.requirements,
        "profile": _profile(now, verdict),
        "profile_rule": _rule(now, verdict),
        "threshold": verdict.threshold,
        "verdict": verdict.verdict.name,
        "reason": verdict.reason.name.lower(),
        "observed": verdict.observed,
        "checks": [
            {**asdict(one), "reason": one.reason.name.lower(), "needed": _number(one.needed)}
            for one in verdict.checks
        ],
        "changes": [{"setting": one.setting, "value": one.value} for one in verdict.changes],
        "together": verdict.together,
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _profile(now: Course, verdict: Decision) -> str:
    settings = now.effective.settings
    return settings.scopes[verdict.scope - 1].profile if verdict.scope else settings.profile


def _rule(now: Course, verdict: Decision) -> str:
    """What gives the process its profile."""
    return f"scopes[{verdict.scope - 1}]" if verdict.scope else now.holding.rule


def _list(stages: Stages, batch: Batch, rows: list[int]) -> None:
    from nrdot.cli.output import console, table, verdict

    shown = table("pid", "name", "class", "score", "verdict", "reason", right={"pid", "score"})
    for row in rows[:BRIEFLY]:
        one = _brief(stages, batch, row)
        shown.add_row(
            str(one["pid"]),
            one["name"],
            one["class"] or "-",
            f"{one['score']:.2f}",
            verdict(one["verdict"]),
            one["reason"].replace("_", " "),
        )
    console().print(shown)
    shown_of = f", {BRIEFLY} of them above" if len(rows) > BRIEFLY else ""
    console().print(f"{len(rows)} processes{shown_of}; the first of them in full:\n")


def _show(now: Course, batch: Batch, row: int, score: Explanation, verdict: Decision) -> None:
    from rich.markup import escape

    from nrdot.cli.output import console

    identity, out = batch.table.identity[row], console()
    owner = identity.owner.unit or identity.owner.container[:12] or identity.user
    place = f" of {escape(owner)}" if owner else ""
    out.print(f"[bold]{escape(identity.name)}[/bold], pid {batch.table.pid[row]}{place}")
    _verdict(out, now, verdict, score)
    _score(out, score)
    _checks(out, verdict)
    _changes(out, verdict)


def _verdict(out: Any, now: Course, verdict: Decision, score: Explanation) -> None:
    from rich.markup import escape

    from nrdot.cli.words import REASONS, VERDICTS

    reason = REASONS[verdict.reason]
    if verdict.observed:
        out.print(f"  exported because `mode: observe` exports all; by its profile: {reason}")
    else:
        out.print(f"  {VERDICTS[verdict.verdict]}, because {reason}")
    for why in score.because:
        out.print(f"  {escape(why)}")
    profile = escape(_profile(now, verdict))
    rule = _rule(now, verdict)
    out.print(f"  profile {profile}" + ("" if rule == "default" else f" by {escape(rule)}"))
    if score.requirements:
        out.print(f"  required by {escape(', '.join(score.requirements))}")


def _score(out: Any, score: Explanation) -> None:
    from nrdot.cli.output import table

    overridden = any(one.decides and one.value is not None for one in score.overrides)
    note = f"; an override says so, the parts would give {score.composite:.2f}" if overridden else ""
    out.print(f"\n[bold]Score {score.score:.2f}[/bold]{note}")
    shown = table("part", "value", "weight", "gives", "evidence", right={"value", "weight", "gives"})
    for part in score.parts:
        value, gives = _value(part)
        evidence = part.evidence or ()
        words = "\n".join(_evidence(one.rule, one.value, one.note, one.decides) for one in evidence)
        shown.add_row(part.name, value, f"{part.share:.2f}" if part.share else "-", gives, words or "-")
    for one in score.overrides:
        words = _evidence(one.rule, one.value, one.note, one.decides)
        shown.add_row("override", "-" if one.value is None else f"{one.value:.2f}", "-", "-", words)
    out.print(shown)


def _value(part: PartScore) -> tuple[str, str]:
    if part.value is None:
        return "absent", "-"
    return f"{part.value:.2f}", f"{part.value * part.share:.2f}" if part.share else "-"


def _evidence(rule: str, value: float | None, note: str, decides: bool) -> str:
    number = "" if value is None else f" {value:+.2f}" if note == "is added" else f" {value:.2f}"
    words = f"{rule}{number}" + (f": {note}" if note else "")
    return words if decides else f"({words})"


def _checks(out: Any, verdict: Decision) -> None:
    from nrdot.cli.output import table

    shown = table("what could keep it", "now", "needed", "")
    for one in verdict.checks:
        now, needed = _figures(one, verdict)
        name = "new pod" if one.pod else one.reason.name.lower().replace("_", " ")
        shown.add_row(name, now, needed, "yes" if one.holds else "no")
    out.print(shown)


def _figures(one: Check, verdict: Decision) -> tuple[str, str]:
    from nrdot.stages import Reason

    if one.reason == Reason.SCORE:
        return f"{one.value:.2f}", f"{verdict.threshold:.2f}"
    if one.reason == Reason.NEW:
        needed = f"younger than {one.needed:.0f} s" if one.needed else "switched off"
        return f"{one.value:.0f} s old", needed
    if one.reason == Reason.HOLD:
        return (f"{one.value:.0f} s left" if one.holds else "-"), "-"
    if one.reason not in (Reason.TOP_CPU, Reason.TOP_MEMORY, Reason.TOP_IO):
        return "-", "-"
    rank = f", rank {one.rank}" if one.rank else ""
    now = f"{_usage(one.reason, one.value)}{rank}"
    if not one.places:
        return now, "switched off"
    least = _usage(one.reason, one.needed) if one.needed else "any use"
    return now, f"{least}, rank {one.places}"


def _usage(reason: Reason, value: float) -> str:
    from nrdot.cli.output import amount
    from nrdot.stages import Reason

    if reason == Reason.TOP_CPU:
        return f"{value:.3f} cores"
    return amount(value) if reason == Reason.TOP_MEMORY else f"{amount(value)}/s"


def _changes(out: Any, verdict: Decision) -> None:
    from nrdot.cli.words import change
    from nrdot.stages import Reason, Verdict

    if not verdict.changes:
        return
    kept = verdict.verdict == Verdict.KEEP and verdict.reason != Reason.BELOW
    goal = "To roll it up" if kept else "To keep it"
    count = "all of these are needed" if verdict.together else "any of these is enough, the smallest first"
    out.print(f"[bold]{goal}[/bold]" + (f", {count}:" if len(verdict.changes) > 1 else ":"))
    for one in verdict.changes:
        out.print(f"  {change(one)}")
    out.print(f"\n[dim]{SHORT_SIGHTED}[/dim]")

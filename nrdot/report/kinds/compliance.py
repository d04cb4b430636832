"""The matrix of requirements: which rule serves which, and what the ledger and the audit trail prove of it.

A rule serves a requirement when its `requirement` says so. Its state:

    met      its processes were seen, every export of them went out by itself, and none was ever in sums
    missed   some exports of them did not, or there were times in which the rule did not hold for them
    idle     none of its processes is known to have run in the window, so nothing is proved
    open     the rule does not protect: its class is worth less than 1.0, or the override is over
"""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from nrdot.report.evidence.audited import audited
from nrdot.report.evidence.queries import rfc3339
from nrdot.report.kinds.criticality import NEVER_FILTERED
from nrdot.report.words import counted

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.config.schema.scoring import ClassRule, Override
    from nrdot.config.settled.configuration import Configuration
    from nrdot.report.evidence.audited import Audited
    from nrdot.report.evidence.engine import Engine
    from nrdot.report.evidence.queries import Window


HOUR = 3600
NAMED = 3  # names that one line has


def compliance(engine: Engine, window: Window, configuration: Configuration, ledger: Path) -> dict[str, Any]:
    """`ledger` is the directory that was named: trails are looked for beside it, or in a fleet's folder."""
    critical = {row["class"]: row for row in engine.rows("critical", window)}
    processes = {row["class"]: row for row in engine.rows("classes", window)}
    audit = audited(ledger, window)
    names = audit.names | {row["name"] for row in engine.rows("talkers", window)}
    rows = [
        *_classes(configuration, critical, processes, audit),
        *_overrides(configuration, critical, window, audit, names),
        *_business(configuration),
    ]
    rows.sort(key=lambda row: (row["requirement"], row["rule"]))
    left_out = list(engine.left_out)
    if not rows:
        left_out.append(
            "no rule names a `requirement`; add it to classes or overrides, and name the file with -c"
        )
    return {
        "window": {"from": rfc3339(window.since), "to": rfc3339(window.until)},
        "configuration": configuration.file,
        "revision": configuration.revision,
        "rows": rows,
        "requirements": sorted({row["requirement"] for row in rows}),
        "audit": audit.lines,
        "left_out": left_out,
    }


def _classes(
    configuration: Configuration, critical: dict[str, Any], processes: dict[str, Any], audit: Audited
) -> list[dict[str, Any]]:
    rows = []
    for name, rule in configuration.settings.process_classification.items():
        if not rule.requirement:
            continue
        covers = ", ".join(rule.patterns) or "nothing: it has no patterns"
        if rule.score < NEVER_FILTERED:
            state, evidence = "open", [f"score {rule.score:g} protects nothing; 1.0 is never filtered"]
        else:
            state, evidence = _proof(critical.get(name), processes.get(name))
        evidence += _more(rule, processes.get(name), audit.verdicts[name])
        evidence += audit.changed(f"process_classification.{name}.")
        rows += [
            _row(requirement, f"class {name}", covers, state, evidence) for requirement in rule.requirement
        ]
    return rows


def _more(rule: ClassRule, processes: dict[str, Any] | None, verdicts: int) -> list[str]:
    evidence = []
    if processes is not None:
        evidence.append(f"{float(processes['cpu_seconds']):,.0f} CPU seconds in the window")
    duties = [duty for duty in _DUTIES if getattr(rule.special_handling, duty)]
    if duties:
        evidence.append(f"duties: {', '.join(duties)}")
    if verdicts:
        evidence.append(f"{counted(verdicts, 'verdict')} in the audit trail")
    return evidence


_DUTIES = ("no_sampling", "full_audit_trail", "encrypted_storage")


def _overrides(
    configuration: Configuration,
    critical: dict[str, Any],
    window: Window,
    audit: Audited,
    names: set[str],
) -> list[dict[str, Any]]:
    rows = []
    for index, rule in enumerate(configuration.settings.overrides):
        if not rule.requirement:
            continue
        ran = sorted(name for name in names if fnmatchcase(name, rule.process))
        state, evidence = _override(rule, critical, window, ran)
        evidence += audit.changed(f"overrides[{index}].")
        if rule.reason:
            evidence.append(f"because: {rule.reason}")
        rows += [
            _row(requirement, f"override {rule.process}", rule.process, state, evidence)
            for requirement in rule.requirement
        ]
    return rows


def _override(
    rule: Override, critical: dict[str, Any], window: Window, ran: list[str]
) -> tuple[str, list[str]]:
    """The ledger tells classes apart, not names; only the largest consumers, and verdicts, are named."""
    if not rule.force_collect and (rule.importance or 0.0) < NEVER_FILTERED:
        return "open", ["an importance below 1.0 protects nothing; write `force_collect: true`"]
    if rule.expires and _over(rule.expires, window.until):
        return "open", [f"it is over since {rule.expires}"]
    seen = sum(int(row["seen"]) for row in critical.values())
    exported = sum(int(row["exported"]) for row in critical.values())
    state, evidence = _proof({"seen": seen, "exported": exported, "short_hours": 0} if seen else None)
    evidence.append("the ledger tells classes apart, not names: this is of all never-filtered ones")
    if ran:
        evidence.append(f"ran: {', '.join(ran[:NAMED])}")
        return state, evidence
    return (
        "idle" if state == "met" else state,
        [
            *evidence,
            "that it ran is not known: none of the largest consumers, and of verdicts, is called so",
            "a class of score 1.0 with this requirement would be proved by itself",
        ],
    )


def _over(expires: str, now: int) -> bool:
    try:
        when = datetime.fromisoformat(expires)
    except ValueError:
        return False
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() < now


def _business(configuration: Configuration) -> list[dict[str, Any]]:
    """What a service is worth to the business raises a score; it does not protect."""
    rows = []
    for rule in configuration.settings.business_rules:
        names = {
            "process": rule.process,
            "unit": rule.unit,
            "namespace": rule.namespace,
            "user": rule.user,
            "selector": rule.selector,
        }
        covers = ", ".join(f"{key} {value}" for key, value in names.items() if value)
        evidence = ["a business rule raises the score and protects nothing; add a class of score 1.0"]
        rows += [
            _row(requirement, "business rule", covers, "open", evidence) for requirement in rule.requirement
        ]
    return rows


def _proof(row: dict[str, Any] | None, processes: dict[str, Any] | None = None) -> tuple[str, list[str]]:
    """`processes` of the class: those in sums were not never-filtered then, so no export counts them."""
    hidden = float(processes["process_seconds"] - processes["kept_seconds"]) if processes else 0.0
    long = f"{hidden / HOUR:,.1f} process-hours" if hidden >= HOUR else f"{hidden:,.0f} process-seconds"
    unheld = [f"{long} only in sums: the rule did not hold then"] if hidden > 0 else []
    if row is None or not row["seen"]:
        return ("missed", unheld) if unheld else ("idle", ["no such process at any export of the window"])
    seen, exported = int(row["seen"]), int(row["exported"])
    words = f"{exported:,} of {seen:,} exports"
    if exported >= seen:
        return ("missed", [words, *unheld]) if unheld else ("met", [words])
    hours = int(row["short_hours"])
    return "missed", [words + (f", short in {counted(hours, 'hour')}" if hours else ""), *unheld]


def _row(requirement: str, rule: str, covers: str, state: str, evidence: list[str]) -> dict[str, Any]:
    return {
        "requirement": requirement,
        "rule": rule,
        "covers": covers,
        "state": state,
        "evidence": list(evidence),
    }

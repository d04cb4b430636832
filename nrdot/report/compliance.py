"""The matrix of requirements: which rule serves which, and what the ledger and the audit trail prove of it.

A rule serves a requirement when its `requirement` says so. Its state:

    met      its processes were seen, and every export of them went out by itself
    missed   some exports of them did not
    idle     none of its processes ran in the window, so nothing is proved
    open     the rule does not protect: its class is worth less than 1.0, or the override is over
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nrdot.audit.disk import Disk
from nrdot.audit.trail import FOLDER
from nrdot.audit.verify import verify
from nrdot.errors import NrdotError
from nrdot.report.criticality import NEVER_FILTERED
from nrdot.report.queries import stamp
from nrdot.report.words import counted

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.config.configuration import Configuration
    from nrdot.config.schema_scoring import Override
    from nrdot.report.engine import Engine
    from nrdot.report.queries import Window


def compliance(engine: Engine, window: Window, configuration: Configuration, state: Path) -> dict[str, Any]:
    """`state` is the agent's state directory, where the trail lies if it is kept."""
    critical = {row["class"]: row for row in engine.rows("critical", window)}
    processes = {row["class"]: row for row in engine.rows("classes", window)}
    rows = [
        *_classes(configuration, critical, processes),
        *_overrides(configuration, critical, window),
        *_business(configuration),
    ]
    rows.sort(key=lambda row: (row["requirement"], row["rule"]))
    left_out = list(engine.left_out)
    if not rows:
        left_out.append(
            "no rule names a `requirement`; add it to classes or overrides, and name the file with -c"
        )
    return {
        "window": {"from": stamp(window.since), "to": stamp(window.until)},
        "configuration": configuration.file,
        "revision": configuration.revision,
        "rows": rows,
        "requirements": sorted({row["requirement"] for row in rows}),
        "audit": _audit(state / FOLDER),
        "left_out": left_out,
    }


def _classes(
    configuration: Configuration, critical: dict[str, Any], processes: dict[str, Any]
) -> list[dict[str, Any]]:
    rows = []
    for name, rule in configuration.settings.process_classification.items():
        if not rule.requirement:
            continue
        covers = ", ".join(rule.patterns) or "nothing: it has no patterns"
        if rule.score < NEVER_FILTERED:
            state, evidence = "open", [f"score {rule.score:g} protects nothing; 1.0 is never filtered"]
        else:
            state, evidence = _proof(critical.get(name))
        cpu = processes.get(name)
        if cpu is not None:
            evidence.append(f"{float(cpu['cpu_seconds']):,.0f} CPU seconds in the window")
        duties = [duty for duty in _DUTIES if getattr(rule.special_handling, duty)]
        if duties:
            evidence.append(f"duties: {', '.join(duties)}")
        rows += [
            _row(requirement, f"class {name}", covers, state, evidence) for requirement in rule.requirement
        ]
    return rows


_DUTIES = ("no_sampling", "full_audit_trail", "encrypted_storage")


def _overrides(
    configuration: Configuration, critical: dict[str, Any], window: Window
) -> list[dict[str, Any]]:
    rows = []
    for rule in configuration.settings.overrides:
        if not rule.requirement:
            continue
        state, evidence = _override(rule, critical, window)
        if rule.reason:
            evidence.append(f"because: {rule.reason}")
        rows += [
            _row(requirement, f"override {rule.process}", rule.process, state, evidence)
            for requirement in rule.requirement
        ]
    return rows


def _override(rule: Override, critical: dict[str, Any], window: Window) -> tuple[str, list[str]]:
    if not rule.force_collect and (rule.importance or 0.0) < NEVER_FILTERED:
        return "open", ["an importance below 1.0 protects nothing; write `force_collect: true`"]
    if rule.expires and _over(rule.expires, window.until):
        return "open", [f"it is over since {rule.expires}"]
    seen = sum(int(row["seen"]) for row in critical.values())
    exported = sum(int(row["exported"]) for row in critical.values())
    state, evidence = _proof({"seen": seen, "exported": exported, "short_hours": 0} if seen else None)
    return state, [*evidence, "the ledger tells classes apart, not names: this is of all never-filtered ones"]


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


def _proof(row: dict[str, Any] | None) -> tuple[str, list[str]]:
    if row is None or not row["seen"]:
        return "idle", ["no such process at any export of the window"]
    seen, exported = int(row["seen"]), int(row["exported"])
    words = f"{exported:,} of {seen:,} exports"
    if exported >= seen:
        return "met", [words]
    hours = int(row["short_hours"])
    return "missed", [words + (f", short in {counted(hours, 'hour')}" if hours else "")]


def _audit(directory: Path) -> list[str]:
    if not directory.is_dir():
        return [f"audit trail: none at {directory}; `auditLog` in the configuration keeps one"]
    try:
        found = verify(directory, Disk())
    except NrdotError as error:
        return [f"audit trail: {error}"]
    if found.fault is not None:
        fault = found.fault
        return [f"audit trail: BROKEN at entry {fault.number} ({fault.file}:{fault.line}): {fault.what}"]
    entries = "1 entry" if found.entries == 1 else f"{found.entries:,} entries"
    return [f"audit trail: {entries}, each chained to the one before; head {found.hash[:16]}"]


def _row(requirement: str, rule: str, covers: str, state: str, evidence: list[str]) -> dict[str, Any]:
    return {
        "requirement": requirement,
        "rule": rule,
        "covers": covers,
        "state": state,
        "evidence": list(evidence),
    }

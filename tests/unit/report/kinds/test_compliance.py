"""What proves that a requirement was met: nothing is called met that the ledger or the trail contradicts."""

from __future__ import annotations

import msgspec
import pytest

from nrdot.audit.disk import Disk
from nrdot.audit.trail import FOLDER, Trail
from nrdot.config.reading.load import load
from nrdot.report.evidence.engine import Engine
from nrdot.report.evidence.files import find
from nrdot.report.kinds.compliance import compliance
from nrdot.testing.clock import ManualClock
from nrdot.testing.recordings import ledger

DAY, HOUR = 86400, 3600
START = ledger.NOON - 12 * HOUR
RULES = """
process_classification:
  database: {score: 1.0, patterns: ["^postgres"], requirement: [PCI-DSS]}
overrides:
  - {process: "gate-*", force_collect: true, requirement: [GDPR]}
"""
KEY = "process_classification.database.score"


@pytest.fixture
def matrix(folder, tmp_path):
    """The rows of the matrix by rule, and what is said of the trails."""
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)

    def _matrix(directory=folder):
        with Engine(find(directory), START + DAY) as engine:
            found = compliance(engine, engine.open(7.0 * DAY, None), load(path, {}), directory)
        return {row["rule"]: row for row in found["rows"]}, found["audit"]

    return _matrix


def trail(directory, *entries):
    clock = ManualClock(wall_ns=(START + HOUR) * 10**9)
    kept = Trail(directory / FOLDER, clock, Disk())
    for entry in entries:
        kept.append({"user": "ann", "previous_configuration": "c0", **entry})


def reload(old, new, **more):
    return {"change_type": "reload", "previous_value": {KEY: old}, "new_value": {KEY: new}, **more}


def test_a_time_in_which_the_rule_did_not_hold_is_no_proof_though_no_export_lacked_one(matrix, folder, hours):
    """With a score below 1.0 a process is not never-filtered, so no export counts it as missed."""
    off = ledger.rolled_up(START, processes=2, class_="database", exports=60)
    ledger.write(folder, [*hours(2), off])
    row = matrix()[0]["class database"]
    assert row["state"] == "missed"
    assert row["evidence"][0] == "1,200 of 1,200 exports"
    assert row["evidence"][1] == "2.0 process-hours only in sums: the rule did not hold then"


def test_processes_that_were_always_in_sums_are_missed_and_not_idle(matrix, folder, hours):
    rows = [row for row in hours(1) if getattr(row, "verdict", "") != "keep"]
    ledger.write(folder, [*rows, ledger.rolled_up(START, processes=1, class_="database")])
    row = matrix()[0]["class database"]
    assert (row["state"], row["evidence"][0]) == (
        "missed",
        "60 process-seconds only in sums: the rule did not hold then",
    )


def test_an_override_is_met_only_where_its_process_is_known_to_have_run(matrix, folder, hours):
    ledger.write(folder, hours(2))
    row = matrix()[0]["override gate-*"]
    assert row["state"] == "idle"
    assert any("that it ran is not known" in line for line in row["evidence"])
    assert "a class of score 1.0 with this requirement would be proved by itself" in row["evidence"]
    ledger.write(
        folder, [msgspec.structs.replace(ledger.agent(START + 2 * HOUR), top=[ledger.talker("gate-7")])]
    )
    row = matrix()[0]["override gate-*"]
    assert row["state"] == "met"
    assert "ran: gate-7" in row["evidence"]


def test_verdicts_in_the_trail_prove_that_a_process_ran(matrix, folder, hours):
    ledger.write(folder, hours(2))
    trail(
        folder.parent,
        {"change_type": "verdict", "verdicts": [{"class": "database", "name": "gate-1"}] * 3},
    )
    rows, _ = matrix()
    assert rows["override gate-*"]["state"] == "met"
    assert "3 verdicts in the audit trail" in rows["class database"]["evidence"]


def test_changes_of_a_rule_in_the_window_are_evidence_with_who_and_when(matrix, folder, hours):
    ledger.write(folder, hours(3))
    trail(folder.parent, reload(1.0, 0.4), reload(0.4, 1.0))
    evidence = matrix()[0]["class database"]["evidence"]
    told = next(line for line in evidence if line.startswith("changed in the window"))
    assert "score 1.0 to 0.4 on 2026-11-21 01:00 UTC by ann" in told
    assert "score 0.4 to 1.0" in told


def test_a_rule_that_is_new_or_gone_is_told_as_such_and_not_key_by_key(matrix, folder, hours):
    ledger.write(folder, hours(3))
    patterns = KEY.replace("score", "patterns")
    changes = (
        ("ann", {KEY: None, patterns: None}, {KEY: 1.0, patterns: ["a"]}),
        ("bob", {patterns: None}, {patterns: ["b"]}),
        ("eve", {KEY: 1.0}, {KEY: None}),
    )
    for user, old, new in changes:
        said = {"change_type": "reload", "previous_value": old, "new_value": new, "user": user}
        trail(folder.parent, said)
    told = next(line for line in matrix()[0]["class database"]["evidence"] if line.startswith("changed in"))
    assert told == (
        "changed in the window: written on 2026-11-21 01:00 UTC by ann; "
        "patterns nothing to ['b'] on 2026-11-21 01:00 UTC by bob; taken out on 2026-11-21 01:00 UTC by eve"
    )


def test_what_was_before_the_window_and_the_first_configuration_are_no_changes(matrix, folder, hours):
    ledger.write(folder, hours(3, START + 2 * HOUR))
    trail(folder.parent, reload(None, 1.0, previous_configuration=""))
    evidence = matrix()[0]["class database"]["evidence"]
    assert not [line for line in evidence if "changed" in line]


def test_each_host_of_a_fleet_has_its_trail_and_each_is_verified(matrix, folder, hours):
    for host in ("h1", "h2"):
        ledger.write(folder / host / "ledger", hours(2, host=host))
        trail(folder / host, reload(1.0, 0.4), reload(0.4, 1.0))
    (piece,) = (folder / "h2" / FOLDER).glob("*.jsonl")
    piece.write_bytes(piece.read_bytes().replace(b'"user":"ann"', b'"user":"bob"', 1))
    rows, audit = matrix()
    assert len(audit) == 2
    assert "2 entries, each chained to the one before, 2 in the window" in audit[0]
    assert "BROKEN at entry 1" in audit[1]
    assert rows["class database"]["state"] == "met"


def test_the_trail_of_the_machine_that_reports_is_not_a_fleets(matrix, folder, hours):
    ledger.write(folder / "h1" / "ledger", hours(2))
    trail(folder.parent, reload(1.0, 0.4))
    renamed = folder.rename(folder.with_name("fleet"))
    assert matrix(renamed)[1][0].startswith(f"audit trail: none beside {renamed}")

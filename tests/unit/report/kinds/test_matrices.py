"""The heat map of classes and the matrix of requirements, over two hosts."""

from __future__ import annotations

import msgspec
import pytest

from nrdot.audit.disk import Disk
from nrdot.audit.trail import FOLDER, Trail
from nrdot.config.reading.load import load
from nrdot.report.evidence.engine import Engine
from nrdot.report.evidence.files import find
from nrdot.report.kinds.compliance import compliance
from nrdot.report.kinds.criticality import criticality
from nrdot.report.pages.page import page
from nrdot.report.tables.flat import as_csv
from nrdot.testing.clock import ManualClock
from nrdot.testing.recordings import ledger

DAY, HOUR = 86400, 3600
START = ledger.NOON - 12 * HOUR
RULES = """
process_classification:
  database: {score: 1.0, patterns: ["^postgres"], requirement: [PCI-DSS, SOX]}
  payments: {score: 1.0, patterns: ["^pay"], requirement: [PCI-DSS]}
  quiet: {score: 1.0, patterns: ["^quiet"], requirement: [HIPAA]}
  web: {score: 0.8, patterns: ["^nginx"], requirement: [SOX]}
  plain: {score: 1.0, patterns: ["^x"]}
overrides:
  - {process: "gate-*", force_collect: true, requirement: [GDPR], reason: agreed}
  - {process: "old-*", force_collect: true, expires: "2026-01-01", requirement: [GDPR]}
business_rules:
  - {score: 0.9, namespace: shop, requirement: [SLA]}
"""


@pytest.fixture
def configuration(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return load(path, {})


@pytest.fixture
def engine(folder, hours):
    missed = ledger.kept(START, class_="payments", critical_seen=10, critical_exported=8)
    ledger.write(folder / "h1", [*hours(3), missed])
    ledger.write(folder / "h2", hours(3, host="h2"))
    with Engine(find(folder), START + DAY) as opened:
        yield opened


def test_the_heat_map_has_classes_by_worth_and_hosts(engine, configuration):
    found = criticality(engine, engine.open(7.0 * DAY, None), configuration, "host")
    rows = {row["class"]: row for row in found["rows"]}
    assert found["groups"] == ["host-1", "h2"]
    assert found["rows"][0]["score"] == 1.0
    assert rows["database"]["cells"]["host-1"]["processes"] == 10.0
    assert rows["database"]["cells"]["host-1"]["kept"] == 1.0
    assert rows["system"]["cells"]["h2"]["kept"] == 0.0
    assert rows["payments"]["cells"]["host-1"]["critical_missed"] == 2
    assert set(rows["payments"]["cells"]) == {"host-1"}
    text = page(found, "criticality")
    assert found["window"] == {"from": "2026-11-14T03:00:00Z", "to": "2026-11-21T03:00:00Z"}
    assert "2026-11-14 03:00 UTC to 2026-11-21 03:00 UTC" in text
    assert 'class="h5"' in text
    rows = as_csv(found, "criticality").splitlines()
    assert rows[0].startswith("class,score,group,processes,kept")
    assert "payments,1.0,host-1,0.06,1.0,30.0,10,2" in rows


def test_a_class_that_was_never_filtered_is_worth_the_most_whatever_a_pack_says(engine):
    found = criticality(engine, engine.open(7.0 * DAY, None), load(None, {}), "host")
    assert {row["class"]: row["score"] for row in found["rows"]}["database"] == 1.0


def test_many_hosts_become_groups_by_their_names(folder, hours, configuration):
    for number in range(30):
        ledger.write(folder / f"{number}", hours(1, host=f"web-{number:03d}.eu"))
    with Engine(find(folder), START + DAY) as engine:
        found = criticality(engine, engine.open(7.0 * DAY, None), configuration, "host")
    assert found["groups"] == ["web-*.eu"]
    assert found["by"] == "host group"


def test_the_matrix_says_what_is_proved_and_what_is_not(engine, configuration, folder):
    found = compliance(engine, engine.open(7.0 * DAY, None), configuration, folder)
    states = {(row["requirement"], row["rule"]): row["state"] for row in found["rows"]}
    assert states == {
        ("GDPR", "override gate-*"): "missed",
        ("GDPR", "override old-*"): "open",
        ("HIPAA", "class quiet"): "idle",
        ("PCI-DSS", "class database"): "met",
        ("PCI-DSS", "class payments"): "missed",
        ("SLA", "business rule"): "open",
        ("SOX", "class database"): "met",
        ("SOX", "class web"): "open",
    }
    assert found["window"] == {"from": "2026-11-14T03:00:00Z", "to": "2026-11-21T03:00:00Z"}
    evidence = {row["rule"]: row["evidence"] for row in found["rows"]}
    assert evidence["class payments"][0] == "8 of 10 exports, short in 1 hour"
    assert found["audit"][0].startswith("audit trail: none beside")
    text = page(found, "compliance")
    assert text.count('class="state met"') >= 3


def test_the_audit_trail_beside_the_ledger_is_verified(engine, configuration, folder, tmp_path):
    trail = Trail(tmp_path / FOLDER, ManualClock(), Disk())
    for number in range(3):
        trail.append({"change_type": "reload", "user": f"user-{number}"})
    window = engine.open(7.0 * DAY, None)
    whole = compliance(engine, window, configuration, folder)["audit"]
    assert whole[0].startswith("audit trail: 3 entries, each chained")
    (piece,) = (tmp_path / FOLDER).glob("*.jsonl")
    piece.write_bytes(piece.read_bytes().replace(b"user-1", b"user-9"))
    broken = compliance(engine, window, configuration, folder)["audit"]
    assert broken[0].startswith("audit trail: BROKEN at entry 2")


def test_without_a_requirement_the_matrix_says_how_to_get_one(engine, folder):
    found = compliance(engine, engine.open(7.0 * DAY, None), load(None, {}), folder)
    assert found["rows"] == []
    assert any("no rule names a `requirement`" in line for line in found["left_out"])


def test_rows_are_what_they_are_in_the_ledger(engine):
    """The reports by kind stand on the same queries as the savings."""
    window = engine.open(7.0 * DAY, None)
    assert sum(row["process_seconds"] for row in engine.rows("classes", window, "host")) == pytest.approx(
        6 * 100 * HOUR + 600
    )
    assert msgspec.json.encode(engine.rows("critical", window))

from __future__ import annotations

import json

import numpy as np
import pytest

from nrdot.batch import Owner
from nrdot.errors import ConfigError
from nrdot.score.incident_file import Incident, load_incidents
from nrdot.score.incidents import DAY_NS, IncidentPart, slug
from nrdot.testing.clock import NOON_NS, ManualClock
from nrdot.testing.stages.scoring import process, table_of

DAY = 86_400.0


def part(*incidents: Incident, half_life: float = 30 * DAY, clock: ManualClock | None = None) -> IncidentPart:
    return IncidentPart(incidents, half_life, clock or ManualClock())


def ago(days: float, severity: float, *services: str, **more: str) -> Incident:
    return Incident(NOON_NS - int(days * DAY_NS), severity, services, **more)


def test_an_incident_counts_by_its_severity_and_half_of_it_after_a_half_life() -> None:
    table = table_of(process("shop"), process("till"), process("other"))
    scores = part(ago(0, 0.8, "shop"), ago(30, 0.8, "till")).score(table, table.living())
    assert scores == pytest.approx([0.8, 0.4, np.nan], nan_ok=True)


def test_more_incidents_never_count_less_and_never_more_than_one() -> None:
    table = table_of(process("shop"), process("till"))
    scores = part(
        *(ago(0, 0.5, "shop"), ago(0, 0.5, "shop"), *(ago(0, 1.0, "till") for _ in range(9)))
    ).score(table, table.living())
    assert scores == pytest.approx([0.75, 1.0])


def test_old_incidents_are_forgotten_and_future_ones_are_of_now() -> None:
    table = table_of(process("shop"), process("till"))
    scores = part(ago(400, 1.0, "shop"), ago(-2, 0.5, "till")).score(table, table.living())
    assert scores == pytest.approx([np.nan, 0.5], nan_ok=True)


def test_scores_fade_while_the_agent_runs() -> None:
    clock = ManualClock()
    incidents = part(ago(0, 1.0, "shop"), clock=clock)
    table = table_of(process("shop"))
    assert incidents.score(table, table.living()) == pytest.approx([1.0])
    clock.advance(30 * DAY)
    assert incidents.score(table, table.living()) == pytest.approx([0.5])


def test_a_service_means_processes_units_workloads_and_app_labels_of_that_name_or_beginning_with_it() -> None:
    incidents = part(ago(0, 0.5, "Payment Gateway"))
    found = table_of(
        process("/opt/payment-gateway"),
        process("java -jar /x/payment-gateway.jar"),
        process("x", owner=Owner(unit="payment-gateway@2.service")),
        process("x", owner=Owner(workload="Deployment/payment-gateway")),
        process("x", owner=Owner(pod="payment-gateway-7f9c-abcd")),
        process("x", owner=Owner(labels=(("app.kubernetes.io/name", "payment_gateway"),))),
    )
    assert incidents.score(found, found.living()) == pytest.approx([0.5] * 6)
    others = table_of(process("payment"), process("payment-gatewayx"), process("my-payment-gateway"))
    assert np.isnan(incidents.score(others, others.living())).all()


def test_a_pattern_means_what_a_classes_pattern_means() -> None:
    table = table_of(process("/opt/shop-1"), process("x --role=shop-2"), process("y"))
    incidents = part(ago(0, 0.5, pattern="^shop-"), ago(0, 0.4, pattern="--role=shop"))
    assert incidents.score(table, table.living()) == pytest.approx([0.5, 0.4, np.nan], nan_ok=True)


def test_the_evidence_names_the_incidents_that_weigh_most() -> None:
    few = part(ago(30, 1.0, "shop", id="INC-7", title="Checkout down"), ago(0, 0.75, "shop"))
    found = few.evidence(table_of(process("shop")), 0)
    assert [(one.rule, one.value, one.note) for one in found] == [
        ("incident shop", pytest.approx(0.75), "severity 0.75, 0 days ago"),
        ("incident INC-7 Checkout down", pytest.approx(0.5), "severity 1, 30 days ago"),
    ]
    many = part(*(ago(0, 0.5, "shop") for _ in range(8)))
    rest = many.evidence(table_of(process("shop")), 0)[-1]
    assert (rest.rule, rest.value, rest.note) == ("incidents", None, "and 3 more")
    just = part(*(ago(0, 0.5, "shop") for _ in range(5)))
    assert len(just.evidence(table_of(process("shop")), 0)) == 5


def test_a_half_life_must_be_a_time() -> None:
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(ConfigError, match="half_life"):
            part(half_life=wrong)


def read(tmp_path, name: str, text: str):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return load_incidents(path)


def test_a_pagerduty_csv_export_is_read(tmp_path) -> None:
    found = read(
        tmp_path,
        "incidents.csv",
        "id,incident_number,description,service_id,service_name,created_on,resolved_on,urgency\n"
        'Q1,1041,"Checkout, down",PX,Payment Gateway,2026-10-02T11:45:41-04:00,2026-10-02T16:00:00Z,high\n'
        "Q2,1042,Slow,PY,Search,2026-10-03T00:00:00Z,,low\n",
    )
    first, second = found.incidents
    assert (first.services, first.severity, first.id, first.title) == (
        ("Payment Gateway",),
        0.75,
        "1041",
        "Checkout, down",
    )
    assert first.time_ns == 1_790_955_941 * 10**9
    assert (second.severity, second.time_ns) == (0.25, 1_790_985_600 * 10**9)


def test_a_pagerduty_json_export_is_read(tmp_path) -> None:
    found = read(
        tmp_path,
        "incidents.json",
        json.dumps({"incidents": [{
            "id": "Q1", "incident_number": 7, "title": "Down", "urgency": "high",
            "created_at": "2026-10-02T15:45:41Z",
            "service": {"id": "P1", "type": "service_reference", "summary": "Payment Gateway"},
            "priority": {"id": "X", "summary": "P1"},
        }]}),
    )  # fmt: skip
    (one,) = found.incidents
    assert (one.services, one.severity, one.id, one.title) == (("Payment Gateway",), 1.0, "7", "Down")
    assert one.time_ns == 1_790_955_941 * 10**9


def test_an_opsgenie_json_export_is_read(tmp_path) -> None:
    found = read(
        tmp_path,
        "alerts.json",
        json.dumps({"data": [{
            "tinyId": "12", "message": "Disk full", "priority": "P3", "createdAt": "2026-10-02T15:45:41.727Z",
            "impactedServices": ["shop", "till"], "tags": ["x"],
        }]}),
    )  # fmt: skip
    (one,) = found.incidents
    assert (one.services, one.severity, one.id, one.title) == (("shop", "till"), 0.5, "12", "Disk full")


def test_json_lines_and_numbers_for_times_and_severities_are_read(tmp_path) -> None:
    times = [1_790_955_941, 1_790_955_941_000, 1_790_955_941_000_000, 1_790_955_941_000_000_000]
    lines = [json.dumps({"time": time, "service": "shop", "severity": 0.3}) for time in times]
    found = read(tmp_path, "incidents.jsonl", "\n".join(lines) + "\n\n")
    assert {one.time_ns for one in found.incidents} == {1_790_955_941 * 10**9}
    assert {one.severity for one in found.incidents} == {0.3}


@pytest.mark.parametrize(
    ("text", "severity"),
    [("Critical", 1.0), ("SEV-1", 1.0), ("sev2", 0.75), ("1 - Critical", 1.0), ("3 - Moderate", 0.5),
     ("P4", 0.25), ("5", 0.1), ("0.42", 0.42), ("", 0.5), ("WARNING", 0.5)],
)  # fmt: skip
def test_every_tools_word_for_how_bad_it_was_becomes_a_number(tmp_path, text: str, severity: float) -> None:
    found = read(tmp_path, "i.csv", f"time,service,severity\n2026-10-02,shop,{text}\n")
    assert found.incidents[0].severity == severity


def test_rows_that_cannot_be_used_are_left_out_and_said(tmp_path) -> None:
    found = read(
        tmp_path,
        "i.csv",
        "time,service,severity,pattern\n2026-10-02,shop,high,\n,shop,high,\n2026-10-02,,high,\n"
        "yesterday,shop,high,\n"
        "2026-10-02,shop,awful,\n2026-10-02,shop,-3,\n2026-10-02,,high,(?=x)\n",
    )
    assert len(found.incidents) == 1
    said = "\n".join(found.left_out)
    reasons = ("no time", "no service and no pattern", "time 'yesterday' cannot be read",
               "severity 'awful' is unknown", "severity '-3' is unknown", "looks ahead")  # fmt: skip
    for number, words in enumerate(reasons, 2):
        assert f"row {number} is left out: " in said
        assert words in said


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("i.json", "{", "neither CSV nor JSON"),
        ("i.json", '{"a": 1}', "no list of incidents"),
        ("i.json", "[1]", "not a table of fields; no row of the file can be used"),
        ("i.json", "[" * 100_000, "neither CSV nor JSON"),
        ("i.csv", "a,b\n1,2\n", "no service and no pattern"),
    ],
)
def test_a_file_without_one_usable_incident_is_refused(tmp_path, name: str, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, name, text)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_told_by_name(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.csv: cannot read the incidents"):
        load_incidents(tmp_path / "gone.csv")


def test_an_empty_file_holds_no_incidents(tmp_path) -> None:
    assert read(tmp_path, "i.csv", "").incidents == ()
    assert read(tmp_path, "i.json", "[]").incidents == ()


def test_a_slug_is_what_every_tool_can_spell() -> None:
    assert slug("  Payment_Gateway (EU) ") == "payment-gateway-eu"

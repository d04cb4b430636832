"""Hosts are called by their names, and never two by the same."""

from __future__ import annotations

from nrdot.config.reading.load import load
from nrdot.report.evidence.engine import Engine
from nrdot.report.evidence.files import find
from nrdot.report.figures.hosts import named
from nrdot.report.kinds.criticality import criticality
from nrdot.report.pages.page import page
from nrdot.testing.recordings import ledger

DAY, HOUR = 86400, 3600
START = ledger.NOON - 12 * HOUR
FIRST, SECOND = "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "f9e8d7c6b5a493827160f5e4d3c2b1a0"


def rows(*hosts):
    return [{"host": host, "name": name} for host, name in hosts]


def test_a_name_suffices_where_it_is_one_hosts_alone():
    assert named(rows((FIRST, "web-1"), (SECOND, "db-1"))) == {FIRST: "web-1", SECOND: "db-1"}


def test_two_hosts_of_one_name_are_told_apart_by_their_ids():
    assert named(rows((FIRST, "web-1"), (SECOND, "web-1"))) == {
        FIRST: "web-1 (0a1b2c3d)",
        SECOND: "web-1 (f9e8d7c6)",
    }


def test_ids_that_begin_alike_are_shown_whole():
    found = named(rows((FIRST, "web-1"), (FIRST[:10] + "x", "web-1")))
    assert set(found.values()) == {f"web-1 ({FIRST})", f"web-1 ({FIRST[:10]}x)"}


def test_a_host_without_a_name_is_its_id():
    assert named(rows((FIRST, ""), (SECOND, "db"))) == {FIRST: FIRST, SECOND: "db"}


def two_of_a_name(hours, count=2):
    return [
        *hours(count, host=FIRST, host_name="web-1"),
        *hours(count + 3, host=SECOND, host_name="web-1"),
        *hours(count + 3, host="c" * 32, host_name="db-1"),
    ]


def test_the_bill_by_host_has_ids_for_scripts_and_names_for_people(reported, hours):
    found = reported(two_of_a_name(hours), by="host", meter="google_prometheus")
    names = {row["key"]: row["name"] for row in found["allocation"]}
    assert names == {FIRST: "web-1 (0a1b2c3d)", SECOND: "web-1 (f9e8d7c6)", "c" * 32: "db-1"}
    assert "web-1 (0a1b2c3d)" in page(found, "savings")
    assert any("web-1 (0a1b2c3d) since" in line for line in found["left_out"])
    assert found["window"]["hosts"] == 3


def test_gaps_name_their_host(reported, hours):
    found = reported(
        [*hours(2, host=FIRST, host_name="web-1"), *hours(2, START + 6 * HOUR, host=FIRST, host_name="web-1")]
    )
    (gap,) = found["not_seen"]["gaps"]
    assert (gap["host"], gap["name"]) == (FIRST, "web-1")


def test_many_hosts_are_grouped_by_name_and_not_by_machine_id(folder, hours):
    for number in range(30):
        ledger.write(folder / f"{number}", hours(1, host=f"{number:032x}", host_name=f"web-{number % 29}.eu"))
    with Engine(find(folder), START + DAY) as engine:
        found = criticality(engine, engine.open(7.0 * DAY, None), load(None, {}), "host")
    assert found["groups"] == ["web-*.eu"]


def test_a_host_that_has_just_begun_has_no_gap_before_its_first_minute(reported):
    found = reported(ledger.minutes(20, START + 40 * 60))
    assert found["not_seen"]["host_hours_missing"] == 0
    assert found["window"]["host_hours_expected"] == round(20 / 60, 2)
    assert {cell["seen"] for cell in found["coverage"]["cells"][-1:]} == {1.0}


def test_a_host_that_another_replaces_within_the_hour_is_no_two_hosts_at_a_time(reported):
    """Half an hour each: 100 processes were there for an hour, not 200 for half of it."""
    halves = [*ledger.minutes(30, START), *ledger.minutes(30, START + 1800, host="h2")]
    found = reported(halves, meter="google_prometheus")
    assert found["window"]["hours_seen"] == 1.0
    assert found["processes"]["seen"] == 100.0
    together = [*ledger.minutes(30, START + 7200), *ledger.minutes(30, START + 7200, host="h2")]
    found = reported(together, since=3600.0)
    assert found["window"]["hours_seen"] == 0.5
    assert found["processes"]["seen"] == 200.0

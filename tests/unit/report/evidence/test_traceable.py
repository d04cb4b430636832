"""Whoever doubts a figure computes it again: with the queries that the report shows, and a calculator."""

from __future__ import annotations

import json
import re

import duckdb
import msgspec
import pytest

from nrdot.testing.commands.console import typed
from nrdot.testing.recordings import ledger

HOUR, DAY = 3600, 86400
START = ledger.NOON - 12 * HOUR - 40 * DAY  # 2026-10-12 00:00 UTC, and past for the command
MONTH = 730
TIERS = ((10_000, 0.30), (250_000, 0.10), (1_000_000, 0.05), (float("inf"), 0.02))


@pytest.fixture
def fleet(folder, hours, tmp_path):
    """Two hosts, one of which begins later; namespaces; compression; a month of Parquet beside the lines."""
    for host, first in (("h1", 0), ("h2", 17)):
        rows = [
            msgspec.structs.replace(
                row,
                namespace="shop" if row.verdict == "keep" else "pay" if row.verdict == "roll_up" else "",
                bytes_unoptimized=9_000 * row.bytes_unoptimized,
                bytes_sent=9_000 * row.bytes_sent,
            )
            if hasattr(row, "verdict")
            else row
            for row in hours(60 - first, START + first * HOUR, host=host)
        ]
        ledger.write(folder / host, rows)
    day = folder / "h1" / "2026-10-12.jsonl.zst"
    duckdb.sql(f"COPY (SELECT * FROM read_json('{day}')) TO '{folder / 'ledger-2026-10.parquet'}'")
    day.unlink()
    return folder


@pytest.fixture
def asked(fleet):
    def _asked(*arguments):
        done = typed("report", "--ledger", fleet, "--since", "30d", *arguments)
        assert done.status == 0, done.err
        return done.out

    return _asked


@pytest.fixture
def answers(asked):
    """What the script answers when DuckDB runs it as it was printed: rows by the name of the query."""
    text = asked("--show-sql", "--by", "namespace")
    found = {}
    with duckdb.connect() as connection:
        for statement in text.split(";\n"):
            name = re.search(r"^-- (\w+)$", statement, re.MULTILINE)
            answer = connection.execute(statement) if statement.strip() else None
            if name and answer:
                columns = [column[0] for column in answer.description]
                found[name[1]] = [dict(zip(columns, row, strict=True)) for row in answer.fetchall()]
    return found


def of(rows, column, *parts):
    return sum(row[column] for row in rows if not parts or row["part"] in parts)


def tiered(amount):
    cost, below = 0.0, 0.0
    for end, price in TIERS:
        cost += max(0.0, min(amount, end) - below) * price
        below = end
    return cost


def test_six_figures_follow_from_the_queries_by_hand(asked, answers):
    found = json.loads(asked("--json", "--by", "namespace", "--meter", "google_prometheus"))
    hours, own = answers["hours"], answers["own_hours"]
    seen = sum(row["covered"] for row in answers["coverage"]) / HOUR
    assert seen == 60

    points = of(hours, "points_sent") + of(own, "points")
    assert points == found["points"]["sent"] == 9_000 * (60 + 43)

    # New Relic: bytes of a month in units of 10^9, less the 100 that are free, at 0.30.
    gigabytes = (of(hours, "bytes_sent") + of(own, "bytes")) * MONTH / seen / 1e9
    assert found["meters"]["new_relic"]["sent"] == pytest.approx((gigabytes - 100) * 0.30, abs=1e-4)
    assert gigabytes > 100

    # CloudWatch: the mean over the hours of the series that were distinct in each, less ten, in tiers.
    distinct = (of(hours, "hourly_sent") + of(own, "hourly")) / 60
    assert found["meters"]["cloudwatch"]["sent"] == pytest.approx(tiered(distinct - 10), abs=1e-3)

    # The roll-up's part of the saving: what these processes would have been, less what their sums were.
    rolled_up = of(hours, "points_interval", "roll_up") - of(hours, "points_sent", "group")
    assert rolled_up == found["attribution"]["roll_up"]

    proof = [row for row in answers["critical"] if row["class"] == "database"]
    assert proof[0]["exported"] / proof[0]["seen"] == found["critical"]["coverage"] == 1

    # A namespace's part: its own points, and of the sums what its hidden processes are of all hidden ones.
    rows = answers["allocation"]
    direct = of([row for row in rows if row["owner"] == "shop"], "points_sent")
    bill = found["meters"]["google_prometheus"]["sent"]
    shares = {row["key"]: row for row in found["allocation"]}
    assert shares["shop"]["direct"] == pytest.approx(bill * direct / points, abs=1e-4)
    assert shares["pay"]["direct"] == 0


def test_the_formula_with_its_numbers_is_the_bill_in_any_calculator(asked):
    found = json.loads(asked("--json"))
    functions = {"max": max, "tiered": None}
    checked = 0
    for name, lines in found["explain"].items():
        for words, figure in (("without NRDOT", "unoptimized"), ("with NRDOT", "sent")):
            filled = next(line for line in lines if line.startswith(f"  {words}: "))
            text = filled.partition(": ")[2].rpartition(" = ")[0]
            assert "," not in re.sub(r", ", "", text)
            if "tiered" not in text:
                value = eval(text, {"__builtins__": {}}, functions)
                assert value == pytest.approx(found["meters"][name][figure], abs=1e-3, rel=1e-5)
                checked += 1
    assert checked >= 12


def test_where_each_number_of_a_formula_comes_from_is_told(asked):
    lines = json.loads(asked("--json"))["explain"]["new_relic"]
    origin = next(line for line in lines if line.startswith("  bytes: "))
    told = re.search(r"month, uncompressed: ([\d,]+) in the window .* x (\d+) h / ([\d.]+) h seen", origin)
    sent, month, seen = (float(part.replace(",", "")) for part in told.groups())
    with_nrdot = next(line for line in lines if line.startswith("  with NRDOT"))
    assert float(re.search(r"max\(0, ([\d.]+) / 1e9", with_nrdot)[1]) == pytest.approx(
        sent * month / seen, rel=1e-9
    )


def test_the_script_says_what_it_does_not_leave_out(asked, fleet):
    (fleet / "h2" / "notes.zst").write_bytes(b"x")
    text = asked("--show-sql")
    assert text.startswith("-- 2026-09-")
    assert "-- the report leaves out what this does not: notes.zst" in text
    assert ":since" not in text
    assert ":since" in asked("--show-sql", "--dialect", "spark")

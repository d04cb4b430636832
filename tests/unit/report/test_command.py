"""`nrdot report` as it is typed."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from nrdot.cli.output import console, errors
from nrdot.cli.run import run
from nrdot.testing.recordings import ledger

DAY, HOUR = 86400, 3600
START = ledger.NOON - 20 * DAY - 12 * HOUR
CONTRACT = {
    "window": {"from", "to", "hosts"},
    "points": {"unoptimized", "sent"},
    "bytes": {"unoptimized", "sent"},
    "critical": {"seen", "exported"},
    "attribution": {"interval", "filter", "roll_up", "compression"},
}


@pytest.fixture
def command(capsys):
    def _command(*arguments):
        console.cache_clear()
        errors.cache_clear()
        status = run(["report", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return _command


@pytest.fixture
def state(tmp_path, hours):
    """A state directory with three days of ledger in it."""
    ledger.write(tmp_path / "state/ledger", hours(72, START))
    return tmp_path / "state"


def test_json_has_the_keys_that_scripts_read(command, state):
    status, out, _ = command("--ledger", state, "--since", "30d", "--json")
    found = json.loads(out)
    assert status == 0
    for key, inner in CONTRACT.items():
        assert inner <= found[key].keys()
    for meter in found["meters"].values():
        assert meter.keys() >= {"unoptimized", "sent", "saved", "currency"}
    assert all(row.keys() >= {"key", "value"} for row in found["allocation"])
    assert isinstance(found["left_out"], list)


def test_the_table_tells_the_saving_the_proof_and_what_is_left_out(command, state):
    status, out, err = command("--ledger", state / "ledger", "--since", "30d", "--meter", "cloudwatch")
    assert (status, err) == (0, "")
    assert "a month saved on Amazon CloudWatch" in out
    assert "43,200 of 43,200 exports of critical ones" in out
    assert "rolled up into sums" in out
    assert "left out: meter self_hosted: no price" in " ".join(out.split())


def test_the_saving_within_a_free_allowance_is_said_to_be_nothing(command, state):
    _, out, _ = command("--ledger", state, "--since", "30d")
    assert "0.00 USD a month saved on New Relic, data stored (US): all of it is within the free" in out


def test_explain_shows_each_meters_formula_with_its_numbers(command, state):
    _, out, _ = command("--ledger", state, "--since", "30d", "--explain")
    assert "without NRDOT: tiered(30660000 / 1e6) = 1.84" in out


def test_a_file_is_written_whole_and_named_on_standard_error(command, state, tmp_path):
    for name in ("html", "csv", "focus", "json", "table"):
        target = tmp_path / f"report.{name}"
        status, out, err = command("--ledger", state, "--since", "30d", "--format", name, "-o", target)
        assert (status, out) == (0, "")
        assert f"report: {target}" in err
        assert target.stat().st_size > 500
    assert not list(tmp_path.glob(".*.part"))


def test_prices_meters_invoice_and_introduction_are_the_users(command, state, tmp_path):
    prices = tmp_path / "prices.yaml"
    prices.write_text("only: [mine]\ncurrency: EUR\nmeters: {mine: {formula: points / 1e6 * 2}}\n")
    _, out, _ = command(
        "--ledger", state, "--since", "30d", "--pricing", prices, "--actual-bill", "mine=26.28",
        "--cost-of-nrdot", "100", "--json",
    )  # fmt: skip
    found = json.loads(out)
    assert list(found["meters"]) == ["mine"]
    assert found["meters"]["mine"]["currency"] == "EUR"
    assert found["actual"] == {
        "meter": "mine",
        "invoice": 26.28,
        "estimate": 13.14,
        "factor": 2.0,
        "saved": pytest.approx(96.36),
    }
    assert found["return"]["introduction"] == 100.0


def test_sql_is_shown_for_duckdb_and_for_others(command):
    _, plain, _ = command("--show-sql", "--by", "user")
    assert "CREATE VIEW seen AS" in plain
    assert re.search(r"GROUP BY owner, part", plain)
    for dialect in ("spark", "clickhouse", "bigquery", "snowflake"):
        status, out, err = command("--show-sql", "--dialect", dialect)
        assert (status, err) == (0, "")
        assert out.count(";\n") == plain.count(";\n")
        assert out.count("look it over before you run it") == (0 if dialect == "spark" else 2)


def test_the_shipped_prices_are_shown_as_a_file_to_start_from(command, tmp_path):
    _, out, _ = command("--show-pricing")
    (tmp_path / "prices.yaml").write_text(out)
    assert "as_of: 2026-11-21" in out


def test_by_and_csv_go_together(command, state):
    _, out, _ = command("--ledger", state, "--since", "30d", "--by", "unit", "--format", "csv")
    sections = {row["section"] for row in csv.DictReader(io.StringIO(out))}
    assert "allocation by unit" in sections


def test_the_other_kinds_are_tables_too(command, state, tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        'process_classification: {database: {score: 1.0, patterns: ["^p"], requirement: [PCI-DSS]}}\n'
    )
    status, out, _ = command("--ledger", state, "--since", "30d", "--kind", "compliance", "-c", rules)
    assert status == 0
    assert re.search(r"PCI-DSS\s+class database\s+\^p\s+met", out)
    status, out, _ = command("--ledger", state, "--since", "30d", "--kind", "criticality")
    assert status == 0
    assert re.search(r"database\s+\S+\s+10.0 100%", out)
    inventory = tmp_path / "hosts.csv"
    inventory.write_text("region,environment,hosts\neu,production,50\n")
    status, out, _ = command("--kind", "rollout", "--inventory", inventory)
    assert status == 0
    assert "eu: canary" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "soon"], "neither a duration"),
        (
            ["--since", "2027-01-01", "--until", "2026-01-01"],
            "--since: 2027-01-01 is not before --until 2026-01-01",
        ),
        (["--since", "5m"], "an hour is the least"),
        (["--until", "later"], "--until"),
        (["--actual-bill", "1.250,40", "--since", "30d"], "'1.250,40' is not an amount"),
        (["--actual-bill", "1250,40", "--since", "30d"], "with a point before the cents"),
        (["--cost-of-nrdot", "inf", "--since", "30d"], "cost-of-nrdot"),
        (["--since", "2030-01-01", "--until", "2030-02-01"], "its days go from 2026-11-01 to"),
        (["--format", "pdf"], "not one of table, json, csv, html, focus"),
        (["--kind", "gossip"], "not one of savings"),
        (["--by", "mood"], "not one of namespace"),
        (["--meter", "new_relc"], "did you mean `new_relic`?"),
        (["--meter", "grafana_cloud", "--since", "30d"], "no price for per_1000"),
        (["--actual-bill", "lots", "--since", "30d"], "'lots' is not an amount"),
        (["--actual-bill", "nothing=3", "--since", "30d"], "unknown meter 'nothing'"),
        (["--actual-bill", "grafana_cloud=3", "--since", "30d"], "not in the report"),
        (["--pricing", "/nowhere.yaml"], "no such file"),
        (["--cost-of-nrdot", "-3"], "cost-of-nrdot"),
        (["--kind", "rollout"], "needs --inventory"),
        (["--kind", "criticality", "--format", "focus", "--since", "30d"], "focus is for savings"),
        (["--show-sql", "--dialect", "cobol"], "not one of duckdb"),
        (["--format", "json", "-o", "/nowhere/x.json", "--since", "30d"], "/nowhere/x.json: cannot be"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(command, state, arguments, words):
    status, out, err = command("--ledger", state, *arguments)
    assert (status, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1

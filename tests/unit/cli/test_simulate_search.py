"""`nrdot simulate --grid` and `--solve`: the curve, the advice, the page, and what is refused."""

from __future__ import annotations

import json
import re

import pytest

from nrdot.testing.recordings.captures import crowd, write_capture

RULES = """\
profile: balanced
optimization_dimensions:
  cost: {weight: 0.5, constraint: "< $10k/month"}
  coverage: {weight: 0.5, constraint: "> 5%"}
solver: {algorithm: genetic_algorithm, population_size: 4, generations: 2}
"""


@pytest.fixture
def capture(tmp_path):
    return write_capture(tmp_path / "h1.jsonl", crowd(ticks=24))


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "nrdot.yaml"
    path.write_text(RULES)
    return path


def test_a_grid_is_told_whole_with_the_points_that_none_beats_and_the_advice(command, capture):
    arguments = ("simulate", capture, "--grid", "--thresholds", "0.5,0.9", "--top", "0,10", "-j", "1")
    status, out, _ = command(*arguments, "--json")
    found = json.loads(out)
    names = [one["name"] for one in found["grid"]["candidates"]]
    assert status == 0
    assert names[0] == "balanced"
    assert len(names) == 5
    marked = [one["name"] for one in found["grid"]["candidates"] if one["pareto"]]
    assert sorted(marked) == sorted(found["grid"]["pareto"])
    assert found["recommended"]["name"] in names
    again = json.loads(command(*arguments, "--json")[1])
    assert again == found


def test_the_page_needs_no_network_and_names_every_candidate(command, capture, tmp_path):
    page = tmp_path / "curve.html"
    status, out, error = command(
        *("simulate", capture, "--grid", "--thresholds", "0.5", "--top", "0,10", "-j", "1", "--html", page)
    )
    text = page.read_text()
    assert status == 0
    assert "recommended" in out
    assert f"wrote {page}" in error
    addresses = set(re.findall(r"https?://[^\"' ]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "<script" not in text
    for name in ("threshold 0.5, top 0", "threshold 0.5, top 10", "balanced"):
        assert name in text


def test_the_solver_of_the_configuration_searches_under_its_limits(command, capture, rules):
    status, out, error = command("simulate", capture, "-c", rules, "--solve", "-j", "1", "--json")
    found = json.loads(out)
    assert status == 0
    assert "no effect" not in error
    assert 4 < len(found["grid"]["candidates"]) <= 9
    assert found["recommended"]["kept"]
    assert any("keeps the limit '< $10k/month'" in reason for reason in found["recommended"]["reasons"])


def test_hosts_that_a_capture_stands_for_count_in_money(command, capture):
    one = json.loads(command("simulate", capture, "-p", "balanced", "-j", "1", "--json")[1])
    many = json.loads(
        command("simulate", capture, "-p", "balanced", "-j", "1", "--hosts", "1000", "--json")[1]
    )
    cost = one["profiles"]["balanced"]["cost"]["new_relic"]
    thousand = many["profiles"]["balanced"]["measures"]["cost"]
    assert thousand == pytest.approx(1000 * cost, abs=1000 * 0.005)
    assert thousand != 1000 * cost  # cents are not rounded before they are multiplied


def test_the_table_and_the_recommendation_are_of_the_same_hosts(command, capture):
    line = ("simulate", capture, "-p", "balanced", "-j", "1", "--hosts", "50000")
    out = command(*line)[1]
    found = json.loads(command(*line, "--json")[1])["profiles"]["balanced"]
    fleet, meter = found["fleet"], found["savings"]["new_relic"]
    assert fleet["hosts"] == 50_000
    assert fleet["cost"] == found["measures"]["cost"] > 100
    assert fleet["savings"] == pytest.approx(50_000 * meter, abs=50_000 * 0.005)
    assert out.count(f"{fleet['cost']:,.2f} USD") == 2  # in the table and in the recommendation
    assert f"{fleet['savings']:,.2f} USD" in out
    assert "Money is of 50,000 hosts like the captured" in out


def test_money_is_in_the_currency_of_the_price_list_wherever_it_is_shown(command, capture, tmp_path):
    prices, page = tmp_path / "prices.yaml", tmp_path / "curve.html"
    prices.write_text("{currency: EUR, meters: {new_relic: {prices: {price: 0.28, free: 0}}}}")
    options = ("--grid", "--thresholds", "0.5", "--top", "10", "-j", "1", "--pricing", prices, "--html", page)
    status, out, error = command("simulate", capture, "-p", "balanced", *options)
    assert (status, "USD" in out, "USD" in page.read_text()) == (0, False, False), error
    assert "cost of 1 host" in " ".join(out.split())
    assert out.count(" EUR") >= 4  # both tables and the recommendation
    assert page.read_text().count("EUR a month") >= 2


def test_a_currency_without_a_price_is_one_line_that_says_whose_to_state(command, capture, tmp_path):
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: GBP")
    status, _, error = command("simulate", capture, "-p", "balanced", "-j", "1", "--pricing", prices)
    assert (status, error.count("\n")) == (2, 1)
    assert "no price in GBP of a meter that a simulation knows; state that of new_relic or " in error


def test_a_limit_that_makes_no_sense_is_one_line(command, capture, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("optimization_dimensions: {cost: {weight: 1, constraint: cheap}}\n")
    status, _, error = command("simulate", capture, "-c", bad, "-j", "1")
    assert status == 2
    assert "optimization_dimensions.cost.constraint: 'cheap' is no limit" in error


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--html", "x.html"), "--html draws what --grid or --solve finds"),
        (("--grid", "--thresholds", "0.5,high"), "is no list of numbers from 0 to 1"),
        (("--grid", "--top", "-3"), "is no list of numbers"),
        (("--grid", "--solve"), "--grid and --solve are two ways to search; name one of them"),
        (("--thresholds", "0.5"), "--thresholds is for a search; add --grid"),
        (("--top", "5"), "--top is for a search; add --grid"),
        (("--grid", "--export", "x.jsonl"), "would write over each other"),
        (("--ledger", "x"), "several profiles would write over each other"),
    ],
)
def test_options_that_contradict_each_other_are_refused(command, capture, options, words):
    status, out, error = command("simulate", capture, *options)
    assert (status, out) == (2, "")
    assert words in error


def test_a_ledger_of_a_simulation_is_never_mixed_with_another(command, capture, tmp_path):
    arguments = ("simulate", capture, "-p", "balanced", "-j", "1", "--ledger", tmp_path / "out")
    assert command(*arguments)[0] == 0
    assert [path.name for path in (tmp_path / "out" / "h1").iterdir()] == ["2026-11-21.jsonl.zst"]
    status, _, error = command(*arguments)
    assert status == 2
    assert "is not empty" in error


def test_money_follows_the_price_list_that_is_given_in_its_currency(command, capture, tmp_path):
    prices = tmp_path / "prices.yaml"
    prices.write_text(
        "currency: EUR\nmonth: 365h\nprimary: own\n"
        "meters:\n  own: {title: Our own, formula: points / 1e6 * price, prices: {price: 3}}\n"
    )
    arguments = ("simulate", capture, "-p", "balanced", "-j", "1")
    status, out, _ = command(*arguments, "--pricing", prices, "--json")
    one = json.loads(out)["profiles"]["balanced"]
    assert status == 0
    points = one["points"] * 365 * 3600 / one["seconds"]
    assert one["cost"]["own"] == pytest.approx(points / 1e6 * 3, abs=0.01)
    assert one["measures"]["cost"] == one["cost"]["own"]
    _, out, _ = command(*arguments, "--pricing", prices)
    assert "Our own: points / 1e6 * price, for a month of 365 h" in " ".join(out.split())
    assert f"{one['cost']['own']:,.2f} EUR" in out


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ("only: [grafana_cloud]", "no meter of the price list bills only points, bytes or an hour's series"),
        ("meters: {new_relic: {prices: {price: -1}}}", "meters.new_relic.prices.price"),
        ("primary: own\nmeters: {own: {formula: points / (bytes - bytes)}}", "gives no number"),
    ],
)
def test_a_price_list_that_cannot_be_used_is_one_line(command, capture, tmp_path, prices, words):
    file = tmp_path / "prices.yaml"
    file.write_text(prices)
    status, out, error = command("simulate", capture, "-p", "balanced", "-j", "1", "--pricing", file)
    assert (status, out) == (2, "")
    assert words in error
    assert len(error.strip().splitlines()) == 1

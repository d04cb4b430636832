"""The document, on ledgers whose sums can be told in one's head.

An hour of the made-up host: 100 processes of 7 points a minute, 42,000 points. 10 are kept (4,200), 90 are
rolled up into 5 groups of 8 points (2,400), and the agent's own metrics are 2,400. A process is 1,200 bytes.
"""

from __future__ import annotations

import re

import msgspec
import pytest

from nrdot.cli.report_tables import as_text
from nrdot.ledger.rows import Seen
from nrdot.pricing.prices import PricingError, load_pricing
from nrdot.report.figures.steps import STEPS
from nrdot.report.pages.page import page
from nrdot.testing.recordings import ledger

HOUR, DAY = 3600, 86400
START = ledger.NOON - 12 * HOUR  # 2026-11-21 00:00 UTC
MONTH = 730  # hours


def test_points_series_bytes_and_processes_are_those_of_the_rows(reported, hours):
    found = reported(hours(24))
    reasons = found["processes"].pop("reasons")
    assert found["processes"] == {"seen": 100.0, "kept": 10.0, "rolled_up": 90.0, "dropped": 0.0}
    assert [(row["verdict"], row["reason"], row["processes"]) for row in reasons] == [
        ("keep", "never_filtered", 10.0),
        ("roll_up", "below", 90.0),
    ]
    assert found["points"] == {"unoptimized": 24 * 42_000, "sent": 24 * 9_000, "hostmetrics": 24 * 42_000}
    assert found["series"] == {"unoptimized": 700.0, "sent": 70.0 + 40 + 40}
    assert found["bytes"]["unoptimized"] == 24 * 100 * 1200 * 60
    assert found["bytes"]["sent"] == 24 * (15 * 1200 * 60 + 360_000)
    assert found["critical"]["coverage"] == 1.0
    assert found["window"]["hosts"] == 1
    assert found["left_out"][0].startswith("nothing is newer")


def test_a_few_hours_are_said_to_be_few(reported, hours):
    found = reported(hours(3))
    assert any("no more than 3.0 hours were seen" in line for line in found["left_out"])
    assert any("165 of the 168 hours asked for" in line for line in reported([], since=7.0 * DAY)["left_out"])


def test_minutes_are_too_little_for_figures_of_a_month(reported):
    found = reported(ledger.hour(START, seconds=40.0))
    assert found["too_short"].startswith("40 s were seen: too little to tell money from")
    assert found["too_short"] in found["left_out"]
    text = as_text(found, "savings", explain=True)
    assert text.startswith("No figures of a month: 40 s were seen")
    assert "USD" not in text
    shown = page(found, "savings")
    assert "No figures of a month" in shown
    assert "USD" not in shown


def test_a_window_before_the_first_export_of_the_baseline_has_no_figures_of_a_month(reported, hours):
    rows = [
        msgspec.structs.replace(row, points_unoptimized=0) if isinstance(row, Seen) else row
        for row in hours(1)
    ]
    assert "shorter than baseline.interval" in reported(rows)["too_short"]


def test_a_destination_that_is_a_file_has_no_wire(reported, hours):
    rows = [
        msgspec.structs.replace(row, bytes_wire=3 * row.bytes_delivered)
        if getattr(row, "destination", "")
        else row
        for row in hours(24)
    ]
    found = reported(rows)
    assert "egress" not in found["meters"]


def test_a_meter_is_a_month_of_hours_like_those_that_were_seen(reported, hours):
    meter = reported(hours(24))["meters"]["google_prometheus"]
    assert meter["unoptimized"] == pytest.approx(42_000 * MONTH / 1e6 * 0.06, abs=1e-4)
    assert meter["sent"] == pytest.approx(9_000 * MONTH / 1e6 * 0.06, abs=1e-4)


def test_steps_add_up_to_what_was_saved_on_every_meter_and_in_points(reported, hours):
    found = reported(hours(30))
    assert sum(found["attribution"].values()) == found["points"]["unoptimized"] - found["points"]["sent"]
    assert found["attribution"]["roll_up"] == 30 * (37_800 - 2_400)
    assert found["attribution"]["own_metrics"] == -30 * 2_400
    for meter in found["meters"].values():
        assert tuple(meter["attribution"]) == STEPS
        assert sum(meter["attribution"].values()) == pytest.approx(meter["saved"], abs=1e-9)
        assert meter["unoptimized"] - meter["sent"] == pytest.approx(meter["saved"], abs=1e-9)


def test_a_longer_interval_is_told_apart_from_choosing(reported, hours):
    """The baseline scrapes four times a minute, NRDOT exports once."""
    rows = [
        msgspec.structs.replace(
            row,
            baseline=15.0,
            points_unoptimized=4 * row.points_interval,
            bytes_unoptimized=4 * row.bytes_interval,
        )
        if hasattr(row, "baseline")
        else row
        for row in hours(24)
    ]
    found = reported(rows)
    assert found["attribution"]["interval"] == 24 * 3 * 42_000
    assert found["attribution"]["roll_up"] == 24 * (37_800 - 2_400)
    assert found["points"]["unoptimized"] == 4 * found["points"]["hostmetrics"]
    meter = found["meters"]["google_prometheus"]
    assert meter["unoptimized"] == pytest.approx(4 * meter["hostmetrics"], abs=1e-3)
    assert found["meters"]["cloudwatch"]["attribution"]["interval"] == 0  # series are what it bills


def test_dropped_processes_are_the_filters_saving_less_their_one_sum(reported, hours):
    dropped = [
        msgspec.structs.replace(row, span=HOUR, seconds=float(HOUR))
        for number in range(24)
        for row in (
            ledger.rolled_up(START + number * HOUR, verdict="drop", processes=10, exports=60),
            ledger.sums(START + number * HOUR, reason="dropped", groups=1, exports=60),
        )
    ]
    rows = [*hours(24), *dropped]
    found = reported(rows)
    assert found["attribution"]["filter"] == 24 * (4_200 - 480)
    assert found["processes"]["dropped"] == 10.0


def test_compression_saves_only_what_is_better_than_the_counterfactuals_and_only_on_the_wire(reported, hours):
    """The made-up host compresses 170 to 14; the counterfactual's requests are ten times smaller."""
    meters = reported(hours(24))["meters"]
    sent = (15 * 1200 * 60 + 360_000) * MONTH / 1e9
    assert meters["egress"]["attribution"]["compression"] == pytest.approx(
        (sent / 10 - sent * 14 / 170) * 0.09, abs=2e-4
    )
    stored = [meters[name]["attribution"]["compression"] for name in meters if name != "egress"]
    assert set(stored) == {0}


def test_what_was_not_repeated_is_suppression(reported, hours):
    rows = [
        msgspec.structs.replace(row, points_suppressed=1_000, points_sent=row.points_sent - 1_000)
        if getattr(row, "verdict", "") == "keep"
        else row
        for row in hours(24)
    ]
    found = reported(rows)
    assert found["attribution"]["suppression"] == 24_000
    assert found["attribution"]["life"] == 0
    assert found["not_seen"]["suppressed_points"] == 24_000


def test_two_hosts_are_twice_one(reported, hours):
    found = reported([*hours(24), *hours(24, host="h2")])
    assert found["window"]["hosts"] == 2
    assert found["series"]["unoptimized"] == 1400.0
    assert found["points"]["sent"] == 2 * 24 * 9_000
    assert found["meters"]["datadog_pro"]["formula"].startswith("hosts * host")
    assert "2 * 15" in found["explain"]["datadog_pro"][2]


def test_minutes_and_folded_hours_are_the_same_report(reported, hours, tmp_path):
    rows = [*hours(2), *ledger.minutes(60, START + 2 * HOUR)]
    found = reported(rows)
    assert found["points"]["unoptimized"] == 3 * 42_000
    assert found["window"]["hours_seen"] == 3.0
    assert found["series"]["unoptimized"] == 700.0


def test_gaps_are_shown_and_never_filled_in(reported, hours):
    rows = [*hours(24), *hours(24, START + 3 * DAY), *hours(24 * 4, host="h2")]
    found = reported(rows)
    assert found["not_seen"]["gaps"] == [
        {"host": "h1", "name": "host-1", "from": "2026-11-22T00:00:00Z", "to": "2026-11-24T00:00:00Z"}
    ]
    assert found["not_seen"]["host_hours_missing"] == 48.0
    assert found["points"]["unoptimized"] == (24 * 2 + 24 * 4) * 42_000
    assert any("gaps of 48 host-hours" in line for line in found["left_out"])


def test_days_that_nobody_saw_have_no_costs_and_do_not_thin_out_the_month(reported, hours):
    whole, holes = reported(hours(24 * 5)), None
    holes = [*hours(24, START + 100 * DAY), *hours(24, START + 104 * DAY)]
    found = reported(holes, since=5.0 * DAY)
    assert [day["seen"] for day in found["days"]] == [1.0, 0.0, 0.0, 0.0, 1.0]
    assert "saved" not in found["days"][1]
    assert found["meters"]["google_prometheus"]["saved"] == whole["meters"]["google_prometheus"]["saved"]
    cells = found["coverage"]["cells"]
    assert sum(cell["seen"] == 0 for cell in cells) == 72


def test_a_missed_critical_process_is_said_with_its_class_and_hour(reported, hours):
    short = ledger.kept(START + HOUR, critical_seen=10, critical_exported=9, class_="payments")
    found = reported([*hours(3), short])
    assert found["critical"]["classes"][1] == {
        "class": "payments",
        "seen": 10,
        "exported": 9,
        "short_hours": 1,
        "first_short": "2026-11-21T01:00:00Z",
    }
    assert found["not_seen"]["critical_exports_missed"] == 1


def test_what_was_lost_on_the_way_is_listed_by_destination_and_reason(reported, hours):
    lost = ledger.delivered(START, points=100, points_dropped={"full": 7, "old": 2}, points_rejected=3)
    found = reported([*hours(2), lost])
    assert found["not_seen"]["lost_points"] == [
        {"destination": "collector", "reason": "full", "points": 7},
        {"destination": "collector", "reason": "old", "points": 2},
        {"destination": "collector", "reason": "rejected", "points": 3},
    ]


def test_talkers_are_added_up_over_hours_and_hosts(reported, hours):
    rows = [*hours(2), *hours(2, host="h2")]
    rows = [
        msgspec.structs.replace(row, top=[ledger.talker("java"), ledger.talker("bash", "roll_up")])
        if getattr(row, "samples", 0)
        else row
        for row in rows
    ]
    found = reported(rows)["talkers"]
    assert [(row["name"], row["hosts"], row["cpu_seconds"]) for row in found["kept"]] == [("java", 2, 240.0)]
    assert [row["name"] for row in found["rolled_up"]] == ["bash"]


def test_its_own_cpu_is_taken_off_and_an_introduction_is_paid_back(reported, hours):
    """Agents use 0.3 s a minute: 3.65 core-hours a month, at 0.04 USD each."""
    found = reported(hours(48), meter="cloudwatch", introduction=1000.0)
    back, saved = found["return"], found["meters"]["cloudwatch"]["saved"]
    assert back["agent_core_hours"] == pytest.approx(3.65)
    assert back["net_monthly"] == pytest.approx(saved - 0.146, abs=1e-3)
    assert back["payback_months"] == pytest.approx(1000 / (saved - 0.146), abs=1e-3)
    assert back["first_year"] == pytest.approx((12 * saved) / (1000 + 12 * 0.146) - 1, abs=1e-3)


def test_an_invoice_is_set_beside_the_estimate(reported, hours):
    actual = reported(hours(24), actual=("google_prometheus", 100.0))["actual"]
    assert actual["factor"] == pytest.approx(100 / (9_000 * MONTH / 1e6 * 0.06), abs=1e-3)


def test_observing_is_said(reported, hours):
    found = reported(hours(24, mode="observe"))
    assert found["window"]["mode"] == "observe"
    assert any("mode observe" in line for line in found["left_out"])
    told = as_text(found, "savings", explain=False)
    assert " a month would be saved on New Relic" in told
    assert "prices of 2026-11-21, what the profile would have sent\n" in told
    assert "· what the profile would have sent" in page(found, "savings")


def test_mixed_versions_are_said(reported, hours):
    found = reported([*hours(24), *hours(24, START + DAY, agent="0.2.0")])
    assert any("agents of 2 versions: 0.1.0, 0.2.0" in line for line in found["left_out"])


def test_a_meter_without_a_price_is_left_out_with_a_line(reported, hours):
    found = reported(hours(24))
    assert "self_hosted" not in found["meters"]
    assert any(line.startswith("meter self_hosted: no price for") for line in found["left_out"])
    with pytest.raises(PricingError, match="no price for per_1000"):
        reported([], meter="grafana_cloud")


def test_a_formula_that_fails_here_is_left_out_with_a_line(reported, hours, tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text("meters: {mine: {formula: points / (hosts - hosts)}}")
    found = reported(hours(24), pricing=load_pricing(path))
    assert any("mine: its formula divides by zero" in line for line in found["left_out"])


def test_egress_needs_a_network(reported, hours):
    rows = [row for row in hours(24) if not getattr(row, "destination", "")]
    found = reported(rows)
    assert "egress" not in found["meters"]
    assert any("no request went over a network" in line for line in found["left_out"])


def test_formulas_are_shown_with_the_numbers_of_both_ends(reported, hours):
    lines = reported(hours(24))["explain"]["google_prometheus"]
    assert lines[0] == "google_prometheus: tiered(points / 1e6)"
    assert lines[1] == "  without NRDOT: tiered(30660000 / 1e6) = 1.84"
    assert lines[2] == "  with NRDOT: tiered(6570000 / 1e6) = 0.3942"


def test_a_host_that_costs_more_than_before_is_told_so_and_not_as_a_negative_saving(reported, hours):
    rows = [
        msgspec.structs.replace(row, bytes_sent=1000 * row.bytes_sent) if isinstance(row, Seen) else row
        for row in hours(24)
    ]
    found = reported(rows)
    shown, told = page(found, "savings"), as_text(found, "savings", explain=False)
    assert "more a month on New Relic" in shown
    assert "free allowance)" not in shown
    assert re.match(r"[\d,.]+ USD a month more on New Relic, data stored \(US\)\n", told)
    assert re.search(r"A month costs [\d,.]+ USD more; no range", told)


def test_a_headline_of_less_than_a_day_says_from_how_much_it_is_told(reported, hours):
    found = reported(hours(5), meter="datadog_pro")
    for text in (page(found, "savings"), as_text(found, "savings", explain=False)):
        assert "Datadog Pro, hosts and custom metrics, at the rate of 5.0 hours" in text


def test_a_range_of_what_is_dearer_is_a_range_of_costs(reported, hours):
    rows = [
        msgspec.structs.replace(
            row, hourly_sent=(900 if row.t < START + DAY else 990) + row.hourly_unoptimized
        )
        if isinstance(row, Seen)
        else row
        for row in hours(48)
    ]
    told = as_text(reported(rows, meter="cloudwatch"), "savings", explain=False)
    low, high = re.search(
        r"A month costs [\d,.]+ USD more, between (\S+) and (\S+) \(9 of 10\)", told
    ).groups()
    assert 0 <= float(low.replace(",", "")) < float(high.replace(",", ""))


def test_one_export_missed_of_millions_is_not_all_of_them(reported, hours):
    rows = [
        *hours(24),
        ledger.kept(START, class_="payments", critical_seen=3_628_860, critical_exported=3_628_859),
    ]
    found = reported(rows, meter="google_prometheus")
    assert found["critical"]["coverage"] == 0.999999
    assert min(cell["critical"] for cell in found["coverage"]["cells"] if cell["critical"]) == 0.999999
    text = page(found, "savings")
    assert "<strong>99.99%</strong>" in text
    assert "99.99% exported" in text

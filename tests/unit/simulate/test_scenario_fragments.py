"""Every fragment of the scenarios, verbatim, does what its comment says: judged by the agent's own stages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nrdot.checks.loading import load
from nrdot.config.settled.intervals import exports_every
from nrdot.simulate.given import Given, judge
from nrdot.simulate.moment import moment
from nrdot.simulate.run import simulate
from nrdot.simulate.verdicts import verdicts
from nrdot.stages import Reason, Verdict

ROOT = Path(__file__).parents[3]
FRAGMENTS = ROOT / "tests/fixtures/scenarios"
CAPTURE = ROOT / "samples/captures/sample-host-1.jsonl.zst"
NOW = datetime(2027, 2, 3, tzinfo=UTC).timestamp()
NOW_NS = int(NOW) * 1_000_000_000


def fragment(name):
    return load(FRAGMENTS / f"{name}.yaml")


def judged(configuration, *processes):
    given = [Given(one) if isinstance(one, str) else one for one in processes]
    return judge(configuration, given, NOW_NS)


def at(name, text, **situation):
    return moment(fragment(name), text, NOW, **situation).configuration


@pytest.mark.parametrize(
    ("name", "processes"),
    [
        ("1-gdpr", ["customer-data-processor", "gdpr-audit-service-2", "data-retention-manager"]),
        ("1-payment-systems", ["payment-gateway-1", "payment-gateway-eu"]),
        ("3-bandwidth", ["plc-controller", "safety-monitor-7", "edge-ml-processor"]),
        ("4-phi", ["patient-data-service", "medical-records-api", "prescription-processor"]),
    ],
)
def test_what_is_never_filtered_is_kept_under_every_profile(name, processes):
    configuration = fragment(name)
    for one in judged(configuration, *processes):
        assert (one.verdict, one.reason) == (Verdict.KEEP, Reason.NEVER_FILTERED)
    (stranger,) = judged(configuration, "somebody-else")
    assert not stranger.never_filtered


@pytest.mark.parametrize(
    ("moment_of", "profile"),
    [
        ("Wed 10:00", "balanced"),  # the file's clock is UTC, five hours ahead of the rule's
        ("Wed 15:00", "conservative"),
        ("Wed 03:00", "balanced"),
        ("Sat 12:00", "aggressive"),
        ("Sun 23:00", "aggressive"),
    ],
)
def test_trading_hours_see_everything_and_weekends_next_to_nothing(moment_of, profile):
    assert at("1-general-infrastructure", moment_of).settings.profile == profile


def test_labels_set_the_base_and_modifiers_are_added_and_clamped():
    def score(**labels):
        configuration = fragment("2-label-rules")
        (one,) = judged(configuration, Given("unheard-of", labels=labels))
        return one.score

    # The base has 0.4 of 0.7 of the weight beside a model that sees an idle process.
    base = 0.4 / 0.7
    assert score(tier="frontend", env="production") - score(tier="frontend") == pytest.approx(
        0.1 * base, abs=0.01
    )
    assert score(tier="backend") - score(tier="backend", env="staging") == pytest.approx(0.2 * base, abs=0.01)
    assert score(tier="database") > score(tier="frontend") > score(tier="backend") > score()
    assert score(tier="database", env="production") - score(tier="database") == pytest.approx(
        0.1 * base, abs=0.01
    )


def test_a_config_map_scores_like_the_rules_that_it_holds():
    process = Given("web", labels={"tier": "frontend", "env": "production"})
    (mapped,), (plain,) = judged(fragment("2-configmap"), process), judged(fragment("2-label-rules"), process)
    assert mapped.score == plain.score
    assert mapped.verdict is plain.verdict


def test_the_edge_exports_every_five_minutes_packed_as_small_as_can_be():
    edge = fragment("3-edge-tier")
    assert exports_every(edge.settings, edge.profile) == 300
    assert (edge.profile.compression.algorithm, edge.profile.compression.level) == ("zstd", 19)
    assert edge.profile.local_decision_making


def test_the_centre_exports_every_process_at_every_sample():
    found = verdicts(CAPTURE, fragment("3-central-tier"))
    samples = found.outcome.exports
    assert {one.reason for one in found.processes} <= {Reason.VISIBLE, Reason.NEW, Reason.ANOMALY} | {
        Reason.TOP_CPU,
        Reason.TOP_MEMORY,
        Reason.TOP_IO,
    }
    assert all(one.verdict is Verdict.KEEP for one in found.processes)
    slower = verdicts(CAPTURE, fragment("3-regional-tier")).outcome.exports
    assert samples > 3 * slower


def test_a_narrow_link_sends_less_because_what_stands_still_is_left_out(tmp_path):
    narrow = FRAGMENTS / "3-bandwidth.yaml"
    wide = tmp_path / "wide.yaml"
    wide.write_text(narrow.read_text().replace("delta_encoding: true", "delta_encoding: false"))
    assert simulate(CAPTURE, load(narrow)).points < 0.9 * simulate(CAPTURE, load(wide)).points


def test_optional_programs_of_the_edge_are_summed():
    found = judged(fragment("3-bandwidth"), "update-agent", "log-shipper", "backup-service")
    assert {one.class_name for one in found} == {"edge_optional"}
    assert {one.verdict for one in found} == {Verdict.ROLL_UP}


def test_importance_takes_the_place_of_the_score():
    found = judged(fragment("5-active-region"), "game-server-1", "matchmaking-eu", "chat-service-3")
    assert [one.score for one in found] == [1.0, 0.95, 0.7]
    assert {one.verdict for one in found} == {Verdict.KEEP}


@pytest.mark.parametrize(("hour", "asleep"), [("03:00", "Asia"), ("12:00", "Europe"), ("20:00", "Americas")])
def test_regions_take_turns_at_being_cheap(hour, asleep):
    for region in ("Asia", "Europe", "Americas"):
        configuration = at("5-region-based", f"2027-02-03T{hour}:00Z", region=region.lower())
        assert configuration.settings.profile == ("aggressive" if region == asleep else "conservative")
        (server,) = judged(configuration, "game-server-1")
        assert (server.score == 1.0) == (region != asleep)  # overrides hold while the region is active


def test_a_launch_that_is_given_a_day_goes_through_its_phases(tmp_path):
    text = (FRAGMENTS / "5-events.yaml").read_text()
    path = tmp_path / "launch.yaml"
    path.write_text(text.replace("  game_launch:\n", "  game_launch:\n    start: 2027-06-01T12:00:00Z\n", 1))
    configuration = load(path)
    usual = configuration.profile

    def then(text):
        return moment(configuration, text, NOW).configuration

    assert then("2027-05-31T11:59:00Z").profile == usual
    assert then("2027-05-31T13:00:00Z").settings.profile == "conservative"
    emergency = then("2027-06-01T11:30:00Z").profile
    assert emergency.budget == 2 * usual.budget
    assert emergency.threshold == pytest.approx(usual.threshold / 2)
    assert then("2027-06-02T17:00:00Z").profile == usual  # a day and four hours later all is as it was

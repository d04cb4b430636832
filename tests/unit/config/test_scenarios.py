from __future__ import annotations

from pathlib import Path

import pytest

from nrdot.config.reading import wishes
from nrdot.config.reading.load import OVERLAY_KEYS, SETTING_KEYS, examine, load

FIXTURES = Path(__file__).parents[2] / "fixtures"
FRAGMENTS = sorted((FIXTURES / "scenarios").glob("*.yaml"))


def of(name):
    return load(FIXTURES / "scenarios" / f"{name}.yaml", {})


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.stem)
def test_every_fragment_of_the_scenarios_loads_as_it_stands(path):
    configuration, problems = examine(path, {})
    assert configuration is not None, [str(problem) for problem in problems]


def test_all_fragments_are_here():
    assert len(FRAGMENTS) == 17


def test_gdpr_processes_are_never_filtered_and_data_stays_thirty_days():
    settings = of("1-gdpr").settings
    rule = settings.process_classification["gdpr_critical"]
    assert rule.never_filtered
    assert rule.patterns == ("^customer-data-processor", "^gdpr-audit-service", "^data-retention-manager")
    assert settings.data_retention["eu_region"].retention_days == 30
    assert settings.data_retention["eu_region"].purge_strategy == "secure_delete"


def test_payment_gateways_are_collected_by_force():
    (override,) = of("1-payment-systems").settings.overrides
    assert (override.process, override.force_collect, override.reason) == (
        "payment-gateway-*",
        True,
        "PCI compliance",
    )


def test_trading_hours_warn_about_the_zone_that_never_changes_its_clock():
    configuration = of("1-general-infrastructure")
    assert [rule.profile for rule in configuration.settings.time_based_rules] == [
        "conservative",
        "aggressive",
    ]
    assert {"balanced", "conservative", "aggressive"} <= set(configuration.profiles)
    (zone,) = [one for one in configuration.warnings if "EST" in one.message]
    assert "America/New_York" in zone.hint


def test_a_config_map_is_read_as_what_it_holds_with_its_own_places(tmp_path):
    rules = of("2-configmap").settings.label_based_scoring
    assert rules == of("2-label-rules").settings.label_based_scoring
    assert [(rule.score, rule.score_modifier) for rule in rules[-2:]] == [(None, 0.1), (None, -0.2)]
    text = (FIXTURES / "scenarios" / "2-configmap.yaml").read_text()
    (tmp_path / "broken.yaml").write_text(text.replace("score: 0.7", "scor: 0.7"))
    _, problems = examine(tmp_path / "broken.yaml", {})
    line = text.splitlines()[problems[0].line - 1]
    assert line[problems[0].column - 1 :] == "score: 0.7"


def test_the_tiers_of_an_edge_set_how_often_and_how_small():
    edge, regional = of("3-edge-tier").profile, of("3-regional-tier").profile
    assert edge.export_interval == 300
    assert (edge.compression.algorithm, edge.compression.level) == ("zstd", 19)
    assert regional.export_interval == 60
    assert of("3-central-tier").profile.full_visibility


def test_a_narrow_link_compresses_batches_and_buffers():
    configuration = of("3-bandwidth")
    profile = configuration.profile
    assert profile.suppresses_unchanged
    assert (profile.batching.size, profile.batching.timeout) == (10_000, 300)
    assert profile.batching.local_buffer_size == 10**9
    assert configuration.settings.process_classification["edge_optional"].score == 0.1


def test_an_audit_trail_is_kept_seven_years():
    audit = of("4-audit-trail").settings.audit_log
    assert audit.destination == "s3://hipaa-audit-logs/"
    assert audit.retention == 7 * 365 * 86400
    assert audit.immutable
    assert len(audit.fields) == 7


def test_patient_data_asks_for_all_three_kinds_of_care_and_for_a_key():
    configuration = of("4-phi")
    handling = configuration.settings.process_classification["phi_processing"].special_handling
    assert handling.no_sampling
    assert handling.full_audit_trail
    assert handling.encrypted_storage
    assert configuration.needs_encryption
    assert any("key" in one.message for one in configuration.warnings)


def test_wishes_in_words_are_answered_with_what_to_write():
    hints = [one.hint for one in of("4-encryption").warnings if "words" in one.message]
    assert len(hints) == 6
    assert "write export[].otlp.tls.pins" in hints


def test_regions_take_turns():
    windows = of("5-follow-the-sun").settings.follow_the_sun
    assert [(key, window.region, window.profile) for one in windows for key, window in one.items()] == [
        ("UTC 00:00-08:00", "Asia", "aggressive"),
        ("UTC 08:00-16:00", "Europe", "aggressive"),
        ("UTC 16:00-24:00", "Americas", "aggressive"),
    ]
    assert [override.importance for override in of("5-active-region").settings.overrides] == [1.0, 0.95, 0.7]
    assert of("5-region-based").settings.active_region_handling.profile == "conservative"


def test_a_launch_is_prepared_in_phases():
    handling = of("5-events").settings.event_handling
    day_before, hour_before, launch, day_after = handling.events["game_launch"].preparation
    assert day_before["T-24h"].profile == "conservative"
    assert hour_before["T-1h"].budget_scale > 1
    assert launch["T+0h"].profile is None
    assert day_after["T+24h"].gradual
    christmas, summer, maintenance = handling.seasonal_events
    assert christmas["Christmas"].profile == "conservative"
    assert summer["Summer break"].profile is None
    assert maintenance["Maintenance windows"].profile == "aggressive"


def test_goals_of_the_solver_load():
    settings = of("6-solver").settings
    assert settings.optimization_dimensions["coverage"].constraint == "> 95%"
    assert settings.solver.population_size == 100


HOMES = {
    "1-strategy": [
        "`phase_2_regional_deployment.eu_west_1.custom_config`",
        "`phase_3_optimization.payment_systems`, `phase_3_optimization.general_infrastructure`",
    ],
    "2-kubernetes": ["`kubernetes_native_approach.pod_classification`"],
    "3-edge": ["hierarchical_optimization.edge_tier`", "`bandwidth_optimization.edge_locations`"],
    "4-hipaa": ["`security_first_approach`", "`phi_environment_handling`"],
    "5-scale": ["`dynamic_scaling_optimization.region_based_optimization`"],
}


@pytest.mark.parametrize("name", HOMES)
def test_a_whole_plan_is_refused_with_a_line_that_says_where_its_configuration_belongs(name):
    _, problems = examine(FIXTURES / "scenarios-whole" / f"{name}.yaml", {})
    hints = [one.hint for one in problems if one.hint and one.severity == "error"]
    for home in HOMES[name]:
        assert any(home in hint and ("of its own" in hint or "a file each" in hint) for hint in hints)


def test_a_section_of_a_plan_is_answered_with_what_acts_instead():
    found = {}
    for name in HOMES:
        _, problems = examine(FIXTURES / "scenarios-whole" / f"{name}.yaml", {})
        found.update({one.path: one.hint for one in problems if one.message == "unknown key"})
    assert all(found.values()), [path for path, hint in found.items() if not hint]
    assert "batching.local_buffer_size" in found["offline_capability"]
    assert "anomaly" in found["real_time_optimization"]


def test_what_only_describes_is_told_so_whatever_stands_under_it(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text("infrastructure: {kubernetes: {clusters: 15}, region: eu}\npatterns: [^pay]\n")
    hints = {one.path: one.hint for one in examine(path, {})[1]}
    assert "nothing in it configures the agent" in hints["infrastructure"]
    assert "process_classification: {NAME" in hints["patterns"]


@pytest.mark.parametrize("section", sorted(wishes.PLANS | wishes.FOREIGN))
def test_a_plan_s_section_is_no_setting(section):
    assert section not in SETTING_KEYS | OVERLAY_KEYS

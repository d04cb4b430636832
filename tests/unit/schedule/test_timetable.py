"""What holds when several rules about time meet: events, the sun, time rules, the canary, the default."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from nrdot.config.reading.load import load
from nrdot.errors import ConfigError
from nrdot.schedule.holding import Level
from nrdot.schedule.timetable import picks, timetable

SCENARIOS = Path(__file__).parents[2] / "fixtures/scenarios"


@pytest.fixture
def table(tmp_path):
    """Writes a configuration and gives its timetable."""

    def table(text, **seen):
        file = tmp_path / "nrdot.yaml"
        file.write_text(dedent(text))
        return timetable(load(file, {}), **seen)

    return table


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def profiles(table, start, end):
    """The profiles in turn, with the hour at which each begins."""
    return [
        (datetime.fromtimestamp(one.start, UTC).strftime("%a %H:%M"), one.holding.profile)
        for one in table.between(int(at(start)), int(at(end)))
    ]


RULES = """
    profile: balanced
    time_based_rules:
      - {schedule: "Mon-Fri 09:00-18:00", profile: conservative, reason: trading}
      - {schedule: "Mon 10:00-11:00", profile: aggressive}
      - {schedule: "Tue 10:00-11:00", profile: aggressive, priority: 1}
"""


def test_the_first_rule_decides_unless_another_has_a_higher_priority(table):
    found = table(RULES)
    assert profiles(found, "2026-11-23", "2026-11-25") == [
        ("Mon 00:00", "balanced"),
        ("Mon 09:00", "conservative"),
        ("Mon 18:00", "balanced"),
        ("Tue 09:00", "conservative"),
        ("Tue 10:00", "aggressive"),
        ("Tue 11:00", "conservative"),
        ("Tue 18:00", "balanced"),
    ]
    monday = found.holds(at("2026-11-23T10:30"))
    assert (monday.rule, monday.reason) == ("time_based_rules[0]: Mon-Fri 09:00-18:00", "trading")


def test_a_minute_belongs_to_what_begins_with_it(table):
    found = table(RULES)
    assert found.holds(at("2026-11-23T08:59:59.999")).profile == "balanced"
    assert found.holds(at("2026-11-23T09:00")).profile == "conservative"
    assert found.holds(at("2026-11-23T17:59:59.999")).profile == "conservative"
    assert found.holds(at("2026-11-23T18:00")).profile == "balanced"


def test_a_file_without_rules_never_changes(table):
    found = table("profile: aggressive")
    assert not found.changes
    assert found.holds(0).profile == found.holds(4e9).profile == "aggressive"


def test_a_change_may_be_years_away(table):
    found = table("time_based_rules: [{schedule: Feb 29, profile: aggressive}]")
    assert found.holds(at("2032-02-28T23:59")).rule == "default"
    assert found.holds(at("2032-02-29")).profile == "aggressive"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("except_holidays", ["aggressive", "balanced"]), ("only_holidays", ["balanced", "aggressive"])],
)
def test_holidays_are_excepted_or_alone_meant_by_the_day_on_which_something_begins(table, limit, expected):
    found = table(
        f"""
        profile: balanced
        holidays: ["2026-11-26"]
        time_based_rules: [{{schedule: "Wed-Thu 22:00-06:00", profile: aggressive, {limit}: true}}]
        """
    )
    wednesday_night, thursday_night = at("2026-11-26T02:00"), at("2026-11-27T02:00")
    assert [found.holds(wednesday_night).profile, found.holds(thursday_night).profile] == expected


def test_a_rule_has_the_zone_of_its_text_its_own_or_the_files(table):
    found = table(
        """
        profile: balanced
        timezone: Asia/Tokyo
        time_based_rules:
          - {schedule: "Mon 00:00-01:00 UTC", profile: aggressive, timezone: Europe/Berlin}
          - {schedule: "Mon 00:00-01:00", profile: aggressive, timezone: Europe/Berlin}
          - {schedule: "Mon 00:00-01:00", profile: aggressive}
        """
    )
    starts = [
        when for when, profile in profiles(found, "2026-11-22", "2026-11-24") if profile == "aggressive"
    ]
    assert starts == ["Sun 15:00", "Sun 23:00", "Mon 00:00"]


LAUNCH = """
    profile: balanced
    time_based_rules: [{schedule: "Sun", profile: aggressive}]
    event_handling:
      game_launch:
        start: 2026-11-27T12:00:00Z
        preparation:
          - T-24h: Switch all regions to conservative
          - T-1h: Enable emergency capacity
          - T+0h: Monitor and adjust per region
          - T+24h: Gradual optimization resume
"""


def test_a_launch_goes_through_its_phases_and_back_step_by_step(table):
    found = table(LAUNCH)
    begin, end = int(at("2026-11-26")), int(at("2026-11-29"))
    holdings = [one.holding for one in found.between(begin, end)]
    assert [one.profile for one in holdings] == ["balanced", *["conservative"] * 10, "balanced"]
    before, prepared, launched, *back, after = holdings
    assert (before.rule, after.rule) == ("default", "default")
    assert (prepared.rule, prepared.threshold_scale, prepared.budget_scale) == (
        "event_handling.game_launch T-24h",
        1.0,
        1.0,
    )
    assert (launched.rule, launched.threshold_scale, launched.budget_scale) == (
        "event_handling.game_launch T-1h",
        0.5,
        2.0,
    )
    profiles = found._profiles
    conservative, balanced = profiles["conservative"], profiles["balanced"]
    thresholds = [conservative.threshold * one.threshold_scale for one in back]
    budgets = [conservative.budget * one.budget_scale for one in back]
    assert thresholds == sorted(thresholds)
    assert budgets == sorted(budgets, reverse=True)
    assert conservative.threshold / 2 < thresholds[0] < thresholds[-1] < balanced.threshold
    assert 2 * conservative.budget > budgets[0] > budgets[-1] > balanced.budget
    assert found.holds(at("2026-11-28T15:59")) != found.holds(at("2026-11-28T16:00"))


def test_what_an_event_names_not_is_left_as_it_was(table):
    found = table(
        """
        profile: balanced
        event_handling:
          sale:
            start: 2026-11-27T12:00:00Z
            duration: 4h
            profile: conservative
            preparation:
              - T+1h: {budget_scale: 3}
              - T+2h: {threshold_scale: 0.5}
              - T+3h: {profile: aggressive, budget_scale: 1}
        """
    )
    holdings = [
        one.holding for one in found.between(int(at("2026-11-27T12:00")), int(at("2026-11-27T16:30")))
    ]
    assert [(one.profile, one.threshold_scale, one.budget_scale) for one in holdings] == [
        ("conservative", 1.0, 1.0),
        ("conservative", 1.0, 3.0),
        ("conservative", 0.5, 3.0),
        ("aggressive", 0.5, 1.0),
        ("balanced", 1.0, 1.0),
    ]


def test_an_event_with_a_profile_sets_scopes_aside(table):
    found = table(
        """
        profile: balanced
        scopes: [{profile: aggressive, process: "x*"}]
        event_handling: {e: {start: 2026-11-27T12:00:00Z, duration: 1h, profile: balanced}}
        """
    )
    before, during = found.holds(at("2026-11-27T11:59")), found.holds(at("2026-11-27T12:00"))
    assert (before.profile, during.profile) == ("balanced", "balanced")
    assert (before.scoped, during.scoped) == (True, False)


def test_an_event_that_only_scales_leaves_the_profile_to_what_is_below(table):
    found = table(
        """
        profile: balanced
        scopes: [{profile: aggressive, process: "x*"}]
        time_based_rules: [{schedule: "12:30-13:00", profile: aggressive}]
        event_handling:
          rush:
            start: 2026-11-27T12:00:00Z
            duration: 1h
            preparation: [{T+0h: {budget_scale: 2}}]
        """
    )
    first, second = found.holds(at("2026-11-27T12:00")), found.holds(at("2026-11-27T12:30"))
    assert (first.profile, first.budget_scale, first.scoped) == ("balanced", 2.0, True)
    assert (second.profile, second.budget_scale, second.scoped) == ("aggressive", 2.0, False)
    assert first.level is second.level is Level.EVENT


def test_an_event_comes_again_with_its_cron_expression_and_the_later_one_decides(table):
    found = table(
        """
        profile: balanced
        event_handling:
          weekly:
            cron: "0 12 * * *"
            preparation:
              - T-20h: {profile: aggressive}
              - T-1h: {profile: conservative}
              - T+6h: {gradual: 0s}
        """
    )
    assert profiles(found, "2026-11-24T00:00", "2026-11-25T00:00") == [
        ("Tue 00:00", "aggressive"),
        ("Tue 11:00", "conservative"),
        ("Tue 16:00", "aggressive"),
    ]


@pytest.mark.parametrize(
    ("start", "zone", "begins"),
    [
        ("2027-01-31T18:00:00+01:00", "America/New_York", "2027-01-31T17:00"),
        ("2027-01-31 18:00", "America/New_York", "2027-01-31T23:00"),
        ("2027-01-31", "UTC", "2027-01-31T00:00"),
        ("2027-03-14 02:30", "America/New_York", "2027-03-14T07:00"),  # the clock skips it
        ("2026-11-01 01:30", "America/New_York", "2026-11-01T05:30"),  # the clock shows it twice
        ("2026-11-01 02:00", "America/New_York", "2026-11-01T07:00"),  # and this once, after the second hour
    ],
)
def test_an_event_begins_when_the_clock_first_shows_its_start(table, start, zone, begins):
    found = table(
        f"""
        profile: balanced
        timezone: {zone}
        event_handling: {{e: {{start: "{start}", duration: 1h, profile: aggressive}}}}
        """
    )
    for moment, profile in ((-1, "balanced"), (0, "aggressive"), (3599, "aggressive"), (3600, "balanced")):
        assert found.holds(at(begins) + moment).profile == profile


def test_seasons_and_maintenance_windows_have_dates_or_strike(table):
    found = table(
        """
        profile: balanced
        event_handling:
          seasonal_events:
            - Christmas: Conservative globally
            - Summer break: {profile: aggressive, schedule: Jul-Aug}
            - Maintenance: {profile: aggressive, cron: "0 2 * * 0", duration: 2h}
        """
    )
    seen = {day: found.holds(at(day)).profile for day in ("2026-12-25T12:00", "2027-07-31T12:00")}
    assert seen == {"2026-12-25T12:00": "conservative", "2027-07-31T12:00": "aggressive"}
    assert profiles(found, "2026-11-22", "2026-11-23")[1] == ("Sun 02:00", "aggressive")


def test_an_event_beats_the_sun_which_beats_a_time_rule_which_beats_the_default(table):
    found = table(
        """
        profile: balanced
        region: Asia
        scopes: [{profile: aggressive, process: "x*"}]
        time_based_rules: [{schedule: "00:00-12:00", profile: conservative}]
        follow_the_sun: [{"UTC 00:00-08:00": Optimize Asia aggressively}]
        event_handling: {e: {start: 2026-11-24T00:00:00Z, duration: 4h, profile: balanced}}
        """
    )
    turns = [
        (one.holding.level, one.holding.profile) for one in found.between(*map(int, (TUESDAY, TUESDAY + DAY)))
    ]
    assert turns == [
        (Level.EVENT, "balanced"),
        (Level.SUN, "aggressive"),
        (Level.TIME, "conservative"),
        (Level.DEFAULT, "balanced"),
    ]
    assert [one.holding.scoped for one in found.between(int(TUESDAY), int(TUESDAY) + DAY)] == [False] * 3 + [
        True
    ]
    claims = found.claims(TUESDAY + 3600)
    assert list(claims) == [Level.EVENT, Level.SUN, Level.TIME, Level.DEFAULT]


TUESDAY = at("2026-11-24")
DAY = 86_400


def test_regions_take_turns_as_the_scenario_has_it():
    configuration = load(SCENARIOS / "5-region-based.yaml", {})
    hours = {"Asia": (0, 8), "europe": (8, 16), "Americas": (16, 24)}
    for region, (first, last) in hours.items():
        found = timetable(configuration, region=region)
        for hour in range(24):
            holding = found.holds(TUESDAY + hour * 3600)
            given = first <= hour < last
            assert (holding.profile, holding.region_active) == (
                ("aggressive", False) if given else ("conservative", True)
            )
            assert holding.level is Level.SUN


def test_a_host_without_a_region_follows_no_sun_and_one_without_hours_is_always_active():
    configuration = load(SCENARIOS / "5-region-based.yaml", {})
    assert timetable(configuration).holds(TUESDAY).level is Level.DEFAULT
    assert not timetable(configuration).holds(TUESDAY).region_active
    assert timetable(configuration, region="Africa").holds(TUESDAY).region_active


def test_trading_hours_and_weekends_as_the_scenario_has_them():
    found = timetable(load(SCENARIOS / "1-general-infrastructure.yaml", {}))
    assert profiles(found, "2027-07-09T12:00", "2027-07-10T12:00") == [
        ("Fri 12:00", "balanced"),
        ("Fri 14:00", "conservative"),  # EST is UTC-5 in July too
        ("Fri 23:00", "balanced"),
        ("Sat 00:00", "aggressive"),
    ]


def test_a_canary_picks_the_same_hosts_always_and_about_as_many_as_it_says(table):
    hosts = [f"host-{number}" for number in range(5000)]
    fifth = {host for host in hosts if picks(host, 20)}
    assert 0.18 < len(fifth) / len(hosts) < 0.22
    assert fifth < {host for host in hosts if picks(host, 50)}
    assert not any(picks(host, 0) for host in hosts)
    assert all(picks(host, 100) for host in hosts)
    text = "profile: balanced\ncanary: {percent: 20, profile: aggressive}"
    picked = next(iter(fifth))
    assert table(text, host_id=picked).holds(0).profile == "aggressive"
    assert table(text, host_id=picked).holds(0).level is Level.CANARY
    assert table(text).holds(0).profile == "balanced"


FAR = {
    "time_based_rules: [{cron: '0 0 * * *', duration: 9999y, profile: balanced}]": "longer than a year",
    "time_based_rules: [{cron: '0 0 * * *', duration: 1ms, profile: balanced}]": "less than a minute",
    "event_handling: {e: {start: '9999-12-31', duration: 1h, profile: balanced}}": "too far away",
    "event_handling: {e: {start: '0001-01-01', duration: 1h, profile: balanced}}": "too far away",
    "event_handling: {e: {cron: '* * * * *', duration: 1h, profile: balanced}}": "at most every hour",
    "event_handling: {e: {cron: '@daily', duration: 60d, profile: balanced}}": "a month before and behind",
    "event_handling: {e: {cron: '@daily', preparation: [{T-9999y: Switch to balanced}]}}": "a month before",
}


@pytest.mark.parametrize("text", FAR)
def test_what_no_plan_reaches_is_refused(table, text):
    with pytest.raises(ConfigError, match=FAR[text]):
        table(text)


def test_an_event_may_be_planned_years_ahead(table):
    found = table(
        "event_handling: {e: {start: '2199-12-31', preparation: [{T-9999y: Switch to aggressive}]}}"
    )
    assert found.holds(0).profile == "aggressive"
    assert found.holds(at("2199-12-31")).profile == "conservative"


def test_a_schedule_that_cannot_be_read_ends_the_start_with_its_place(table):
    with pytest.raises(ConfigError, match=r"nrdot\.yaml: time_based_rules\[0\]\.schedule: 'Mun' is neither"):
        table("time_based_rules: [{schedule: Mun, profile: balanced}]")

"""What lint says about time. Today is 2026-11-21."""

from __future__ import annotations

from datetime import UTC, datetime
from textwrap import dedent

import pytest

from nrdot.config.problem import spell
from nrdot.config.reading.load import load
from nrdot.schedule.lint import check_schedules

NOW = datetime(2026, 11, 21, tzinfo=UTC).timestamp()


class Notes:
    """`config.reading.load.Report`: errors and warnings by path."""

    def __init__(self):
        self.errors, self.warnings = {}, {}

    def error(self, path, message, hint=""):
        self.errors[spell(path)] = f"{message}; {hint}"

    def warn(self, path, message, hint=""):
        self.warnings[spell(path)] = f"{message}; {hint}"


@pytest.fixture
def said(tmp_path):
    def said(text, now=NOW):
        file = tmp_path / "nrdot.yaml"
        file.write_text(dedent(text))
        notes = Notes()
        check_schedules(load(file, {}), notes, now)
        return notes

    return said


def rules(*lines, more=""):
    return f"profile: balanced\n{more}\ntime_based_rules:\n" + "".join(f"- {{{line}}}\n" for line in lines)


NEVER = {
    "schedule: Feb 30, profile: aggressive": "no year has such a date",
    "schedule: 'Sat 09:00-09:00', profile: aggressive": "its hours end as they begin",
    "cron: '0 0 30 2 *', duration: 1h, profile: aggressive": "no month has such a day",
    "schedule: 2026-11-01..2026-11-19, profile: aggressive": "its dates are past",
    "schedule: Sat, profile: aggressive, only_holidays: true": "none of `holidays` is such a day",
    "schedule: Sat, profile: aggressive, only_holidays: true, except_holidays: true": "on holidays only",
    "schedule: 'Sat; Feb 30', profile: aggressive": "a part of this rule can never hold",
    "schedule: Sat, profile: aggressive, except_holidays: true": "there are no `holidays` to except",
}


@pytest.mark.parametrize("line", NEVER)
def test_a_rule_that_can_never_hold_is_a_warning(said, line):
    (warning,) = said(rules(line)).warnings.values()
    assert NEVER[line] in warning


HIDDEN = {
    "the same again": ("schedule: Sat", "schedule: Sat"),
    "within it": ("schedule: 'Mon-Fri 09:00-18:00'", "schedule: 'Tue 10:00-11:00'"),
    "with dates": ("schedule: 'Mon-Fri 09:00-18:00'", "schedule: 'Dec Mon 10:00-11:00'"),
    "dates within dates": ("schedule: Dec", "schedule: 'Dec 24-26'"),
    "one year within every year": ("schedule: Dec", "schedule: 2026-12-24"),
    "over midnight": ("schedule: 'Fri 18:00-Mon 08:00'", "schedule: 'Sat 22:00-06:00'"),
    "in another zone": (
        "schedule: 'Mon-Fri 09:00-18:00 America/New_York'",
        "schedule: 'Mon 11:00-12:00 America/Chicago'",
    ),
    "a cron expression": ("schedule: Sat-Sun", "cron: '0 2 * * 0', duration: 2h"),
    "by a cron expression": ("cron: '0 * * * *', duration: 1h", "schedule: Sat"),
    "by a higher priority": ("schedule: 'Sat 10:00-11:00'", "priority: 1, schedule: Sat"),
    "on holidays": ("schedule: Sat", "only_holidays: true, schedule: Sat"),
}


@pytest.mark.parametrize("pair", HIDDEN.values(), ids=HIDDEN)
def test_a_rule_that_never_decides_is_a_warning(said, pair):
    lines = [
        f"profile: {name}, {line}" for name, line in zip(("aggressive", "conservative"), pair, strict=True)
    ]
    (warning,) = said(rules(*lines, more='holidays: ["2026-12-26"]')).warnings.values()
    assert "this rule never decides: time_based_rules[" in warning


def test_rules_may_hide_another_only_together(said):
    halves = (
        "profile: aggressive, schedule: 'Sat 00:00-12:00'",
        "profile: balanced, schedule: 'Sat 12:00-24:00'",
    )
    found = said(rules(*halves, "profile: conservative, schedule: 'Sat 10:00-14:00'")).warnings
    assert "the rules before it hold whenever it would" in found["time_based_rules[2].schedule"]


OVERLAP = {
    "hours": ("schedule: 'Mon 09:00-12:00'", "schedule: 'Mon 11:00-13:00'"),
    "a part comes first": ("schedule: 'Mon 09:00-12:00'", "schedule: Mon"),
    "over midnight": ("schedule: 'Mon 22:00-06:00'", "schedule: 'Tue 05:00-07:00'"),
    "zones": ("schedule: 'Mon 09:00-12:00 UTC'", "schedule: 'Mon 12:30-14:00 Europe/Berlin'"),
    "zones in summer": ("schedule: 'Mon 09:00-10:00 UTC'", "schedule: 'Mon 11:30-13:00 Europe/Berlin'"),
    "dates": ("schedule: 'Mon 09:00-12:00'", "schedule: 'Dec 11:00-13:00'"),
    "dates and dates": ("schedule: 'Dec 1-20 09:00-12:00'", "schedule: 'Dec 11:00-13:00'"),
    "dates in another zone": ("schedule: Dec 24 UTC", "schedule: Dec 24 Asia/Tokyo"),
    "not on holidays": ("schedule: 'Mon 09:00-12:00', except_holidays: true", "schedule: 'Mon 11:00-12:00'"),
    "cron": ("schedule: 'Mon 09:00-12:00'", "cron: '30 11 * * 1', duration: 1h"),
}


@pytest.mark.parametrize("pair", OVERLAP.values(), ids=OVERLAP)
def test_rules_of_one_rank_that_overlap_are_a_warning(said, pair):
    lines = [
        f"profile: {name}, {line}" for name, line in zip(("aggressive", "conservative"), pair, strict=True)
    ]
    ((where, warning),) = said(rules(*lines, more='holidays: ["2026-12-28"]')).warnings.items()
    assert "it overlaps with time_based_rules[0] of the same priority" in warning
    assert where.startswith("time_based_rules[1]")


APART = {
    "touching": ("schedule: 'Mon 09:00-12:00'", "schedule: 'Mon 12:00-13:00'"),
    "zones": ("schedule: 'Mon 09:00-10:00 UTC'", "schedule: 'Mon 09:00-10:00 Europe/Berlin'"),
    "priorities": ("schedule: 'Mon 09:00-12:00', priority: 1", "schedule: Mon"),
    "an exception first": ("schedule: Dec 24-26", "schedule: 'Mon-Fri 09:00-18:00'"),
    "other months": ("schedule: Jun-Aug", "schedule: Sep-Oct"),
    "other years": ("schedule: 2027-12-24..2027-12-26", "schedule: 2028-12-24"),
    "holidays and not": ("schedule: Mon, only_holidays: true", "schedule: Mon, except_holidays: true"),
    "holidays first": ("schedule: Mon, only_holidays: true", "schedule: Mon"),
    "the scenario's": ("schedule: 'Mon-Fri 09:00-18:00 EST'", "schedule: Sat-Sun"),
}


@pytest.mark.parametrize("pair", APART.values(), ids=APART)
def test_rules_that_leave_each_other_alone_are_right(said, pair):
    lines = [
        f"profile: {name}, {line}" for name, line in zip(("aggressive", "conservative"), pair, strict=True)
    ]
    notes = said(rules(*lines, more='holidays: ["2026-12-28"]'))
    assert not notes.warnings
    assert not notes.errors


def test_two_rules_that_want_the_same_may_overlap(said):
    lines = (
        "profile: aggressive, schedule: 'Mon 09:00-12:00'",
        "profile: aggressive, schedule: 'Mon 11:00-13:00'",
    )
    assert not said(rules(*lines)).warnings


def events(*lines, seasons=()):
    named = "".join(f"  {name}: {{{line}}}\n" for name, line in zip("abc", lines, strict=False))
    listed = "".join(f"  - {{{line}}}\n" for line in seasons)
    return f"event_handling:\n{named}" + (f"  seasonal_events:\n{listed}" if seasons else "")


DAY = "start: 2027-01-01T00:00:00Z, duration: 1d"
AT_ONCE = {
    "events": (DAY + ", profile: aggressive", "start: '2027-01-01 12:00', duration: 1d, profile: balanced"),
    "the later one begins first": (
        DAY + ", profile: aggressive",
        "start: '2026-12-31 12:00', duration: 1d, profile: balanced",
    ),
    "factors": (
        DAY + ", profile: aggressive",
        DAY + ", preparation: [{T+1h: Enable emergency capacity}]",
    ),
    "one that recurs first": (
        "cron: '0 3 * * 5', duration: 2h, profile: aggressive",
        DAY + ", profile: balanced",
    ),
}


@pytest.mark.parametrize("pair", AT_ONCE.values(), ids=AT_ONCE)
def test_events_that_hold_at_once_are_a_warning_at_the_one_that_does_not_decide(said, pair):
    ((where, warning),) = said(events(*pair)).warnings.items()
    assert where == "event_handling.b"
    assert warning.startswith("event_handling.a T+0h holds at the same time, from 2027-01-01 ")
    assert "comes first and decides there" in warning


def test_seasons_that_hold_at_once_are_a_warning(said):
    pair = ("x: {schedule: Dec 20-26, profile: aggressive}", "y: {schedule: Dec 26-31, profile: balanced}")
    ((where, warning),) = said(events(seasons=pair)).warnings.items()
    assert where == "event_handling.seasonal_events[1].y"
    assert "x, Dec 20-26 holds at the same time, from 2026-12-26 00:00 UTC on" in warning


NOT_AT_ONCE = {
    "one after the other": (
        DAY + ", profile: aggressive",
        "start: 2027-01-02T00:00:00Z, duration: 1d, profile: balanced",
    ),
    "the same wish": (DAY + ", profile: aggressive", DAY + ", profile: aggressive"),
    "an exception first": (
        DAY + ", profile: aggressive",
        "cron: '0 3 * * 5', duration: 2h, profile: balanced",
    ),
}


@pytest.mark.parametrize("pair", NOT_AT_ONCE.values(), ids=NOT_AT_ONCE)
def test_events_that_leave_each_other_alone_are_right(said, pair):
    assert not said(events(*pair)).warnings


def test_an_event_decides_before_a_season_wherever_they_stand(said):
    seasons = ("x: {schedule: Dec 20-Jan 6, profile: aggressive}",)
    assert not said(events(DAY + ", profile: conservative", seasons=seasons)).warnings


SUN = """
    region: asia
    follow_the_sun:
    - {"UTC 00:00-08:00": {region: Asia, profile: aggressive}}
    - {"UTC 07:00-16:00": {region: REGION, profile: PROFILE}}
"""


@pytest.mark.parametrize(
    ("region", "profile", "warns"),
    [("asia", "balanced", True), ("asia", "aggressive", False), ("europe", "balanced", False)],
)
def test_hours_of_one_region_that_overlap_are_a_warning(said, region, profile, warns):
    warnings = said(SUN.replace("REGION", region).replace("PROFILE", profile)).warnings
    assert ("it overlaps with UTC 00:00-08:00, which comes first" in " ".join(warnings.values())) is warns


def test_each_schedule_that_cannot_be_read_is_an_error_of_its_own(said):
    notes = said(
        rules(
            "profile: aggressive, schedule: Mun",
            "profile: aggressive, cron: '0 0 * *', duration: 1h",
            "profile: aggressive, schedule: Sat",
        )
        + "event_handling:\n  e: {cron: 0 0, profile: balanced}\n"
        "  seasonal_events: [{x: {schedule: y, profile: balanced}}]\n"
    )
    assert list(notes.errors) == [
        "event_handling.e.cron",
        "event_handling.seasonal_events[0].x.schedule",
        "time_based_rules[0].schedule",
        "time_based_rules[1].cron",
    ]
    assert not notes.warnings


REST = {
    "event_handling: {e: {start: '2026-11-20', duration: 2h, profile: balanced}}": "this event is over",
    "event_handling: {e: {start: '2027-01-01', profile: balanced}}": "this event changes nothing",
    "event_handling: {e: {start: '2027-01-01', preparation: [{T-1h: Enable emergency capacity},"
    " {T+1h: {profile: balanced}}]}}": "the event ends with this phase",
    "event_handling: {seasonal_events: [{x: {profile: balanced, schedule: Feb 30}}]}": "can never hold",
    "holidays: ['2025-12-25']": "every holiday is in the past",
    "canary: {percent: 0, profile: aggressive}": "picks no host",
    "active_region_handling: {profile: aggressive}": "never in an active one",
    "time_based_rules: [{schedule: Sat UTC, timezone: Europe/Berlin, profile: balanced}]": "UTC counts",
}


@pytest.mark.parametrize("text", REST)
def test_what_is_over_or_leads_nowhere_is_a_warning(said, text):
    (warning,) = said(text).warnings.values()
    assert REST[text] in warning


def test_an_event_that_goes_on_is_no_mistake(said):
    text = "event_handling: {e: {start: 2026-11-20T00:00:00Z, duration: 2d, profile: aggressive}}"
    assert not said(text).warnings

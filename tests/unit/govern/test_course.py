"""The host's profile through time, and what the agent makes of a change."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from textwrap import dedent

import pytest

from nrdot.agent.wire import build_stages
from nrdot.batch import Counter
from nrdot.config.reading.load import load
from nrdot.govern.course import SECOND, course, scaled_budget
from nrdot.stages import Verdict
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.invented import START_NS, InventedHost
from nrdot.testing.plain.backend import Backend

MINUTE = 60.0
COUNTERS = (
    ("process.cpu.time", {"state": "user"}, (Counter.CPU_USER, Counter.CHILD_USER)),
    ("process.cpu.time", {"state": "system"}, (Counter.CPU_SYSTEM, Counter.CHILD_SYSTEM)),
    ("process.disk.io", {"direction": "read"}, (Counter.READ,)),
    ("process.disk.io", {"direction": "write"}, (Counter.WRITTEN,)),
)


@pytest.fixture
def configured(tmp_path):
    def configured(text):
        file = tmp_path / "nrdot.yaml"
        file.write_text(dedent(text))
        return load(file, {})

    return configured


def ns(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


RULES = """
    profile: balanced
    region: Asia
    scopes: [{profile: conservative, process: "db-*"}]
    time_based_rules: [{schedule: "12:00-13:00", profile: aggressive, reason: lunch}]
    follow_the_sun: [{"UTC 20:00-24:00": {region: asia, profile: aggressive}}]
    active_region_handling: {overrides: [{process: game-server, importance: 1.0}]}
    event_handling:
      rush:
        start: 2027-01-31T14:00:00Z
        duration: 1h
        preparation: [{T+0h: Enable emergency capacity}]
"""


def test_a_rule_gives_its_profile_to_the_whole_host_and_scopes_come_back_after_it(configured):
    stated = configured(RULES)
    before, during = (course(stated, "h", ns(f"2027-01-30T{hour}:00")).effective for hour in (11, 12))
    assert (before.settings.profile, len(before.settings.scopes)) == ("balanced", 1)
    assert (during.settings.profile, during.settings.scopes) == ("aggressive", ())


def test_overrides_of_the_active_region_hold_only_while_it_is_active(configured):
    stated = configured(RULES)
    active, given = (course(stated, "h", ns(f"2027-01-30T{hour}:00")).effective for hour in (10, 20))
    assert [one.process for one in active.settings.active_region_handling.overrides] == ["game-server"]
    assert given.settings.active_region_handling.overrides == ()


def test_emergency_capacity_halves_every_threshold_and_doubles_every_budget(configured):
    stated = configured(RULES)
    during = course(stated, "h", ns("2027-01-31T14:00")).effective
    for name, profile in stated.profiles.items():
        assert during.profiles[name].threshold == profile.threshold / 2
        assert during.profiles[name].budget == profile.budget * 2
    assert len(during.settings.scopes) == 1


@pytest.mark.parametrize(
    ("scale", "threshold", "budget"), [("threshold_scale", 0.5, 1), ("budget_scale", 1, 2)]
)
def test_a_phase_that_scales_one_thing_leaves_the_other(configured, scale, threshold, budget):
    value = threshold if scale == "threshold_scale" else budget
    stated = configured(RULES.replace("Enable emergency capacity", f"{{{scale}: {value}}}"))
    during = course(stated, "h", ns("2027-01-31T14:00")).effective
    for name, profile in stated.profiles.items():
        assert during.profiles[name].threshold == profile.threshold * threshold
        assert during.profiles[name].budget == profile.budget * budget


def test_no_limit_stays_none_and_a_limit_never_becomes_none():
    assert [scaled_budget(*pair) for pair in ((0, 2.0), (7000, 0.5), (3, 0.001))] == [0, 3500, 1]


def test_a_course_turns_at_its_minute_and_when_the_clock_is_set(configured):
    stated = configured(RULES)
    now = course(stated, "h", ns("2027-01-30T11:00"))
    assert now.turned(ns("2027-01-30T11:59:59")) is None
    noon = now.turned(ns("2027-01-30T12:00"))
    assert noon is not None
    assert noon.document() == {
        "name": "aggressive",
        "rule": "time_based_rules[0]: 12:00-13:00",
        "level": "time_rule",
    }
    assert noon.turned(ns("2027-01-30T11:30")).holding == now.holding
    assert noon.turned(ns("2027-02-28T12:30")).holding == noon.holding


FLIPPING = """
    profile: everything
    agent: {interval: 15s}
    series: {zero_points: true}
    profiles:
      everything: {threshold: 0, budget: 0, export_interval: 15s}
      little:
        extends: aggressive
        threshold: 1.0
        export_interval: 45s
        top_n: {cpu: 2, memory: 1, io: 1}
        roll_up: {members: 2}
        metrics: [process.cpu.time, process.disk.io, process.memory.usage, process.threads]
    time_based_rules: [{cron: "*/10 * * * *", duration: 4m, profile: little}]
    event_handling:
      rush:
        cron: "15 * * * *"
        preparation: [{T+0m: {budget_scale: 0.01, threshold_scale: 2}}, {T+3m: {gradual: 8m}}]
"""


@pytest.mark.parametrize("seed", range(2))
def test_no_increment_is_lost_and_no_series_counts_twice_however_often_the_profile_changes(configured, seed):
    stated, random = configured(FLIPPING), Random(seed)
    host, backend, clock = InventedHost(), Backend(), ManualClock(START_NS)
    for pid in range(30):
        host.begin(100 + pid, random.choice(("nginx", "worker", "postgres")))
    now = course(stated, "h1", clock.wall_ns())
    stages = build_stages(now.effective, clock, host)
    held = {now.holding.profile}
    for _ in range(130):
        turned = now.turned(clock.wall_ns())
        if turned is not None and turned.holding.effect != now.holding.effect:
            new = build_stages(turned.effective, clock, host)
            new.adopt(stages)
            stages = new
        now = turned or now
        held.add(now.holding.profile)
        host.live(random)
        if random.random() < 0.2:
            host.end(random.choice(host.processes))
            host.begin(1000 + random.randrange(9000), "worker")
        backend.receive(stages.pipeline.tick().records)
        clock.advance(host.interval)
    backend.receive(stages.pipeline.flush().records)

    assert held == {"everything", "little"}
    assert backend.out_of_order == 0
    for metric, attributes, counters in COUNTERS:
        total = backend.total(metric, **attributes)
        seen = round(total * 100) if metric == "process.cpu.time" else round(total)
        assert seen == sum(int(host.measured[counter]) for counter in counters), (metric, attributes)


def test_a_series_that_both_profiles_send_goes_on_through_the_change(configured):
    stated = configured(
        """
        profile: conservative
        agent: {interval: 15s}
        process_classification: {ours: {score: 1.0, patterns: ["^vital"]}}
        time_based_rules: [{schedule: "08:00-08:10", profile: aggressive}]
        """
    )
    host, backend, clock = InventedHost(), Backend(), ManualClock(START_NS)
    host.begin(42, "vital")
    assert datetime.fromtimestamp(START_NS / SECOND, UTC).strftime("%H:%M") == "08:00"
    now = course(stated, "h1", START_NS)
    stages = build_stages(now.effective, clock, host)
    names = [now.holding.profile]
    for _ in range(80):
        turned = now.turned(clock.wall_ns())
        if turned is not None and turned.holding.effect != now.holding.effect:
            new = build_stages(turned.effective, clock, host)
            new.adopt(stages)
            stages, now = new, turned
            names.append(now.holding.profile)
        host.live(Random(1))
        tick = stages.pipeline.tick()
        backend.receive(tick.records)
        clock.advance(host.interval)
    (row,) = tick.batch.living.tolist()
    assert names == ["aggressive", "conservative"]
    assert tick.batch.table.verdict[row] == Verdict.KEEP
    cpu = [one for one in backend.series.values() if one.metric == "process.cpu.time"]
    assert len(cpu) == 3
    assert all(value is not None for one in cpu for _, value in one.samples)


@pytest.mark.parametrize("first_export", [30.0, 150.0, 285.0])
def test_hosts_whose_profile_changes_at_the_same_minute_do_not_export_together_from_then_on(
    configured, first_export
):
    stated = configured(
        """
        profile: conservative
        time_based_rules: [{schedule: "08:02-09:00", profile: slow}]
        profiles: {slow: {extends: aggressive, export_interval: 5m}}
        """
    )
    host, clock = InventedHost(), ManualClock(START_NS)
    host.begin(42, "worker")
    now = course(stated, "h1", START_NS)
    stages = build_stages(now.effective, clock, host)
    exports = []
    for tick in range(60):
        turned = now.turned(clock.wall_ns())
        if turned is not None:
            new = build_stages(turned.effective, clock, host, first_export=first_export)
            new.adopt(stages)
            stages, now = new, turned
        if stages.pipeline.tick().frame is not None:
            exports.append(tick * 15)
        clock.advance(host.interval)
    later = [moment for moment in exports if moment > 120]
    assert exports[:8] == [15, 30, 45, 60, 75, 90, 105, *later[:1]]
    # The last export of the fast profile was at 105 s, and the next tick is the first of the slow one.
    assert later == [105 + first_export, 405 + first_export, 705 + first_export][: len(later)]

from __future__ import annotations

import gzip
import importlib
import json
import sys
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

BENCH = Path(__file__).resolve().parents[2] / "bench"
NAMES = (
    *(
        "plan",
        "programs",
        "agents",
        "whole",
        "receiver",
        "exports",
        "tree",
        "mixes",
        "contestants",
        "scores",
        "turns",
    ),
    *("findings", "culprits", "measures", "losses", "words", "charts", "page"),
)


@pytest.fixture
def race(monkeypatch):
    """The race's modules, which import each other as the neighbours that they are."""
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.syspath_prepend(str(BENCH / "race"))
    yield {name: importlib.import_module(name) for name in NAMES}
    for name in NAMES:
        sys.modules.pop(name, None)


def arrival(race, body, kind, at=1.0, encoding=""):
    return race["receiver"].Arrival(at, kind, encoding, body)


def groups(seconds, members):
    return (
        "# TYPE namedprocess_namegroup_num_procs gauge\n"
        f'namedprocess_namegroup_num_procs{{groupname="nginx"}} {members}\n'
        f'namedprocess_namegroup_cpu_seconds_total{{groupname="nginx",mode="user"}} {seconds}\n'
        'namedprocess_namegroup_memory_bytes{groupname="nginx",memtype="virtual"} 9e9\n'
        'namedprocess_namegroup_memory_bytes{groupname="nginx",memtype="resident"} 4096\n'
    ).encode()


@pytest.mark.parametrize(("members", "alone"), [(1, True), (3, False)])
def test_a_scraped_group_stands_for_one_process_only_while_it_has_one_member(race, members, alone):
    reader = race["exports"].Reader(interval=1)
    reader.read(arrival(race, groups(10, members), "prometheus"))
    look = reader.read(arrival(race, gzip.compress(groups(10.5, members)), "prometheus", encoding="gzip"))
    (owner,) = look.used
    assert (owner.name, owner.alone, look.used[owner], look.resident[owner]) == ("nginx", alone, 0.5, 4096)
    assert (look.points, len(look.series)) == (4, 4)


def test_a_plugins_values_are_read_by_the_charts_that_it_described_before(race):
    reader = race["exports"].Reader(interval=2)
    described = (
        "CHART apps.cpu_user '' 'CPU' 'percentage' cpu apps.cpu_user stacked 1 1\n"
        "DIMENSION sql '' absolute 1 10000\n"
        "CHART apps.mem '' 'Memory' 'MiB' mem apps.mem stacked 1 1\n"
        "DIMENSION sql '' absolute 1 1024\n"
    )
    reader.define(arrival(race, described.encode(), "netdata"))
    said = (
        "BEGIN apps.cpu_user 2000000\nSET sql = 250000\nEND\n"
        "BEGIN apps.processes 2000000\nSET sql = 1\nEND\n"
        "BEGIN apps.mem 2000000\nSET sql = 2048\nEND\n"
    )
    look = reader.read(arrival(race, said.encode(), "netdata"))
    owner = race["exports"].Owner("sql", 0, alone=True)
    assert look.used == {owner: 0.5}  # 25 % of a core for two seconds
    assert look.resident == {owner: 2 * 1024 * 1024}
    assert look.points == 3


def exported(values, pid=7, name="java"):
    """One counter of a process, with the points given; None ends the series."""
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    for key, value in (("process.executable.name", name), ("process.pid", pid)):
        kind = {"string_value": value} if isinstance(value, str) else {"int_value": value}
        resource.resource.attributes.add(key=key, value=kind)
    metric = resource.scope_metrics.add().metrics.add(name="process.cpu.time")
    metric.sum.is_monotonic = True
    for value in values:
        point = metric.sum.data_points.add()
        if value is None:
            point.flags = 1
        else:
            point.as_double = value
    return request.SerializeToString()


def test_a_series_that_begins_with_a_zero_shows_its_first_increment_and_others_do_not(race):
    reader = race["exports"].Reader(interval=1)
    begun = reader.read(arrival(race, exported([0.0, 2.5]), "otlp"))
    assert list(begun.used.values()) == [2.5]
    found = reader.read(arrival(race, exported([40.0], pid=8), "otlp"))
    assert found.used == {}
    ended = reader.read(arrival(race, exported([None], pid=8), "otlp"))
    assert (ended.used, ended.points) == ({}, 1)


def look(race, at, used=None, resident=None, elapsed=1.0):
    owner = race["exports"].Owner
    return race["exports"].Look(
        at,
        wire=0,
        size=0,
        elapsed=elapsed,
        used={owner(*key): value for key, value in (used or {}).items()},
        resident={owner(*key): value for key, value in (resident or {}).items()},
    )


def planted(race, kind, pid=5):
    (culprit,) = [one for one in race["culprits"].culprits() if one.kind == kind]
    return race["culprits"].Planted(culprit, pid, begin=10.0, end=20.0, cores=0.6)


def test_a_burst_in_a_pool_is_found_by_its_pid_or_only_as_a_rise_of_the_pool(race):
    judge, one = race["findings"].judge, planted(race, "burst")
    by_pid = [look(race, 9, {("gunicorn", 5, True): 0.0}), look(race, 12, {("gunicorn", 5, True): 0.6})]
    group = {
        at: look(race, at, {("gunicorn", 0, False): used}) for at, used in ((9, 0.1), (13, 0.7), (14, 0.7))
    }
    once = [group[9], group[13], look(race, 14, {("gunicorn", 0, False): 0.1})]
    others = [look(race, 9, {}), look(race, 12, {("gunicorn", 6, True): 0.6})]
    found = [judge(one, looks, 1) for looks in (by_pid, list(group.values()), once, others)]
    assert [verdict["outcome"] for verdict in found] == ["named", "group", "no", "no"]
    assert [verdict["delay"] for verdict in found[:2]] == [2, 3]


def test_a_rise_is_one_of_cores_so_a_look_that_comes_late_is_none(race):
    pool = ("gunicorn", 0, False)
    late = [look(race, at, {pool: 0.4 * 3}, elapsed=3.0) for at in (13, 16)]
    risen = [look(race, at, {pool: 0.7 * 3}, elapsed=3.0) for at in (13, 16)]
    verdicts = [
        race["findings"].judge(planted(race, "burst"), [look(race, 9, {pool: 0.4}), *looks], 1)
        for looks in (late, risen)
    ]
    assert [verdict["outcome"] for verdict in verdicts] == ["no", "group"]


def test_shares_of_a_machine_count_for_the_time_that_went_by(race):
    reader = race["exports"].Reader(interval=2)
    lines = b"BEGIN apps.cpu_user 2000000\nSET sql = 250000\nEND\n"
    chart = b"CHART apps.cpu_user '' 'CPU' 'percentage' cpu apps.cpu_user stacked 1 1\n"
    defined = chart + b"DIMENSION sql '' absolute 1 10000\n"
    reader.define(arrival(race, defined, "netdata"))
    looks = [reader.read(arrival(race, lines, "netdata", at=at)) for at in (10.0, 14.0)]
    assert [list(look.used.values()) for look in looks] == [[0.5], [1.0]]


def test_a_renamed_process_under_the_name_that_it_had_is_only_half_found(race):
    judge, one = race["findings"].judge, planted(race, "renamed")
    old = judge(one, [look(race, 12, {("sync-helper", 0, True): 0.6})], 1)
    new = judge(one, [look(race, 12, {("kdevtmpfsi", 5, True): 0.6})], 1)
    assert (old["outcome"], new["outcome"]) == ("old name", "named")


def test_a_quiet_process_counts_as_there_in_the_looks_that_hold_it(race):
    seen = [look(race, at, resident={("payment-gateway", 5, True): 1.0}) for at in (11, 12, 14)]
    verdict = race["findings"].judge(planted(race, "quiet"), [*seen, look(race, 13)], 1)
    assert (verdict["outcome"], verdict["delay"], verdict["present"]) == ("named", 1, 0.75)


def results(race):
    """A small document of a run: two profiles and one peer, which is lean but shows less."""
    told = {"median": 1.0, "low": 1.0, "high": 1.0}
    common = dict.fromkeys(("resident", "wire", "size"), told) | {"series": 7, "shown": 1.0}

    def score(cpu, points, named):
        return common | {
            "cpu": {"median": cpu, "low": cpu, "high": cpu},
            "points": told | {"median": points},
            "named": named,
        }

    scores = {
        "nrdot-off": score(12, 700, 1.0),
        "nrdot-balanced": score(8, 90, 0.9),
        "peer": score(10, 80, 0.2),
    }
    found = {"outcome": "named", "delay": 1.0, "where": "x"}
    hidden = {"outcome": "no", "delay": None, "where": ""}
    return {
        "machine": dict.fromkeys(
            ("CPU", "cores", "memory", "kernel", "Python", "date", "load before"), "some"
        ),
        "rounds": 5,
        "seconds": 60,
        "missing": {"Other peer": "it is not installed"},
        "loads": race["plan"].LOADS,
        "precious": "payment-gateway",
        "own_intervals": "balanced every 60 s",
        "contestants": [
            {
                "name": name,
                "title": title,
                "about": "about it",
                "kind": "scrape",
                "configuration": "key: value",
                "options": "-x",
                "version": "1",
            }
            for name, title in (
                ("nrdot-off", "NRDOT off"),
                ("nrdot-balanced", "NRDOT balanced"),
                ("peer", "Peer"),
            )
        ],
        "cells": [
            {
                "processes": 100,
                "load": "mixed",
                "interval": 1,
                "ticks": 1,
                "scores": scores,
                "fallen": {"nrdot-off": "it ended"},
            }
        ],
        "culprits": {
            "processes": 100,
            "interval": 1,
            "lasts": 10,
            "lasted": {"burst": 20.0},
            "grown": 2**26,
            "enough": 0.25,
            "kinds": {"burst": "a burst"},
            "cores": {"burst": 0.6},
            "found": {
                "nrdot-off": {"burst": found},
                "nrdot-balanced": {"burst": hidden},
                "peer": {"burst": found},
            },
        },
    }


def test_processes_with_a_series_of_their_own_cover_what_the_kernel_says_that_they_used(race):
    second = 10**9
    before = {1: 0, 3: 0, 5: second, 6: 0, 7: 0}
    after = {1: 9 * second, 3: 9 * second, 5: 3 * second, 6: second, 7: second}
    one = race["scores"].Turn(0.0, 1.0, 2.0, 1, 0, 0, 5, before, after)
    seen = look(
        race,
        1.5,
        {
            ("gunicorn", 5, True): 0.0,  # by its pid
            ("nginx", 0, True): 0.5,  # a group of one, by its name
            ("php", 0, False): 3.0,  # a group
            ("receiver", 1, True): 9.0,  # not of the tree
            ("agent", 0, True): 9.0,
            ("job", 40, True): 0.25,  # has ended
        },
    )
    names = {5: "gunicorn", 6: "nginx", 7: "php"}
    harness = {1: "receiver", 3: "agent"}
    assert race["scores"].covered(one, [seen], harness, names) == 3.25
    assert race["scores"].spent(one, harness) == 4
    assert race["scores"].shown(one, [seen], harness) == 3.75  # 0.5 of nginx, 3 of php, 0.25 of the job


def test_what_the_harness_used_is_taken_out_of_groups_that_hold_it(race):
    one = race["scores"].Turn(0.0, 1.0, 2.0, 1, 0, 0, 2, {1: 0, 5: 0}, {1: 2 * 10**9, 5: 3 * 10**9})
    seen = look(race, 1.5, {("other", 0, False): 5.0})
    assert race["scores"].shown(one, [seen], {1: "receiver"}) == 3


def test_what_a_peer_does_better_is_found_and_named_with_both_numbers(race):
    text = "\n".join(race["losses"].losses(results(race)))
    assert "| CPU for each process and tick, us | Peer | 100 mixed | 10 | off 12 |" in text
    assert "| Points a tick | Peer | 100 mixed | 80 | off 700, balanced 90 |" in text
    assert "single processes show" not in text  # the peer shows less than both
    assert "- burst: Peer shows it better or sooner than balanced" in text


def test_the_page_is_written_from_the_results_alone(race, tmp_path):
    folder = tmp_path / "race"
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(results(race)))
    race["page"].write(tmp_path)
    page = (tmp_path / "race.md").read_text()
    assert "| NRDOT balanced | 8 (8 .. 8) |" in page
    assert "Other peer did not take part: it is not installed." in page
    assert "- **burst**: a burst (20 s, 0.60 cores)" in page
    assert "NRDOT off did not come to the end: it ended" in page
    assert "{" not in page
    for line in page.splitlines():
        if line.startswith("!["):
            picture = tmp_path / line.partition("](")[2].rstrip(")")
            assert "<script" not in picture.read_text()


def test_a_tree_has_the_size_asked_for_and_one_in_twenty_at_work_under_the_mixed_load(race):
    members = list(race["tree"].members(400, "mixed"))
    busy = [member for member in members if "burn" in member.settings]
    assert (len(members), len(busy)) == (400, 20)
    assert len({member.name for member in members}) > 50
    work = sum(member.settings["burn"] * 1000 / member.settings["period"] for member in busy)
    assert work == pytest.approx(race["tree"].TOTAL * 1e6, rel=0.05)


def test_every_contestant_knows_the_process_that_must_not_be_lost(race):
    lacking = {
        one.name
        for one in race["contestants"].contestants()
        if race["contestants"].PRECIOUS not in one.configuration
    }
    # They export every process, or every name, in any case.
    assert lacking == {"collector", "process-exporter", "psutil"}

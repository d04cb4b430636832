"""A capture under profiles is what the live agent would have sent, whoever simulates it and how often."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from nrdot.agent.loop.daemon import Daemon, Parts
from nrdot.agent.loop.notify import Notifier
from nrdot.agent.loop.signals import Requests
from nrdot.agent.telling.status import Status
from nrdot.agent.wire import build_stages
from nrdot.checks.loading import load
from nrdot.config.reading.load import load_profile
from nrdot.config.settled.intervals import exports_every
from nrdot.errors import CaptureError
from nrdot.export.pace import offset
from nrdot.ledger.rows import Outcome, Seen
from nrdot.sample.replay import ReplaySource
from nrdot.simulate.plan import Study
from nrdot.simulate.run import simulate, under
from nrdot.simulate.study import Task, run
from nrdot.testing.agents.daemon import Unwatched
from nrdot.testing.agents.hollow import ListBuffer
from nrdot.testing.recordings.captures import crowd, write_capture
from nrdot.testing.recordings.ledger import frames_in

INTERVAL = 15.0


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("captures")
    return [
        write_capture(folder / f"{host}.jsonl", crowd(ticks=30, churn=1.0, seed=seed, host=host))
        for seed, host in enumerate(("h1", "h2"), start=1)
    ]


def configured(name):
    return under(load(None), name, load_profile(name, Path(), {}))


class KeptPayloads:
    def __init__(self) -> None:
        self.payloads = []

    def export(self, payload, _points):
        self.payloads.append(payload)

    def close(self):
        """Nothing is open."""


@pytest.mark.parametrize("name", ["conservative", "balanced", "aggressive"])
def test_the_live_agent_over_the_same_samples_puts_the_same_bytes(captures, name):
    """The daemon that runs in production, its loop and its ticks, with a capture in place of /proc."""
    configuration = configured(name)
    source = ReplaySource(captures[0])
    buffer = ListBuffer()
    every = exports_every(configuration.settings, configuration.profile)
    stages = build_stages(
        configuration, source.clock, source, [buffer], first_export=offset(source.host.id, every)
    )
    clock = source.clock
    daemon = Daemon(
        Parts(stages.pipeline, [], INTERVAL, 0.0, "r1"),
        clock=clock,
        requests=Requests(clock),
        status=Status(clock),
        notifier=Notifier({}, clock),
        reload=lambda parts: parts,
        transition=lambda parts: parts,
        watch=Unwatched(),
    )
    while daemon._tick():  # the loop's own step: a capture's clock stands still between two of them
        pass
    live = b"".join(record.payload for _, record in buffer.peek(1 << 40, 1 << 40))
    simulated = KeptPayloads()
    outcome = simulate(captures[0], configuration, simulated)
    assert b"".join(simulated.payloads) == live
    assert outcome.points == buffer.produced > 0
    assert outcome.bytes == len(live)


def test_tasks_over_processes_give_what_one_process_gives_in_the_same_order(captures):
    tasks = [Task(capture, configured(name)) for name in ("balanced", "aggressive") for capture in captures]
    told = []
    alone = run(tasks, 1, lambda: told.append(1))
    together = run(tasks, 2, lambda: told.append(2))
    assert alone == together
    assert told == [1] * 4 + [2] * 4


@pytest.fixture
def broken(tmp_path, captures):
    """Good for nine ticks, so that some of it was counted before anybody knew."""
    lines = captures[1].read_text().splitlines(keepends=True)
    path = tmp_path / "broken.jsonl"
    path.write_text("".join(lines[:9]) + "no json\n")
    return path


@pytest.mark.parametrize("processes", [1, 2])
def test_a_broken_capture_is_one_clear_error_in_its_place_and_the_others_count(captures, broken, processes):
    tasks = [Task(capture, configured("balanced")) for capture in (captures[0], broken, captures[1])]
    told = []
    first, error, last = run(tasks, processes, lambda: told.append(1))
    assert [first, last] == run([tasks[0], tasks[2]], 1, lambda: None)
    assert isinstance(error, CaptureError)
    assert "broken.jsonl, line 10: not a tick" in str(error)
    assert len(told) == 3


def studied(captures):
    study = Study(captures, load(None))
    chosen = {name: load_profile(name, Path(), {}) for name in ("balanced", "aggressive")}
    return study, study.profiles(chosen)


def test_a_broken_capture_counts_under_no_profile_and_is_told_once(captures, broken):
    whole = studied(captures)[1]
    study, partly = studied([captures[0], broken, captures[1]])
    assert partly == whole
    assert study.captures == captures
    (told,) = study.left_out
    assert "broken.jsonl, line 10: not a tick" in told
    assert told.endswith("; this capture counts nowhere")


def test_what_a_broken_capture_wrote_of_a_ledger_is_taken_away(captures, broken, tmp_path):
    study = Study([*captures, broken], load(None))
    study.profiles({"balanced": load_profile("balanced", Path(), {})}, ledger=tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["h1", "h2"]


def test_where_every_capture_is_broken_there_is_nothing_to_tell(broken, tmp_path):
    other = tmp_path / "other.jsonl"
    other.write_text("{}\n")
    with pytest.raises(CaptureError, match=r"broken.jsonl, line 10: .*; none of the 2 captures is whole"):
        studied([broken, other])
    with pytest.raises(CaptureError, match=r"other.jsonl, line 1: not a tick of a capture: [^;]*$"):
        studied([other])


def test_the_simulated_ledger_says_what_the_simulation_says(captures, tmp_path):
    outcome = simulate(captures[0], configured("balanced"), ledger=tmp_path / "ledger")
    rows = rows_of(tmp_path / "ledger")
    seen = [row for row in rows if isinstance(row, Seen)]
    own = [row for row in rows if isinstance(row, Outcome)]
    assert sum(row.points_sent for row in seen) == outcome.points
    assert sum(row.bytes_sent for row in seen) == outcome.bytes
    assert sum(row.bytes_unoptimized for row in seen) == outcome.bytes_unoptimized
    assert sum(row.critical_seen for row in seen) == outcome.critical_seen
    assert {row.host for row in rows} == {"h1"}
    assert sum(row.agent_cpu_seconds for row in own) == 0


def hourly(rows, hour):
    """Series distinct within an hour as the ledger's rows have them: without an optimizer, and with it."""
    within = [row for row in rows if row.t // 3600 == hour]
    return sum(row.hourly_unoptimized for row in within), sum(row.hourly_sent for row in within)


def test_series_of_an_hour_are_those_of_the_ledger_and_a_part_of_an_hour_counts_in_none(tmp_path):
    ticks = 2 * 240 + 40  # two hours and ten minutes
    capture = write_capture(tmp_path / "c.jsonl", crowd(ticks=ticks, churn=0.4, renames=0.1))
    outcome = simulate(capture, configured("conservative"), ledger=tmp_path / "ledger")
    rows = [row for row in rows_of(tmp_path / "ledger") if isinstance(row, Seen)]
    first = min(row.t for row in rows) // 3600
    found = [hourly(rows, first + number) for number in range(3)]
    assert all(sent > 1000 for _, sent in found[:2])
    unoptimized, sent = outcome.series_hourly
    assert unoptimized == sum(one[0] for one in found[:2]) / 2
    assert sent == sum(one[1] for one in found[:2]) / 2


def rows_of(directory):
    return [row for file in directory.iterdir() for frame in frames_in(file) for row in frame]


def entered(directory):
    seen = [row for row in rows_of(directory) if isinstance(row, Seen)]
    return sorted(
        (msgspec.structs.replace(row, mode="", revision="") for row in seen), key=msgspec.json.encode
    )


@pytest.mark.parametrize("name", ["balanced", "aggressive"])
def test_who_only_observes_enters_what_the_profile_would_have_sent(captures, tmp_path, name):
    optimizing = configured(name)
    settings = msgspec.structs.replace(optimizing.settings, mode="observe")
    observing = replace(optimizing, settings=settings)
    sent = simulate(captures[0], optimizing, ledger=tmp_path / "sent")
    shown = simulate(captures[0], observing, ledger=tmp_path / "would")
    assert shown.points > 1.5 * sent.points
    would = entered(tmp_path / "would")
    assert would == entered(tmp_path / "sent")
    assert sum(row.points_sent for row in would) == sent.points


def test_incidents_are_seen_where_the_service_had_series_of_its_own(tmp_path):
    ticks = list(crowd(ticks=40, churn=0.0, renames=0.0, busy=0.0, processes=40))
    names = sorted({process["name"] for process in ticks[0]["procs"]})
    loud, quiet = names[0], names[1]
    capture = write_capture(tmp_path / "c.jsonl", iter(ticks))
    at = ticks[24]["t"] / 1e9
    incidents = tmp_path / "incidents.json"
    incidents.write_text(
        json.dumps(
            [
                {"time": at, "service": loud, "severity": "P1"},
                {"time": at, "service": quiet, "severity": "P1"},
                {"time": at, "service": "not-on-this-host", "severity": "P1"},
                {"time": at - 86400, "service": loud, "severity": "P1"},
            ]
        )
    )
    file = tmp_path / "nrdot.yaml"
    file.write_text(
        "profile: mine\n"
        f"incidents: {{file: {incidents}}}\n"
        f"overrides: [{{process: {loud}, force_collect: true}}, {{process: {quiet}, importance: 0}}]\n"
        "packs: {enabled: false}\n"
        "profiles: {mine: {extends: aggressive, threshold: 0.99, "
        "top_n: {cpu: 0, memory: 0, io: 0}, anomaly: {enabled: false}, hold: 0s, grace: 0s}}\n"
    )
    outcome = simulate(capture, load(file))
    assert (outcome.incidents, outcome.incidents_seen) == (2, 1)

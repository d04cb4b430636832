"""What the ledger says was sent is what was put: decoded, and counted by hand."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from nrdot.agent.beside.books import StageBook
from nrdot.agent.wire import build_stages
from nrdot.checks.loading import load
from nrdot.ledger.accounts import Accounts
from nrdot.sample.replay import ReplaySource
from nrdot.testing.recordings.captures import crowd, write_capture

if TYPE_CHECKING:
    from pathlib import Path

COMMON = {"v": 1, "t": 0, "span": 60, "seconds": 0.0, "host": "h", "host_name": "n", "boot": "b"} | {
    "agent": "0",
    "revision": "r",
    "mode": "optimize",
}
BUSY = """\
profile: mine
agent: {interval: 15s}
baseline: {interval: 60s}
profiles:
  mine:
    extends: balanced
    export_interval: 30s
    threshold: 0.9
    top_n: {cpu: 5, memory: 3, io: 3}
    hold: 45s
    grace: 60s
    delta_encoding: true
    drop: [{process: "service-1*", reason: nobody asks}]
process_classification:
  vital: {patterns: ["^postgres"], score: 1.0, special_handling: {no_sampling: true}}
"""


class Replay:
    """A capture through the stages and the accounts, with what was put as messages."""

    def __init__(self, tmp_path: Path, configuration: str = BUSY, **crowded) -> None:
        file = tmp_path / "nrdot.yaml"
        file.write_text(configuration)
        found = load(file)
        told = crowded["ticks"] if not isinstance(crowded.get("ticks", 0), int) else crowd(**crowded)
        source = ReplaySource(write_capture(tmp_path / "capture.jsonl", told))
        self.stages = build_stages(found, source.clock, source)
        self.accounts = Accounts(StageBook(found, self.stages))
        self.stages.pipeline.ledger = self.accounts
        self.resources = []
        self.bytes = 0
        self.ticks = []

    def run(self, ticks: int = 1 << 30):
        for _ in range(ticks):
            try:
                tick = self.stages.pipeline.tick()
            except StopIteration:
                break
            self.ticks.append((len(tick.batch.living), tick.batch.seconds, tick.frame))
            for record in tick.records:
                self.bytes += len(record.payload)
                self.resources += ExportMetricsServiceRequest.FromString(record.payload).resource_metrics
        return self.accounts.close(COMMON)


def words(resource) -> dict[str, str]:
    return {one.key: one.value.string_value for one in resource.resource.attributes}


def points(resource) -> int:
    return sum(
        len(getattr(metric, metric.WhichOneof("data")).data_points)
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    replay = Replay(tmp_path_factory.mktemp("replay"), processes=60, ticks=60, churn=0.7, renames=0.3)
    return replay, replay.run()


def test_points_and_bytes_by_user_and_by_kind_of_group_are_those_of_the_decoded_messages(replayed):
    replay, rows = replayed
    decoded, sizes = Counter(), Counter()
    for resource in replay.resources:
        found = words(resource)
        key = (
            ("group", found["nrdot.rollup"]) if "nrdot.rollup" in found else ("user", found["process.owner"])
        )
        decoded[key] += points(resource)
        size = resource.ByteSize()
        sizes[key] += size + 1 + (1 if size < 128 else 2 if size < 16384 else 3)
    entered, entered_sizes = Counter(), Counter()
    for row in rows:
        key = ("group", row.reason) if row.verdict == "group" else ("user", row.user)
        entered[key] += row.points_sent
        entered_sizes[key] += row.bytes_sent
    assert decoded == +entered
    assert sizes == +entered_sizes
    assert sum(sizes.values()) == replay.bytes
    assert {key[1] for key in decoded if key[0] == "group"} >= {"dropped", "executable"}


def test_steps_from_the_baseline_to_what_was_sent_add_up_and_each_is_what_its_name_says(replayed):
    _, rows = replayed

    def total(field, **where):
        return sum(
            getattr(row, field)
            for row in rows
            if all(getattr(row, name) in values for name, values in where.items())
        )

    processes = ("keep", "roll_up", "drop")
    for unit in ("points", "bytes"):
        unoptimized, sent = total(f"{unit}_unoptimized"), total(f"{unit}_sent")
        interval = unoptimized - total(f"{unit}_interval")
        filtered = total(f"{unit}_interval", verdict=["drop"]) - total(
            f"{unit}_sent", reason=["dropped"], verdict=["group"]
        )
        rolled = total(f"{unit}_interval", verdict=["roll_up"]) - sum(
            getattr(row, f"{unit}_sent") for row in rows if row.verdict == "group" and row.reason != "dropped"
        )
        suppressed = total(f"{unit}_suppressed")
        life = (
            total(f"{unit}_interval", verdict=["keep"])
            - suppressed
            - total(f"{unit}_sent", verdict=processes)
        )
        assert interval + filtered + rolled + suppressed + life == unoptimized - sent
        assert interval < 0  # every 30 s instead of every 60 s
        assert filtered > 0
        assert rolled > 0
        assert suppressed > 0
        assert life < 0


def test_the_baseline_is_every_process_with_all_its_points_at_its_interval(replayed):
    replay, rows = replayed
    limited = 2  # points that a process lacks whose I/O nobody may read
    everything = sum(row.points_unoptimized for row in rows)
    scrapes = sum(processes for processes, _, _ in replay.ticks[4::4])
    assert 7 * scrapes - limited * 0.3 * scrapes < everything < 7 * scrapes
    assert sum(row.process_seconds for row in rows) == pytest.approx(
        sum(processes * seconds for processes, seconds, _ in replay.ticks)
    )


def test_what_ended_while_unused_words_are_forgotten_still_gets_its_cpu_entered(tmp_path):
    def ticks():
        """More users than are told apart; at a minute and a half most of their processes end."""
        for number, tick in enumerate(crowd(processes=530, ticks=9, churn=0.0, renames=0.0, busy=1.0)):
            for process in tick["procs"]:
                process["user"] = f"user{process['pid']}"
            tick["procs"] = tick["procs"][: 530 if number < 6 else 30]
            yield tick

    replay = Replay(tmp_path, BUSY.replace("export_interval: 30s", "export_interval: 60s"), ticks=ticks())
    replay.run(7)
    replay.accounts.tidy(replay.stages.pipeline.sampler.table)
    rows = replay.run()
    assert [frame is not None and frame.whole for _, _, frame in replay.ticks][4:] == [
        True,
        *[False] * 3,
        True,
    ]
    assert sum(row.cpu_seconds for row in rows if row.user == "user1100") > 0


def test_processes_are_counted_before_the_first_export_and_at_minutes_without_one(tmp_path):
    slow = BUSY.replace("export_interval: 30s", "export_interval: 5m").replace(
        "    delta_encoding: true\n", ""
    )
    replay = Replay(tmp_path, slow, processes=20, ticks=13, churn=0.0, renames=0.0)
    minutes = [replay.run(5), replay.run(4), replay.run(4)]
    assert not any(frame is not None and frame.whole for _, _, frame in replay.ticks)
    assert [sum(row.processes for row in rows) for rows in minutes] == [20, 20, 20]
    assert [sum(row.process_seconds for row in rows) for rows in minutes] == [20 * 60.0] * 3


def test_who_gets_the_row_and_the_verdict_of_one_that_ended_is_entered_under_that_verdict(tmp_path):
    everybody = (
        "profile: all\nexport_interval: 60s\nagent: {interval: 15s}\nbaseline: {interval: 15s}\n"
        "profiles: {all: {full_visibility: true, budget: 0, grace: 0s, anomaly: {enabled: false}}}\n"
    )
    ticks = list(crowd(processes=12, ticks=40, churn=0.0, renames=0.0, busy=0.0))
    whole = dict(ticks[0]["procs"][-1])
    for number, tick in enumerate(ticks):
        if number >= 13:
            tick["procs"] = tick["procs"][:-1]
        if number >= 18:  # the export between still saw it as it was
            tick["procs"].append(whole | {"pid": 9999, "start": whole["start"] + 300_000_000_000})
    replay = Replay(tmp_path, everybody, ticks=iter(ticks))
    rows = replay.run()
    assert any(row.verdict == "keep" and row.points_sent for row in rows)
    assert not [row for row in rows if row.verdict == "roll_up" and row.points_sent]


def test_never_filtered_processes_are_not_in_sums_before_the_first_export(tmp_path):
    slow = BUSY.replace("export_interval: 30s", "export_interval: 5m").replace(
        "    delta_encoding: true\n", ""
    )
    replay = Replay(tmp_path, slow, processes=40, ticks=13, churn=0.3, renames=0.0, busy=0.0)
    rows = [row for ticks in (5, 4, 4) for row in replay.run(ticks)]
    assert not any(frame is not None and frame.whole for _, _, frame in replay.ticks)
    vital = [row for row in rows if row.class_ == "vital" and row.process_seconds]
    assert vital
    assert {(row.verdict, row.reason) for row in vital} == {("keep", "never_filtered")}
    assert any(row.verdict == "roll_up" for row in rows)


def test_what_everybody_would_cost_is_what_each_would_and_is_asked_for_again_only_where_it_changed(tmp_path):
    replay = Replay(tmp_path, processes=60, ticks=30, churn=0.7, renames=0.3)
    costs, before, kept = replay.stages.encoder.costs, None, 0
    for _ in range(30):
        batch = replay.stages.pipeline.tick().batch
        if batch.named.size:
            costs.name(batch, batch.named)
        points, sizes = everybody = costs.everybody(batch.table)
        alone = costs.plain(batch.table, batch.living)
        assert [points[batch.living].tolist(), sizes[batch.living].tolist()] == [
            one.tolist() for one in alone
        ]
        kept += everybody is before
        before = everybody
    assert 0 < kept < 29


def test_cpu_is_all_that_was_used_since_the_first_look_up_to_the_last_export(tmp_path):
    replay = Replay(tmp_path, churn=0.0, renames=0.0, ticks=41, busy=0.5)
    rows = replay.run()
    table = replay.stages.pipeline.sampler.table
    assert replay.ticks[-1][2].whole
    # Nobody came or went: what they have used, less what they had at the first look.
    used = sum(row.cpu_seconds for row in rows)
    kept = sum(row.cpu_seconds for row in rows if row.verdict == "keep")
    again = ReplaySource(tmp_path / "capture.jsonl")
    again.sample()
    expected = (table.counters[:2].sum() - again.table.counters[:2].sum()) / 100
    assert used == pytest.approx(expected)
    assert 0 < kept < used


def test_never_filtered_processes_are_counted_at_each_export_with_those_that_were_sent(replayed):
    replay, rows = replayed
    seen = sum(row.critical_seen for row in rows)
    whole = sum(1 for _, _, frame in replay.ticks if frame is not None and frame.whole)
    assert seen > whole
    assert sum(row.critical_exported for row in rows) == seen
    assert {row.class_ for row in rows if row.critical_seen} == {"vital"}


def test_a_series_is_active_for_twenty_minutes_and_counted_once_an_hour(tmp_path):
    replay = Replay(tmp_path, churn=0.0, renames=0.0, ticks=300, processes=20)
    first = replay.run(9)  # two minutes, from noon on
    scraped = sum(row.active_unoptimized for row in first)
    assert scraped == sum(row.hourly_unoptimized for row in first)
    assert 100 < scraped <= 140
    second = replay.run(8)
    assert sum(row.hourly_unoptimized for row in second) == 0
    assert sum(row.active_unoptimized for row in second) == scraped
    rest = replay.run(240)  # over one o'clock
    assert sum(row.hourly_unoptimized for row in rest) == scraped


def test_what_ended_or_was_renamed_stays_active_until_it_was_silent_for_twenty_minutes(tmp_path):
    still = Replay(tmp_path, churn=0.0, renames=0.0, ticks=60, processes=20).run()
    (tmp_path / "more").mkdir()
    changing = Replay(tmp_path / "more", churn=0.0, renames=1.0, ticks=60, processes=20).run()
    active = sum(row.active_unoptimized for row in changing)
    # 14 scrapes, a new name in each quarter of a minute: most of them are seen by a scrape.
    assert active > sum(row.active_unoptimized for row in still) * 2
    assert active == sum(row.hourly_unoptimized for row in changing)


def test_rows_of_a_minute_hold_only_that_minute(tmp_path):
    replay = Replay(tmp_path)
    replay.run(20)
    accounts = replay.accounts
    assert (accounts.seconds, accounts.samples, accounts.exports) == (0.0, 0, 0)
    assert sum(row.points_sent + row.points_interval for row in accounts.close(COMMON)) == 0


def test_what_nobody_sent_is_as_large_as_what_is_sent_when_everybody_is(tmp_path):
    """Names of every length, pids of every size, hosts with attributes, parents, missing I/O."""
    ticks = list(crowd(processes=50, ticks=30, churn=1.0, renames=0.5))
    for tick in ticks:
        tick["host"]["attributes"] = {"cloud.region": "eu-\u00e9" * 20}
        for process in tick["procs"]:
            if "name" in process:
                process |= {
                    "ppid": process["pid"] % 7 * 20_000,
                    "exe": "/opt/" + "x" * (process["pid"] % 150),
                }
    everything = (
        "profile: all\nexport_interval: 15s\nagent: {interval: 15s}\n"
        "series: {zero_points: false, end_markers: false}\n"
        "profiles: {all: {full_visibility: true, budget: 0, anomaly: {enabled: false}}}\n"
    )
    replay = Replay(tmp_path, everything, ticks=iter(ticks))
    rows = replay.run()
    assert sum(row.bytes_sent for row in rows) == replay.bytes
    own = [row for row in rows if row.verdict == "keep"]
    assert sum(row.points_interval for row in own) == sum(row.points_sent for row in own) > 0
    assert sum(row.bytes_interval for row in own) == sum(row.bytes_sent for row in own)

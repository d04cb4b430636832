"""The ledger while an agent runs: frames, gaps, destinations, reloads."""

from __future__ import annotations

import json
import os

import pytest
import zstandard

from nrdot.agent.beside.books import StageBook
from nrdot.agent.delivery.drains import Destination
from nrdot.agent.wire import build_stages
from nrdot.checks.loading import load
from nrdot.ledger.recorder import Recorder, Terms, Usage
from nrdot.ledger.rows import Seen
from nrdot.ledger.store import Bounds, Store
from nrdot.sample.replay import ReplaySource
from nrdot.testing.agents.hollow import ListBuffer, SwitchedDrain
from nrdot.testing.clock import NOON_NS
from nrdot.testing.recordings.captures import crowd, write_capture
from nrdot.testing.recordings.ledger import arrived, frames_in, own

MINUTES = """\
profile: balanced
export_interval: 30s
agent: {interval: 15s}
resource: {team: payments}
"""


class Recording:
    """An agent's pipeline over a capture, with one destination and a ledger."""

    def __init__(self, tmp_path, ticks, configuration=MINUTES):
        file = tmp_path / "nrdot.yaml"
        file.write_text(configuration)
        self.found = load(file)
        source = ReplaySource(write_capture(tmp_path / "capture.jsonl", ticks))
        self.buffer = ListBuffer()
        self.destination = Destination("collector", self.buffer, SwitchedDrain(self.buffer), "here")
        self.stages = build_stages(self.found, source.clock, source, [self.buffer])
        self.spent = 0.0
        self.store = Store(tmp_path / "ledger", Bounds())
        self.recorder = self.opened()

    def opened(self):
        book = StageBook(self.found, self.stages)
        terms = Terms("r1", resource=self.found.settings.resource)
        usage = Usage(lambda: self.spent, lambda: 70_000_000)
        recorder = Recorder(self.store, book, terms, agent="9.9", usage=usage)
        recorder.use(book, terms, [self.destination])
        self.stages.pipeline.ledger = recorder
        self.stages.pipeline.fresh = True  # as in an agent that begins: every process is named
        return recorder

    def run(self, ticks=1 << 30):
        for _ in range(ticks):
            self.spent += 0.01
            try:
                self.stages.pipeline.tick()
            except StopIteration:
                break

    def frames(self):
        return [frame for file in sorted(self.store.directory.iterdir()) for frame in frames_in(file)]


@pytest.fixture
def recording(tmp_path):
    recording = Recording(tmp_path, crowd(ticks=42))
    recording.run()
    recording.recorder.close()
    return recording


def test_a_frame_is_a_minute_and_says_who_wrote_it(recording):
    frames = recording.frames()
    assert [frame[0].t for frame in frames] == [NOON_NS // 10**9 + 60 * number for number in range(11)]
    for frame in frames:
        assert {(row.host, row.host_name, row.boot, row.agent, row.revision) for row in frame} == {
            ("h1", "name-h1", "b1", "9.9", "r1")
        }
    assert own(frames[0]).seconds == 45.0  # the first tick only takes the baseline
    assert [(own(frame).seconds, own(frame).samples, own(frame).exports) for frame in frames[1:-1]] == [
        (60.0, 4, 2)
    ] * 9
    assert (own(frames[1]).resource, own(frames[1]).cpus) == ({"team": "payments"}, 4)


def test_no_row_that_an_agent_writes_says_nothing_by_a_zero(recording):
    (file,) = recording.store.directory.iterdir()
    with zstandard.ZstdDecompressor().stream_reader(file.read_bytes(), read_across_frames=True) as reader:
        written = [json.loads(line) for line in reader.read().splitlines()]
    assert len(written) > 20
    assert [name for row in written for name, value in row.items() if value in (0, "", {}, [])] == []


def test_what_was_put_is_what_was_seen_to_be_sent_in_every_minute(recording):
    for frame in recording.frames():
        sent = sum(row.points_sent for row in frame if isinstance(row, Seen))
        assert arrived(frame).points_produced == sent + own(frame).own_points
    assert (
        sum(arrived(frame).points_produced for frame in recording.frames()) == recording.buffer.produced > 0
    )


def test_the_agents_own_cost_is_in_its_row(recording):
    frames = recording.frames()
    assert sum(own(frame).agent_cpu_seconds for frame in frames) == pytest.approx(0.43)
    assert {own(frame).agent_rss for frame in frames} == {70e6}


def test_deliveries_refusals_and_drops_are_the_growth_of_the_buffers_counters(tmp_path):
    recording = Recording(tmp_path, crowd(ticks=20))
    recording.run(8)
    taken = recording.buffer.peek(1 << 40, 1 << 40)
    sequences, points = [sequence for sequence, _ in taken], [record.points for _, record in taken]
    recording.buffer.acknowledge(sequences[:1])
    recording.buffer.reject(sequences[1:2], "no")
    recording.buffer.drop(sequences[2:], "full")
    recording.run()
    recording.recorder.close()
    rows = [arrived(frame) for frame in recording.frames()]
    assert sum(row.points_delivered for row in rows) == points[0]
    assert sum(row.points_rejected for row in rows) == points[1]
    assert [row.points_dropped for row in rows if row.points_dropped] == [{"full": sum(points[2:])}]
    assert rows[-1].points_waiting == recording.buffer.produced - sum(points)


def test_top_talkers_close_an_hour_and_the_agents_life(tmp_path):
    recording = Recording(tmp_path, crowd(ticks=300, processes=80, busy=0.3))
    recording.run()
    recording.recorder.close()
    frames = recording.frames()
    spoken = [frame[0].t for frame in frames if own(frame).top]
    assert spoken == [NOON_NS // 10**9 + 59 * 60, frames[-1][0].t]
    top = own(frames[59]).top
    kept = [talker for talker in top if talker.verdict == "keep"]
    assert len(kept) <= 20
    assert [talker.cpu_seconds for talker in kept] == sorted((t.cpu_seconds for t in kept), reverse=True)
    hour = [row for frame in frames[:60] for row in frame if isinstance(row, Seen)]
    assert sum(talker.cpu_seconds for talker in top) <= sum(row.cpu_seconds for row in hour) + 0.1
    assert sum(talker.points_sent for talker in top) > 0


def test_a_wall_clock_that_jumps_is_said(tmp_path):
    ticks = list(crowd(ticks=12))
    for number, tick in enumerate(ticks):
        tick["seconds"] = 15.0
        tick["t"] += 3600 * 10**9 if number >= 6 else 0
    recording = Recording(tmp_path, ticks)
    recording.run()
    recording.recorder.close()
    gaps = [(own(frame).gap_seconds, own(frame).gap_reason) for frame in recording.frames()]
    assert (3600.0, "clock") in gaps
    assert sum(seconds for seconds, _ in gaps) == 3600.0


def test_a_clock_that_goes_back_begins_a_new_frame_of_its_minute(tmp_path):
    ticks = list(crowd(ticks=12))
    for number, tick in enumerate(ticks):
        tick["seconds"] = 15.0
        tick["t"] -= 600 * 10**9 if number >= 6 else 0
    recording = Recording(tmp_path, ticks)
    recording.run()
    recording.recorder.close()
    frames = recording.frames()
    assert min(own(frame).gap_seconds for frame in frames) == -600.0
    assert sum(own(frame).seconds for frame in frames) == 11 * 15.0


def test_time_without_an_agent_is_a_gap_of_the_next_ones_first_row(tmp_path):
    recording = Recording(tmp_path, crowd(ticks=12))
    recording.run(4)
    recording.recorder.close()
    (file,) = recording.store.directory.iterdir()
    last = NOON_NS + 40 * 10**9
    os.utime(file, ns=(last, last))
    recording.store = Store(recording.store.directory, Bounds())
    recording.recorder = recording.opened()
    recording.run(4)
    recording.recorder.close()
    assert [(own(frame).gap_seconds, own(frame).gap_reason) for frame in recording.frames()] == [
        (0.0, ""),
        (20.0, "down"),
    ]


def test_two_agents_in_one_minute_write_two_frames_of_it(tmp_path):
    recording = Recording(tmp_path, crowd(ticks=4))
    recording.run(2)
    recording.recorder.close()
    recording.recorder = recording.opened()
    recording.run(2)
    recording.recorder.close()
    frames = recording.frames()
    assert [frame[0].t for frame in frames] == [NOON_NS // 10**9] * 2
    assert sum(own(frame).samples for frame in frames) == 4


def test_a_new_configuration_writes_rows_of_its_own_under_its_revision(tmp_path):
    recording = Recording(tmp_path, crowd(ticks=4))
    recording.run(2)
    book = StageBook(recording.found, recording.stages)
    recording.recorder.use(book, Terms("r2", mode="observe"), [recording.destination])
    recording.run(2)
    recording.recorder.close()
    frames = recording.frames()
    assert [(own(frame).revision, own(frame).mode) for frame in frames] == [
        ("r1", "optimize"),
        ("r2", "observe"),
    ]
    assert sum(arrived(frame).points_produced for frame in frames) == recording.buffer.produced


def test_rows_that_found_no_disk_are_counted_in_a_later_row(tmp_path):
    recording = Recording(tmp_path, crowd(ticks=12))
    recording.run(6)
    recording.store.lost += 7
    recording.run()
    recording.recorder.close()
    assert [own(frame).lost_rows for frame in recording.frames()] == [0, 7, 0]


@pytest.mark.parametrize(
    ("known", "whose"),
    [
        ("", "initech"),
        ("ledger: {tenants: {acme: []}}\n", ""),
        ("ledger: {tenants: {initech: []}}\n", "initech"),
    ],
)
def test_what_a_label_claims_is_a_tenants_where_the_configuration_knows_that_tenant(tmp_path, known, whose):
    ticks = list(crowd(ticks=4))
    for tick in ticks:
        for one in tick["procs"]:
            one["labels"] = {"tenant": "initech"}
    recording = Recording(tmp_path, ticks, MINUTES + known)
    recording.run()
    recording.recorder.close()

    rows = [row for frame in recording.frames() for row in frame if isinstance(row, Seen)]
    assert {row.tenant for row in rows if row.verdict != "group"} == {whose}

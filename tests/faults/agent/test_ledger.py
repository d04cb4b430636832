"""The ledger of a real agent: killed, started again, on a disk that takes nothing."""

from __future__ import annotations

import signal

from nrdot.ledger.rows import Seen
from nrdot.testing.recordings.ledger import arrived, frames_in, own


def frames(folder):
    (file,) = (folder / "state" / "ledger").glob("*.jsonl.zst")
    return frames_in(file)


def test_a_run_is_in_the_ledger_with_all_that_was_put(agent):
    status = agent.start("--duration", "4s").end()
    assert status == 0
    found = frames(agent.folder)
    sent = sum(row.points_sent for frame in found for row in frame if isinstance(row, Seen))
    put = sum(arrived(frame).points_produced for frame in found)
    assert put == sent + sum(own(frame).own_points for frame in found) > 0
    assert sum(own(frame).seconds for frame in found) > 2
    assert sum(own(frame).agent_cpu_seconds for frame in found) > 0
    assert sum(arrived(frame).points_delivered for frame in found) == put


def test_a_killed_agent_costs_its_last_minute_and_the_next_one_goes_on(agent):
    agent.start("--duration", "3s").end()
    before = len(frames(agent.folder))
    agent.started()
    agent.until(lambda: agent.ticks() >= 2)
    agent.signal(signal.SIGKILL)
    agent.end()
    (file,) = (agent.folder / "state" / "ledger").glob("*.jsonl.zst")
    with file.open("ab") as torn:
        torn.write(file.read_bytes()[:200])  # what a kill in the middle of a write leaves
    agent.start("--duration", "3s").end()
    assert len(frames(agent.folder)) > before
    assert "within a frame" in agent.errors.read_text()


def test_a_ledger_that_cannot_be_written_never_stops_the_agent_and_is_said_once(agent):
    (agent.folder / "state").mkdir(mode=0o700)
    (agent.folder / "state" / "ledger").write_text("a file where the directory should be")
    status = agent.start("--duration", "3s").end()
    assert status == 0
    said = agent.errors.read_text()
    assert said.count("the ledger cannot be written") == 1
    assert (agent.folder / "state" / "metrics.jsonl").stat().st_size > 0

"""`nrdot buffer` on buffers that were really written."""

from __future__ import annotations

import json

import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.recovery import SUFFIX
from nrdot.buffer.segment import FIRST_FRAME
from nrdot.buffer.settings import BufferSettings
from nrdot.stages import Record
from nrdot.testing.clock import NOON_NS, ManualClock


def payload(name):
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name = name
    metric.gauge.data_points.add().as_int = 7
    return request.SerializeToString()


@pytest.fixture
def directory(tmp_path):
    buffer = DiskBuffer(tmp_path / "collector", BufferSettings(), ManualClock(), Files())
    for number in range(3):
        buffer.put(Record(payload(f"metric.{number}"), 1, NOON_NS + number * 10**9))
    (first, _), *_ = buffer.peek(1, 1)
    buffer.acknowledge([first])
    buffer.close()
    return tmp_path / "collector"


def damage(directory):
    """Flip a byte within the second of three records, so that nobody takes it for a write cut short."""
    (segment,) = directory.glob(f"normal-*{SUFFIX}")
    data = bytearray(segment.read_bytes())
    data[(FIRST_FRAME + len(data)) // 2] ^= 0xFF
    segment.write_bytes(data)


def test_the_status_says_what_waits_and_what_became_of_the_rest(command, directory):
    status, out, _ = command("buffer", "status", "--json", directory)
    found = json.loads(out)
    assert status == 0
    assert (found["records"], found["produced"], found["delivered"], found["rejected"]) == (2, 3, 1, 0)
    assert found["dropped"] == {}
    assert found["oldest"] == "2026-11-21T12:00:01.000Z"
    assert found["segments"] >= 1
    assert found["bytes"] > 0
    shown = command("buffer", "status", directory)[1]
    assert "2 records" in shown
    assert "2026-11-21T12:00:01.000Z" in shown


def test_a_whole_buffer_verifies_and_a_damaged_one_names_the_place_and_fails(command, directory):
    assert command("buffer", "verify", directory)[0] == 0
    damage(directory)
    status, out, _ = command("buffer", "verify", "--json", directory)
    found = json.loads(out)
    assert (status, found["whole"]) == (1, False)
    assert found["faults"][0]["size"] > 0
    assert "nrdot buffer repair" in command("buffer", "verify", directory)[1]


def test_a_repaired_buffer_verifies_again(command, directory):
    damage(directory)
    status, out, _ = command("buffer", "repair", "--json", directory)
    assert status == 0
    assert json.loads(out)["rewritten"]
    assert command("buffer", "verify", directory)[0] == 0


def test_the_dump_is_otlp_json_lines_of_what_waits(command, directory):
    status, out, _ = command("buffer", "dump", directory)
    names = [
        Parse(line, ExportMetricsServiceRequest()).resource_metrics[0].scope_metrics[0].metrics[0].name
        for line in out.splitlines()
    ]
    assert (status, names) == (0, ["metric.1", "metric.2"])
    about = json.loads(command("buffer", "dump", "--json", directory)[1])["records"]
    assert [(one["points"], one["readable"]) for one in about] == [(1, True)] * 2


@pytest.fixture
def refused(tmp_path):
    """A buffer with two dead letters, the first of two records."""
    buffer = DiskBuffer(tmp_path / "collector", BufferSettings(), ManualClock(), Files())
    for number in range(4):
        buffer.put(Record(payload(f"metric.{number}"), 1, NOON_NS + number * 10**9))
    numbers = [number for number, _ in buffer.peek(10, 1 << 20)]
    buffer.reject(numbers[:2], "no such tenant (400)")
    buffer.reject(numbers[2:3], "[red]bad[/red] (400)")
    buffer.close()
    return tmp_path / "collector"


def test_dead_letters_are_listed_with_why_they_were_refused(command, refused):
    status, out, _ = command("buffer", "letters", "--json", refused)
    first, second = json.loads(out)["letters"]
    assert status == 0
    assert (first["records"], first["points"], first["reason"]) == (2, 2, "no such tenant (400)")
    assert (first["time"], first["unreadable"]) == ("2026-11-21T12:00:00.000Z", "")
    assert second["reason"] == "[red]bad[/red] (400)"
    shown = command("buffer", "letters", refused)[1]
    assert first["name"] in shown
    assert "[red]bad[/red] (400)" in shown


def test_a_buffer_without_dead_letters_says_so(command, directory):
    assert command("buffer", "letters", directory)[:2] == (0, "no dead letters\n")
    assert command("buffer", "replay", directory)[:2] == (0, "0 dead letters are sent again\n")


def test_what_dead_letters_hold_is_dumped_as_otlp_json(command, refused):
    status, out, _ = command("buffer", "dump", "--dead", refused)
    assert status == 0
    assert [
        name in line
        for name, line in zip(("metric.0", "metric.1", "metric.2"), out.splitlines(), strict=True)
    ]
    assert "metric.3" not in out
    about = json.loads(command("buffer", "dump", "--dead", "--json", refused)[1])["records"]
    assert [one["points"] for one in about] == [1, 1, 1]


def test_dead_letters_are_sent_again_one_by_name_or_all(command, refused):
    first, second = (
        one["name"] for one in json.loads(command("buffer", "letters", "--json", refused)[1])["letters"]
    )
    status, out, _ = command("buffer", "replay", "--json", refused, second)
    assert (status, json.loads(out)) == (0, {"replayed": [second]})
    assert command("buffer", "replay", refused)[:2] == (0, "1 dead letter is sent again\n")
    buffer = DiskBuffer(refused, BufferSettings(), ManualClock(), Files())
    assert buffer.statistics().records == 4
    buffer.close()
    assert first not in command("buffer", "letters", refused)[1]


def test_a_letter_that_is_not_there_is_wrong_use_and_nothing_is_sent(command, refused):
    status, out, err = command("buffer", "replay", refused, "17")
    assert (status, out) == (2, "")
    assert "there is no dead letter 17; nothing is sent" in err
    assert len(json.loads(command("buffer", "letters", "--json", refused)[1])["letters"]) == 2


def test_a_directory_that_is_not_there_is_no_empty_buffer(command, tmp_path):
    status, out, err = command("buffer", "status", tmp_path / "missing")
    assert (status, out) == (2, "")
    assert "there is no such directory" in err


def test_a_directory_without_a_buffer_is_no_empty_buffer(command, directory):
    for verb in ("status", "verify", "letters"):
        status, out, err = command("buffer", verb, directory.parent)
        assert (status, out) == (2, "")
        assert f"{directory.parent}: no buffer in it" in err


def test_a_state_directory_is_no_buffer_and_those_in_it_are_named(command, directory, tmp_path):
    state = tmp_path / "state"
    for name in ("config", "buffer"):
        (state / name).mkdir(parents=True)
    (state / "lock").touch()
    directory.rename(state / "buffer" / "collector")
    status, out, err = command("buffer", "status", state)
    assert (status, out) == (2, "")
    assert f"{state}: no buffer in it; name one of {state}/buffer/collector" in err

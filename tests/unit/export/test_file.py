from __future__ import annotations

import json
from pathlib import Path
from threading import Event, Thread

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from nrdot.errors import Permanent, Retryable, StartError
from nrdot.export.file import FileExporter
from nrdot.testing.delivery.requests import POINTS, request
from nrdot.testing.disks.little_room import little_room


def pid_of(line: str | bytes) -> int:
    return int(json.loads(line)["resourceMetrics"][0]["resource"]["attributes"][3]["value"]["intValue"])


def processes(path: Path) -> list[int]:
    """The pid of each line; every line must be whole."""
    return [pid_of(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "metrics.jsonl"


@pytest.fixture
def writing(path):
    """Makes exporters to the path, closed at the end."""
    made = []

    def make(**settings):
        made.append(FileExporter(path, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


def send(exporter, pid):
    return exporter.export(request(1, first=pid), POINTS)


COLLECTOR_TAKES = 1 << 20  # bytes of a line, by default


def test_a_request_that_is_too_long_for_a_line_is_cut_between_its_resources(path, writing):
    many = 4_000
    delivery = writing(rotate=1 << 30).export(request(many), many * POINTS)
    lines = path.read_bytes().splitlines(keepends=True)
    assert delivery.wire_bytes == path.stat().st_size > 3 * COLLECTOR_TAKES
    assert max(map(len, lines)) <= COLLECTOR_TAKES
    resources = [json.loads(line)["resourceMetrics"] for line in lines]
    assert min(map(len, resources)) > 1  # in few pieces, not one for each process
    found = [int(one["resource"]["attributes"][3]["value"]["intValue"]) for each in resources for one in each]
    assert found == list(range(1, many + 1))


def test_a_resource_that_alone_is_too_long_stays_one_line(path, writing):
    message = ExportMetricsServiceRequest.FromString(request(1))
    message.resource_metrics[0].resource.attributes.add(key="note").value.string_value = "x" * COLLECTOR_TAKES
    writing().export(message.SerializeToString() + request(1, first=2), 2 * POINTS)
    assert processes(path) == [1, 2]
    assert len(path.read_bytes().splitlines()[0]) > COLLECTOR_TAKES


def test_each_request_is_a_line_that_can_be_read_at_once(path, writing):
    exporter = writing()
    for pid in range(1, 6):
        before = path.stat().st_size
        delivery = send(exporter, pid)
        assert processes(path) == list(range(1, pid + 1))
        assert delivery.wire_bytes == path.stat().st_size - before


def test_a_file_turns_over_and_only_as_many_as_wanted_are_kept(path, writing):
    exporter = writing(rotate=2500, keep=2)
    for pid in range(101, 121):
        send(exporter, pid)
    files = sorted(path.parent.iterdir())
    assert [each.name for each in files] == ["metrics.jsonl", "metrics.jsonl.1", "metrics.jsonl.2"]
    assert all(each.stat().st_size <= 2500 for each in files)
    kept = [pid for each in reversed(files) for pid in processes(each)]
    assert kept == list(range(121 - len(kept), 121))


def test_with_none_kept_there_is_one_file(path, writing):
    exporter = writing(rotate=2500, keep=0)
    for pid in range(1, 10):
        send(exporter, pid)
    assert [each.name for each in path.parent.iterdir()] == ["metrics.jsonl"]
    assert processes(path)[-1] == 9


def test_a_line_longer_than_a_file_may_be_has_a_file_of_its_own(path, writing):
    exporter = writing(rotate=10, keep=3)
    for pid in (1, 2, 3):
        send(exporter, pid)
    assert processes(path) == [3]
    assert processes(path.with_name("metrics.jsonl.2")) == [1]


def test_a_reader_sees_whole_lines_while_the_file_turns_over(path, writing):
    exporter = writing(rotate=20_000, keep=100)
    ended = Event()
    looks = []

    def read():
        while not ended.is_set() and len(looks) < 300:
            try:
                looks.append(path.read_bytes())
            except FileNotFoundError:
                continue

    reader = Thread(target=read)
    reader.start()
    for pid in range(1, 400):
        send(exporter, pid)
    ended.set()
    reader.join()
    for look in looks:
        whole = [pid_of(text) for text in look.split(b"\n")[:-1]]
        assert whole == list(range(min(whole, default=0), max(whole, default=-1) + 1))
    files = sorted(
        path.parent.iterdir(), key=lambda each: -int(each.suffix[1:]) if each.suffix != ".jsonl" else 1
    )
    assert [pid for each in files for pid in processes(each)] == list(range(1, 400))


@pytest.mark.parametrize("torn", [b'{"resourceMetrics":[', b"x" * 200_000])
def test_a_line_that_a_crash_tore_is_cut_off_at_the_start(path, writing, torn):
    exporter = writing()
    send(exporter, 1)
    exporter.close()
    with path.open("ab") as file:
        file.write(torn)
    send(writing(), 2)
    assert processes(path) == [1, 2]


def test_an_exporter_that_is_made_while_another_is_in_the_middle_of_a_line_cuts_nothing(path, writing):
    send(writing(), 1)
    whole = path.read_bytes()
    with path.open("ab", buffering=0) as other:
        other.write(whole[:20])
        exporter = writing()
        other.write(whole[20:])
    send(exporter, 2)
    assert processes(path) == [1, 1, 2]


def test_a_file_that_holds_only_a_torn_line_begins_again(path, writing):
    path.parent.mkdir()
    path.write_bytes(b"torn")
    send(writing(), 1)
    assert processes(path) == [1]


@pytest.mark.parametrize("how", ["moved", "removed"])
def test_a_file_that_somebody_else_takes_away_is_made_again(path, writing, how):
    exporter = writing()
    send(exporter, 1)
    if how == "moved":
        path.rename(path.with_name("archived"))
    else:
        path.unlink()
    send(exporter, 2)
    assert processes(path) == [2]


def test_a_path_that_cannot_be_written_stops_the_start_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot write"):
        FileExporter(tmp_path / "file" / "metrics.jsonl")
    with pytest.raises(StartError, match="is a directory"):
        FileExporter(tmp_path)


def test_a_folder_that_is_made_is_said_once(path, writing, caplog):
    caplog.set_level("INFO", "nrdot.export")
    writing()
    writing()
    (told,) = caplog.records
    assert told.message == "made the folder of a file"
    assert told.fields == {"folder": str(path.parent), "file": path.name}


def test_a_missing_folder_that_is_not_to_be_made_stops_the_start(path, writing):
    with pytest.raises(StartError, match=r"the folder .*/state is missing; .*create_directory: true"):
        writing(create_directory=False)
    assert not path.parent.exists()
    path.parent.mkdir()
    send(writing(create_directory=False), 1)
    assert processes(path) == [1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_holds_the_data(tmp_path):
    link = tmp_path / "metrics.jsonl"
    link.symlink_to("/dev/full")
    exporter = FileExporter(link)
    with pytest.raises(Retryable, match="no space left on device") as caught:
        send(exporter, 1)
    assert caught.value.alarm
    exporter.close()


def test_a_line_that_did_not_fit_leaves_nothing_behind(path, writing, tmp_path):
    exporter = writing()
    send(exporter, 1)
    with little_room(path.stat().st_size + 100), pytest.raises(Retryable, match="file too large"):
        send(exporter, 2)
    assert processes(path) == [1]
    send(exporter, 3)
    assert processes(path) == [1, 3]


def test_a_record_that_is_no_request_is_refused_for_good(path, writing):
    with pytest.raises(Permanent):
        writing().export(b"\xff\xff", 1)
    assert path.read_bytes() == b""


def test_closing_twice_is_harmless_and_leaves_no_descriptor(path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    exporter = FileExporter(path)
    send(exporter, 1)
    exporter.close()
    exporter.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_large_request_becomes_lines_that_the_collector_reads_back(path, writing):
    writing().export(request(3000), 3000 * POINTS)
    lines = path.read_bytes().splitlines()
    assert max(len(each) for each in lines) < 1024 * 1024
    found = [resource for each in lines for resource in json.loads(each)["resourceMetrics"]]
    pids = [int(resource["resource"]["attributes"][3]["value"]["intValue"]) for resource in found]
    assert pids == list(range(1, 3001))

from pathlib import Path

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from nrdot.buffer.gap import EXPIRED, TOO_OLD, Gap, gap_record
from nrdot.buffer.inspection import status
from nrdot.stages import Priority
from nrdot.testing.clock import NOON_NS
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences

DIRECTORY = Path("/state/buffer")
HOST = {"host.name": "web-1", "host.id": "h1"}


def gaps_told(buffer):
    """The points of gap records that wait: attributes, value, start and end."""
    told = []
    for _, found in buffer.peek(1 << 30, 1 << 30):
        if b"nrdot.gap.points" in found.payload:
            request = ExportMetricsServiceRequest.FromString(found.payload)
            (resource,) = request.resource_metrics
            (metric,) = resource.scope_metrics[0].metrics
            (point,) = metric.gauge.data_points
            words = {item.key: item.value.string_value for item in point.attributes}
            host = {item.key: item.value.string_value for item in resource.resource.attributes}
            assert (metric.name, host, found.points) == ("nrdot.gap.points", HOST, 1)
            assert found.priority is Priority.CRITICAL
            told.append((words, point.as_int, point.start_time_unix_nano, point.time_unix_nano))
    return told


def test_a_drop_is_told_once_the_endpoint_takes_data_again(start):
    buffer = start(gap_resource=HOST)
    put_all(buffer, map(record, range(6)))
    offered = sequences(buffer)
    buffer.drop(offered[1:4], "too_old")
    assert gaps_told(buffer) == []
    buffer.acknowledge(offered[:1])
    words = {"reason": "too_old", "priority": "normal"}
    assert gaps_told(buffer) == [(words, 30, NOON_NS + 1, NOON_NS + 3)]
    buffer.acknowledge(sequences(buffer))
    assert numbers(buffer) == []
    assert imbalance(buffer) == 0


def test_gaps_of_one_kind_are_told_as_one(start):
    buffer = start(gap_resource=HOST)
    put_all(buffer, [record(number, priority=Priority(number % 2)) for number in range(8)])
    for sequence in sequences(buffer)[:6]:
        buffer.drop([sequence], "too_old")
    buffer.acknowledge(sequences(buffer)[:1])
    assert [(words["priority"], points) for words, points, _, _ in gaps_told(buffer)] == [
        ("optional", 30),
        ("normal", 30),
    ]


def test_a_gap_outlives_the_process_that_made_it(start):
    buffer = start(gap_resource=HOST, max_records=4)
    put_all(buffer, map(record, range(9)))
    buffer = start(gap_resource=HOST, max_records=4)
    buffer.acknowledge(sequences(buffer)[:1])
    assert [(words["reason"], points) for words, points, _, _ in gaps_told(buffer)] == [("full", 50)]
    buffer = start(gap_resource=HOST, max_records=4)
    buffer.acknowledge(sequences(buffer))
    assert gaps_told(buffer) == []


def test_without_a_resource_gaps_are_counted_and_not_told(start):
    buffer = start()
    put_all(buffer, map(record, range(3)))
    buffer.drop(sequences(buffer)[:1], "too_old")
    buffer.acknowledge(sequences(buffer)[:1])
    assert numbers(buffer) == [2]
    assert buffer.statistics().dropped == {"too_old": 10}


def test_a_gap_whose_time_nobody_knows_is_told_as_of_now(start, disk, clock):
    buffer = start(gap_resource=HOST)
    put_all(buffer, map(record, range(3)))
    buffer.close()
    disk.remove(disk.paths("normal-*")[0])
    buffer = start(gap_resource=HOST)
    put_all(buffer, [record(9)])
    buffer.acknowledge(sequences(buffer))
    words = {"reason": "unaccounted", "priority": "optional"}
    assert gaps_told(buffer) == [(words, 30, clock.wall_ns(), clock.wall_ns())]


def test_a_gap_says_what_it_counts_and_ends_where_its_newest_record_does():
    hour = 3_600_000_000_000
    for reason, end in ((EXPIRED, NOON_NS), (TOO_OLD, NOON_NS + hour)):  # the latter while it is still taken
        gap = Gap(reason, Priority.NORMAL, 1, 10, 7, 7, NOON_NS, NOON_NS)
        made = gap_record(gap, HOST, NOON_NS + hour)
        (resource,) = ExportMetricsServiceRequest.FromString(made.payload).resource_metrics
        (scope,) = resource.scope_metrics
        (metric,) = scope.metrics
        (point,) = metric.gauge.data_points
        assert (scope.scope.name, metric.unit) == ("nrdot", "{point}")
        assert metric.description == "Points dropped before they were sent, between start and time"
        assert (point.start_time_unix_nano, point.time_unix_nano, made.time_ns) == (NOON_NS, end, end)


def test_what_a_running_buffer_found_damaged_is_counted_and_told_once_across_restarts(start, disk):
    put_all(start(), map(record, range(3)))
    buffer = start(gap_resource=HOST)
    (path,) = disk.paths("normal-*")
    disk.flip(path, disk.content(path).index(record(1).payload))
    assert numbers(buffer) == [0, 2]
    for _ in range(2):
        assert buffer.statistics().dropped == {"corrupt": 10}
        assert imbalance(buffer) == 0
        buffer = start(gap_resource=HOST)
    buffer.acknowledge(sequences(buffer, 1))
    told = [(words["reason"], words["priority"], points) for words, points, _, _ in gaps_told(buffer)]
    assert told == [("corrupt", "normal", 10)]


def test_a_record_that_is_too_large_leaves_a_gap_of_its_own_priority(start, disk):
    buffer = start(gap_resource=HOST, record_bytes=1000)
    buffer.put(record(0, priority=Priority.OPTIONAL))
    buffer.put(record(1, 2000, Priority.CRITICAL))
    expected = Gap("too_large", Priority.CRITICAL, 1, 10, 2, 2, NOON_NS + 1, NOON_NS + 1)
    assert status(disk, DIRECTORY).gaps == (expected,)
    buffer.acknowledge(sequences(buffer, 1))
    words = {"reason": "too_large", "priority": "critical"}
    assert gaps_told(buffer) == [(words, 10, NOON_NS + 1, NOON_NS + 1)]


def test_two_gaps_as_one_reach_from_the_first_to_the_last_of_both():
    early = Gap(EXPIRED, Priority.NORMAL, 3, 30, 5, 9, 500, 900)
    late = Gap(EXPIRED, Priority.NORMAL, 2, 20, 11, 14, 700, 1400)
    assert early.joined(late) == late.joined(early) == Gap(EXPIRED, Priority.NORMAL, 5, 50, 5, 14, 500, 1400)

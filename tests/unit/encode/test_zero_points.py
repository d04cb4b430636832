"""The zero with which a counter begins: sent where it says something, and counted where it is sent."""

from __future__ import annotations

import numpy as np
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from nrdot.aggregate.aggregator import ExactAggregator
from nrdot.aggregate.groups import Groups
from nrdot.batch import Counter
from nrdot.encode.attributes import Resources
from nrdot.encode.catalogue import DEFAULT, select
from nrdot.encode.encoder import OtlpEncoder
from nrdot.stages import Verdict
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.invented import InventedHost


def first_export(grown):
    """Values at the first export by process and point: `grown` gives counters of one process each."""
    host = InventedHost()
    processes = [host.begin(100 + place, f"worker-{place}") for place in range(len(grown))]
    groups = Groups(("executable",), lambda _number: "", limit=4, hold=60.0)
    aggregator = ExactAggregator(groups, ManualClock())
    encoder = OtlpEncoder(select(DEFAULT), Resources({}), version="1")
    aggregator.aggregate(host.sample(), None)
    for process, counters in zip(processes, grown, strict=True):
        for counter, amount in counters.items():
            host.run(process, counter, amount)
    batch = host.sample()
    batch.table.verdict[batch.living] = Verdict.KEEP
    records = encoder.encode(batch, aggregator.aggregate(batch, np.zeros(0, np.intp)))
    payload = b"".join(record.payload for record in records)
    found = {}
    for resource in ExportMetricsServiceRequest.FromString(payload).resource_metrics:
        pid = next(one.value.int_value for one in resource.resource.attributes if one.key == "process.pid")
        for metric in resource.scope_metrics[0].metrics:
            for point in metric.sum.data_points:
                word = point.attributes[0].value.string_value if point.attributes else metric.name
                found.setdefault((pid, word), []).append(point.as_double or float(point.as_int))
    return found, records


def test_a_counter_that_has_grown_begins_with_a_zero_and_one_that_has_not_is_the_zero_itself():
    found, _ = first_export([{Counter.CPU_USER: 50, Counter.WRITTEN: 4096}])
    assert found[100, "user"] == [0.0, 0.5]
    assert found[100, "write"] == [0.0, 4096.0]
    assert found[100, "system"] == found[100, "wait"] == found[100, "read"] == [0.0]


def test_processes_of_which_other_counters_have_grown_are_one_record_and_its_points_are_those_in_it():
    found, records = first_export([{Counter.CPU_USER: 50}, {Counter.CPU_SYSTEM: 20, Counter.READ: 1}, {}])
    (record,) = records
    gauges = 0
    for resource in ExportMetricsServiceRequest.FromString(record.payload).resource_metrics:
        gauges += sum(
            len(metric.sum.data_points) + len(metric.gauge.data_points)
            for metric in resource.scope_metrics[0].metrics
        )
    assert record.points == gauges == 3 * 7 + 1 + 2
    assert (found[101, "system"], found[101, "user"]) == ([0.0, 0.2], [0.0])
    assert found[102, "user"] == [0.0]

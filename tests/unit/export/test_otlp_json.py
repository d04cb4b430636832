from __future__ import annotations

import json
import math

import pytest
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from nrdot.export.otlp_json import line
from nrdot.testing.delivery.requests import request


def everything() -> ExportMetricsServiceRequest:
    """One of each kind of metric and of value that OTLP has."""
    message = ExportMetricsServiceRequest()
    resource = message.resource_metrics.add(schema_url="https://opentelemetry.io/schemas/1.38.0")
    attributes = resource.resource.attributes
    attributes.add(key="text").value.string_value = 'a "quoted" \\ ü \x01 line\n'
    attributes.add(key="empty").value.string_value = ""
    attributes.add(key="whole").value.int_value = -(2**63)
    attributes.add(key="zero").value.int_value = 0
    attributes.add(key="real").value.double_value = 0.1
    attributes.add(key="flag").value.bool_value = False
    attributes.add(key="bytes").value.bytes_value = b"\x00\xff"
    attributes.add(key="list").value.array_value.values.add().string_value = "first"
    nested = attributes.add(key="map").value.kvlist_value.values.add(key="inner")
    nested.value.array_value.values.add().int_value = 2**63 - 1
    attributes.add(key="unset").value.SetInParent()
    resource.resource.dropped_attributes_count = 3
    scope = resource.scope_metrics.add()
    scope.scope.name, scope.scope.version = "nrdot", "1"
    gauge = scope.metrics.add(name="gauge", description="d", unit="By").gauge
    gauge.data_points.add(time_unix_nano=2**64 - 1, as_int=0, flags=1)
    for value in (math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1.7976931348623157e308):
        gauge.data_points.add(time_unix_nano=1, as_double=value)
    gauge.data_points.add(time_unix_nano=1)  # neither number
    total = scope.metrics.add(name="sum").sum
    total.aggregation_temporality = 2
    total.is_monotonic = True
    point = total.data_points.add(start_time_unix_nano=1, time_unix_nano=2, as_int=-5)
    point.attributes.add(key="state").value.string_value = "user"
    point.exemplars.add(time_unix_nano=7, as_double=1.5)
    histogram = scope.metrics.add(name="histogram").histogram
    histogram.aggregation_temporality = 1
    bars = histogram.data_points.add(count=2**40, sum=1.5, min=0.0, max=math.inf)
    bars.bucket_counts.extend([0, 2**40])
    bars.explicit_bounds.extend([0.5])
    exponential = scope.metrics.add(name="exponential").exponential_histogram
    bars = exponential.data_points.add(count=3, scale=-2, zero_count=1, zero_threshold=0.25)
    bars.positive.offset = -1
    bars.positive.bucket_counts.extend([1, 2])
    summary = scope.metrics.add(name="summary").summary.data_points.add(count=1, sum=math.nan)
    summary.quantile_values.add(quantile=0.99, value=2.0)
    scope.metrics.add(name="no data")
    message.resource_metrics.add().scope_metrics.add()
    return message


@pytest.mark.parametrize("payload", [everything().SerializeToString(), request(3), b""])
def test_a_line_says_what_the_official_json_says(payload):
    text = line(payload)
    read = json_format.Parse(text, ExportMetricsServiceRequest())
    again = json_format.Parse(
        json_format.MessageToJson(ExportMetricsServiceRequest.FromString(payload)),
        ExportMetricsServiceRequest(),
    )
    for message in (read, again):
        for resource in message.resource_metrics:
            # Present and empty on one side only: the Collector writes them always.
            resource.resource.SetInParent()
            for scope in resource.scope_metrics:
                scope.scope.SetInParent()
    assert read.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)


def test_a_line_is_spelt_as_the_collector_spells_it():
    found = json.loads(line(request(1)))
    resource = found["resourceMetrics"][0]
    assert resource["resource"]["attributes"][3] == {"key": "process.pid", "value": {"intValue": "1"}}
    metrics = resource["scopeMetrics"][0]["metrics"]
    assert metrics[0]["name"] == "process.cpu.time"
    assert metrics[0]["sum"]["aggregationTemporality"] == 2
    assert metrics[0]["sum"]["isMonotonic"] is True
    assert metrics[0]["sum"]["dataPoints"][0] == {
        "attributes": [{"key": "state", "value": {"stringValue": "user"}}],
        "startTimeUnixNano": "1795258800000000000",
        "timeUnixNano": "1795262400000000000",
        "asDouble": 0.25,
    }
    assert metrics[1]["gauge"]["dataPoints"] == [{"timeUnixNano": "1795262400000000000", "asInt": "4096"}]


def test_what_is_empty_is_written_where_the_collector_writes_it():
    message = ExportMetricsServiceRequest()
    message.resource_metrics.add().scope_metrics.add()
    assert line(message.SerializeToString()) == (
        b'{"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{}}]}]}\n'
    )


def test_trace_ids_are_in_hex():
    message = ExportMetricsServiceRequest()
    points = message.resource_metrics.add().scope_metrics.add().metrics.add().gauge.data_points
    points.add(as_int=1).exemplars.add(trace_id=bytes(15) + b"\xab", span_id=b"\xcd" * 8)
    assert b'"traceId":"000000000000000000000000000000ab"' in line(message.SerializeToString())
    assert b'"spanId":"cdcdcdcdcdcdcdcd"' in line(message.SerializeToString())


def test_a_line_holds_no_line_feed_but_its_last():
    text = line(everything().SerializeToString())
    assert text.count(b"\n") == 1
    assert text.endswith(b"}\n")


def test_bytes_that_are_no_request_are_refused():
    with pytest.raises(DecodeError):
        line(b"\xff\xff")

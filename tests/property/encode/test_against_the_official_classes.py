"""What is written by hand is, byte for byte, what the official classes write."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK,
)

from nrdot import otlp
from nrdot.export.protobuf import partial_success

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1)
TIMES = st.integers(1, (1 << 64) - 1)
VALUES = st.one_of(st.none(), NUMBERS, st.floats())
ATTRIBUTES = st.dictionaries(TEXTS, st.one_of(TEXTS, NUMBERS), max_size=4)
POINTS = st.lists(st.tuples(st.one_of(st.none(), TIMES), TIMES, VALUES, ATTRIBUTES), max_size=3)
METRICS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS, st.sampled_from([None, True, False]), POINTS), max_size=3)


def official(attributes, version, metrics):
    request = ExportMetricsServiceRequest()
    whole = request.resource_metrics.add()
    add(whole.resource.attributes, attributes)
    whole.resource.SetInParent()
    scope = whole.scope_metrics.add()
    scope.scope.name = "nrdot"
    scope.scope.version = version
    for name, unit, description, monotonic, points in metrics:
        metric = scope.metrics.add(name=name, unit=unit, description=description)
        data = metric.gauge if monotonic is None else metric.sum
        data.SetInParent()
        if monotonic is not None:
            data.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            data.is_monotonic = monotonic
        for start, time, value, words in points:
            point = data.data_points.add(time_unix_nano=time)
            if start is not None:
                point.start_time_unix_nano = start
            add(point.attributes, words)
            if value is None:
                point.flags = DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
            elif isinstance(value, int):
                point.as_int = value
            else:
                point.as_double = value
    return request.SerializeToString()


def add(attributes, words):
    for key, value in words.items():
        target = attributes.add(key=key).value
        if isinstance(value, int):
            target.int_value = value
        else:
            target.string_value = value


def by_hand(attributes, version, metrics):
    found = []
    for name, unit, description, monotonic, points in metrics:
        written = [
            otlp.point(start, time, of(value), [otlp.attribute(*pair) for pair in words.items()])
            for start, time, value, words in points
        ]
        data = otlp.gauge(written) if monotonic is None else otlp.cumulative(written, monotonic=monotonic)
        found.append(otlp.metric(name, unit, description, data))
    return otlp.request(otlp.resource(attributes), [otlp.scope("nrdot", version, found)])


def of(value):
    if value is None:
        return None
    return otlp.integer(value) if isinstance(value, int) else otlp.double(value)


@given(ATTRIBUTES, TEXTS, METRICS)
def test_a_request_written_by_hand_is_that_of_the_official_classes(attributes, version, metrics):
    assert by_hand(attributes, version, metrics) == official(attributes, version, metrics)


@given(NUMBERS, TEXTS, st.integers(0, 200))
def test_a_partial_success_is_read_as_the_official_classes_read_it(rejected, message, more):
    response = ExportMetricsServiceResponse()
    response.partial_success.rejected_data_points = rejected
    response.partial_success.error_message = message
    body = response.SerializeToString()
    assert partial_success(body) == (rejected, message)
    unknown = b"\x9a\x06" + otlp.varint(more) + bytes(more)
    assert partial_success(unknown + body) == (rejected, message)

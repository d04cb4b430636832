"""The fast encoder says what a plain one says, field by field."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from nrdot.aggregate.aggregator import ExactAggregator
from nrdot.aggregate.groups import Groups
from nrdot.batch import Gauge
from nrdot.encode.attributes import Resources
from nrdot.encode.catalogue import DEFAULT, NAMES, select
from nrdot.encode.encoder import OtlpEncoder
from nrdot.encode.redact import CommandLines
from nrdot.stages import Verdict
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.invented import InventedHost
from nrdot.testing.plain.encoder import plain_request


def by_resource(request: ExportMetricsServiceRequest) -> dict[bytes, bytes]:
    found = {}
    for one in request.resource_metrics:
        key = one.resource.SerializeToString(deterministic=True)
        assert key not in found, "each resource stands once"
        found[key] = one.SerializeToString(deterministic=True)
    return found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([DEFAULT, NAMES, ("process.cpu.time",), ("process.threads",)]))
def test_every_series_is_what_the_plain_encoder_writes(seed, names):
    random = Random(seed)
    host = InventedHost()
    metrics, resources = select(names), Resources({"service.namespace": "payments"}, CommandLines())
    aggregator = ExactAggregator(Groups(("executable",), lambda _: "", limit=8, hold=60.0), ManualClock())
    encoder = OtlpEncoder(metrics, resources, version="1.2.3")
    for pid in range(random.randrange(1, 25)):
        host.begin(
            pid + 10, random.choice(("nginx", "ünïcode", "a) b", "")), user=random.choice(("", "root"))
        )
    for process in host.processes:
        process.limited = random.random() < 0.3
    aggregator.aggregate(host.sample(), None)
    for _ in range(3):
        host.live(random)
        batch = host.sample()
        table = batch.table
        for row in batch.living.tolist():
            table.verdict[row] = random.choice((Verdict.KEEP, Verdict.ROLL_UP))
            table.never_filtered[row] = random.random() < 0.3
            table.gauges[Gauge.DESCRIPTORS, row] = random.choice((-1, 7))
            table.gauges[Gauge.SWAP, row] = random.choice((-1, 0, 4096))
            table.gauges[Gauge.SHARED, row] = random.choice((-1, 4096))
        frame = aggregator.aggregate(batch, np.zeros(0, np.intp))
        records = encoder.encode(batch, frame)
        table.release()
        fast = ExportMetricsServiceRequest.FromString(b"".join(record.payload for record in records))
        plain = plain_request(batch, frame, metrics, resources, "1.2.3")
        wanted = by_resource(plain)
        got = {key: value for key, value in by_resource(fast).items() if key in wanted}
        assert got == wanted
        assert len(fast.resource_metrics) - len(got) == len(frame.ending)

from __future__ import annotations

import gzip
import importlib
import os
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import zstandard
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

BENCH = Path(__file__).resolve().parents[2] / "bench"
MODULES = ("cgroup", "programs", "whole")


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    yield {name: importlib.import_module(name) for name in MODULES}
    for name in MODULES:
        sys.modules.pop(name, None)


def request_of(points: int) -> bytes:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="process.cpu.time")
    for number in range(points):
        metric.sum.data_points.add(as_int=number)
    return request.SerializeToString()


def send(endpoint: str, body: bytes, encoding: str = "identity") -> None:
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": encoding}
    request = urllib.request.Request(f"{endpoint}/v1/metrics", body, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def test_the_sink_counts_the_points_of_each_sender_however_compressed(bench):
    with bench["whole"].sink() as sink:
        send(sink.endpoint("ours"), request_of(3))
        send(sink.endpoint("ours"), gzip.compress(request_of(4)), "gzip")
        zstd = zstandard.ZstdCompressor().compress(request_of(5))
        send(sink.endpoint("theirs"), zstd, "zstd")
        assert (sink.received("ours").requests, sink.received("ours").points) == (2, 7)
        assert (sink.received("theirs").points, sink.received("theirs").bytes) == (5, len(zstd))
        assert sink.received("nobody").requests == 0


def test_the_sink_takes_and_counts_what_protobuf_cannot_read(bench):
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().schema_url = "abc"
    with bench["whole"].sink() as sink:
        send(sink.endpoint("theirs"), request.SerializeToString().replace(b"abc", b"ab\xff"))
        assert (sink.received("theirs").requests, sink.received("theirs").broken) == (1, 1)


def test_a_running_program_is_charged_with_its_cpu_and_memory(bench, tmp_path):
    whole = bench["whole"]
    command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
    with whole.program(command, tmp_path / "log") as pid:
        while not (tmp_path / "log").read_text():
            time.sleep(0.01)
        assert whole.cpu_ns(pid) > 0
        assert whole.resident_bytes(pid) > 0


def test_a_program_that_ends_early_is_an_error_with_its_last_words(bench, tmp_path):
    command = [sys.executable, "-c", "raise SystemExit('no such profile')"]
    with (
        pytest.raises(RuntimeError, match="no such profile"),
        bench["whole"].program(command, tmp_path / "log") as pid,
    ):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


@pytest.mark.parametrize(
    ("version", "files", "total_and_kernel"),
    [
        (1, {"memory.usage_in_bytes": "500", "memory.kmem.usage_in_bytes": "200"}, (500, 200)),
        (2, {"memory.current": "600", "memory.stat": "anon 100\nkernel 300\nslab 250"}, (600, 300)),
        (2, {"memory.current": "600", "memory.stat": "anon 100\nslab 250"}, (600, 250)),
    ],
)
def test_the_kernels_account_is_read_from_either_kind_of_group(
    bench, tmp_path, version, files, total_and_kernel
):
    for name, text in files.items():
        (tmp_path / name).write_text(f"{text}\n")
    group = bench["cgroup"].Cgroup(tmp_path, version, 0)
    assert (group.total(), group.kernel()) == total_and_kernel
    assert group.source() == f"control group, version {version}"


def test_without_a_group_the_slab_is_the_estimate_and_the_command_runs_as_it_is(bench):
    group = bench["cgroup"].Cgroup(None, 0, 0)
    assert group.wrap(["nrdot", "agent"]) == ["nrdot", "agent"]
    assert group.total() is None
    assert "estimate" in group.source()

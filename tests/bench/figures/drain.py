"""A backlog through TLS into a Collector: ours, and the same one from the Collector's own persistent queue.

Both send the same requests, zstd over TLS 1.3, to a Collector that throws them away and counts them. The rate
is taken there, from the first point that it accepts to the last. Rounds alternate; each begins with a copy of
the same backlog.
"""

from __future__ import annotations

import re
import shutil
import socket
import statistics
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3
import yaml
from programs import HERE
from rounds import spread
from scale import scale
from table import at_least, stated
from whole import collector_binary, program

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.clock import SystemClock
from nrdot.testing.clock import NOON_NS
from nrdot.testing.delivery.requests import record
from nrdot.testing.servers.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from table import Row

    from nrdot.stages import Record

REACH = 0.5
PROCESSES, TICKS, ROUNDS = 300, 1200, 3
ACCEPTED = re.compile(r"^otelcol_receiver_accepted_metric_points\S*\{[^}]*\} (\S+)$", re.MULTILINE)
PATIENCE = 120.0  # seconds; only ends a round that would hang


def run() -> list[Row]:
    full = scale().rounds > 10
    binary = collector_binary()
    requests = [
        record(PROCESSES, time_ns=NOON_NS + tick * 15 * 10**9) for tick in range(TICKS if full else 50)
    ]
    points = sum(one.points for one in requests)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), binary, points)
        bench.fill_ours(requests)
        bench.fill_theirs(requests)
        rounds = [(bench.ours(), bench.theirs()) for _ in range(ROUNDS if full else 1)]
    ours, theirs = (statistics.median(each) for each in zip(*rounds, strict=True))
    ratios = [a / b for a, b in rounds]
    size = sum(len(one.payload) for one in requests)
    return [
        at_least(
            "drain through TLS, ours / Collector's persistent queue",
            ours / theirs,
            REACH,
            "x",
            spread(ratios) if len(ratios) > 1 else "",
        ),
        stated("  ours", ours, "points/s"),
        stated("  Collector's otlphttp exporter", theirs, "points/s"),
        stated("  the backlog before compression", size / 1e6, "MB"),
    ]


class Bench:
    """One receiver's address, and a backlog of each kind to copy from."""

    def __init__(self, folder: Path, binary: Path, points: int) -> None:
        self.folder = folder
        self.binary = binary
        self.points = points
        authority = Authority("Bench")
        self.ca = authority.write(folder)
        self.cert, self.key = authority.issue("collector", names=("127.0.0.1",)).write(folder, "server")
        self.port, self.metrics = free_port(), free_port()

    def fill_ours(self, requests: list[Record]) -> None:
        settings = BufferSettings(max_bytes=1 << 30, durability=Durability.NEVER)
        buffer = DiskBuffer(self.folder / "ours", settings, SystemClock(), Files())
        for one in requests:
            buffer.put(one)
        buffer.close()

    def fill_theirs(self, requests: list[Record]) -> None:
        """Into a Collector whose way out is closed."""
        entrance = free_port()
        with self.collector(self.sender("theirs", entrance), "filling"), urllib3.PoolManager() as pool:
            url = f"http://127.0.0.1:{entrance}/v1/metrics"
            reached(url)
            for one in requests:
                answer = pool.request(
                    "POST", url, body=one.payload, headers={"Content-Type": "application/x-protobuf"}
                )
                if answer.status != 200:
                    raise RuntimeError(f"the Collector's queue took no more: {answer.status} {answer.data!r}")

    def ours(self) -> float:
        directory = self.folder / "state" / "buffer" / "collector"
        shutil.copytree(self.folder / "ours", directory)
        command = [
            sys.executable,
            str(HERE / "subjects" / "drain.py"),
            str(self.folder),
            str(self.port),
            self.ca,
        ]
        try:
            with self.receiver(), program(command, self.folder / "ours.log"):
                return self.rate()
        finally:
            shutil.rmtree(directory)

    def theirs(self) -> float:
        queue = self.folder / "round"
        shutil.copytree(self.folder / "theirs", queue)
        try:
            with self.receiver(), self.collector(self.sender("round", free_port()), "sending"):
                return self.rate()
        finally:
            shutil.rmtree(queue)

    def rate(self) -> float:
        """Points a second, as the receiver counts them."""
        begun = time.monotonic()
        deadline = begun + PATIENCE
        before = seen = 0.0
        while time.monotonic() < deadline:
            now, seen = time.monotonic(), self.accepted()
            if seen >= self.points:
                return (self.points - before) / (now - begun)
            if not before:
                begun, before = now, seen  # up to the first point that is accepted
            time.sleep(0.02)
        raise RuntimeError(f"{seen:,.0f} of {self.points:,} points arrived within {PATIENCE:.0f} s")

    def accepted(self) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics") as answer:
            return sum(map(float, ACCEPTED.findall(answer.read().decode())))

    @contextmanager
    def receiver(self) -> Iterator[None]:
        tls = {"cert_file": self.cert, "key_file": self.key, "min_version": "1.3"}
        http = {"endpoint": f"127.0.0.1:{self.port}", "tls": tls}
        reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": self.metrics}}}}
        config = {
            "receivers": {"otlp": {"protocols": {"http": http}}},
            "processors": {"filter": {"metrics": {"metric": ["true"]}}},
            "exporters": {"debug": {"verbosity": "basic"}},
            "service": {
                "telemetry": {"logs": {"level": "error"}, "metrics": {"level": "basic", "readers": [reader]}},
                "pipelines": {
                    "metrics": {"receivers": ["otlp"], "processors": ["filter"], "exporters": ["debug"]}
                },
            },
        }
        with self.collector(config, "receiver"):
            reached(f"http://127.0.0.1:{self.metrics}/metrics")
            yield

    def sender(self, queue: str, entrance: int) -> dict:
        directory = self.folder / queue
        directory.mkdir(exist_ok=True)
        exporter = {
            "endpoint": f"https://127.0.0.1:{self.port}",
            "compression": "zstd",
            "tls": {"ca_file": self.ca, "min_version": "1.3"},
            "sending_queue": {
                "storage": "file_storage",
                "queue_size": 100_000,
                # Requests of the size that ours have; as they came in it is slower.
                "batch": {"sizer": "items", "min_size": 10_000, "max_size": 10_000, "flush_timeout": "200ms"},
            },
            "retry_on_failure": {"max_elapsed_time": "0s"},
        }
        return {
            "extensions": {"file_storage": {"directory": str(directory)}},
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{entrance}"}}}},
            "exporters": {"otlphttp": exporter},
            "service": {
                "extensions": ["file_storage"],
                "telemetry": {"logs": {"level": "error"}, "metrics": {"level": "none"}},
                "pipelines": {"metrics": {"receivers": ["otlp"], "exporters": ["otlphttp"]}},
            },
        }

    @contextmanager
    def collector(self, config: dict, name: str) -> Iterator[None]:
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config))
        with ExitStack() as stack:
            stack.enter_context(
                program([str(self.binary), "--config", str(path)], self.folder / f"{name}.log")
            )
            yield


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def reached(url: str) -> None:
    """Wait until somebody answers there, whatever it is."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url).close()
        except urllib.request.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nobody answers at {url}")


if __name__ == "__main__":
    for row in run():
        print(row)

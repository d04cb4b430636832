"""Whole programs at their own interval, measured from outside: a sink, a Collector, an agent."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from programs import HERE, ROOT, NotMeasurable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COLLECTOR = """\
receivers:
  hostmetrics:
    collection_interval: {interval}s
    initial_delay: 0s
    scrapers:
      process:
        mute_process_all_errors: true
exporters:
  otlphttp:
    endpoint: {endpoint}
    compression: zstd
    tls: {{insecure: true}}
service:
  telemetry:
    logs: {{level: error}}
    metrics: {{level: none}}
  pipelines:
    metrics: {{receivers: [hostmetrics], exporters: [otlphttp]}}
"""


@dataclass(frozen=True, slots=True)
class Received:
    requests: int = 0
    points: int = 0
    bytes: int = 0
    broken: int = 0
    first: int = 0


class Sink:
    """The OTLP endpoint that all programs of a comparison send to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._port = int(process.stdout.readline())

    def endpoint(self, name: str) -> str:
        return f"http://127.0.0.1:{self._port}/{name}"

    def received(self, name: str) -> Received:
        self._process.stdin.write("report\n")
        self._process.stdin.flush()
        return Received(**json.loads(self._process.stdout.readline()).get(name, {}))

    def wait_for(self, name: str, seconds: float = 60) -> Received:
        """Until the first request of a program has come."""
        deadline = time.monotonic() + seconds
        while not (got := self.received(name)).requests:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name} sent nothing to the sink within {seconds:.0f} s")
            time.sleep(0.05)
        return got


@contextmanager
def sink() -> Iterator[Sink]:
    command = [sys.executable, str(HERE / "subjects" / "sink.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Sink(process)
        finally:
            process.stdin.close()
            process.wait(timeout=10)


def collector_binary() -> Path:
    """The Collector that the interop suite builds and caches."""
    built = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "interop" / "build.py"), "otelcol"],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        raise NotMeasurable(built.stderr.strip().splitlines()[-1])
    return Path(built.stdout.strip())


def collector_command(binary: Path, folder: Path, endpoint: str, interval: int) -> list[str]:
    config = folder / "collector.yaml"
    config.write_text(COLLECTOR.format(interval=interval, endpoint=endpoint))
    return [str(binary), "--config", str(config)]


@contextmanager
def program(command: Sequence[str], log: Path) -> Iterator[int]:
    """Run a whole program inside the `with` block; its pid."""
    with log.open("wb") as output:
        process = subprocess.Popen(list(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            yield process.pid
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended early: {log.read_text(errors='replace')[-500:]}")
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def cpu_ns(pid: int) -> int:
    """CPU time of a process and all its threads: the clock that clock_getcpuclockid(3) names."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def processes() -> int:
    return sum(entry.name.isdecimal() for entry in Path("/proc").iterdir())

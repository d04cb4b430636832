"""The OpenTelemetry Collector, with a configuration for what a test wants of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import yaml
from parts.binaries import collector_path
from parts.points import Point, read_lines
from parts.program import Program, free_port

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

READY = "Everything is ready"


@dataclass
class Collector:
    """Receives OTLP over HTTP and writes what it gets to `output`.

    Receivers and exporters of one's own go in by their names, as the Collector's documentation has them.
    """

    folder: Path
    receivers: dict[str, Any] = field(default_factory=dict)
    exporters: dict[str, Any] = field(default_factory=dict)
    tls: dict[str, Any] | None = None
    name: str = "collector"

    def __post_init__(self) -> None:
        self.port = free_port()
        self.output = self.folder / f"{self.name}.jsonl"
        config = self.folder / f"{self.name}.yaml"
        config.write_text(yaml.safe_dump(self._configuration(), sort_keys=False))
        self.log = self.folder / f"{self.name}.log"
        self.program = Program([str(collector_path()), f"--config={config}"], self.log, self._ready)
        self._starts = 0

    @property
    def endpoint(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._starts += 1
        self.program.start()

    def stop(self) -> None:
        """Ends it as a service manager would; everything that it accepted is in `output` afterwards."""
        self.program.stop()

    def points(self, pids: Container[int] | None = None) -> list[Point]:
        """Every point that it wrote, or those of some processes."""
        return read_lines(self.output, pids)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _ready(self) -> bool:
        return self.program.output.count(READY) >= self._starts

    def _configuration(self) -> dict[str, Any]:
        http: dict[str, Any] = {"endpoint": f"127.0.0.1:{self.port}"}
        if self.tls:
            http["tls"] = self.tls
        receivers = {"otlp": {"protocols": {"http": http}}, **self.receivers}
        # Written at once and appended after a restart, so that what was accepted can be counted.
        file = {"path": str(self.output), "append": True, "flush_interval": "100ms"}
        exporters = {"file": file, **self.exporters}
        pipeline = {"receivers": list(receivers), "exporters": list(exporters)}
        return {
            "receivers": receivers,
            "exporters": exporters,
            "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {"metrics": pipeline}},
        }


def process_scraper(interval: str = "1s", **metrics: bool) -> dict[str, Any]:
    """The hostmetrics receiver with its process scraper; `metrics` are further ones by name, on or off."""
    switches = {name: {"enabled": on} for name, on in metrics.items()}
    return {
        "hostmetrics": {
            "collection_interval": interval,
            "initial_delay": "0s",
            "scrapers": {"process": {"mute_process_all_errors": True, "metrics": switches}},
        }
    }

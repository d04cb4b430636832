"""A real Prometheus that takes remote writes, and its raw samples.

Exactness is judged on raw samples: `increase()` extrapolates, and a query with a step repeats values.
"""

from __future__ import annotations

import itertools
import json
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Self

import yaml
from parts.program import HANG_GUARD, Program, executable, free_port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Labels = dict[str, str]


@dataclass(frozen=True, slots=True)
class Series:
    labels: Labels
    samples: list[tuple[float, float]]  # seconds, value; oldest first, without stale markers

    @property
    def increments(self) -> float:
        """What was counted, a fall being a new start at what is shown then."""
        values = [value for _, value in self.samples]
        pairs = itertools.pairwise(values)
        return sum(later - earlier if later >= earlier else later for earlier, later in pairs)


class Prometheus:
    def __init__(self, folder: Path, *, scrape: Sequence[dict[str, Any]] = ()) -> None:
        self.port = free_port()
        config = folder / "prometheus.yml"
        config.write_text(
            yaml.safe_dump({"global": {"scrape_interval": "1h"}, "scrape_configs": list(scrape)})
        )
        command = [
            executable("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-remote-write-receiver",
            "--log.level=warn",
        ]
        self.program = Program(command, folder / "prometheus.log", self._ready)

    def exporter(self) -> dict[str, Any]:
        """The Collector's exporter that writes here."""
        return {
            "prometheusremotewrite": {
                "endpoint": f"http://127.0.0.1:{self.port}/api/v1/write",
                # Two hosts are told apart by resource attributes, which are dropped without this.
                "resource_to_telemetry_conversion": {"enabled": True},
                "target_info": {"enabled": False},
                # Samples of a series must arrive in their order; Prometheus refuses older ones.
                "remote_write_queue": {"num_consumers": 1},
            }
        }

    def raw(self, selector: str, window: str = "1h") -> list[Series]:
        """Every sample that is stored for each series that `selector` matches."""
        return [
            Series(found["metric"], [(float(time), float(value)) for time, value in found["values"]])
            for found in self._query(f"{selector}[{window}]")
        ]

    def now(self, selector: str) -> list[Labels]:
        """The series that a dashboard would show at this moment: stale ones are gone, old ones repeat."""
        return [found["metric"] for found in self._query(selector)]

    def values(self, query: str) -> list[float]:
        """The values of an instant query."""
        return [float(found["value"][1]) for found in self._query(query)]

    def __enter__(self) -> Self:
        self.program.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.program.stop()

    def _query(self, query: str) -> list[dict[str, Any]]:
        parameters = urllib.parse.urlencode({"query": query})
        url = f"http://127.0.0.1:{self.port}/api/v1/query?{parameters}"
        with urllib.request.urlopen(url, timeout=HANG_GUARD) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, HTTPException):  # also where it is slow to answer
            return False

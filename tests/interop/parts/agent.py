"""The NRDOT agent, as users start it: a configuration file and the command."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Self

import yaml
from parts.points import Point, read_lines
from parts.program import HANG_GUARD, Program, free_port, wait_until

if TYPE_CHECKING:
    from pathlib import Path

_COMMAND = [sys.executable, "-m", "nrdot", "agent"]


class Agent:
    """One agent with a state directory of its own, which writes what it sends to a file beside it as well.

    `settings` are merged over the defaults here, top-level key by top-level key; `agent` is merged one
    level deeper.
    """

    def __init__(
        self,
        folder: Path,
        *,
        otlp: dict[str, Any] | None = None,
        rotate: str = "1GiB",
        name: str = "agent",
        **settings: Any,
    ) -> None:
        self.sent = folder / f"{name}.jsonl"
        self.config = folder / f"{name}.yaml"
        self.port = free_port()
        own = {
            "interval": "1s",
            "state_dir": str(folder / f"{name}-state"),
            "listen": f"127.0.0.1:{self.port}",
            # Real machines of CI are small; shedding would change the cadence in mid-test.
            "cpu_budget": "100%",
            **settings.pop("agent", {}),
        }
        destinations: list[dict[str, Any]] = [
            {"name": "local", "file": {"path": str(self.sent), "rotate": rotate, "keep": 100}}
        ]
        if otlp is not None:
            destinations.insert(0, {"name": "collector", "otlp": otlp})
        document = {"export_interval": "1s", "agent": own, "export": destinations, **settings}
        self.config.write_text(yaml.safe_dump(document, sort_keys=False))
        self.log = folder / f"{name}.log"
        self.program = Program([*_COMMAND, "-c", str(self.config)], self.log, self._ready)

    def once(self) -> list[Point]:
        """`--once` to its end; what it sent."""
        done = subprocess.run(
            [*_COMMAND, "-c", str(self.config), "--once"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=HANG_GUARD,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the agent ended with status {done.returncode}: {done.stdout}")
        return self.points()

    def points(self) -> list[Point]:
        """Every point that left for the destinations."""
        return [point for file in self.files() for point in read_lines(file)]

    def files(self) -> list[Path]:
        """The file destination's files, rotated ones included."""
        return sorted(self.sent.parent.glob(f"{self.sent.stem}*.jsonl*"))

    def wait_for_exports(self, count: int) -> None:
        """Until `count` more exports than now have been written."""
        goal = self._exports() + count
        wait_until(lambda: self._exports() >= goal, f"{count} exports of the agent\n{self.program.output}")

    def __enter__(self) -> Self:
        self.program.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.program.stop()

    def _exports(self) -> int:
        return len({point.time_ns for point in self.points()})

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False

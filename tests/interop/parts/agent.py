"""The NRDOT agent, as users start it: a configuration file and the command."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml
from parts.points import Point, read_lines
from parts.program import HANG_GUARD, Program, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Container

_LAST_TIME = re.compile(rb'"timeUnixNano":"(\d+)"')
_COMMAND = [str(Path(sys.executable).with_name("nrdot")), "agent"]


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
        self._read = 0  # bytes of the file that are counted
        self._seen: set[int] = set()
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

    def points(self, pids: Container[int] | None = None) -> list[Point]:
        """Every point that left for the destinations, or those of some processes."""
        return [point for file in self.files() for point in read_lines(file, pids)]

    def files(self) -> list[Path]:
        """The file destination's files, rotated ones included."""
        return sorted(self.sent.parent.glob(f"{self.sent.stem}*.jsonl*"))

    def wait_for_exports(self, count: int) -> None:
        """Until `count` exports of moments after this one have been written."""
        now = time.time_ns()
        wait_until(
            lambda: self.program.is_alive() and sum(moment > now for moment in self._moments()) >= count,
            lambda: f"{count} exports of the agent\n{self.program.output}",
        )

    def __enter__(self) -> Self:
        self.program.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.program.stop()

    def _moments(self) -> set[int]:
        """Which moments have been exported. An export may be several lines, so their times are counted."""
        with suppress(FileNotFoundError), self.sent.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if line.endswith(b"\n"):
                    self._seen.add(int(_LAST_TIME.findall(line[-4096:])[-1]))
                    self._read += len(line)
        return self._seen

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, HTTPException):  # also where it is slow to answer
            return False

"""NRDOT and the Collector's process scraper over the same stretch of time."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from parts.agent import Agent
from parts.collector import Collector, process_scraper
from parts.points import presence
from parts.program import wait_until

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from parts.points import Point

DEFAULT = ("process.cpu.time", "process.disk.io", "process.memory.usage", "process.memory.virtual")
OPTIONAL = (
    "process.threads",
    "process.open_file_descriptors",
    "process.paging.faults",
    "process.context_switches",
)
LOOKS = 3  # of each side at a world that stands still: more than the witness's margin


class SideBySide:
    """Both observers; what a test does happens inside it. NRDOT exports everything and command lines too."""

    def __init__(self, folder: Path) -> None:
        scraper = process_scraper("1s", **dict.fromkeys(OPTIONAL, True))
        self._collector = Collector(folder, receivers=scraper, name="hostmetrics")
        self._agent = Agent(
            folder,
            mode="observe",
            metrics=[*DEFAULT, *OPTIONAL],
            command_line={"enabled": True},
        )

    def rest(self) -> None:
        """Let both look at a world that stands still."""
        self._scrapes(LOOKS)
        self._agent.wait_for_exports(LOOKS)
        self._scrapes(LOOKS)

    def points(self, pids: Container[int]) -> tuple[list[Point], list[Point]]:
        """What NRDOT and what hostmetrics said of some processes."""
        return self._agent.points(pids), self._collector.points(pids)

    def presence(self) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
        """At which times NRDOT and hostmetrics spoke of each process."""
        (sent,) = self._agent.files()
        return presence(sent), presence(self._collector.output)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._collector)
            self._scrapes(LOOKS)
            stack.enter_context(self._agent)
            self.rest()
            self._running = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._agent.program.stop()
        self._scrapes(LOOKS)
        self._running.close()

    def _scrapes(self, count: int) -> None:
        lines = self._lines() + count
        wait_until(lambda: self._lines() >= lines, "the process scraper")

    def _lines(self) -> int:
        output = self._collector.output
        return output.read_bytes().count(b"\n") if output.exists() else 0

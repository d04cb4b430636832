"""Processes whose behaviour a test changes as it likes, and a detector that looks at them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from nrdot.batch import Counter
from nrdot.decide.anomaly import AnomalyDetector
from nrdot.testing.hosts.invented import InventedHost

if TYPE_CHECKING:
    from nrdot.decide.anomaly import Departure


class Watch:
    """A detector over an invented host; `cores` and so on say what processes do from now on."""

    def __init__(
        self, processes: int = 1, seed: int = 1, *, noise: float = 0.1, interval: float = 15.0
    ) -> None:
        self.random = Random(seed)
        self.noise = noise  # a share of what they do
        self.host = InventedHost(interval=interval)
        self.detector = AnomalyDetector()
        self.processes = [self.host.begin(100 + n, f"service-{n}") for n in range(processes)]
        self.cores = dict.fromkeys(range(processes), 0.0)
        self.bytes = dict.fromkeys(range(processes), 0.0)
        self.memory = dict.fromkeys(range(processes), 200 << 20)
        self.first = self.step()

    def step(self) -> set[int]:
        """One sample; the numbers of the processes that are anomalous."""
        seconds, hz = self.host.interval, self.host.host.hz
        for number, process in enumerate(self.processes):
            noise = self.random.uniform(1 - self.noise, 1 + self.noise)
            self.host.run(process, Counter.CPU_USER, round(self.cores[number] * noise * seconds * hz))
            self.host.run(process, Counter.WRITTEN, round(self.bytes[number] * noise * seconds))
            process.rss = self.memory[number]
        rows = self.detector.observe(self.host.sample()).tolist()
        return {number for number, process in enumerate(self.processes) if process.row in rows}

    def live(self, seconds: float) -> set[int]:
        found: set[int] = set()
        for _ in range(round(seconds / self.host.interval)):
            found |= self.step()
        return found

    def why(self, number: int = 0) -> Departure:
        """What was told last of one that is anomalous."""
        return self.detector.departures[self.processes[number].row]

"""An hour of outages in seconds: whatever a network does, each point is somewhere and counted once.

Real files, real connections to a real server that misbehaves in turn, a process that is killed now and then;
only the clock is ours.
"""

from __future__ import annotations

import socket
from collections import Counter
from random import Random

import pytest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.inspection import verify
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.export.journal import Journal
from nrdot.export.pace import Pace
from nrdot.pipeline import Drain
from nrdot.stages import Priority
from nrdot.testing.clock import ManualClock
from nrdot.testing.delivery.records import imbalance
from nrdot.testing.delivery.requests import POINTS, pids, record
from nrdot.testing.servers.otlp import OtlpServer, Reply, partial

INTERVAL, HOUR = 15, 3600
PROCESSES = 4  # in a record
WORKS, DOWN = Reply(), None
PHASES = [
    (120, WORKS),
    (600, DOWN),
    (120, WORKS),
    (180, Reply(status=503)),
    (120, Reply(status=429, headers={"Retry-After": "20"})),
    (60, WORKS),
    (240, Reply(status=200, body=b"<html>log in</html>", kind="text/html")),
    (180, Reply(poison=b"worker-7")),
    (180, Reply(limit=4000)),
    (120, partial(2, "too many labels")),
    (180, Reply(reset_after=5)),
    (300, Reply(status=401)),
    (240, DOWN),
    (60, Reply(silent=True)),
    (180, Reply(status=400)),
    (720, WORKS),
]


class Mortal(Files):
    """Files that a kill closes, all at once and without a word."""

    def __init__(self):
        self.descriptors = set()

    def create(self, path):
        return self._note(super().create(path))

    def open(self, path):
        return self._note(super().open(path))

    def lock(self, path, owner):
        return self._note(super().lock(path, owner))

    def close(self, descriptor):
        self.descriptors.discard(descriptor)
        super().close(descriptor)

    def kill(self):
        for descriptor in tuple(self.descriptors):
            self.close(descriptor)

    def _note(self, descriptor):
        self.descriptors.add(descriptor)
        return descriptor


class Hour:
    """A host that produces, an endpoint that does what the phase says, and what became of every process."""

    def __init__(self, directory, exporter, seed):
        self.directory, self.exporter = directory, exporter
        self.chance = Random(seed)
        self.clock = ManualClock()
        self.settings = BufferSettings(max_bytes=48_000, durability=Durability.NEVER)
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            self.port = reserved.getsockname()[1]
        self.made = {}  # first pid of each record, and its priority
        self.arrived = Counter()
        self.refused = set()
        self.unsaid = set()  # arrived, and the answer never came back
        self.journal = Journal("collector", self.clock)
        self.begin()

    def begin(self):
        self.files = Mortal()
        self.buffer = DiskBuffer(self.directory, self.settings, self.clock, self.files)
        pace = Pace(self.clock, self.chance, rate=5000.0)
        self.drain = Drain(self.buffer, self.sender(), pace, self.journal, self.clock, accepts_late=900.0)

    def sender(self):
        return self.exporter(None, f"http://127.0.0.1:{self.port}", timeout=0.3)

    def phase(self, seconds, reply):
        self.drain.exporter.close()  # with the connection to the server of the phase before
        self.drain.exporter = self.sender()
        server = None if reply is DOWN else OtlpServer(reply, port=self.port)
        for _ in range(seconds // INTERVAL):
            self.tick()
            if self.chance.random() < 0.05:
                self.files.kill()
                self.begin()
        if server is not None:
            server.close()
            alone = [pids(request.payload) for request in server.requests if request.status == 400]
            self.refused.update(pid for record in alone if len(record) == PROCESSES for pid in record)
            for request in server.delivered:
                self.arrived.update(pids(request.payload))
                if reply.silent or reply.reset_after is not None or reply.kind == "text/html":
                    self.unsaid.update(pids(request.payload))
        assert imbalance(self.buffer) == 0

    def tick(self):
        for priority in Priority:
            first = len(self.made) * PROCESSES + 1
            self.made[first] = priority
            self.buffer.put(record(PROCESSES, first=first, time_ns=self.clock.wall_ns(), priority=priority))
        end = self.clock.monotonic() + INTERVAL
        while (left := end - self.clock.monotonic()) > 0:
            self.clock.advance(min(max(self.drain.drain_once(), 0.05), left))


@pytest.mark.parametrize("seed", [1, 2])
def test_an_hour_of_outages_balances_to_the_last_point(tmp_path, exporter, seed):
    assert sum(seconds for seconds, _ in PHASES) == HOUR
    hour = Hour(tmp_path / "buffer", exporter, seed)
    for seconds, reply in PHASES:
        hour.phase(seconds, reply)
    now = hour.buffer.statistics()
    assert now.records == 0
    produced = len(hour.made) * PROCESSES
    assert now.produced == produced * POINTS
    assert now.produced == now.delivered + now.rejected + sum(now.dropped.values())
    # Every process arrived, was refused for good, or is among those that were dropped by name.
    missing = set(range(1, produced + 1)) - set(hour.arrived) - hour.refused
    dropped = sum(now.dropped.values()) // POINTS
    assert len(missing) <= dropped <= len(missing | hour.unsaid)
    assert set(now.dropped) <= {"full", "too_old"}
    assert now.dropped["full"]
    # What matters most was not dropped to make room.
    critical = {
        pid
        for first, priority in hour.made.items()
        if priority is Priority.CRITICAL
        for pid in range(first, first + PROCESSES)
    }
    assert len(missing & critical) * POINTS <= now.dropped.get("too_old", 0)
    # Nothing arrived twice but what an endpoint took without saying so.
    assert {pid for pid, times in hour.arrived.items() if times > 1} <= hour.unsaid
    assert verify(Files(), hour.directory).whole
    hour.buffer.close()

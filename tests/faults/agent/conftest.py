import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from contextlib import suppress

import pytest

from nrdot.testing.commands.nursery import Forked
from nrdot.testing.hosts.procfs import FakeProcfs

HANG = 60.0  # seconds after which a test that waits for the agent has failed


class RunningAgent:
    """`nrdot agent` as a process of its own, watched from the outside as systemd and people watch it."""

    def __init__(self, folder, procfs, environment):
        self.folder = folder
        self.file = folder / "nrdot.yaml"
        self.errors = folder / "stderr"
        self.procfs = procfs
        self.address = None
        self.process = None
        self.settings = {"export": []}
        self._systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._systemd.bind(str(folder / "notify"))
        self._systemd.setblocking(False)
        self._environment = {**environment, "NOTIFY_SOCKET": self._systemd.getsockname()}

    def configure(self, **settings):
        """Write the file; `agent_NAME` is a setting under `agent`."""
        self.settings |= settings
        agent = {
            "interval": "1s",
            "procfs": str(self.procfs.root),
            "state_dir": str(self.folder / "state"),
            "cpu_budget": "100%",
            "listen": "127.0.0.1:0",
        }
        document = {"agent": agent, "export_interval": "1s"}
        for name, value in self.settings.items():
            if name.startswith("agent_"):
                agent[name.removeprefix("agent_")] = value
            else:
                document[name] = value
        self.file.write_text(json.dumps(document))

    def start(self, *arguments):
        self.configure()
        self.errors.write_text("")
        self.process = Forked(
            "agent",
            "-c",
            self.file,
            *arguments,
            folder=self.folder,
            environment=self._environment,
            err=self.errors,
        )
        return self

    def started(self):
        """Start, and come back when systemd would call it started."""
        self.start()
        self.hear("READY=1")
        self.address = self.said("listening")["address"]
        return self

    def hear(self, message):
        """Wait for a message to systemd; those before it are passed over."""
        return self.until(lambda: next((heard for heard in self._heard() if heard.startswith(message)), None))

    def _heard(self):
        with suppress(BlockingIOError):
            while True:
                yield self._systemd.recv(4096).decode()

    def lines(self):
        whole, _, _ = self.errors.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def said(self, message):
        """Wait for a log line; the last one of its kind."""
        return self.until(lambda: [line for line in self.lines() if line["message"] == message])[-1]

    def said_before(self, message):
        return next(line for line in self.lines() if line["message"] == message)

    def until(self, look):
        """Wait for something to be true, and for an end of the agent as for a failure."""
        end = time.monotonic() + HANG
        while not (seen := look()):
            assert time.monotonic() < end, self.errors.read_text()
            assert self.process.poll() is None, self.errors.read_text()
            time.sleep(0.02)
        return seen

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=HANG) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def ready(self):
        code, body = self.get("/readyz")
        return code, json.loads(body)

    def metric(self, sample):
        """The value of a line of /metrics, named with its labels as it is written."""
        for line in self.get("/metrics")[1].splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        return None

    def ticks(self):
        return self.metric('nrdot_ticks_total{outcome="run"}')

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """Wait for the end; the exit status."""
        return self.process.wait(HANG)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(HANG)
        self._systemd.close()


@pytest.fixture
def procfs(tmp_path):
    with FakeProcfs(tmp_path / "proc") as tree:
        tree.add(1, "init")
        tree.add(42, "nginx", user=120, system=30)
        tree.add(43, "postgres", user=999)
        yield tree


@pytest.fixture
def agents(tmp_path, procfs):
    """Make agents that are gone with the test."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    made = []

    def make(name="agent"):
        folder = tmp_path / name
        folder.mkdir()
        made.append(RunningAgent(folder, procfs, environment))
        return made[-1]

    yield make
    for agent in made:
        agent.close()


@pytest.fixture
def agent(agents):
    return agents()

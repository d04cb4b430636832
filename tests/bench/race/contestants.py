"""Who takes part: how each is installed, configured as its documentation advises, and started.

`configuration` is what the page prints, so it is all that a contestant is told beside its command line. Each
one is told of the one process that must never be lost, PRECIOUS, in the way that it has for this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents import DESTINATION, EVERYTHING, agent_command
from programs import NotMeasurable
from receiver import Pipe, Scraper
from whole import COLLECTOR, collector_binary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from receiver import Receiver

PRECIOUS = "payment-gateway"
OURS = f"overrides:\n  - process: {PRECIOUS}\n    force_collect: true\n    reason: it must never be lost\n"
STOCK = Path("/usr/lib/netdata/conf.d/apps_groups.conf")
EXPORTER = "prometheus-process-exporter"
PLUGIN = Path("/usr/lib/netdata/plugins.d/apps.plugin")
MISSING = "{} is not installed; run tests/bench/race/setup"

# `process.cpu.utilization` is a share of the whole machine. A filter sees one point at a time, not a process.
FILTERED = COLLECTOR.replace(
    "        mute_process_all_errors: true\n",
    """\
        mute_process_all_errors: true
        metrics:
          process.cpu.utilization: {{enabled: true}}
          process.cpu.time: {{enabled: false}}
          process.memory.virtual: {{enabled: false}}
processors:
  filter/quiet:
    error_mode: ignore
    metrics:
      datapoint:
        - >-
          metric.name == "process.cpu.utilization" and value_double < 0.001
          and resource.attributes["process.executable.name"] != "PRECIOUS"
        - >-
          metric.name == "process.memory.usage" and value_int < 100000000
          and resource.attributes["process.executable.name"] != "PRECIOUS"
        - metric.name == "process.disk.io" and value_int < 1000000
""".replace("PRECIOUS", PRECIOUS),
).replace("exporters: [otlphttp]}}", "processors: [filter/quiet], exporters: [otlphttp]}}")
GROUPS = "process_names:\n  - name: \"{{.Comm}}\"\n    cmdline:\n      - '.+'\n"


@dataclass(frozen=True, slots=True)
class Contestant:
    name: str
    title: str
    about: str
    kind: str  # push, scrape or pipe
    configuration: str  # with {interval}, {endpoint}, {state} to fill in
    options: str  # of its command line, as the page prints them
    version: Callable[[], str]
    command: Callable[[Path, str, int], list[str]]  # folder, rendered configuration, port

    @property
    def settles(self) -> int:
        """Looks after a pause that are not counted: with a beat of its own, it may make up for one first."""
        return 1 if self.kind == "scrape" else 2


def contestants() -> tuple[Contestant, ...]:
    profiles = {
        "conservative": "its own default: nearly everything one by one, the long tail in sums",
        "balanced": "about forty processes one by one, the rest in exact sums",
        "aggressive": "the critical and the largest one by one, the rest in six sums",
    }
    return (
        _nrdot("off", EVERYTHING, "every process one by one, nothing decided"),
        *(_nrdot(name, f"profile: {name}\n{DESTINATION}", about) for name, about in profiles.items()),
        Contestant(
            "collector",
            "Collector, hostmetrics",
            "the process scraper, every process one by one",
            "push",
            COLLECTOR,
            "--config FILE",
            _collector_version,
            lambda folder, text, _: [str(collector_binary()), "--config", _written(folder, text)],
        ),
        Contestant(
            "collector-filter",
            "Collector, filtered",
            "the same with a filter processor: idle points dropped, thresholds on CPU and memory",
            "push",
            FILTERED,
            "--config FILE",
            _collector_version,
            lambda folder, text, _: [str(collector_binary()), "--config", _written(folder, text)],
        ),
        Contestant(
            "process-exporter",
            "process-exporter",
            "groups by name, scraped; without threads and smaps, which cost it more and NRDOT does not read",
            "scrape",
            GROUPS,
            "-config.path FILE -threads=false -gather-smaps=false",
            lambda: _package(EXPORTER),
            lambda folder, text, port: [
                _installed(EXPORTER),
                *("-config.path", _written(folder, text), "-threads=false", "-gather-smaps=false"),
                *("-web.listen-address", f"127.0.0.1:{port}"),
            ],
        ),
        Contestant(
            "netdata",
            "Netdata apps.plugin",
            "groups by its list of applications; what it prints for its daemon, whose cost is not counted",
            "pipe",
            f"{PRECIOUS}: {PRECIOUS}\n# and all of {STOCK}\n",
            "INTERVAL",
            lambda: _package("netdata-core"),
            _plugin,
        ),
        Contestant(
            "psutil",
            "psutil exporter",
            "an afternoon's exporter with psutil and prometheus_client, scraped",
            "scrape",
            "# tests/bench/race/psutil_exporter.py: every process at each scrape\n",
            "PORT",
            lambda: _said([sys.executable, "-c", "import psutil; print(psutil.__version__)"]).strip(),
            lambda _, __, port: [
                sys.executable,
                str(Path(__file__).with_name("psutil_exporter.py")),
                str(port),
            ],
        ),
    )


def _nrdot(name: str, configuration: str, about: str) -> Contestant:
    return Contestant(
        f"nrdot-{name}",
        f"NRDOT {name}",
        about,
        "push",
        configuration + OURS,
        "agent -c FILE",
        lambda: _said([sys.executable, "-m", "nrdot", "--version"]).split()[-1],
        lambda folder, text, _: agent_command(Path(_written(folder, text))),
    )


def _plugin(folder: Path, _: str, __: int) -> list[str]:
    (folder / "apps_groups.conf").write_text(f"{PRECIOUS}: {PRECIOUS}\n{STOCK.read_text()}")
    return [_installed(str(PLUGIN)), "INTERVAL"]


def _written(folder: Path, text: str) -> str:
    path = folder / "configuration.yaml"
    path.write_text(text)
    return str(path)


def _installed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise NotMeasurable(MISSING.format(program))
    return found


def _said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def _package(name: str) -> str:
    """Of a Debian package, because the programs themselves leave it out."""
    return _said(["dpkg-query", "--show", "--showformat=${Version}", name])


def _collector_version() -> str:
    return _said([str(collector_binary()), "--version"]).split()[-1]


@dataclass(slots=True)
class Running:
    """A contestant at work. `pause` and `resume` are its turn's end and begin."""

    contestant: Contestant
    process: subprocess.Popen[bytes]
    scraper: Scraper | None
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def check(self) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(
                f"{self.contestant.title} ended early: {self.log.read_text(errors='replace')[-800:]}"
            )


@contextmanager
def running(
    contestant: Contestant, receiver: Receiver, folder: Path, interval: int, port: int
) -> Iterator[Running]:
    """Start it in a folder of its own; stop it by its pid."""
    folder.mkdir()
    (folder / "state").mkdir()
    name, kind, log = contestant.name, contestant.kind, folder / "log"
    text = contestant.configuration
    if kind == "push":
        text = text.format(interval=interval, endpoint=receiver.endpoint(name), state=folder / "state")
    command = [
        str(interval) if word == "INTERVAL" else word for word in contestant.command(folder, text, port)
    ]
    environment = {
        **os.environ,
        "NETDATA_USER_CONFIG_DIR": str(folder),
        "NETDATA_STOCK_CONFIG_DIR": str(STOCK.parent),
    }
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if kind == "pipe" else subprocess.DEVNULL,
            stdout=subprocess.PIPE if kind == "pipe" else output,
            stderr=output,
            env=environment,
        )
        stack.callback(_end, process)
        scraper = None
        if kind == "scrape":
            scraper = Scraper(receiver, name, port, interval)
            stack.callback(scraper.close)
            scraper.on.set()
        elif kind == "pipe":
            stack.callback(Pipe(receiver, name, process.stdout).close)
        yield Running(contestant, process, scraper, log)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()

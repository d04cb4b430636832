from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import zstandard
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.settings import BufferSettings
from nrdot.stages import Record
from nrdot.testing.clock import NOON_NS, ManualClock
from nrdot.testing.commands.console import Console

ROOT = Path(__file__).parents[2]
# Where pages say a host keeps things, and where the tests do.
PLACES = ("/etc/nrdot", "/var/lib/nrdot", "/srv/ledgers")
SHORTENED = "sample-host-7.jsonl.zst"  # pages have many commands for it
WRITTEN = {".yaml", ".md", ".csv", ".json"}

HOST = """
profile: {profile}
agent: {{state_dir: {state}, listen: ""}}
export:
  - name: local
    file: {{path: metrics.jsonl}}
"""


class Scratch(Console):
    """A folder with what a clone holds and what a page's reader has by then."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ROOT)
        for name in ("docs", "profiles", "classifiers", "operator"):
            (folder / name).symlink_to(ROOT / name)
        samples = folder / "samples"
        shutil.copytree(ROOT / "samples", samples, ignore=shutil.ignore_patterns("captures"))
        recorded = beginning(ROOT / "samples/captures" / SHORTENED, 61)
        (samples / "captures").mkdir()
        for path in (ROOT / "samples/captures").iterdir():
            if path.name != SHORTENED:
                (samples / "captures" / path.name).symlink_to(path)
        (samples / "captures" / SHORTENED).write_bytes(recorded)
        for path in samples.rglob("*"):
            if path.suffix in WRITTEN and "captures" not in path.parts[len(samples.parts) :]:
                path.write_text(self.placed(path.read_text()))
        for place in PLACES:
            self.path(place).mkdir(parents=True)
        # What takes ten minutes on a page: `nrdot record -o host.jsonl.zst --duration 10m`.
        (folder / "host.jsonl.zst").write_bytes(recorded)

    def host(self) -> None:
        """An agent has run twice here, with a change in between; one request waits, another was refused."""
        file, state = self.path("/etc/nrdot/nrdot.yaml"), self.path("/var/lib/nrdot")
        for profile in ("conservative", "balanced"):
            file.write_text(HOST.format(profile=profile, state=state))
            done = self._shell(f"nrdot agent -c {file} --once")
            assert done.status == 0, done.err
        buffer = DiskBuffer(state / "buffer/collector", BufferSettings(), ManualClock(), Files())
        for number in range(2):
            buffer.put(Record(ExportMetricsServiceRequest().SerializeToString(), 1, NOON_NS + number))
        (first, _), *_ = buffer.peek(1, 1)
        buffer.reject([first], "no such tenant (400)")
        buffer.close()

    def few_captures(self) -> None:
        """Two hosts for a minute or two each, in place of all for as long as they were recorded."""
        captures = self.path("samples/captures")
        for path in captures.glob("*.zst"):
            path.unlink()
        for name in ("sample-host-1.jsonl.zst", "sample-host-3.jsonl.zst"):
            (captures / name).write_bytes(beginning(ROOT / "samples/captures" / name, 21))
        (self.folder / "host.jsonl.zst").write_bytes(beginning(ROOT / "samples/captures" / SHORTENED, 21))

    def path(self, name: str) -> Path:
        """A file of a page, in this folder."""
        return self.folder / name.lstrip("/")

    def placed(self, text: str) -> str:
        """With places of a host replaced by those of the test."""
        for place in PLACES:
            text = text.replace(place, str(self.path(place)))
        return text


def beginning(capture: Path, lines: int) -> bytes:
    """The first lines of a capture: what it is, then a sample each; 60 are five minutes."""
    with capture.open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        kept = reader.read().splitlines(keepends=True)[:lines]
    return zstandard.ZstdCompressor().compress(b"".join(kept))


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("NEW_RELIC_LICENSE_KEY", "not-a-key")
    monkeypatch.setenv("OTLP_TOKEN", "not-a-token")
    monkeypatch.setenv("CITY", "berlin")
    monkeypatch.setenv("REGION", "asia")
    for name in ("KUBECONFIG", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    return Scratch(tmp_path)

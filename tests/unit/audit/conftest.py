import pytest

from nrdot.audit.trail import Trail
from nrdot.testing.clock import ManualClock
from nrdot.testing.disks.troubled import TroubledDisk


class Kept:
    """A trail with a clock and a disk at hand."""

    def __init__(self, directory):
        self.directory = directory
        self.clock = ManualClock()
        self.disk = TroubledDisk()
        self.trail = None

    def open(self):
        self.trail = Trail(self.directory, self.clock, self.disk)
        return self.trail

    def append(self, count=1, **content):
        for number in range(count):
            self.clock.advance(1.0)
            entry = self.trail.append({"change_type": "reload", "value": number, **content})
        return entry

    def files(self):
        return sorted(self.directory.glob("*.jsonl"))

    def lines(self):
        return [line for path in self.files() for line in path.read_bytes().splitlines()]


@pytest.fixture
def kept(tmp_path):
    made = Kept(tmp_path / "audit")
    made.open()
    return made

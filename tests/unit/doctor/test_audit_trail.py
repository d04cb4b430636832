import pytest

from nrdot.audit.disk import Disk
from nrdot.audit.trail import Trail
from nrdot.config.reading.load import load
from nrdot.doctor.audit_trail import check
from nrdot.doctor.finding import Level
from nrdot.testing.clock import ManualClock


@pytest.fixture
def looked(tmp_path):
    def look(text=""):
        file = tmp_path / "nrdot.yaml"
        file.write_text(f"agent: {{state_dir: {tmp_path}}}\n{text}\n")
        return [(one.level, one.what) for one in check(load(file, {}))]

    return look


@pytest.fixture
def trail(tmp_path):
    made = Trail(tmp_path / "audit", ManualClock(), Disk())
    made.append({"change_type": "start"})
    return made


def test_a_host_without_a_trail_has_none_yet(looked, tmp_path):
    assert looked() == [(Level.OK, f"none yet in {tmp_path}/audit; it begins with the first start")]


def test_a_whole_trail_and_its_copies_are_fine(looked, trail):
    assert looked("auditLog: {destination: /copies}") == [
        (Level.OK, "copies go to /copies/HOST_ID"),
        (Level.OK, "whole, the last entry is number 1"),
    ]


def test_a_broken_trail_is_an_error(looked, trail):
    (piece,) = trail.directory.glob("*.jsonl")
    piece.write_text("")

    ((level, what),) = looked()
    assert level is Level.ERROR
    assert "entry 1 is missing" in what


def test_a_trail_that_is_switched_off_is_a_warning(looked):
    ((level, what),) = looked("auditLog: {enabled: false}")

    assert level is Level.WARNING
    assert "changes are not written down" in what

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from nrdot.agent.loop.daemon import EXIT

UNIT = Path(__file__).parents[3] / "samples" / "systemd" / "nrdot.service"
NEEDED = {"CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"}

with_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not here (Debian package systemd); CI has it",
)


def settings(name):
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


@with_systemd
def test_systemd_rates_its_exposure_at_two_or_better():
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", UNIT],
        capture_output=True,
        text=True,
        check=False,
    )

    assert rated.returncode == 0, rated.stdout.splitlines()[-1]


@with_systemd
def test_systemd_understands_every_line(tmp_path):
    installed = tmp_path / UNIT.name
    installed.write_text(UNIT.read_text().replace("/opt/nrdot/bin/nrdot", "/bin/sh"))  # any that is here

    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", installed],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (checked.returncode, checked.stderr) == (0, "")


def test_it_holds_the_two_capabilities_that_reading_proc_needs_and_no_other():
    assert set(settings("AmbientCapabilities")[0].split()) == NEEDED
    assert set(settings("CapabilityBoundingSet")[0].split()) == NEEDED


def test_a_killed_agent_comes_back_and_an_agent_that_ends_is_given_its_time():
    assert settings("Restart") == ["always"]
    assert settings("MemoryMax") == ["256M"]
    assert int(settings("TimeoutStopSec")[0].removesuffix("s")) > EXIT


def test_a_namespace_of_its_own_does_not_hide_the_processes_of_others():
    assert settings("ProtectProc") == ["default"]
    assert settings("ProcSubset") == ["all"]
    assert settings("PrivateUsers") == []
    assert settings("PrivatePIDs") == []

"""The wheel under the other Pythons that NRDOT is for, as far as this machine has them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from parts.interpreters import installed, others
from parts.packages import CAPTURE, OUTSIDE, ROOT, config
from parts.program import HANG_GUARD

from nrdot.testing.recordings import ledger

SUPPORTED = ("3.11", "3.12", "3.13")
HERE = f"3.{sys.version_info.minor}"
VERSIONS = sorted({*SUPPORTED, *others()} - {HERE}, key=lambda version: int(version.partition(".")[2]))
SAMPLES = [path for path in sorted(ROOT.glob("samples/agent-*.yaml")) if "vendor" not in path.name]
DAY = 86400


@pytest.fixture(scope="module", params=VERSIONS)
def nrdot(request, tmp_path_factory):
    """Calls the command under one of them, in a folder of its own."""
    version = request.param
    if version not in others():
        pytest.skip(f"Python {version} is supported and was not tried: this machine has none")
    program, folder = installed(version), tmp_path_factory.mktemp("interpreter")

    def call(*arguments):
        done = subprocess.run(
            [program, *arguments],
            cwd=folder,
            env={**OUTSIDE, "PYTHONWARNINGS": "error"},
            capture_output=True,
            text=True,
            check=False,
            timeout=HANG_GUARD,
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert "Warning" not in done.stderr
        return done.stdout

    return call


def test_processes_are_scanned_and_exported_once(nrdot, collector, tmp_path):
    file = tmp_path / "agent.yaml"
    file.write_text(config(collector.endpoint, str(tmp_path / "state")))

    nrdot("agent", "-c", file, "--once")
    collector.stop()

    assert collector.points()
    assert json.loads(nrdot("scan", "--json"))["processes"]


def test_reports_and_simulations_are_the_same_as_under_the_python_of_the_tests(nrdot, tmp_path):
    for hour in range(48):
        ledger.write(tmp_path / "ledger", ledger.hour(ledger.NOON - 3 * DAY + hour * 3600))
    report = ["report", "--ledger", tmp_path / "ledger", "--since", "30d", "--json"]
    simulation = ["simulate", CAPTURE, "-p", "balanced", "-p", "aggressive", "-j", "1", "--json"]
    for asked in (report, simulation):
        here = subprocess.run(
            [sys.executable, "-m", "nrdot", *asked], capture_output=True, text=True, check=True
        )
        assert json.loads(nrdot(*asked)) == json.loads(here.stdout)


def test_samples_have_no_problems_and_manifests_are_printed_alike(nrdot):
    assert nrdot("profile", "lint", *SAMPLES).count(": no problems") == len(SAMPLES)
    here = subprocess.run(
        [sys.executable, "-m", "nrdot", "operator", "manifests"], capture_output=True, text=True, check=True
    )
    assert nrdot("operator", "manifests") == here.stdout


def test_the_pythons_that_are_supported_are_those_that_are_tried():
    page = (ROOT / "docs/releases.md").read_text()
    assert f"| Python | {', '.join(SUPPORTED)};" in page
    assert all(f'"Programming Language :: Python :: {one}"' in _project() for one in SUPPORTED)


def _project():
    return (ROOT / "pyproject.toml").read_text()

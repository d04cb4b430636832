"""The wheel, what pipx and pip make of it, and the images, as their users get them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from parts.image import replayed
from parts.packages import CAPTURE, DIST, OUTSIDE, ROOT, config, wheel
from parts.program import HANG_GUARD
from parts.trees import READERS_ONLY

from nrdot.testing.documents.pages import blocks

SAMPLES = ROOT / "samples"
DASHBOARD = str(SAMPLES / "dashboards" / "processes.json")
BROUGHT = {
    "report": "duckdb",
    "train": "scikit-learn",
    "operator": "kubernetes",
    "dashboards": "promql-parser",
}
COMMANDS = re.compile(r"^  ([a-z]+) {2,}", re.MULTILINE)


@pytest.fixture(scope="session")
def piped(tmp_path_factory):
    """The command as `pipx install` leaves it, with pipx out of an environment of its own."""
    folder = tmp_path_factory.mktemp("pipx")
    venv.create(folder / "tool", with_pip=True)
    subprocess.run([folder / "tool/bin/pip", "install", "--quiet", "pipx"], check=True, env=OUTSIDE)
    places = {"PIPX_HOME": str(folder / "home"), "PIPX_BIN_DIR": str(folder / "bin")}
    base = Path(sys.executable).resolve()
    asked = [folder / "tool/bin/pipx", "install", "--python", base, wheel()]
    subprocess.run(asked, check=True, env={**OUTSIDE, **places}, capture_output=True)
    return folder / "bin" / "nrdot"


def call(program, *arguments):
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, env=OUTSIDE, check=False, timeout=HANG_GUARD
    )


def every_help(program, *above):
    """Each command's path, after its help was shown without a fault."""
    shown = call(program, *above, "--help")
    assert (shown.returncode, shown.stderr) == (0, ""), above
    yield above
    if "Commands:" in shown.stdout:
        for name in COMMANDS.findall(shown.stdout.split("Commands:")[1]):
            yield from every_help(program, *above, name)


def test_pipx_gives_a_command_that_scans_exports_once_and_explains_itself(piped, collector, tmp_path):
    file = tmp_path / "agent.yaml"
    file.write_text(config(collector.endpoint, str(tmp_path / "state")))

    scanned = call(piped, "scan", "--json")
    once = call(piped, "agent", "-c", str(file), "--once")
    collector.stop()

    assert json.loads(scanned.stdout)["processes"]
    assert once.returncode == 0, once.stderr
    assert collector.points()
    assert len(list(every_help(piped))) > 30


def test_the_demo_watches_this_host_on_a_terminal_and_leaves_a_page(piped, tmp_path):
    page = tmp_path / "demo.html"
    asked = f"{piped} demo --duration 20s --output {page}"

    # `script` gives it a terminal, on which it draws while it watches.
    shown = call("script", "--quiet", "--return", "--command", asked, "/dev/null")

    assert shown.returncode == 0, shown.stdout
    assert "points an hour" in shown.stdout
    assert "<html" in page.read_text()


@pytest.mark.parametrize(
    ("extra", "arguments"),
    [
        ("report", ["report", "--ledger", "{folder}"]),
        ("report", ["ledger", "compact", "{folder}"]),
        ("train", ["train", str(CAPTURE), "-o", "{folder}/model"]),
        ("operator", ["operator", "run"]),
        ("dashboards", ["profile", "lint", f"{SAMPLES}/agent-file.yaml", "--dashboards", DASHBOARD]),
    ],
)
def test_a_command_whose_extra_was_left_out_says_in_one_line_which(piped, tmp_path, extra, arguments):
    ledger = tmp_path / "2026-01-01.jsonl.zst"
    ledger.touch()

    said = call(piped, *(word.format(folder=tmp_path) for word in arguments))

    assert said.returncode == 2, said.stdout
    assert len(said.stderr.splitlines()) == 1
    typed = shlex.split(said.stderr.split("install it: ")[1])
    assert typed[:3] == ["pipx", "inject", "nrdot"]
    assert BROUGHT[extra] in {re.match(r"[\w-]+", word)[0] for word in typed[3:]}


def test_a_release_installs_by_its_hashes_alone(tmp_path):
    subprocess.run([ROOT / "packaging/finish-release"], check=True, stdout=subprocess.DEVNULL)
    here = "test_packages.py::test_a_release_installs_by_its_hashes_alone"
    page = ROOT / "docs/releases.md"
    (typed,) = [block.text for block in blocks(page) if block.covered_by.endswith(here)]
    venv.create(tmp_path / "env", with_pip=True)
    environment = {**OUTSIDE, "PATH": f"{tmp_path}/env/bin:{OUTSIDE['PATH']}"}

    done = subprocess.run(
        ["sh", "-e", "-c", typed], cwd=DIST, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert f"{wheel().name}: OK" in done.stdout
    assert call(tmp_path / "env/bin/pip", "check").returncode == 0
    assert call(tmp_path / "env/bin/nrdot", "profile", "list").returncode == 0


def test_the_agents_image_reads_and_exports_with_two_capabilities_on_a_root_that_it_cannot_write(
    collector, tmp_path
):
    image = replayed("agent", tmp_path)
    image.tree.write("/etc/nrdot/nrdot.yaml", config(collector.endpoint, "/var/lib/nrdot"))

    done = image.tree.run(
        [*image.entry, *image.command, "--once"],
        user=image.user,
        read_only=True,
        writable="/var/lib/nrdot",
        environment=image.environment,
        under=READERS_ONLY,
    )
    collector.stop()

    assert done.returncode == 0, done.stderr
    assert collector.points()


def test_the_operators_image_runs_as_nobody_in_particular_and_says_that_it_sees_no_cluster(tmp_path):
    image = replayed("operator", tmp_path)
    how = {"user": image.user, "read_only": True, "environment": image.environment}

    run = image.tree.run([*image.entry, *image.command], **how)

    assert image.user != 0
    assert image.tree.works(*image.entry, "operator", "manifests", **how).startswith("apiVersion: ")
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1
    assert "cluster" in run.stderr

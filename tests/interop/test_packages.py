"""The packages as their users get them: built here, put on hosts that are bare, and used."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from parts.image import replayed
from parts.program import free_port
from parts.trees import READERS_ONLY, Tree

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
CAPTURE = SAMPLES / "captures" / "sample-host-1.jsonl.zst"
DASHBOARD = str(SAMPLES / "dashboards" / "processes.json")
COMMANDS = re.compile(r"^  ([a-z]+) {2,}", re.MULTILINE)
# What pip needs of this machine to reach its index, and nothing of the environment that runs the tests.
OUTSIDE = {
    name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
}


def built(script, pattern):
    subprocess.run([ROOT / "packaging" / script], check=True, env=OUTSIDE, stdout=subprocess.DEVNULL)
    return max((ROOT / "dist").glob(pattern), key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="session")
def wheel():
    return next((ROOT / "dist").glob("nrdot-*.whl"))


@pytest.fixture(scope="session")
def deb():
    return built("build-deb", "nrdot_*.deb")


@pytest.fixture(scope="session")
def bundle():
    return built("build-bundle", "nrdot-*-linux-*.tar.gz")


@pytest.fixture(scope="session")
def piped(wheel, tmp_path_factory):
    """The command as `pipx install` leaves it, with pipx out of an environment of its own."""
    folder = tmp_path_factory.mktemp("pipx")
    venv.create(folder / "tool", with_pip=True)
    subprocess.run([folder / "tool/bin/pip", "install", "--quiet", "pipx"], check=True, env=OUTSIDE)
    places = {"PIPX_HOME": str(folder / "home"), "PIPX_BIN_DIR": str(folder / "bin")}
    base = Path(sys.executable).resolve()
    asked = [folder / "tool/bin/pipx", "install", "--python", base, wheel]
    subprocess.run(asked, check=True, env={**OUTSIDE, **places}, capture_output=True)
    return folder / "bin" / "nrdot"


def call(program, *arguments):
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, env=OUTSIDE, check=False, timeout=90
    )


def config(endpoint, state="/tmp/nrdot"):
    """Takes every process, sends it to one endpoint."""
    return (
        f"profile: conservative\nagent:\n  state_dir: {state}\n  listen: 127.0.0.1:{free_port()}\n"
        f"export:\n  - name: collector\n    otlp:\n      endpoint: {endpoint}\n"
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
    assert f"pip install 'nrdot[{extra}]'" in said.stderr


def test_a_release_installs_by_its_hashes_alone(wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    pip = tmp_path / "env/bin/pip"

    locked = ["--require-hashes", "--no-deps", "-r", ROOT / "packaging/locks/agent.txt"]
    subprocess.run([pip, "install", "--quiet", *locked], check=True, env=OUTSIDE)
    subprocess.run([pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True, env=OUTSIDE)

    assert call(pip, "check").returncode == 0
    assert call(tmp_path / "env/bin/nrdot", "profile", "list").returncode == 0


@pytest.mark.parametrize("host", ["bookworm", "bullseye"])
def test_the_bundle_does_all_on_a_host_without_python(bundle, collector, tmp_path, host):
    tree = Tree.unpack(host, tmp_path)
    name = bundle.name.removesuffix(".tar.gz")
    subprocess.run(["tar", "-xf", bundle, "-C", tree.root / "opt"], check=True)
    (tree.root / "usr/local/bin/nrdot").symlink_to(f"/opt/{name}/bin/nrdot")
    tree.write("/etc/nrdot/agent.yaml", config(collector.endpoint))
    capture = "/tmp/capture.jsonl.zst"
    (tree.root / "tmp/capture.jsonl.zst").write_bytes(CAPTURE.read_bytes())

    assert not list(tree.root.glob("usr/bin/python*"))
    assert tree.works("nrdot", "--version").startswith("nrdot ")
    assert json.loads(tree.works("nrdot", "scan", "--json"))["processes"]
    tree.works("nrdot", "doctor", "-c", "/etc/nrdot/agent.yaml")
    tree.works("nrdot", "profile", "lint", "/etc/nrdot/agent.yaml")
    tree.works("nrdot", "demo", "--capture", capture, "-o", "/tmp/demo.html")
    assert tree.has("/tmp/demo.html")
    tree.works("nrdot", "simulate", capture, "-p", "balanced", "-p", "conservative", "-j", "2")
    tree.works("nrdot", "agent", "-c", "/etc/nrdot/agent.yaml", "--once")
    collector.stop()
    assert collector.points()


def test_the_bundle_needs_no_rights_and_writes_nothing_beside_itself(bundle, tmp_path):
    tree = Tree.unpack("bookworm", tmp_path)
    subprocess.run(["tar", "-xf", bundle, "-C", tree.root / "opt"], check=True)
    program = f"/opt/{bundle.name.removesuffix('.tar.gz')}/bin/nrdot"
    tree.write(
        "/etc/nrdot.yaml", "agent:\n  state_dir: /tmp/state\nexport:\n  - file:\n      path: sent.jsonl\n"
    )
    shown = "import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'])"

    tree.works(program, "agent", "-c", "/etc/nrdot.yaml", "--once", user=65534, read_only=True)
    roots = tree.works(f"{Path(program).parent}/python3", "-c", shown, user=65534, read_only=True)

    assert int(roots) > 100, "this host has no roots of trust, so the bundle's own hold"


def test_lintian_finds_no_error_in_the_debian_package(deb):
    found = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", deb],
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 0, found.stdout


@pytest.fixture(scope="module")
def newer(deb, tmp_path_factory):
    """The same package with a higher version and another configuration, and nothing else changed."""
    folder = tmp_path_factory.mktemp("newer")
    subprocess.run(["dpkg-deb", "-R", deb, folder / "files"], check=True)
    control = folder / "files/DEBIAN/control"
    control.write_text(re.sub(r"^Version: ", "Version: 9:", control.read_text(), flags=re.MULTILINE))
    with (folder / "files/etc/nrdot/agent.yaml").open("a") as shipped:
        shipped.write("# of the newer package\n")
    subprocess.run(
        ["dpkg-deb", "-Znone", "-b", folder / "files", folder / "nrdot_9_all.deb"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / "nrdot_9_all.deb"


def install(tree, package):
    place = tree.root / "root" / package.name
    place.write_bytes(package.read_bytes())
    told = tree.works(
        *("dpkg", "--force-confold", "--install", f"/root/{package.name}"),
        environment={"DEBIAN_FRONTEND": "noninteractive"},
    )
    place.unlink()
    return told


def test_the_debian_package_is_installed_upgraded_removed_and_purged(deb, newer, collector, tmp_path):
    tree = Tree.unpack("served", tmp_path)
    install(tree, deb)
    tree.works("nrdot", "profile", "lint", "/etc/nrdot/agent.yaml")
    tree.write("/etc/nrdot/agent.yaml", config(collector.endpoint, "/var/lib/nrdot"))
    tree.works("nrdot", "agent", "-c", "/etc/nrdot/agent.yaml", "--once")
    assert tree.works("nrdot", "--version").startswith("nrdot ")
    assert "nologin" in tree.works("getent", "passwd", "nrdot")
    assert tree.has("/etc/systemd/system/multi-user.target.wants/nrdot.service")
    assert tree.has("/var/lib/nrdot")
    tree.works("systemd-analyze", "verify", "--man=no", "/lib/systemd/system/nrdot.service")

    install(tree, newer)
    assert collector.endpoint in (tree.root / "etc/nrdot/agent.yaml").read_text(), "the administrator's stays"
    assert tree.has("/etc/nrdot/agent.yaml.dpkg-dist")
    assert tree.has("/var/lib/nrdot/audit")

    tree.works("dpkg", "--remove", "nrdot")
    assert not tree.has("/usr/bin/nrdot")
    assert not tree.has("/usr/lib/nrdot"), "nothing compiled stays behind"
    assert tree.has("/etc/nrdot/agent.yaml")
    assert tree.has("/var/lib/nrdot/audit")

    tree.works("dpkg", "--purge", "nrdot")
    assert not tree.has("/etc/nrdot/agent.yaml")
    assert not tree.has("/var/lib/nrdot")


BOOTED = """
show() { systemctl show nrdot --property "$1" --value; }
echo "state $(show ActiveState) $(show SubState)"
pid=$(show MainPID)
echo "user $(stat -c %U /proc/$pid)"
echo "capabilities $(grep CapEff /proc/$pid/status | cut -f2)"
systemctl reload nrdot && echo "reloaded $(show ActiveState)"
kill -9 "$pid"
until [ "$(show MainPID)" != "$pid" ] && [ "$(show ActiveState)" = active ]; do sleep 0.2; done
echo "again $(show NRestarts)"
systemctl stop nrdot
echo "stopped $(show Result) $(show ExecMainStatus)"
stat -c 'kept %U %a' /var/lib/nrdot
"""


def test_systemd_runs_the_package_as_its_own_user_and_brings_it_back(deb, collector, tmp_path):
    tree = Tree.unpack("served", tmp_path)
    install(tree, deb)
    tree.write("/etc/nrdot/agent.yaml", config(collector.endpoint, "/var/lib/nrdot"))

    told = dict(line.split(" ", 1) for line in tree.boot(BOOTED, after="nrdot.service").splitlines())
    collector.stop()

    assert told["state"] == "active running"
    assert told["user"] == "nrdot"
    # SYS_PTRACE is the 19th, DAC_READ_SEARCH the 2nd.
    assert int(told["capabilities"], 16) == 1 << 19 | 1 << 2
    assert told["reloaded"] == "active"
    assert told["again"] == "1"
    assert told["stopped"] == "success 0"
    assert told["kept"] == "nrdot 700"
    assert collector.points()


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

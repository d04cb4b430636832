"""The bundle on hosts without Python, with an older C library and systemd, and on another processor."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

import pytest
from parts.packages import CAPTURE, ROOT, build, bundle, config, unpack
from parts.program import HANG_GUARD
from parts.trees import Tree

SENT_TO_A_FILE = "agent:\n  state_dir: {state}\n  listen: ''\nexport:\n  - file:\n      path: sent.jsonl\n"


@pytest.mark.parametrize("host", ["bookworm", "bullseye"])
def test_the_bundle_does_all_on_a_host_without_python(collector, tmp_path, host):
    tree = Tree.unpack(host, tmp_path)
    unpack(tree, bundle())
    tree.write("/etc/nrdot/nrdot.yaml", config(collector.endpoint))
    capture = "/tmp/capture.jsonl.zst"
    (tree.root / "tmp/capture.jsonl.zst").write_bytes(CAPTURE.read_bytes())

    assert not list(tree.root.glob("usr/bin/python*"))
    assert tree.works("nrdot", "--version").startswith("nrdot ")
    assert json.loads(tree.works("nrdot", "scan", "--json"))["processes"]
    tree.works("nrdot", "doctor", "-c", "/etc/nrdot/nrdot.yaml")
    tree.works("nrdot", "profile", "lint", "/etc/nrdot/nrdot.yaml")
    tree.works("nrdot", "demo", "--capture", capture, "-o", "/tmp/demo.html")
    assert tree.has("/tmp/demo.html")
    tree.works("nrdot", "simulate", capture, "-p", "balanced", "-p", "conservative", "-j", "2")
    tree.works("nrdot", "agent", "-c", "/etc/nrdot/nrdot.yaml", "--once")
    collector.stop()
    assert collector.points()


def test_nothing_of_the_hosts_libraries_is_loaded(tmp_path):
    tree = Tree.unpack("bullseye", tmp_path)
    home = Path(unpack(tree, bundle())).parents[1]
    shown = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import re2, numpy, ssl, sqlite3, cryptography.fernet, zstandard, yaml, msgspec\n"
        "print(open('/proc/self/maps').read())"
    )

    maps = tree.works(f"{home}/bin/python3", "-I", "-S", "-c", shown, f"{home}/lib/packages")

    code = {line.split(maxsplit=5)[5] for line in maps.splitlines() if "/" in line and "r-xp" in line}
    assert f"{home}/lib/system/libc.so.6" in code
    assert not [path for path in code if not path.startswith(f"{home}/")]


def test_the_bundle_needs_no_rights_and_writes_nothing_beside_itself(tmp_path):
    tree = Tree.unpack("bookworm", tmp_path)
    program = unpack(tree, bundle())
    tree.write("/etc/nrdot.yaml", SENT_TO_A_FILE.format(state="/tmp/state"))
    shown = "import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'])"

    tree.works(program, "agent", "-c", "/etc/nrdot.yaml", "--once", user=65534, read_only=True)
    roots = tree.works(f"{Path(program).parent}/python3", "-c", shown, user=65534, read_only=True)

    assert int(roots) > 100, "this host has no roots of trust, so the bundle's own hold"


BOOTED = """
show() { systemctl show nrdot --property "$1" --value; }
echo "state $(show ActiveState) $(show SubState)"
echo "named $(cat /proc/$(show MainPID)/comm)"
# systemd before 253 takes the signal for the reload; the agent tells it when one begins and ends.
settled() { for second in $(seq 60); do [ "$(show ActiveState)" = reloading ] || break; sleep 1; done; }
systemctl reload nrdot && settled && echo "reloaded $(show ActiveState)"
systemctl stop nrdot
echo "stopped $(show Result) $(show ExecMainStatus)"
"""


def test_the_sample_unit_runs_the_bundle_under_an_older_systemd(collector, tmp_path):
    tree = Tree.unpack("older", tmp_path)
    unpack(tree, bundle())
    tree.write("/etc/nrdot/nrdot.yaml", config(collector.endpoint, "/var/lib/nrdot"))
    tree.write("/etc/systemd/system/nrdot.service", (ROOT / "samples/systemd/nrdot.service").read_text())
    tree.works("systemctl", "enable", "nrdot.service")

    told = dict(line.split(" ", 1) for line in tree.boot(BOOTED, after="nrdot.service").splitlines())
    collector.stop()

    assert not list(tree.root.glob("usr/bin/python*"))
    assert told == {
        "state": "active running",
        "named": "nrdot",
        "reloaded": "active",
        "stopped": "success 0",
    }
    assert collector.points()


def test_the_bundle_of_the_other_processor_exports_under_an_emulator(tmp_path):
    other = {"x86_64": "aarch64", "aarch64": "x86_64"}[platform.machine()]
    made = bundle(other)
    subprocess.run(["tar", "-xf", made, "-C", tmp_path], check=True)
    home = tmp_path / made.name.removesuffix(".tar.gz")
    (tmp_path / "agent.yaml").write_text(SENT_TO_A_FILE.format(state=tmp_path / "state"))
    # What bin/nrdot does, with an emulator before it.
    called = [f"qemu-{other}-static", home / "lib/system/nrdot", "--argv0", home / "bin/python3"]
    called += ["--library-path", home / "lib/system", home / "lib/system/python3.11", "-I", "-S"]
    once = [*called, home / "lib/start.py", "agent", "-c", tmp_path / "agent.yaml", "--once"]

    ended = subprocess.run(once, capture_output=True, text=True, check=False, timeout=HANG_GUARD)

    assert ended.returncode == 0, ended.stderr
    assert "process.cpu.time" in (tmp_path / "state/sent.jsonl").read_text()


def test_the_same_sources_give_the_same_bytes_whoever_builds():
    first = bundle().read_bytes()

    again = build("build-bundle", bundle().name, platform.machine(), umask=0o077, zone="Asia/Tokyo")

    assert again.read_bytes() == first, "users compare a release with a build of their own"

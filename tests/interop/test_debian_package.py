"""The Debian package over its life: installed, upgraded, taken back, removed, purged, and run by systemd."""

from __future__ import annotations

import json
import subprocess

from parts.packages import build, config, deb, install, newer
from parts.program import free_port
from parts.trees import Tree


def test_lintian_finds_no_error_in_it():
    found = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", deb()],
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 0, found.stdout


def test_the_same_sources_give_the_same_bytes_whoever_builds():
    first = deb().read_bytes()

    again = build("build-deb", deb().name, umask=0o077, zone="Asia/Tokyo")

    assert again.read_bytes() == first, "users compare a release with a build of their own"


def test_it_is_installed_upgraded_removed_and_purged(collector, tmp_path):
    tree = Tree.unpack("served", tmp_path)
    install(tree, deb())
    tree.works("nrdot", "profile", "lint", "/etc/nrdot/nrdot.yaml")
    tree.write("/etc/nrdot/nrdot.yaml", config(collector.endpoint, "/var/lib/nrdot"))
    tree.works("nrdot", "agent", "-c", "/etc/nrdot/nrdot.yaml", "--once")
    assert tree.works("nrdot", "--version").startswith("nrdot ")
    assert "nologin" in tree.works("getent", "passwd", "nrdot")
    assert tree.has("/etc/systemd/system/multi-user.target.wants/nrdot.service")
    assert tree.has("/var/lib/nrdot")
    tree.works("systemd-analyze", "verify", "--man=no", "/lib/systemd/system/nrdot.service")

    install(tree, newer(deb(), tmp_path))
    assert collector.endpoint in (tree.root / "etc/nrdot/nrdot.yaml").read_text(), "the administrator's stays"
    assert tree.has("/etc/nrdot/nrdot.yaml.dpkg-dist")
    assert tree.has("/var/lib/nrdot/audit")

    tree.works("dpkg", "--remove", "nrdot")
    assert not tree.has("/usr/bin/nrdot")
    assert not tree.has("/usr/lib/nrdot"), "nothing compiled stays behind"
    assert tree.has("/etc/nrdot/nrdot.yaml")
    assert tree.has("/var/lib/nrdot/audit")

    tree.works("dpkg", "--purge", "nrdot")
    assert not tree.has("/etc/nrdot/nrdot.yaml")
    assert not tree.has("/var/lib/nrdot")


CHANGED = """
export DEBIAN_FRONTEND=noninteractive
show() { systemctl show nrdot --property "$1" --value; }
status() { nrdot buffer status /var/lib/nrdot/buffer/collector --json; }
records() { status | sed -n 's/^  "records": \\([0-9]*\\),/\\1/p'; }
more_than() { until [ "$(records)" -gt "$1" ]; do sleep 0.2; done; }
more_than 0
first=$(show MainPID) waiting=$(records)
dpkg --force-confold --install /root/newer.deb >/root/dpkg.log 2>&1
echo "upgraded $(show ActiveState) $(dpkg-query --show --showformat '${Version}' nrdot | cut -c-2)"
[ "$(show MainPID)" = "$first" ] || echo "restarted yes"
more_than "$waiting"
waiting=$(records)
dpkg --force-confold --install /root/older.deb >/root/dpkg.log 2>&1
echo "warned $(grep -c downgrading /root/dpkg.log)"
echo "back $(show ActiveState)"
more_than "$waiting"
sed -i 's|endpoint: .*|endpoint: ENDPOINT|' /etc/nrdot/nrdot.yaml
status >/root/before.json
systemctl restart nrdot
until [ "$(records)" = 0 ]; do sleep 0.2; done
systemctl stop nrdot
"""


def test_what_waits_on_disk_outlives_an_upgrade_and_the_way_back(collector, tmp_path):
    tree = Tree.unpack("served", tmp_path)
    install(tree, deb())
    unreachable = f"http://127.0.0.1:{free_port()}"
    tree.write("/etc/nrdot/nrdot.yaml", "export_interval: 1s\n" + config(unreachable, "/var/lib/nrdot"))
    (tree.root / "root/older.deb").write_bytes(deb().read_bytes())
    (tree.root / "root/newer.deb").write_bytes(newer(deb(), tmp_path).read_bytes())

    told = tree.boot(CHANGED.replace("ENDPOINT", collector.endpoint), after="nrdot.service")
    collector.stop()

    assert told.splitlines() == ["upgraded active 9:", "restarted yes", "warned 1", "back active"]
    before = json.loads((tree.root / "root/before.json").read_text())
    assert before["delivered"] == 0
    assert before["dropped"] == {}
    assert min(point.time_ns for point in collector.points()) <= before["oldest_ns"]


BOOTED = """
show() { systemctl show nrdot --property "$1" --value; }
echo "state $(show ActiveState) $(show SubState)"
pid=$(show MainPID)
echo "user $(stat -c %U /proc/$pid)"
echo "capabilities $(grep CapEff /proc/$pid/status | cut -f2)"
# systemd before 253 takes the signal for the reload; the agent tells it when one begins and ends.
settled() { for second in $(seq 60); do [ "$(show ActiveState)" = reloading ] || break; sleep 1; done; }
systemctl reload nrdot && settled && echo "reloaded $(show ActiveState)"
kill -9 "$pid"
until [ "$(show MainPID)" != "$pid" ] && [ "$(show ActiveState)" = active ]; do sleep 0.2; done
echo "again $(show NRestarts)"
systemctl stop nrdot
echo "stopped $(show Result) $(show ExecMainStatus)"
stat -c 'kept %U %a' /var/lib/nrdot
"""


def test_systemd_runs_it_as_its_own_user_and_brings_it_back(collector, tmp_path):
    tree = Tree.unpack("served", tmp_path)
    install(tree, deb())
    tree.write("/etc/nrdot/nrdot.yaml", config(collector.endpoint, "/var/lib/nrdot"))

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

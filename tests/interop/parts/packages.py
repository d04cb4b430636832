"""The packages, built from this clone once a run, and what their tests share."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from parts.program import free_port

if TYPE_CHECKING:
    from parts.trees import Tree

ROOT = Path(__file__).parents[3]
DIST = ROOT / "dist"
CAPTURE = ROOT / "samples/captures/sample-host-1.jsonl.zst"
# What pip and apt need of this machine to reach their indexes, and nothing of what runs the tests.
OUTSIDE = {
    name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
}
QUIET = {"DEBIAN_FRONTEND": "noninteractive"}


def wheel() -> Path:
    return next(DIST.glob("nrdot-*.whl"))


@cache
def deb() -> Path:
    return build("build-deb", "nrdot_*.deb")


@cache
def bundle(processor: str = platform.machine()) -> Path:
    return build("build-bundle", f"nrdot-*-linux-{processor}.tar.gz", processor)


def build(script: str, pattern: str, *arguments: str, umask: int = 0o022, zone: str = "UTC") -> Path:
    subprocess.run(
        [ROOT / "packaging" / script, *arguments],
        check=True,
        env={**OUTSIDE, "TZ": zone},
        umask=umask,
        stdout=subprocess.DEVNULL,
    )
    return max(DIST.glob(pattern), key=lambda path: path.stat().st_mtime)


def newer(package: Path, folder: Path) -> Path:
    """The same package with a higher version and another configuration, and nothing else changed."""
    subprocess.run(["dpkg-deb", "-R", package, folder / "files"], check=True)
    control = folder / "files/DEBIAN/control"
    control.write_text(re.sub(r"^Version: ", "Version: 9:", control.read_text(), flags=re.MULTILINE))
    with (folder / "files/etc/nrdot/nrdot.yaml").open("a") as shipped:
        shipped.write("# of the newer package\n")
    made = folder / "nrdot_9_all.deb"
    subprocess.run(
        ["dpkg-deb", "-Znone", "-b", folder / "files", made], check=True, stdout=subprocess.DEVNULL
    )
    return made


def install(tree: Tree, package: Path) -> str:
    place = tree.root / "root" / package.name
    place.write_bytes(package.read_bytes())
    told = tree.works("dpkg", "--force-confold", "--install", f"/root/{package.name}", environment=QUIET)
    place.unlink()
    return told


def unpack(tree: Tree, tarball: Path) -> str:
    """Put a bundle where docs/releases.md puts it; the program's place in it."""
    name = tarball.name.removesuffix(".tar.gz")
    subprocess.run(["tar", "-xf", tarball, "-C", tree.root / "opt"], check=True)
    (tree.root / "opt/nrdot").symlink_to(f"/opt/{name}")
    (tree.root / "usr/local/bin/nrdot").symlink_to("/opt/nrdot/bin/nrdot")
    return f"/opt/{name}/bin/nrdot"


def config(endpoint: str, state: str = "/tmp/nrdot") -> str:
    """Takes every process, sends it to one endpoint."""
    return (
        f"profile: conservative\nagent:\n  state_dir: {state}\n  listen: 127.0.0.1:{free_port()}\n"
        f"export:\n  - name: collector\n    otlp:\n      endpoint: {endpoint}\n"
    )

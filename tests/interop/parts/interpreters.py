"""Other Pythons of this machine, each with the locked libraries in the cache and the wheel of this clone."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from parts.binaries import CACHE
from parts.packages import OUTSIDE, ROOT, wheel
from parts.program import HANG_GUARD

LOCK = ROOT / "packaging/locks/all.txt"
OLDEST = (3, 11)


@cache
def others() -> dict[str, Path]:
    """By version, as in 3.13: where a Python lies that NRDOT is for and that does not run the tests."""
    places = [Path(place) for place in os.environ.get("PATH", "").split(os.pathsep)]
    places += sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin"))
    found: dict[str, Path] = {}
    for path in (path for place in places for path in sorted(place.glob("python3.[0-9][0-9]"))):
        version = _version(path)
        if version >= OLDEST and version != sys.version_info[:2]:
            found[f"{version[0]}.{version[1]}"] = path
    return found


def _version(path: Path) -> tuple[int, ...]:
    """What it says of itself; nothing of a shim for a version that is not there."""
    asked = [path, "-c", "import sys; print(*sys.version_info[:2])"]
    done = subprocess.run(asked, capture_output=True, text=True, env=OUTSIDE, check=False, timeout=HANG_GUARD)
    return tuple(int(part) for part in done.stdout.split())


def installed(version: str) -> Path:
    """The command, in an environment that is made once for each lock; the wheel is put in each time."""
    name = hashlib.sha256(LOCK.read_bytes() + bytes(others()[version])).hexdigest()[:16]
    home = CACHE / f"python-{version}-{name}"
    if not (home / "complete").exists():
        _call(others()[version], "-m", "venv", "--clear", home)
        _call(*_pip(home), "--require-hashes", "--requirement", LOCK)
        (home / "complete").touch()
    _call(*_pip(home), "--no-index", "--no-deps", "--force-reinstall", wheel())
    return home / "bin" / "nrdot"


def _pip(home: Path) -> list[object]:
    return [home / "bin/pip", "install", "--quiet", "--disable-pip-version-check"]


def _call(*command: object) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=OUTSIDE, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr[-2000:]}")

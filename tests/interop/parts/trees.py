"""Hosts that are a folder each: bare ones, one with Python and systemd, one with systemd alone.

`tests/interop/trees` makes them once. A test gets a copy of its own, which ends with the test's folder.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from parts.program import HANG_GUARD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SCRIPT = Path(__file__).parents[1] / "trees"
_PLAIN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
# Reading others' processes, as the image's agent may.
READERS_ONLY = ("setpriv", "--bounding-set", "-all,+sys_ptrace,+dac_read_search", "--no-new-privs")


# What systemd-nspawn says where a container around us keeps it from its mounts and control groups.
_FORBIDDEN = ("Operation not permitted", "Permission denied", "Read-only file system")


@cache
def _no_mounts() -> str:
    """Why no host can be entered here; empty where it can."""
    tried = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"this machine lets nobody mount: {tried.stderr.strip()}" if tried.returncode else ""


@cache
def _tars() -> Path:
    made = subprocess.run([_SCRIPT], capture_output=True, text=True, check=True)
    return Path(made.stdout.strip())


@dataclass(frozen=True)
class Tree:
    root: Path

    @classmethod
    def unpack(cls, name: str, folder: Path) -> Tree:
        """A host in a new folder: bookworm, bullseye (bare), served (Python, systemd), older (systemd).

        Skips the test where this machine, a container perhaps, lets nobody mount.
        """
        if trouble := _no_mounts():
            pytest.skip(trouble)
        root = folder / name
        root.mkdir()
        subprocess.run(["tar", "-xf", _tars() / f"{name}.tar", "-C", root], check=True)
        return cls(root)

    def run(
        self,
        command: Sequence[str],
        *,
        user: int = 0,
        read_only: bool = False,
        writable: str = "/tmp",
        environment: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """A command to its end, in mounts of its own; it shares processes and loopback with this machine."""
        at = shlex.quote(str(self.root))
        lines = [
            "set -e",
            f"mount --bind {at} {at}",
            f"mount -t proc proc {at}/proc",
            f"mount --bind /dev {at}/dev",
        ]
        if read_only:
            lines += [
                f"mkdir -p {at}{writable}",
                f"mount -t tmpfs -o mode=1777 tmpfs {at}{writable}",
                f"mount -o remount,bind,ro {at}",
            ]
        called = shlex.join([*under, *command])
        lines.append(f"exec /usr/sbin/chroot --userspec={user}:{user} {at} {called}")
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines)],
            capture_output=True,
            text=True,
            env={**_PLAIN, **(environment or {})},
            timeout=2 * HANG_GUARD,
            check=False,
        )

    def works(self, *command: str, **how: Any) -> str:
        """What a command prints; one that fails is an error with all that it said."""
        done = self.run(command, **how)
        if done.returncode:
            raise RuntimeError(
                f"{shlex.join(command)} ended with {done.returncode}: {done.stderr}{done.stdout}"
            )
        return done.stdout

    def boot(self, script: str, after: str) -> str:
        """Let systemd be process 1, run `script` once the unit `after` is up, power off; what it printed."""
        self.write("/root/script", f"#!/bin/sh\n{script}", mode=0o755)
        self.write(
            "/etc/systemd/system/script.service",
            f"[Unit]\nAfter={after}\nSuccessAction=poweroff\nFailureAction=poweroff\n"
            "[Service]\nType=oneshot\nExecStart=/root/script\nStandardOutput=file:/root/told\n"
            "StandardError=inherit\n[Install]\nWantedBy=multi-user.target\n",
        )
        self.works("systemctl", "enable", "script.service")
        ended = subprocess.run(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "-D", self.root],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=2 * HANG_GUARD,
            check=False,
        )
        told = self.root / "root/told"
        if not told.exists():
            said = f"systemd-nspawn ended with {ended.returncode}: {ended.stdout[-2000:]}"
            if ended.returncode and any(words in said for words in _FORBIDDEN):
                pytest.skip(f"this machine boots no container; {said}")
            raise RuntimeError(f"the host's script was never run; {said}")
        return told.read_text()

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)

    def has(self, path: str) -> bool:
        return os.path.lexists(self.root / path.lstrip("/"))

"""The OpenTelemetry Collector, built from Go modules into the git-ignored cache.

The cache is keyed by the hash of `collector.yaml`, so a second call returns at once and an edited manifest
builds anew. Only the standard library is used: this runs before any virtual environment exists.

`go mod tidy` cannot be used, because a module that only tests need is missing from the proxy; so the
generated sources are compiled with `-mod=mod`, which adds what the program itself imports.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

INTEROP = Path(__file__).resolve().parents[1]
CACHE = INTEROP.parents[1] / ".cache"
MANIFEST = INTEROP / "collector.yaml"
OLDEST_GO = (1, 21)  # from here on Go fetches a newer toolchain where sources ask for one
BUILDER = "go.opentelemetry.io/collector/cmd/builder@v0.145.0"


def collector_path() -> Path:
    """Where the binary for the present manifest is, or will be once built."""
    key = hashlib.sha256(MANIFEST.read_bytes()).hexdigest()[:16]
    return CACHE / f"otelcol-{key}" / "otelcol"


def build_collector() -> Path:
    binary = collector_path()
    if binary.exists():
        return binary
    if (problem := _go_problem()) is not None:
        sys.exit(
            f"cannot build the Collector: {problem}; install Go {_named(OLDEST_GO)} or newer and run again"
        )
    work = binary.parent.with_suffix(f".building-{os.getpid()}")
    work.mkdir(parents=True)
    try:
        shutil.copy(MANIFEST, work / "manifest.yaml")
        tools = CACHE / "go-tools"
        _run(["go", "install", BUILDER], work, GOBIN=str(tools))
        builder = str(tools / "builder")
        _run([builder, "--config=manifest.yaml", "--skip-compilation", "--skip-get-modules"], work)
        compiling = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", "../otelcol", "."]
        _run(compiling, work / "source", GOFLAGS="-mod=mod")
        binary.parent.mkdir(parents=True, exist_ok=True)
        # A rename, so that two builds at once never leave half a binary behind.
        (work / "otelcol").replace(binary)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return binary


def _path() -> str:
    """Where Go's own installer puts it comes last, because not every shell has it on its path."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/go/bin"))


def _go_problem() -> str | None:
    """What keeps us from building, in words. Older versions cannot fetch the one that the sources ask for."""
    go = shutil.which("go", path=_path())
    if go is None:
        return "there is no `go`"
    said = subprocess.run([go, "env", "GOVERSION"], stdout=subprocess.PIPE, text=True, check=False).stdout
    found = re.match(r"go(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_GO:
        return f"{go} is {said.strip() or 'of an unknown version'}"
    return None


def _named(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _run(command: list[str], where: Path, **environment: str) -> None:
    """Run one step. Its output goes to standard error: standard output is the answer."""
    surroundings = {**os.environ, "PATH": _path(), "GOTOOLCHAIN": "auto", **environment}
    done = subprocess.run(command, cwd=where, env=surroundings, stdout=sys.stderr, check=False)
    if done.returncode:
        sys.exit(f"cannot build the Collector: `{' '.join(command)}` ended with status {done.returncode}")

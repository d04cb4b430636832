"""Programs built from Go modules into the git-ignored cache: a Collector, a Kubernetes API server, helm.

A binary is keyed by the hash of what says how to build it, so a second call returns at once and an edited
manifest builds anew. Only the standard library is used: this runs before any virtual environment exists.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

INTEROP = Path(__file__).resolve().parents[1]
CACHE = INTEROP.parents[1] / ".cache"
TOOLS = CACHE / "go-tools"
OLDEST_GO = (1, 21)  # from here on Go fetches a newer toolchain where sources ask for one
KUBERNETES = "v1.36.0"
HELM_VERSION = "v3.16.4"


@dataclass(frozen=True)
class Program:
    """One program: what names its version, and the steps that leave the binary in the folder they get."""

    name: str
    recipe: tuple[Path, ...]
    steps: Callable[[Path, Path], None]  # a folder to work in, and the binary to write
    salt: str = ""

    def path(self) -> Path:
        """Where the binary for the present recipe is, or will be once built."""
        content = self.salt.encode() + b"".join(file.read_bytes() for file in self.recipe)
        return CACHE / f"{self.name}-{hashlib.sha256(content).hexdigest()[:16]}" / self.name

    def build(self) -> Path:
        binary = self.path()
        if binary.exists():
            return binary
        if (problem := _go_problem()) is not None:
            sys.exit(
                f"cannot build {self.name}: {problem}; install Go {_named(OLDEST_GO)} or newer and run again"
            )
        work = binary.parent.with_suffix(f".building-{os.getpid()}")
        work.mkdir(parents=True)
        try:
            made = work / "made"
            self.steps(work, made)
            binary.parent.mkdir(parents=True, exist_ok=True)
            # A rename, so that two builds at once never leave half a binary behind.
            made.replace(binary)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return binary


def _collector(work: Path, made: Path) -> None:
    """`go mod tidy` cannot be used, because a module that only tests need is missing from the proxy; so the
    generated sources are compiled with `-mod=mod`, which adds what the program itself imports.
    """
    shutil.copy(INTEROP / "collector.yaml", work / "manifest.yaml")
    _run(["go", "install", "go.opentelemetry.io/collector/cmd/builder@v0.145.0"], work, GOBIN=str(TOOLS))
    builder = str(TOOLS / "builder")
    _run([builder, "--config=manifest.yaml", "--skip-compilation", "--skip-get-modules"], work)
    _run(
        ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(made), "."],
        work / "source",
        GOFLAGS="-mod=mod",
    )


def _apiserver(work: Path, made: Path) -> None:
    """The version is told by the linker, as Kubernetes' own build does; clients read it."""
    for file in ("go.mod", "keep.go"):
        shutil.copy(INTEROP / "apiserver" / file, work / file)
    _run(["go", "mod", "tidy"], work)
    major, minor = KUBERNETES[1:].split(".")[:2]
    stamped = {"gitVersion": KUBERNETES, "gitMajor": major, "gitMinor": minor}
    flags = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamped.items())
    command = ["go", "build", "-trimpath", f"-ldflags=-s -w {flags}", "-o", str(made)]
    _run([*command, "k8s.io/kubernetes/cmd/kube-apiserver"], work, GOFLAGS="-mod=mod")


def _helm(work: Path, made: Path) -> None:
    _run(["go", "mod", "init", "nrdot.io/interop/helm"], work)
    _run(["go", "get", f"helm.sh/helm/v3/cmd/helm@{HELM_VERSION}"], work)
    _run(["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(made), "helm.sh/helm/v3/cmd/helm"], work)


COLLECTOR = Program("otelcol", (INTEROP / "collector.yaml",), _collector)
APISERVER = Program(
    "kube-apiserver",
    (INTEROP / "apiserver" / "go.mod", INTEROP / "apiserver" / "keep.go"),
    _apiserver,
    KUBERNETES,
)
HELM = Program("helm", (), _helm, HELM_VERSION)
PROGRAMS = {program.name: program for program in (COLLECTOR, APISERVER, HELM)}


def collector_path() -> Path:
    return COLLECTOR.path()


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
        sys.exit(f"cannot build {where.name}: `{' '.join(command)}` ended with status {done.returncode}")

"""`operator/Dockerfile` without a container engine: its steps, replayed in trees.

The base image is taken for a Debian 12 with Python, which it is; what differs is the minor version of Python.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from parts.trees import Tree

ROOT = Path(__file__).parents[3]
_FILE = ROOT / "operator" / "Dockerfile"
# How this machine reaches its package index; the trees know nothing of it.
_REACHED_BY = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy")
_NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Image:
    tree: Tree
    environment: dict[str, str]
    user: int
    entry: list[str]
    command: list[str]


def replayed(target: str, folder: Path) -> Image:
    """The image `target` as the file says, in `folder`."""
    stages = _stages()
    build = _host(folder, "build")
    workdir = "/"
    for word, rest in [*stages["source"], *stages[f"{target}-build"]]:
        if word == "WORKDIR":
            workdir = rest
            (build.root / workdir.lstrip("/")).mkdir(parents=True)
        elif word == "COPY":
            _copy(rest.split(), build.root / workdir.lstrip("/"))
        elif word == "RUN":
            reached = {name: value for name, value in os.environ.items() if name.startswith(_REACHED_BY)}
            build.works("sh", "-c", f"cd {workdir} && {rest}", environment=reached)
    settings: dict[str, list[str]] = {}
    tree = _host(folder, "image")
    for word, rest in [*stages["base"], *stages[target]]:
        settings.setdefault(word, []).append(rest)
        if word == "COPY":
            shutil.copytree(build.root / "opt/nrdot", tree.root / "opt/nrdot", symlinks=True)
    values = dict(pair.split("=", 1) for pair in settings["ENV"][0].split())
    values["PATH"] = values["PATH"].replace("$PATH", "/usr/local/bin:/usr/bin:/bin")
    user = int(settings["USER"][0].split(":")[0])
    return Image(tree, values, user, json.loads(settings["ENTRYPOINT"][0]), json.loads(settings["CMD"][0]))


def _host(folder: Path, name: str) -> Tree:
    (folder / name).mkdir()
    tree = Tree.unpack("served", folder / name)
    (tree.root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    for path in _NETWORK:
        if Path(path).exists():
            shutil.copy(path, tree.root / path.lstrip("/"))
    return tree


def _copy(words: list[str], into: Path) -> None:
    *sources, goal = words
    for source in sources:
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, into / goal, ignore=ignored)
        else:
            shutil.copy(ROOT / source, into / goal)


def _stages() -> dict[str, list[tuple[str, str]]]:
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", _FILE.read_text(), flags=re.MULTILINE))
    stages: dict[str, list[tuple[str, str]]] = {}
    steps: list[tuple[str, str]] = []
    for line in filter(None, text.splitlines()):
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            steps = stages.setdefault(rest.rpartition(" AS ")[2], [])
        else:
            steps.append((word, rest))
    return stages

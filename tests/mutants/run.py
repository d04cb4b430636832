"""Small faults planted in a room, one at a time: do its tests notice?

    .venv/bin/python tests/mutants/run.py aggregate            # or score, decide, buffer
    .venv/bin/python tests/mutants/run.py buffer --only segment.py --only spans.py

mutmut plants them in a copy of the tree under build/mutants and runs only the tests that reach the changed
function. Survivors are printed as differences: each is a test to write, a line that nothing needs, or a
change that no behaviour shows. README.md beside this file says what was found.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
MUTMUT = "mutmut==3.8.1"  # beside the environment: it brings a terminal interface that nothing else needs
TOOL = ROOT / ".cache" / MUTMUT.replace("==", "-")
COPIED = ("nrdot", "tests", "profiles", "classifiers", "samples", "operator", "pyproject.toml", "README.md")
ROOMS = {
    "aggregate": ("tests/unit/aggregate", "tests/property/aggregate"),
    "score": (
        "tests/unit/score",
        "tests/property/score",
        "tests/faults/score",
        "tests/unit/checks/test_lint_of_rules.py",
    ),
    "decide": ("tests/unit/decide", "tests/property/decide"),
    "buffer": ("tests/unit/buffer", "tests/property/buffer"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument(
        "--only", action="append", metavar="FILE", help="a file of the room; all of them by default"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="mutants at a time (default 2)")
    options = parser.parse_args()
    copy = copied(options.room, options.only or [""])
    env = {**os.environ, "PYTHONPATH": str(tool())}
    mutmut = [sys.executable, "-m", "mutmut"]
    subprocess.run([*mutmut, "run", "--max-children", str(options.jobs)], cwd=copy, env=env, check=True)
    states = subprocess.run(
        [*mutmut, "results", "--all", "true"], cwd=copy, env=env, check=True, capture_output=True, text=True
    )
    of = dict(line.strip().rsplit(": ", 1) for line in states.stdout.splitlines() if ": " in line)
    alive = [name for name, state in of.items() if state in {"survived", "no tests"}]
    for name in alive:
        subprocess.run([*mutmut, "show", name], cwd=copy, env=env, check=True)
    counts = Counter(of.values())
    print(
        f"{options.room}: {len(of)} mutants,", ", ".join(f"{n} {state}" for state, n in counts.most_common())
    )
    return 0


def copied(room: str, only: list[str]) -> Path:
    """The tree as it is now, with mutmut's settings for this room; mutmut keeps what it did in there."""
    copy = ROOT / "build" / "mutants" / room
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    with (copy / "pyproject.toml").open("a") as file:
        file.write(
            "\n[tool.mutmut]\n"
            f"paths_to_mutate = {[str(Path('nrdot', room, one)) for one in only]}\n"
            f"tests_dir = {list(ROOMS[room])}\n"
            f"also_copy = {list(COPIED)}\n"
        )
    return copy


def tool() -> Path:
    if not TOOL.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--target", str(TOOL), MUTMUT], check=True)
    return TOOL


if __name__ == "__main__":
    sys.exit(main())

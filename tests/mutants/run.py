"""Small faults planted in a room, one at a time: do its tests notice?

    .venv/bin/python tests/mutants/run.py aggregate            # or score, decide, buffer
    .venv/bin/python tests/mutants/run.py buffer --only segment.py --only spans.py
    .venv/bin/python tests/mutants/run.py buffer --quick       # first what fast tests notice
    .venv/bin/python tests/mutants/run.py buffer --again       # what was not noticed, once more
    .venv/bin/python tests/mutants/run.py buffer --show

mutmut plants them in a copy of the tree under build/mutants; plant.py beside this file runs only the tests
that reach the changed function. What was found is kept there: a run that was ended goes on where it stopped,
and what has changed in the code is tried anew. What was not noticed is printed as differences and written
beside the copy: each is a test to write, a line that nothing needs, or a change that no behaviour shows.
README.md beside this file says what was found.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
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
        "tests/unit/checks",
    ),
    "decide": ("tests/unit/decide", "tests/property/decide"),
    "buffer": ("tests/unit/buffer", "tests/property/buffer"),
}
NOTICED = {1, 3}  # a test failed, or pytest itself stumbled
UNTESTED = {33}
TIMED_OUT = {-24}  # it took too much of the processor's time
STARTING_SECONDS = 0.02  # what a fork needs before the first test of a mutant


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    file: str
    status: int | None  # of pytest, None until it was tried

    @property
    def fate(self) -> str:
        if self.status is None:
            return "not tried"
        if self.status == 0:
            return "unnoticed"
        if self.status in UNTESTED:
            return "untested"
        if self.status in TIMED_OUT:
            return "timed out"
        return "noticed" if self.status in NOTICED else f"status {self.status}"

    @property
    def alive(self) -> bool:
        return self.fate in {"unnoticed", "untested"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument(
        "--only", action="append", metavar="FILE", help="a file of the room; all of them by default"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="mutants at a time (default 2)")
    parser.add_argument("--without", action="append", metavar="TEST", help="a test or folder to leave out")
    parser.add_argument(
        "--quick", action="store_true", help="without tests of more than 0.1 s; then --again without this"
    )
    parser.add_argument("--again", action="store_true", help="only those that were not noticed, once more")
    parser.add_argument("--afresh", action="store_true", help="forget what an earlier run found")
    parser.add_argument("--show", action="store_true", help="only show what was found so far")
    options = parser.parse_args()
    copy = ROOT / "build" / "mutants" / options.room
    files = [f"{one.removesuffix('.py')}.py" for one in options.only or names_of(options.room)]
    for file in files:
        if not (ROOT / "nrdot" / options.room / file).is_file():
            parser.error(f"nrdot/{options.room}/{file} does not exist; nothing was run")
    status = 0
    if not options.show:
        if options.afresh:
            shutil.rmtree(copy, ignore_errors=True)
        refresh(copy, options.room, files, options.without or [])
        again = forget(copy, options.room, files) if options.again else []
        if again or not options.again:
            status = run(copy, options, files, again)
    report(copy, options.room, files)
    return status


def names_of(room: str) -> list[str]:
    return sorted(path.name for path in (ROOT / "nrdot" / room).glob("*.py") if path.name != "__init__.py")


def refresh(copy: Path, room: str, files: list[str], without: list[str]) -> None:
    """The tree as it is now, with mutmut's settings; what mutmut found stays beside the copied sources."""
    for folder in (copy, copy / "mutants"):
        for name in COPIED:
            for path in [folder / name, *(folder / name).rglob("*")]:
                if path.is_file() and path.suffix not in {".meta", ".spans"}:
                    path.unlink()
    # Which tests reach which function is found out anew, because tests may have changed.
    (copy / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    copy.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, copy / name, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy2(source, copy / name)
    arguments = ["-p", "unshrunk", "-p", "no:cacheprovider", *(f"--deselect={test}" for test in without)]
    with (copy / "pyproject.toml").open("a") as file:
        file.write(
            "\n[tool.mutmut]\n"
            f"source_paths = {[f'nrdot/{room}/{one}' for one in files]}\n"
            f"pytest_add_cli_args_test_selection = {list(ROOMS[room])}\n"
            f"pytest_add_cli_args = {arguments}\n"
            f"also_copy = {list(COPIED)}\n"
            "use_git_change_detection = false\n"
            # tests are timed in a process that ends: what they leave behind would be in each mutant's
            'process_isolation = "forkserver"\n'
        )


def forget(copy: Path, room: str, files: list[str]) -> list[str]:
    """Those that were not noticed are untried again; which they are."""
    again = [one.name for one in found(copy, room, files) if one.alive]
    for path in (copy / "mutants" / "nrdot" / room / f"{file}.meta" for file in files):
        if not path.exists():
            continue
        meta = json.loads(path.read_text())
        meta["exit_code_by_key"].update((name, None) for name in again if name in meta["exit_code_by_key"])
        path.write_text(json.dumps(meta))
    return again


def run(copy: Path, options: argparse.Namespace, files: list[str], again: list[str]) -> int:
    room = options.room
    log = copy.with_suffix(".log")
    env = {**os.environ, "PYTHONPATH": f"{tool()}{os.pathsep}{Path(__file__).parent}"}
    command = [sys.executable, str(Path(__file__).with_name("plant.py")), "--jobs", str(options.jobs)]
    command += [*(["--quick"] if options.quick else []), *again]
    tell(f"{room}: planting, and timing the tests; what they say is in {log.relative_to(ROOT)}")
    with log.open("w") as out, subprocess.Popen(command, cwd=copy, env=env, stdout=out, stderr=out) as plant:
        try:
            watch(plant, copy, room, files, again)
        except KeyboardInterrupt:
            plant.wait()
            tell("\ninterrupted; the same command goes on from here", end="\n")
            return 130
    if plant.returncode:
        tell("", end="\n")
        print("".join(log.read_text().splitlines(keepends=True)[-30:]), file=sys.stderr)
    return plant.returncode


def watch(plant: subprocess.Popen[bytes], copy: Path, room: str, files: list[str], again: list[str]) -> None:
    started, untried_at_first, chosen = 0.0, 0.0, set(again)
    while plant.poll() is None:
        time.sleep(5 if sys.stderr.isatty() else 30)
        try:
            mutants, seconds = found(copy, room, files), usual_seconds(copy)
        except (FileNotFoundError, json.JSONDecodeError):
            continue  # not written yet, or in the middle of it
        mutants = [one for one in mutants if not chosen or one.name in chosen]
        untried = sum(seconds.get(key(one), 0) for one in mutants if one.status is None)
        if not started:
            started, untried_at_first = time.monotonic(), untried
        spent = untried_at_first - untried
        remaining = untried * (time.monotonic() - started) / spent / 60 if spent else 0
        counts = Counter(one.fate for one in mutants)
        left = f", about {remaining:.0f} min left" if spent else ""
        tell(
            f"{room}: {len(mutants) - counts['not tried']} of {len(mutants)},"
            f" {counts['unnoticed']} unnoticed, {counts['untested']} untested{left}"
        )
    tell("", end="\n")


def found(copy: Path, room: str, files: list[str]) -> list[Mutant]:
    mutants = []
    for file in files:
        path = copy / "mutants" / "nrdot" / room / f"{file}.meta"
        if path.exists():
            codes = json.loads(path.read_text())["exit_code_by_key"]
            mutants += [Mutant(name, file, status) for name, status in codes.items()]
    return mutants


def key(mutant: Mutant) -> str:
    """The function it is in, as mutmut calls it in its statistics."""
    return mutant.name.partition("__mutmut_")[0]


def usual_seconds(copy: Path) -> dict[str, float]:
    """What a mutant of each function takes when nobody notices it."""
    statistics = json.loads((copy / "mutants" / "mutmut-stats.json").read_text())
    of = statistics["duration_by_test"]
    tests = statistics["tests_by_mangled_function_name"].items()
    return {function: STARTING_SECONDS + sum(of.get(test, 0) for test in its) for function, its in tests}


def report(copy: Path, room: str, files: list[str]) -> None:
    mutants = found(copy, room, files)
    survivors = [one for one in mutants if one.alive]
    shown = differences(copy, room, survivors)
    listing = copy.with_suffix(".diff")
    told_apart = [one for one in survivors if not only_words(shown[one.name])]
    listing.write_text(
        "\n".join(
            f"# {one.file} {one.name.rpartition('.')[2]}: {one.fate}\n{shown[one.name]}\n"
            for one in told_apart
        )
    )
    print(listing.read_text())
    for file in files:
        if counts := Counter(one.fate for one in mutants if one.file == file):
            print(f"{file:20} {counts.total():5} mutants:", told(counts))
    print(f"{room}: {len(mutants)} mutants: {told(Counter(one.fate for one in mutants))}")
    print(
        f"what was not noticed is in {listing.relative_to(ROOT)}, but for {len(survivors) - len(told_apart)}"
        " that change capitals or ends of a sentence"
    )


def differences(copy: Path, room: str, survivors: list[Mutant]) -> dict[str, str]:
    """What each survivor changed; of files that the last run left out, as an earlier run said."""
    os.chdir(copy)  # mutmut looks for its settings and sources where it is run
    sys.path.append(str(tool()))
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    kept = copy / "differences.json"
    before = json.loads(kept.read_text()) if kept.exists() else {}
    shown = {}
    for one in survivors:
        try:
            shown[one.name] = get_diff_for_mutant(one.name, path=Path("nrdot", room, one.file)).strip()
        except FileNotFoundError:
            shown[one.name] = before.get(one.name, "(planted by an earlier run)")
    kept.write_text(json.dumps(before | shown))
    return shown


def only_words(difference: str) -> bool:
    """Whether a sentence got other capitals or letters at its ends: a message says the same."""
    lines = difference.splitlines()
    before = [line[1:] for line in lines if line.startswith("-") and not line.startswith("---")]
    after = [line[1:].replace("XX", "") for line in lines if line.startswith("+") and line[:3] != "+++"]
    sentence = re.search(r"[\"'][^\"']+ [^\"']+[\"']", "\n".join(before))
    return sentence is not None and [line.casefold() for line in before] == [
        line.casefold() for line in after
    ]


def told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {fate}" for fate, count in counts.most_common())


def tell(line: str, end: str = "") -> None:
    """One line that is overwritten on a terminal, and a line of its own elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end=end, file=sys.stderr, flush=True)
    elif line:
        print(line.strip(), file=sys.stderr, flush=True)


def tool() -> Path:
    if not TOOL.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--target", str(TOOL), MUTMUT], check=True)
    return TOOL


if __name__ == "__main__":
    sys.exit(main())

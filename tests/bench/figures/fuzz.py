"""The loader against a hundred thousand documents, most of them wrong; and lint of a file with 500 rules.

Documents are built from the schema's own keys, or are the scenarios and shipped files with slices cut,
doubled or replaced. Each has to get an answer: a configuration, or problems with places; see
`testing.documents.configurations.answer`. Two processes share the work, one for each core that a runner has.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from scale import scale
from table import Row, at_least, at_most, stated

from nrdot.testing.documents.configurations import answer, documents

ROOT = Path(__file__).parents[3]
DOCUMENTS = 100_000
SMOKE = 400
SEED = 20_261_121
WORKERS = 2
LIMIT = 600.0  # seconds of each worker; what is not looked at by then counts as missing
SHOWN = 3  # failures whose document is kept for whoever mends them
RULES = 500
RUNS = 7
REACH = 300.0  # milliseconds beside the interpreter's start


def run() -> list[Row]:
    count = DOCUMENTS if scale().processes > 1000 else SMOKE
    began = time.monotonic()
    with ProcessPoolExecutor(WORKERS) as pool:
        found = list(pool.map(work, [(SEED + number, count // WORKERS) for number in range(WORKERS)]))
    seconds = time.monotonic() - began
    looked = sum(one["looked"] for one in found)
    failures = [failure for one in found for failure in one["failures"]]
    for failure in failures[:SHOWN]:
        print(failure, file=sys.stderr)
    loaded = sum(one["loaded"] for one in found)
    slowest = max(one["slowest"] for one in found)
    return [
        at_least("configurations fuzzed", looked, count, "", f"{loaded} load"),
        at_most("  of which without an answer", len(failures), 0, ""),
        stated("  seconds for all of them", round(seconds, 1), "s", f"slowest {slowest * 1000:.0f} ms"),
        *lint_of_many_rules(),
    ]


def texts() -> list[str]:
    """Everything that people are given to start from."""
    folders = ("tests/fixtures/scenarios", "tests/fixtures/scenarios-whole", "profiles", "samples")
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.yaml"))]
    return [path.read_text() for path in files]


def work(task: tuple[int, int]) -> dict:
    """One worker's share. A fault is kept with its document, and the next one is tried."""
    seed, count = task
    looked = loaded = 0
    slowest = 0.0
    failures: list[str] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzzed.yaml"
        for data in documents(seed, count, texts()):
            at = time.monotonic()
            try:
                loaded += answer(path, data) is not None
            except Exception:  # noqa: BLE001 - whatever gets out is the finding
                failures.append(f"{traceback.format_exc()}\n{data!r}")
            now = time.monotonic()
            slowest = max(slowest, now - at)
            looked += 1
            if now - began > LIMIT:
                break
    return {"looked": looked, "loaded": loaded, "failures": failures, "slowest": slowest}


def lint_of_many_rules() -> list[Row]:
    """Processor time of the whole command, least of several runs, beside that of an interpreter alone."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.yaml"
        file.write_text(many_rules())
        command = [sys.executable, "-m", "nrdot", "profile", "lint", str(file)]
        linted = sorted(cpu(command) for _ in range(RUNS))
        bare = sorted(cpu([sys.executable, "-c", "pass"]) for _ in range(RUNS))
        small = Path(folder) / "small.yaml"
        small.write_text("profile: balanced\n")
        little = sorted(cpu([*command[:-1], str(small)]) for _ in range(RUNS))
    beside = (linted[0] - bare[0]) * 1000
    return [
        at_most(
            f"lint of {RULES} rules, beside the interpreter",
            beside,
            REACH,
            "ms",
            f"{beside:.0f} .. {(linted[-1] - bare[0]) * 1000:.0f}",
        ),
        stated("  of a file with one line", round((little[0] - bare[0]) * 1000), "ms"),
    ]


def many_rules() -> str:
    """Overrides, classes, label rules, business rules and hours, a hundred of each."""
    each = range(RULES // 5)
    lines = ["overrides:"]
    lines += [f"  - {{process: 'service-{one}-*', force_collect: true, reason: r{one}}}" for one in each]
    lines += ["process_classification:"]
    lines += [
        f"  class{one}: {{score: 0.{one % 9 + 1}, patterns: ['^worker-{one}-', '^x{one}$']}}" for one in each
    ]
    lines += ["label_based_scoring:"]
    lines += [f"  - {{selector: 'app=a{one},tier in (b, c)', score: 0.{one % 9 + 1}}}" for one in each]
    lines += ["business_rules:"]
    lines += [f"  - {{process: 'shop-{one}', namespace: 'n{one}-*', score: 0.5}}" for one in each]
    lines += ["time_based_rules:"]
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    lines += [
        f"  - {{schedule: '{days[one % 7]} {one // 7:02}:00-{one // 7:02}:30', profile: aggressive}}"
        for one in each
    ]
    return "\n".join(lines) + "\n"


def cpu(command: list[str]) -> float:
    """User and system seconds of one run, so that a busy machine says the same."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, env=os.environ, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode() + done.stdout.decode()[:2000])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

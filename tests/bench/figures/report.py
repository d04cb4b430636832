"""`nrdot report` on a host's ledger of 30 days: two of minutes, the rest folded into hours."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from table import Row, at_most, stated

from nrdot.testing.recordings import ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.ledger.rows import Row as LedgerRow

DAY, HOUR, MINUTE = 86400, 3600, 60
DAYS, FRESH = 30, 2
CLASSES = 20  # rows of each kind a minute
ROUNDS = 5
MIB = 1 << 20
# Imports are paid by every command and measured apart, in the same process.
TIMED = """
import json, sys, time
began = time.perf_counter()
import duckdb, numpy, nrdot.cli.report
import nrdot.report.evidence.engine, nrdot.report.kinds.savings, nrdot.report.pages.page
import nrdot.cli.run, nrdot.cli.output, msgspec
imported = time.perf_counter()
from nrdot.cli.run import run
status = run(sys.argv[1:])
print(json.dumps([status, imported - began, time.perf_counter() - imported]), file=sys.stderr)
"""


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="nrdot-bench-") as name:
        folder = Path(name) / "ledger"
        files = ledger.write(folder, rows(int(time.time()) // HOUR * HOUR))
        page = Path(name) / "report.html"
        arguments = ["report", "--ledger", str(folder), "--since", f"{DAYS}d"]
        as_json = [timed([*arguments, "--json"]) for _ in range(ROUNDS)]
        as_page = [timed([*arguments, "--format", "html", "-o", str(page)]) for _ in range(ROUNDS)]
        size = page.stat().st_size
        read = sum(file.stat().st_size for file in files)
    return [
        at_most("report on 30 days beside imports", statistics.median(row[1] for row in as_json), 2, "s"),
        at_most("the same as a page", statistics.median(row[1] for row in as_page), 2, "s"),
        at_most("size of that page", size / MIB, 1.5, "MiB"),
        stated("imports of a report", statistics.median(row[0] for row in as_json), "s"),
        stated("30 days of ledger that were read", read / MIB, "MiB"),
    ]


def timed(arguments: list[str]) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", TIMED, *arguments], capture_output=True, text=True, check=True
    )
    status, imports, rest = json.loads(done.stderr.splitlines()[-1])
    if status:
        raise RuntimeError(done.stderr)
    return imports, rest


def rows(end: int) -> Iterator[LedgerRow]:
    for t in range(end - DAYS * DAY, end, HOUR):
        fresh = t >= end - FRESH * DAY
        for row in ledger.minutes(HOUR // MINUTE, t) if fresh else ledger.hour(t):
            if getattr(row, "verdict", "") in {"keep", "roll_up"}:
                for number in range(CLASSES):
                    yield msgspec.structs.replace(
                        row, class_=f"class-{number}", namespace=f"team-{number % 5}"
                    )
            elif hasattr(row, "samples") and row.samples and datetime.fromtimestamp(t, UTC).minute == 0:
                yield msgspec.structs.replace(row, top=[ledger.talker(f"name-{one}") for one in range(40)])
            else:
                yield row

"""A year of 1,000 hosts, hourly, ten rows a host: 88 million rows of Parquet, made and then reported on.

It takes minutes and gigabytes, so it runs only when asked for: `run.py --only report_year`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
from scale import QUICK
from table import Row, at_most, stated

HOSTS, HOURS, KEYS = 1000, 8760, 8  # keys of processes; two more rows say what became of points
HOUR = 3600
GIB = 1 << 30
SECONDS, MEMORY = 60, 2
MAKE = """
COPY (
  SELECT
    CASE WHEN key < {keys} THEN 'seen' ELSE 'outcome' END AS kind,
    1::BIGINT AS v, t, 3600::BIGINT AS span, 3600.0::DOUBLE AS seconds,
    printf('host-%04d', host) AS host, printf('host-%04d', host) AS host_name, '0.1.0' AS agent,
    'optimize' AS mode,
    printf('class-%d', (host + key) % 20) AS class, printf('team-%d', host % 12) AS namespace,
    CASE WHEN key < 3 THEN 'keep' WHEN key < 7 THEN 'roll_up' WHEN key = 7 THEN 'group' ELSE '' END
      AS verdict,
    CASE WHEN key = 0 THEN 'never_filtered' WHEN key < 3 THEN 'score' WHEN key < 7 THEN 'below'
         WHEN key = 7 THEN 'executable' ELSE '' END AS reason,
    60.0::DOUBLE AS baseline, 60.0::DOUBLE AS interval,
    CASE WHEN key < 7 THEN n ELSE 0 END::DOUBLE AS processes,
    CASE WHEN key < 7 THEN n * 3600 ELSE 0 END::DOUBLE AS process_seconds,
    CASE WHEN key < 7 THEN n * 12 ELSE 0 END::DOUBLE AS cpu_seconds,
    CASE WHEN key < 7 THEN n * 5e7 ELSE 0 END::DOUBLE AS rss,
    CASE WHEN key < 7 THEN n * 420 ELSE 0 END::BIGINT AS points_unoptimized,
    CASE WHEN key < 7 THEN n * 71400 ELSE 0 END::BIGINT AS bytes_unoptimized,
    CASE WHEN key < 7 THEN n * 420 ELSE 0 END::BIGINT AS points_interval,
    CASE WHEN key < 7 THEN n * 71400 ELSE 0 END::BIGINT AS bytes_interval,
    CASE WHEN key < 3 THEN n * 420 WHEN key = 7 THEN 5760 ELSE 0 END::BIGINT AS points_sent,
    CASE WHEN key < 3 THEN n * 71400 WHEN key = 7 THEN 979200 ELSE 0 END::BIGINT AS bytes_sent,
    CASE WHEN key < 7 THEN n * 7 ELSE 0 END::DOUBLE AS active_unoptimized,
    CASE WHEN key < 3 THEN n * 7 WHEN key = 7 THEN 96 ELSE 0 END::DOUBLE AS active_sent,
    CASE WHEN key < 7 THEN n * 7 ELSE 0 END::BIGINT AS hourly_unoptimized,
    CASE WHEN key < 3 THEN n * 7 WHEN key = 7 THEN 96 ELSE 0 END::BIGINT AS hourly_sent,
    CASE WHEN key = 0 THEN n * 60 ELSE 0 END::BIGINT AS critical_seen,
    CASE WHEN key = 0 THEN n * 60 ELSE 0 END::BIGINT AS critical_exported,
    CASE WHEN key = 8 THEN 'collector' ELSE '' END AS destination,
    CASE WHEN key = 8 THEN 20000 ELSE 0 END::BIGINT AS points_produced,
    CASE WHEN key = 8 THEN 20000 ELSE 0 END::BIGINT AS points_delivered,
    CASE WHEN key = 8 THEN 3400000 ELSE 0 END::BIGINT AS bytes_delivered,
    CASE WHEN key = 8 THEN 200000 ELSE 0 END::BIGINT AS bytes_wire,
    CASE WHEN key = 9 THEN 60 ELSE 0 END::BIGINT AS exports,
    CASE WHEN key = 9 THEN 2400 ELSE 0 END::BIGINT AS own_points,
    CASE WHEN key = 9 THEN 360000 ELSE 0 END::BIGINT AS own_bytes,
    CASE WHEN key = 9 THEN 18 ELSE 0 END::DOUBLE AS agent_cpu_seconds
  FROM (
    SELECT host, key, {start} + hour * 3600 AS t, (20 + hash(host, key, hour) % 400 / 10.0) AS n
    FROM range({hosts}) AS h(host), range({first}, {last}) AS hours(hour), range({keys} + 2) AS k(key)
  )
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""


def run() -> list[Row]:
    hosts, hours = (20, 400) if os.environ.get(QUICK) else (HOSTS, HOURS)
    with tempfile.TemporaryDirectory(prefix="nrdot-bench-") as name:
        folder = Path(name) / "ledger"
        folder.mkdir()
        made, count = generate(folder, hosts, hours)
        size = sum(file.stat().st_size for file in folder.iterdir())
        seconds, processor, memory = reported(folder, count)
    return [
        at_most(f"report on {count / 1e6:,.0f} million rows", seconds, SECONDS, "s"),
        at_most("memory of that report, at most", memory / GIB, MEMORY, "GiB"),
        stated("CPU of that report, over all cores", processor, "s"),
        stated("Parquet that was read", size / GIB, "GiB"),
        stated("making it", made, "s"),
    ]


def generate(folder: Path, hosts: int, hours: int) -> tuple[float, int]:
    """A file a month, as `nrdot ledger compact` leaves them."""
    began = time.monotonic()
    start = int(time.time()) // HOUR * HOUR - hours * HOUR
    month = 730
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '1500MB'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET enable_progress_bar = false")
        for first in range(0, hours, month):
            last = min(first + month, hours)
            file = folder / f"ledger-{first:05d}.parquet"
            connection.execute(
                MAKE.format(keys=KEYS, hosts=hosts, first=first, last=last, start=start, file=file)
            )
    return time.monotonic() - began, hosts * hours * (KEYS + 2)


def reported(folder: Path, count: int) -> tuple[float, float, float]:
    """Wall seconds with the interpreter's start, CPU seconds, and the most memory that the process held."""
    began = time.monotonic()
    command = [sys.executable, "-m", "nrdot", "report", "--ledger", str(folder), "--since", "366d", "--json"]
    with (folder.parent / "out.json").open("wb") as out:
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    if status:
        raise RuntimeError(f"nrdot report ended with {status}")
    found = json.loads((folder.parent / "out.json").read_text())
    expected = count // 10 * 2400  # a tenth of the rows are the agent's own, of 2,400 points each
    if found["agent"]["points"] != expected:
        raise RuntimeError(f"{found['agent']['points']} points of the agents' own instead of {expected}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024

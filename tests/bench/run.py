"""Every figure that NRDOT promises, measured on this machine: one table, and bench.json beside it.

    .venv/bin/python tests/bench/run.py [--only NAME]... [--json FILE] [--quick]

A group of figures is a file of `figures/` with `run() -> list[Row]` (see table.py). What this machine lacks
for a figure (a compiler, Go) is said in its row. Exit status 1 when a figure misses its reach.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
import traceback
from pathlib import Path

from machine import describe, load
from programs import NotMeasurable
from scale import QUICK, scale
from table import not_measured, render, write_json

GROUPS = (
    "tick",
    "judging",
    "peer",
    "memory",
    "start",
    "recall",
    "captures",
    "anomalies",
    "model",
    "buffer",
    "drain",
    "reload",
    "ledger",
    "simulating",
    "schedules",
    "report",
    "fuzz",
)
LARGE = ("report_year", "cluster")  # minutes and gigabytes: only when asked for


def main() -> int:
    asked = arguments()
    if asked.quick:
        os.environ[QUICK] = "1"
    machine = describe(scale().processes)
    groups = {}
    for name in asked.only or GROUPS:
        began = time.monotonic()
        groups[name] = measured(name)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    machine["load after"] = load()
    print(render(machine, groups))
    write_json(asked.json, machine, groups)
    missed = any(row["ok"] is False for rows in groups.values() for row in rows)
    return int(missed and not asked.quick)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    known = (*GROUPS, *LARGE)
    parser.add_argument("--only", action="append", choices=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--json", type=Path, default=Path("bench.json"), metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="a smoke run: its numbers mean nothing")
    return parser.parse_args()


def measured(name: str) -> list:
    try:
        return importlib.import_module(f"figures.{name}").run()
    except NotMeasurable as reason:
        return [not_measured(name, "", str(reason))]
    except Exception as error:  # noqa: BLE001 - one broken group must not cost the figures of the others
        traceback.print_exc()
        return [{**not_measured(name, "", f"{type(error).__name__}: {error}"), "ok": False}]


if __name__ == "__main__":
    sys.exit(main())

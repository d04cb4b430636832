"""What a reload costs the ticks around it: the latest tick with and without changes of the file."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile

from programs import HERE
from scale import scale
from table import Row, at_most, stated

SECONDS = 60


def run() -> list[Row]:
    processes = scale().processes
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(HERE / "subjects" / "reload.py"), folder, str(processes), str(SECONDS)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    changes = [1000 * seconds for seconds in found["reloads"]]
    quiet = 1000 * max(found["before"])
    latest = 1000 * max(found["with"])
    return [
        at_most("a reload delays no tick by more", latest - quiet, 100, "ms", f"{len(changes)} reloads"),
        stated("latest tick without reloads", quiet, "ms"),
        stated("latest tick with reloads", latest, "ms"),
        stated("a reload takes, median", statistics.median(changes), "ms", f"up to {max(changes):.0f}"),
    ]

"""A reload that is asked for before the agent is there to hear it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 30.0  # seconds, against a hang


def test_a_reload_while_the_configuration_is_read_does_not_end_the_agent(tmp_path) -> None:
    config = tmp_path / "nrdot.yaml"
    os.mkfifo(config)  # reading it takes as long as we like
    process = subprocess.Popen(
        [sys.executable, "-m", "nrdot", "agent", "--once", "-c", str(config)], stderr=subprocess.PIPE
    )
    try:
        _wait_until_ignored(process.pid)
        process.send_signal(signal.SIGHUP)
        metrics = tmp_path / "metrics.jsonl"
        settings = f"agent: {{state_dir: {tmp_path / 'state'}}}\nexport: [{{file: {{path: {metrics}}}}}]\n"
        with config.open("w") as file:
            file.write(settings)
        assert process.wait(PATIENCE) == 0, process.stderr.read().decode()
        assert metrics.stat().st_size
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def _wait_until_ignored(pid: int) -> None:
    bit = 1 << (signal.SIGHUP - 1)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        mask = next(line.split()[1] for line in lines if line.startswith("SigIgn"))
        if int(mask, 16) & bit:
            return
        time.sleep(0.01)
    raise TimeoutError("SIGHUP would end the agent while it reads its configuration")

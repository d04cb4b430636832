"""The agent as users run it: `nrdot agent -c FILE`, every process exported one by one over OTLP with zstd."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DESTINATION = """\
export_interval: {interval}s
agent:
  interval: {interval}s
  state_dir: {state}
  cpu_budget: 100%
  listen: ""
export:
  - name: sink
    otlp: {{endpoint: "{endpoint}", compression: zstd}}
"""
# Not `mode: observe`, which decides beside it what the profile would have sent.
EVERYTHING = "profile: conservative\nfull_visibility: true\nbudget: 0\n" + DESTINATION


def configuration(folder: Path, endpoint: str, interval: int, text: str = EVERYTHING) -> Path:
    state = folder / "state"
    state.mkdir(exist_ok=True)
    config = folder / "nrdot.yaml"
    config.write_text(text.format(interval=interval, state=state, endpoint=endpoint))
    return config


def agent_command(config: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "nrdot", "agent", "-c", str(config), *options]

"""What belongs to people, to training, to reports and to clusters stays out of the agent's process."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("rich", "textual", "kubernetes", "sklearn", "duckdb")
AGENT = """
import sys
from nrdot.cli.run import run
status = run(["agent", "--once", "-c", {config!r}])
print(status, sorted(name for name in {heavy!r} if name in sys.modules))
"""


def test_the_agents_process_loads_nothing_that_it_does_not_need(tmp_path):
    config = tmp_path / "rules.yaml"
    config.write_text(f"profile: balanced\nagent: {{state_dir: {tmp_path / 'state'}, listen: ''}}\n")
    code = AGENT.format(config=str(config), heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 []", done.stdout + done.stderr
    assert (tmp_path / "state/metrics.jsonl").stat().st_size > 0


def test_the_command_line_alone_loads_no_more_than_its_own_words():
    code = (
        "import sys, nrdot.cli.app; "
        "print([name for name in ('numpy', 'msgspec', 'rich', 'yaml', 'urllib3') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"

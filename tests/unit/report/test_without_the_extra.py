"""Where the extra of reports is not installed, one line says so, and what needs none of it works."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nrdot.extras import mend
from nrdot.testing.recordings import ledger

CODE = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("duckdb", "pygal", "sqlglot"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from nrdot.cli.run import run
sys.exit(run(["report", *sys.argv[1:]]))
"""


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--ledger", "ledger"], 2),
        (["--show-sql", "--dialect", "spark"], 2),
        (["--kind", "rollout", "--inventory", "hosts.csv", "--format", "html"], 2),
        (["--kind", "rollout", "--inventory", "hosts.csv"], 0),
        (["--show-sql"], 0),
        (["--show-pricing"], 0),
    ],
)
def test_what_is_missing_is_named_with_the_mend(tmp_path, hours, arguments, status):
    ledger.write(tmp_path / "ledger", hours(1))
    (tmp_path / "hosts.csv").write_text("region,environment,hosts\neu,production,50\n")
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    if status:
        assert done.stderr.endswith(f" is not installed; {mend('report')}\n")
        assert len(done.stderr.splitlines()) == 1

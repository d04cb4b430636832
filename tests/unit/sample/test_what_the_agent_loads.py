from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("kubernetes", "sklearn", "scipy", "pandas", "rich", "textual", "typer", "duckdb", "sqlglot")


@pytest.fixture(scope="module")
def loaded():
    code = "import sys, nrdot.agent.start; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", HEAVY)
def test_the_agents_own_process_does_not_load(loaded, module):
    assert "nrdot.agent.start" in loaded
    assert not {name for name in loaded if name.partition(".")[0] == module}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")
def test_sampling_on_linux_loads_none_of_them_and_no_psutil():
    code = (
        "import os, sys\n"
        "from nrdot.agent.source import build_sampler\n"
        "from nrdot.config.load import load\n"
        "from nrdot.clock import SystemClock\n"
        "build_sampler(load(None, {}), SystemClock()).sample()\n"
        "print(*sorted(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded.intersection({*HEAVY, "psutil"})

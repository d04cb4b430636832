from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "kubernetes",
    "sklearn",
    "scipy",
    "pandas",
    "rich",
    "textual",
    "typer",
    "duckdb",
    "sqlglot",
    "psutil",
)


@pytest.fixture(scope="module")
def loaded():
    code = "import sys, nrdot.agent.start; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", HEAVY)
def test_the_agents_own_process_does_not_load(loaded, module):
    assert "nrdot.agent.start" in loaded
    assert not {name for name in loaded if name.partition(".")[0] == module}


def test_the_agents_own_process_does_not_load_the_sdk_of_opentelemetry(loaded):
    assert "opentelemetry.proto" in loaded
    assert not {name for name in loaded if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")
def test_ticks_on_linux_load_none_of_them_and_no_masked_arrays():
    code = (
        "import os, sys\n"
        "from nrdot.agent.source import build_sampler\n"
        "from nrdot.agent.wire import build_stages\n"
        "from nrdot.clock import SystemClock\n"
        "from nrdot.config.load import load\n"
        "configuration, clock = load(None, {}), SystemClock()\n"
        "pipeline = build_stages(configuration, clock, build_sampler(configuration, clock), []).pipeline\n"
        "pipeline.tick(), pipeline.flush()\n"
        "print(*sorted(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "nrdot.pipeline" in loaded
    assert "numpy.ma" not in loaded
    assert not {name.partition(".")[0] for name in loaded}.intersection(HEAVY)

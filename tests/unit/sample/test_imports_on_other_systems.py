"""Modules that only Unix has are absent on Windows: what runs there must not need them."""

from __future__ import annotations

import subprocess
import sys

import pytest

UNIX = ("resource", "pwd", "grp", "fcntl", "termios")


@pytest.mark.parametrize(
    "module",
    [
        "nrdot.sample.psutil_source",
        "nrdot.sample.replay",
        "nrdot.sample.capture_writer",
        "nrdot.identify.identifier",
        "nrdot.identify.labels",
    ],
)
def test_a_module_that_windows_needs_loads_without_what_only_unix_has(module):
    # psutil itself needs some of them on Linux, where this test runs.
    code = f"import psutil, sys; sys.modules.update(dict.fromkeys({UNIX!r})); import {module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

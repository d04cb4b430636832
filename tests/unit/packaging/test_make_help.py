from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def test_make_alone_lists_every_target_that_can_be_typed():
    text = (ROOT / "Makefile").read_text()
    (stated,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    targets = set(re.findall(r"^([a-z]+):", text, re.MULTILINE))

    shown = subprocess.run(
        ["make", "-C", ROOT, "--no-print-directory"], capture_output=True, text=True, check=True
    )

    listed = re.findall(r"^  make (\S+) +\S", shown.stdout, re.MULTILINE)
    assert sorted(listed) == sorted(targets) == sorted(stated.split())


@pytest.mark.parametrize("python", ["old", "absent"])
def test_a_python_that_will_not_do_is_said_before_anything_is_made(tmp_path, python):
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    old = tmp_path / "old"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10, 4); $2"\n')
    old.chmod(0o755)

    line = ["make", "-C", tmp_path, "install", f"PYTHON={tmp_path / python}"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "NRDOT needs Python 3.11 or newer: name one, as in make install PYTHON=python3.12" in done.stderr
    assert not (tmp_path / ".venv").exists()

from __future__ import annotations

import re
import subprocess
from pathlib import Path

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

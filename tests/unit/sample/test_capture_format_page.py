from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from nrdot.sample.capture import CapturedHost, CapturedProcess, CapturedTick

PAGE = Path(__file__).parents[3] / "docs/formats/captures.md"


@pytest.mark.parametrize(
    ("heading", "struct"),
    [("A tick", CapturedTick), ("The host", CapturedHost), ("A process", CapturedProcess)],
)
def test_the_page_names_every_field_and_no_other(heading, struct):
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names = [name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in row.split(", ")]
    assert sorted(name.strip("`") for name in names) == sorted(
        field.name for field in msgspec.structs.fields(struct)
    )


def test_the_example_is_a_tick():
    (example,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert msgspec.json.decode(example, type=CapturedTick).procs[0].name == "nginx"

"""What a real validator says of the generated schemas and of every file that names one of them.

It is the one that comes with the object store's libraries.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".cache/moto/bin/python"
LANGUAGE_SERVER = "# yaml-language-server: $schema="
FOLDERS = ("profiles", "samples")

VALIDATE = """
import json, sys
import jsonschema

found = []
for task in json.load(sys.stdin):
    validator = jsonschema.Draft202012Validator(task["schema"])
    validator.check_schema(task["schema"])
    for one in validator.iter_errors(task["document"]):
        found.append(f"{task['name']}: {one.json_path}: {one.message}")
print(json.dumps(found))
"""


def validated(tasks: list[dict[str, object]]) -> list[str]:
    done = subprocess.run(
        [PYTHON, "-c", VALIDATE], input=json.dumps(tasks), capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


def schema(kind: str) -> object:
    return json.loads((ROOT / f"docs/reference/{kind}.schema.json").read_text())


def test_every_shipped_file_satisfies_the_schema_that_it_names() -> None:
    tasks = []
    for path in (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.yaml"))):
        first = path.read_text().partition("\n")[0]
        if first.startswith(LANGUAGE_SERVER):
            named = path.parent / first.removeprefix(LANGUAGE_SERVER)
            document = yaml.safe_load(path.read_text())
            tasks.append({"name": path.name, "schema": json.loads(named.read_text()), "document": document})
    assert len(tasks) > 15
    assert validated(tasks) == []


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("configuration", {"profle": "balanced"}),
        ("configuration", {"overrides": [{"force_collect": True}]}),
        ("profile", {"threshold": 2}),
        ("tests", {"profile": "balanced", "expect": [{"verdict": "MAYBE"}]}),
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(kind: str, document: object) -> None:
    assert validated([{"name": kind, "schema": schema(kind), "document": document}])

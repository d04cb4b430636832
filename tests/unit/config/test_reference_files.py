"""The generated pages and schemas beside the code that they come from, and shipped files against them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from nrdot.config.showing.reference import configuration_schema, expectations_schema, profile_schema
from nrdot.config.showing.reference_page import reference_page
from nrdot.testing.documents.json_schema import complaints

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs/reference"
SCHEMAS = {"configuration": configuration_schema, "profile": profile_schema, "tests": expectations_schema}
SAMPLES = sorted((ROOT / "samples").glob("agent-*.yaml")) + sorted((ROOT / "samples").glob("*/*.yaml"))
PROFILES = sorted((ROOT / "profiles").glob("*.yaml"))
FRAGMENTS = sorted((ROOT / "tests/fixtures/scenarios").glob("*.yaml"))
LANGUAGE_SERVER = "# yaml-language-server: $schema="


def named_schema(path):
    """The schema that a file's first line names; None where it names none."""
    first = path.read_text().partition("\n")[0]
    return path.parent / first.removeprefix(LANGUAGE_SERVER) if first.startswith(LANGUAGE_SERVER) else None


def refused(schema, path):
    return complaints(schema, yaml.safe_load(path.read_text()))


def test_the_reference_page_is_what_the_code_says_today():
    assert (REFERENCE / "configuration.md").read_text() == reference_page(), "run `make reference`"


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_schemas_are_what_the_code_says_today_and_are_json_schema(kind):
    made = SCHEMAS[kind]()
    assert json.loads((REFERENCE / f"{kind}.schema.json").read_text()) == made, "run `make reference`"
    assert complaints(made, {"no such key": 1}) == ["$: no such key is unknown"]


@pytest.mark.parametrize("path", [*PROFILES, *SAMPLES], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_shipped_file_names_its_schema_and_satisfies_it(path):
    schema = named_schema(path)
    if path.parent.name in {"receivers", "dashboards", "monitoring", "captures", "ansible"}:
        assert schema is None  # other programs' files
        return
    assert schema is not None
    assert refused(json.loads(schema.read_text()), path) == []


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.stem)
def test_a_fragment_of_the_scenarios_satisfies_the_schema(path):
    if "configmap" in path.stem:
        assert refused(configuration_schema(), path)  # it is Kubernetes' document, and holds ours as text
        return
    assert refused(configuration_schema(), path) == []


def test_the_schema_refuses_what_the_loader_refuses(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("profle: balanced\nthreshold: 2\nmode: sleep\noverrides: [{force_collect: true}]\n")
    found = refused(configuration_schema(), path)
    places = sorted(one.partition(":")[0] for one in found)
    assert places == ["$", "$.mode", "$.overrides[0]", "$.threshold"]


def test_every_setting_stands_on_the_page_with_its_unit_and_default():
    page = reference_page()
    assert "| `agent.interval` | duration | `15s` | How often to look at the processes. |" in page
    assert "| `batching.local_buffer_size` | size | `256MiB` |" in page
    assert "| `process_classification.*.score` | number | required |" in page
    assert "| `expect[].verdict` | KEEP, ROLL_UP, DROP |" in page

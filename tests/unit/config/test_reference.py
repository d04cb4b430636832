from __future__ import annotations

import json

from nrdot.config.reading.load import OVERLAY_KEYS, SETTING_KEYS
from nrdot.config.schema.profiles import Profile
from nrdot.config.schema.settings import Settings
from nrdot.config.showing.reference import configuration_schema, fields, profile_schema

EVERY_FIELD = [*fields(Settings), *fields(Profile)]


def test_every_setting_is_documented_by_one_sentence():
    assert len(EVERY_FIELD) > 150
    for field in EVERY_FIELD:
        assert field.description.endswith("."), field.path
        assert "\n" not in field.description
        assert len(field.description) < 120


def test_a_setting_with_a_unit_says_how_it_is_written():
    known = {field.path: field for field in EVERY_FIELD}
    assert (known["agent.cpu_budget"].kind, known["agent.cpu_budget"].example) == ("percentage", "1%")
    assert known["export[].otlp.timeout"].kind == "duration"
    assert known["batching.local_buffer_size"].kind == "size"
    assert known["process_classification.*.score"].required
    assert known["event_handling.*.start"].kind == "text"
    assert known["roll_up.groups"].default == 64
    assert known["mode"].kind == "optimize | observe"


def test_the_json_schema_knows_every_key_and_describes_it():
    schema = configuration_schema()
    assert set(schema["properties"]) == SETTING_KEYS | OVERLAY_KEYS
    assert all(one["description"] for one in schema["properties"].values())
    assert schema["additionalProperties"] is False
    json.dumps(schema)


def test_the_json_schema_allows_what_the_loader_allows():
    definitions = configuration_schema()["$defs"]
    assert definitions["ClassRule"]["required"] == ["score"]
    assert definitions["ClassRule"]["properties"]["score"]["maximum"] == 1
    special = definitions["ClassRule"]["properties"]["special_handling"]["anyOf"]
    assert [one.get("type") for one in special] == [None, "array"]
    assert definitions["EventHandling"]["additionalProperties"]["$ref"] == "#/$defs/Event"
    profile = profile_schema()["properties"]
    assert profile["upload_frequency"]["type"] == profile["export_interval"]["type"]
    assert [one.get("type") for one in profile["compression"]["anyOf"]] == [None, "string"]
    assert "extends" in profile

"""`nrdot model show`: the card of a model, the shipped one's where none is named."""

from __future__ import annotations

import json


def test_without_a_file_the_shipped_model_is_shown(command):
    status, out, _ = command("model", "show", "--json")
    assert (status, json.loads(out)["name"][:8]) == (0, "shipped-")


def test_a_file_that_is_no_model_is_one_line_that_promises_no_scoring(command, tmp_path):
    status, out, err = command("model", "show", tmp_path / "missing.json")
    assert (status, out) == (2, "")
    assert err.endswith("cannot be read: No such file or directory\n")

"""`nrdot explain` over a machine that the test invents."""

from __future__ import annotations

import json

import pytest

RULES = """
profile: aggressive
process_classification:
  payments:
    patterns: ["^payment-.*"]
    score: {score}
overrides:
  - {{process: worker, importance: 0.05, reason: only helpers}}
"""


@pytest.fixture
def rules(tmp_path):
    def _rules(score=1.0):
        path = tmp_path / "rules.yaml"
        path.write_text(RULES.format(score=score))
        return path

    return _rules


def test_a_never_filtered_process_is_explained_with_the_rule_that_makes_it_so(command, proc, rules):
    status, out, _ = command("explain", "payment-gateway", "-c", rules(), "--procfs", proc.root)
    assert status == 0
    assert "kept: exported by itself, because it is never filtered" in out
    assert "class payments has the score 1.0" in out
    assert "process_classification.payments" in out
    assert "profile aggressive" in out


def test_the_document_holds_parts_checks_and_changes(command, proc, rules):
    status, out, _ = command("explain", 200, "--json", "-c", rules(0.7), "--procfs", proc.root)
    found = json.loads(out)
    assert status == 0
    assert (found["pid"], found["name"], found["class"]) == (200, "payment-gateway", "payments")
    assert {part["name"] for part in found["parts"]} == {"pattern", "label", "model", "business", "incident"}
    assert found["parts"][0]["evidence"][0]["rule"].startswith("process_classification.payments")
    assert found["threshold"] == 0.85
    # It is the largest by memory, so aggressive keeps it and would not where no memory counted.
    assert (found["verdict"], found["reason"]) == ("KEEP", "top_memory")
    assert {"setting": "top_n.memory", "value": 0} in found["changes"]
    assert found["others"] == []


def test_processes_of_one_name_are_listed_and_the_first_is_explained(command, proc, rules):
    status, out, _ = command("explain", "WORKER", "-c", rules(), "--procfs", proc.root)
    assert status == 0
    assert "6 processes; the first of them in full" in out
    assert "overrides worker" in out
    assert "only helpers" in out
    document = json.loads(command("explain", "work*", "--json", "-c", rules(), "--procfs", proc.root)[1])
    assert len(document["others"]) == 5
    assert document["score"] == 0.05
    assert document["overrides"][0]["value"] == 0.05


def test_a_pid_that_is_gone_is_not_taken_for_a_name(command, proc):
    status, out, err = command("explain", "99999", "--procfs", proc.root)
    assert (status, out) == (1, "")
    assert "no process has the pid 99999; nrdot scan lists them all" in err


def test_an_unknown_name_is_answered_with_the_nearest_ones_and_status_1(command, proc):
    status, out, err = command("explain", "paymnt-gatway", "--procfs", proc.root)
    assert (status, out) == (1, "")
    assert "no process is called 'paymnt-gatway'; nearest: payment-gateway" in err

"""The custom resource definitions, as a real API server takes them and what it says to mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from parts.kubernetes import Cluster, RefusedError
from parts.operated import wait_for_definitions
from parts.program import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFINITIONS = sorted((Path(__file__).resolve().parents[2] / "operator" / "crds").glob("*.yaml"))
HOME = "/apis/nrdot.io/v1alpha1/namespaces/default"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        for file in DEFINITIONS:
            _define(running, yaml.safe_load(file.read_text()))
        wait_for_definitions(running)
        yield running


def _define(cluster: Cluster, definition: dict[str, Any]) -> None:
    name = definition["metadata"]["name"]
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    cluster.apply(path, definition)
    wait_until(lambda: _established(cluster.get(path)), f"{name} to be established")


def _established(definition: dict[str, Any]) -> bool:
    conditions = {one["type"]: one for one in definition["status"]["conditions"] or ()}
    bad = conditions.get("NonStructuralSchema", {"status": "False"})
    assert bad["status"] == "False", bad["message"]
    return conditions.get("Established", {}).get("status") == "True"


def _resource(kind: str, spec: dict[str, Any], name: str = "one") -> dict[str, Any]:
    return {"apiVersion": "nrdot.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _refused(cluster: Cluster, plural: str, document: dict[str, Any]) -> str:
    with pytest.raises(RefusedError) as error:
        cluster.create(f"{HOME}/{plural}", document, dryRun="All", fieldValidation="Strict")
    return str(error.value)


def test_there_are_five_definitions_and_each_is_established(cluster: Cluster) -> None:
    def listed() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = cluster.get("/apis/nrdot.io/v1alpha1")["resources"]
        return found

    # The list of a group follows its definitions a moment later.
    wait_until(lambda: len(listed()) >= 2 * len(DEFINITIONS), lambda: f"the definitions: {listed()}")
    kinds = {one["kind"] for one in listed() if "/" not in one["name"]}
    assert kinds == {
        "TelemetryProfile",
        "ClassificationPolicy",
        "ProfileRollout",
        "NodeTelemetry",
        "TelemetryCostReport",
    }
    assert {one["name"] for one in listed() if "/" in one["name"]} == {
        f"{one['name']}/status" for one in listed() if "/" not in one["name"]
    }


def test_the_scenarios_label_rules_are_a_policy(cluster: Cluster) -> None:
    rules = [
        {"selector": "tier=frontend", "score": 0.8},
        {"selector": "env=staging", "score_modifier": -0.2},
    ]
    made = cluster.create(
        f"{HOME}/classificationpolicies",
        _resource("ClassificationPolicy", {"label_based_scoring": rules, "discovery": {}}),
        dryRun="All",
        fieldValidation="Strict",
    )
    assert made["spec"]["discovery"] == {"apply": "Propose", "minimum": 0.85}


def test_a_profile_takes_what_a_configuration_file_takes(cluster: Cluster) -> None:
    spec = {
        "profile": "balanced",
        "nodeSelector": {"pool": "general"},
        "workloads": [{"namespace": "payments-*"}],
        "schedule": [{"profile": "aggressive", "schedule": "Sat-Sun"}],
        "configuration": {"overrides": [{"process": "payment-gateway-*", "force_collect": True}]},
    }
    made = cluster.create(
        f"{HOME}/telemetryprofiles",
        _resource("TelemetryProfile", spec),
        dryRun="All",
        fieldValidation="Strict",
    )
    assert made["spec"]["configuration"] == spec["configuration"]
    assert made["spec"]["priority"] == 0


@pytest.mark.parametrize(
    ("plural", "kind", "spec", "words"),
    [
        ("telemetryprofiles", "TelemetryProfile", {}, "spec.profile: Required"),
        (
            "telemetryprofiles",
            "TelemetryProfile",
            {"profile": "balanced", "configuration": {"export": []}},
            "belong to the agents' own configuration",
        ),
        (
            "telemetryprofiles",
            "TelemetryProfile",
            {
                "profile": "balanced",
                "schedule": [{"profile": "aggressive", "schedule": "Sat", "cron": "0 1 * * *"}],
            },
            "either a `schedule` or a `cron`",
        ),
        (
            "telemetryprofiles",
            "TelemetryProfile",
            {"profile": "balanced", "workloads": [{}]},
            "name a `namespace` or a `selector`",
        ),
        (
            "classificationpolicies",
            "ClassificationPolicy",
            {"label_based_scoring": [{"selector": "a=b", "score": 1.5}]},
            "should be less than or equal to 1",
        ),
        (
            "classificationpolicies",
            "ClassificationPolicy",
            {"label_based_scoring": [{"selector": "a=b"}]},
            "a rule has a `score` or a `score_modifier`",
        ),
        (
            "profilerollouts",
            "ProfileRollout",
            {"profile": "one", "strategy": {"steps": [{"percent": 20}]}},
            "the last step is 100 percent",
        ),
        (
            "profilerollouts",
            "ProfileRollout",
            {"profile": "one", "strategy": {"steps": [{"percent": 50}, {"percent": 20}, {"percent": 100}]}},
            "each step is larger than the one before",
        ),
        ("profilerollouts", "ProfileRollout", {"profile": "one", "typo": 1}, 'unknown field "spec.typo"'),
    ],
)
def test_a_mistake_is_refused_in_words(
    cluster: Cluster, plural: str, kind: str, spec: dict[str, Any], words: str
) -> None:
    assert words in _refused(cluster, plural, _resource(kind, spec))


def test_a_profiles_name_fits_into_a_label(cluster: Cluster) -> None:
    document = _resource("TelemetryProfile", {"profile": "balanced"}, "n" * 64)
    assert "63 characters" in _refused(cluster, "telemetryprofiles", document)


def test_a_rollout_stays_with_its_profile(cluster: Cluster) -> None:
    path = f"{HOME}/profilerollouts"
    made = cluster.create(path, _resource("ProfileRollout", {"profile": "one"}))
    try:
        assert [step["percent"] for step in made["spec"]["strategy"]["steps"]] == [5, 20, 50, 100]
        assert made["spec"]["gates"]["criticalCoverage"] == 1
        with pytest.raises(RefusedError, match="a rollout is of one profile"):
            cluster.patch(f"{path}/one", {"spec": {"profile": "another"}})
    finally:
        cluster.delete(f"{path}/one")

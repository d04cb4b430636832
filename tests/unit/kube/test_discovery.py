from __future__ import annotations

import pytest

from nrdot.cluster.objects import Annotated, Container, Owner, Pod, PodSpec
from nrdot.kube.discovery import BY_IMAGE, BY_LABEL, UNKNOWN, Discovery, selectors_of

DISCOVERY = Discovery()


def pod(name: str, image: str = "example/thing", kind: str = "StatefulSet", **labels: str) -> Pod:
    owner = Owner(kind, name.rsplit("-", 1)[0], "u", controller=True)
    metadata = Annotated(name, namespace="shop", labels=labels, owner_references=(owner,))
    return Pod(metadata, PodSpec(containers=(Container("main", image),)))


@pytest.mark.parametrize(
    ("image", "class_name"),
    [
        ("postgres", "database"),
        ("registry.example:5000/team/redis:7.2", None),
        ("docker.example/library/nginx@sha256:0123", None),
    ],
)
def test_an_image_that_is_called_after_a_known_program_says_what_it_is(
    image: str, class_name: str | None
) -> None:
    (found,) = DISCOVERY.proposals([pod("a-0", image)], [])
    assert found.confidence == BY_IMAGE
    assert image in found.evidence
    assert class_name is None or found.class_name == class_name
    assert found.class_name != "unknown"


def test_labels_say_what_a_component_is_where_the_image_does_not() -> None:
    (found,) = DISCOVERY.proposals([pod("checkout-0", tier="backend", app="checkout")], [])
    assert (found.class_name, found.score, found.confidence) == ("backend", 0.7, BY_LABEL)
    assert found.evidence == "label tier=backend"
    assert found.rule() == {"selector": "app=checkout", "score": 0.7}


def test_what_nothing_is_known_about_is_proposed_as_well() -> None:
    (found,) = DISCOVERY.proposals([pod("mystery-0")], [])
    assert (found.class_name, found.confidence, found.selector) == ("unknown", UNKNOWN, "")


def test_a_workload_that_a_rule_speaks_of_is_left_alone() -> None:
    pods = [pod("a-0", tier="frontend"), pod("b-0", tier="backend")]
    found = DISCOVERY.proposals(pods, ["tier=frontend"])
    assert [one.workload for one in found] == ["StatefulSet/b"]


def test_pods_of_one_workload_are_one_proposal() -> None:
    found = DISCOVERY.proposals([pod(f"a-{n}", tier="backend") for n in range(9)], [])
    assert len(found) == 1


def test_the_deployment_is_the_workload_not_its_replica_set() -> None:
    labels = {"pod-template-hash": "7c9f8d5b4"}
    metadata = Annotated(
        "checkout-7c9f8d5b4-x2x4z",
        namespace="shop",
        labels=labels,
        owner_references=(Owner("ReplicaSet", "checkout-7c9f8d5b4", "u", controller=True),),
    )
    (found,) = DISCOVERY.proposals([Pod(metadata)], [])
    assert found.workload == "Deployment/checkout"


def test_pods_of_the_node_itself_and_of_nobody_are_not_workloads() -> None:
    alone = Pod(Annotated("alone", namespace="shop"))
    assert DISCOVERY.proposals([alone, pod("kube-proxy-0", kind="Node")], []) == []


def test_a_selector_that_does_not_parse_is_the_compilers_to_tell() -> None:
    assert len(DISCOVERY.proposals([pod("a-0")], ["tier=(("])) == 1


def test_rules_that_only_modify_speak_of_nothing() -> None:
    document = {
        "label_based_scoring": [{"selector": "a=b", "score": 1}, {"selector": "c=d", "score_modifier": 0.1}]
    }
    assert selectors_of([], [document]) == ["a=b"]

"""The manifests for whoever has rights in one namespace: nothing that belongs to the whole cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Document = dict[str, Any]

_OF_THE_CLUSTER = {
    "Namespace",
    "ClusterRole",
    "ClusterRoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


def confined(documents: Iterable[Document]) -> Iterator[Document]:
    """What a cluster's role granted is granted in the namespace; nodes are beyond it."""
    found = list(documents)
    granted = {one["metadata"]["name"]: one["rules"] for one in found if one["kind"] == "ClusterRole"}
    for one in found:
        kind, name = one["kind"], one["metadata"]["name"]
        if kind in _OF_THE_CLUSTER:
            continue
        if kind == "Role":
            one["rules"] += list(_without_nodes(granted.get(name, ())))
            if name == "nrdot-operator":
                _may_forget(one)
        elif kind == "Deployment":
            one["spec"]["template"]["spec"]["containers"][0]["args"].append("--namespaced")
        elif kind == "ConfigMap":
            settings = yaml.safe_load(one["data"]["nrdot.yaml"])
            settings["kubernetes"]["namespaced"] = True
            one["data"]["nrdot.yaml"] = yaml.safe_dump(settings, sort_keys=False)
        yield one


def _without_nodes(rules: Iterable[Document]) -> Iterator[Document]:
    for rule in rules:
        resources = [one for one in rule["resources"] if one != "nodes"]
        if resources:
            yield {**rule, "resources": resources}


def _may_forget(role: Document) -> None:
    """Without a Node that owns it, the server does not collect what a node left behind."""
    for rule in role["rules"]:
        if rule["resources"] == ["nodetelemetries"]:
            rule["verbs"].append("delete")

"""What `nrdot operator manifests` prints, where each object of it belongs, and which rights it grants."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import yaml

Right = tuple[str, str, str, str]  # verb, group, resource, namespace; none where it is the whole cluster
PLURALS = {
    "CustomResourceDefinition": "customresourcedefinitions",
    "NetworkPolicy": "networkpolicies",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
}


def printed(*arguments: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "nrdot", "operator", "manifests", *arguments]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [document for document in yaml.safe_load_all(text) if document]


def path_of(document: dict[str, Any]) -> str:
    group, kind = document["apiVersion"], document["kind"]
    root = f"/apis/{group}" if "/" in group else f"/api/{group}"
    namespace = document["metadata"].get("namespace")
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{inside}/{PLURALS.get(kind, kind.lower() + 's')}/{document['metadata']['name']}"


def granted(*arguments: str) -> set[Right]:
    """To the operator."""
    found = set()
    for document in printed(*arguments):
        named = document["metadata"]["name"] == "nrdot-operator"
        if document["kind"] not in {"Role", "ClusterRole"} or not named:
            continue
        namespace = document["metadata"].get("namespace", "")
        for rule in document["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    found.update((verb, group, resource, namespace) for verb in rule["verbs"])
    return found

"""The chart: what helm makes of it is what `nrdot operator manifests` prints, its values aside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from parts.binaries import HELM, KUBERNETES
from parts.kubernetes import Cluster, RefusedError
from parts.operated import wait_for_definitions

from nrdot.testing.documents.pages import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "operator" / "chart"
Objects = dict[tuple[str, str], dict[str, Any]]


def _helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(HELM.path()), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _rendered(*arguments: str) -> Objects:
    done = _helm(
        "template", "nrdot", str(CHART), "--kube-version", KUBERNETES, "-n", "nrdot-system", *arguments
    )
    assert done.returncode == 0, done.stderr
    return _objects(done.stdout)


def _objects(text: str) -> Objects:
    found = [document for document in yaml.safe_load_all(text) if document]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def _printed(*arguments: str) -> Objects:
    command = [sys.executable, "-m", "nrdot", "operator", "manifests", *(arguments or ["--no-crds"])]
    return _objects(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_the_chart_lints() -> None:
    done = _helm("lint", "--strict", str(CHART), "-n", "nrdot-system")
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_values_it_is_what_the_command_prints() -> None:
    rendered, printed = _rendered("--set", "namespace.create=true"), _printed()
    assert rendered.keys() == printed.keys()
    settings = [
        objects[("ConfigMap", "nrdot-agent")].pop("data")["nrdot.yaml"] for objects in (rendered, printed)
    ]
    assert yaml.safe_load(settings[0]) == yaml.safe_load(settings[1])
    assert rendered == printed


def test_for_one_namespace_it_is_what_the_command_prints_for_it() -> None:
    rendered, printed = _rendered("--set", "namespaced=true"), _printed("--namespaced")
    settings = [
        yaml.safe_load(objects[("ConfigMap", "nrdot-agent")].pop("data")["nrdot.yaml"])
        for objects in (rendered, printed)
    ]
    assert settings[0] == settings[1]
    assert settings[0]["kubernetes"]["namespaced"] is True
    assert rendered == printed
    assert all(one["metadata"].get("namespace") == "nrdot-system" for one in printed.values())


def test_the_definitions_of_resources_come_with_it() -> None:
    with_them = _rendered("--include-crds").keys() - _rendered().keys()
    assert with_them == _printed("--crds").keys() - _printed().keys()
    assert {kind for kind, _ in with_them} == {"CustomResourceDefinition"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def test_helm_installs_it_as_the_page_says(cluster: Cluster) -> None:
    here = "test_chart.py::test_helm_installs_it_as_the_page_says"
    (typed,) = [
        block.text for block in blocks(ROOT / "docs/kubernetes.md") if block.covered_by.endswith(here)
    ]
    *made, install = typed.splitlines()
    home = "nrdot-system"
    assert made == [
        f"kubectl create namespace {home}",
        f"kubectl label namespace {home} pod-security.kubernetes.io/enforce=privileged",
    ]
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    cluster.create("/api/v1/namespaces", {"metadata": {"name": home, "labels": labels}})
    where = ["--kubeconfig", str(cluster.kubeconfig()), "--namespace", home]
    path = f"/apis/apps/v1/namespaces/{home}/deployments/nrdot-operator"

    installed = _helm(*install.split()[1:], *where[:2])
    assert installed.returncode == 0, installed.stderr
    assert _image(cluster.get(path)).startswith("registry.example/nrdot-operator:")
    wait_for_definitions(cluster)
    upgraded = _helm("upgrade", "nrdot", str(CHART), "--set", "tag=9.9.9", *where)
    assert upgraded.returncode == 0, upgraded.stderr
    assert _image(cluster.get(path)).endswith(":9.9.9")
    removed = _helm("uninstall", "nrdot", *where)
    assert removed.returncode == 0, removed.stderr
    with pytest.raises(RefusedError, match="not found"):
        cluster.get(path)
    assert cluster.get(f"/api/v1/namespaces/{home}")["status"]["phase"] == "Active"
    wait_for_definitions(cluster)


def test_helm_installs_it_for_one_namespace(cluster: Cluster) -> None:
    cluster.create("/api/v1/namespaces", {"metadata": {"name": "team-observability"}})
    install = "install nrdot operator/chart --namespace team-observability --skip-crds --set namespaced=true"
    assert f"`helm {install}`" in " ".join((ROOT / "docs/kubernetes.md").read_text().split())

    done = _helm(*install.split(), "--kubeconfig", str(cluster.kubeconfig()))

    assert done.returncode == 0, done.stderr
    path = "/apis/apps/v1/namespaces/team-observability/deployments/nrdot-operator"
    assert "--namespaced" in cluster.get(path)["spec"]["template"]["spec"]["containers"][0]["args"]


def _image(deployment: dict[str, Any]) -> str:
    found: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return found


def test_values_reach_what_they_speak_of() -> None:
    found = _rendered(
        "--set",
        "registry=registry.example/team/",
        "--set",
        "tag=1.2.3",
        "--set",
        "operator.replicas=3",
        "--set",
        "agent.config.profile=balanced",
        "--set",
        "agent.nodeSelector.pool=general",
    )
    operator, agent = found[("Deployment", "nrdot-operator")], found[("DaemonSet", "nrdot-agent")]
    assert operator["spec"]["replicas"] == 3
    (container,) = operator["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/team/nrdot-operator:1.2.3"
    assert agent["spec"]["template"]["spec"]["nodeSelector"] == {"pool": "general"}
    settings = yaml.safe_load(found[("ConfigMap", "nrdot-agent")]["data"]["nrdot.yaml"])
    assert settings["profile"] == "balanced"
    assert settings["kubernetes"]["node"] == "${env:NODE_NAME}"


def test_each_half_can_be_left_out() -> None:
    assert ("Deployment", "nrdot-operator") not in _rendered("--set", "operator.enabled=false")
    assert ("DaemonSet", "nrdot-agent") not in _rendered("--set", "agent.enabled=false")


def test_on_openshift_the_agent_gets_its_constraints() -> None:
    constraints = _rendered("--set", "openshift=true")[("SecurityContextConstraints", "nrdot-agent")]
    assert constraints["allowHostPID"] is True
    assert constraints["allowPrivilegedContainer"] is False
    assert constraints["users"] == ["system:serviceaccount:nrdot-system:nrdot-agent"]


def test_on_openshift_the_constraints_allow_what_the_agents_pod_asks_for_and_little_more() -> None:
    """Field by field as the admission of OpenShift compares them; there is no such server here."""
    rendered = _rendered("--set", "openshift=true")
    allowed = rendered[("SecurityContextConstraints", "nrdot-agent")]
    pod = rendered[("DaemonSet", "nrdot-agent")]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    asked = container["securityContext"]
    assert set(asked["capabilities"]["add"]) == set(allowed["allowedCapabilities"])
    assert asked["capabilities"]["drop"] == allowed["requiredDropCapabilities"]
    kinds = {next(key for key in volume if key != "name") for volume in pod["volumes"]}
    assert kinds <= set(allowed["volumes"])
    assert (pod["hostPID"], allowed["allowHostPID"]) == (True, True)
    assert (asked["allowPrivilegeEscalation"], allowed["allowPrivilegeEscalation"]) == (False, False)
    assert asked["readOnlyRootFilesystem"] is allowed["readOnlyRootFilesystem"] is True
    assert (asked["seccompProfile"]["type"], allowed["seccompProfiles"]) == (
        "RuntimeDefault",
        ["runtime/default"],
    )
    # A user and an SELinux type of its own choice need strategies that leave the choice to it.
    assert asked["runAsUser"] == 0
    assert allowed["runAsUser"] == {"type": "RunAsAny"}
    assert asked["seLinuxOptions"] == {"type": "spc_t"}
    assert allowed["seLinuxContext"] == {"type": "RunAsAny"}
    for host in ("allowHostIPC", "allowHostNetwork", "allowHostPorts", "allowPrivilegedContainer"):
        assert allowed[host] is False


@pytest.mark.parametrize("value", ["operator.replicas=many", "registry=no-slash", "opertor.replicas=1"])
def test_a_value_that_cannot_be_is_refused(value: str) -> None:
    done = _helm("template", "nrdot", str(CHART), "--kube-version", KUBERNETES, "--set", value)
    assert done.returncode != 0
    assert value.split("=", maxsplit=1)[0].split(".", maxsplit=1)[0] in done.stderr

"""Findings of `nrdot doctor` in a pod."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from nrdot.checks.loading import load
from nrdot.cluster.api import ApiError
from nrdot.config.schema.cluster import Kubernetes
from nrdot.doctor import in_cluster
from nrdot.doctor.finding import Level
from nrdot.testing.clusters.api_server import FakeApi
from nrdot.testing.hosts.procfs import FakeProcfs

OWN = "/apis/nrdot.io/v1alpha1/namespaces/nrdot-system/nodetelemetries/node-1"
MAPS = "/api/v1/namespaces/nrdot-system/configmaps"
UID = "11111111-2222-4333-8444-555555555555"
CGROUP = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID.replace('-', '_')}.slice"


class World:
    def __init__(self, folder, **settings):
        self.api = FakeApi()
        self.api.objects["/version"] = {"gitVersion": "v1.36.0"}
        self.account = folder
        self.token({"sub": "system:serviceaccount:nrdot-system:nrdot-agent"})
        self.settings = Kubernetes(node="node-1", account=str(folder), **settings)
        self.proc = FakeProcfs(folder / "proc")
        self.proc.add(100, "checkout", cgroup=f"{CGROUP}/cri-containerd-{'a' * 64}.scope")
        self.api.put("/api/v1/pods/checkout", {"metadata": {"name": "checkout", "uid": UID}})
        self.api.put(OWN, {"spec": {"pointer": "nrdot-pointer-general"}})
        self.api.put(f"{MAPS}/nrdot-pointer-general", {"data": {}})

    def token(self, payload):
        body = urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
        (self.account / "token").write_text(f"head.{body}.signature")

    def found(self):
        return list(in_cluster.examine(self.api, self.settings, self.proc.root))

    def wrong(self):
        return [one for one in self.found() if one.level is not Level.OK]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_where_all_is_well_it_says_what_it_proved(world):
    assert [one.what for one in world.found()] == [
        "the token is of system:serviceaccount:nrdot-system:nrdot-agent",
        "the API server v1.36.0 answers",
        f"1 of 1 pods with processes at {world.proc.root} are known by name",
        "NodeTelemetry node-1 may be written",
        "this node follows nrdot-pointer-general",
    ]
    assert not world.wrong()
    assert not world.api.writes


def test_a_server_that_does_not_answer_ends_the_questions(world):
    world.api.trouble.append(ApiError(0, "GET /version: no answer: ConnectTimeoutError"))
    (finding,) = world.wrong()
    assert finding.level is Level.ERROR
    assert "no answer" in finding.what


def test_a_token_of_another_node_is_an_error(world):
    world.token({"kubernetes.io": {"node": {"name": "node-9"}}})
    (finding,) = world.wrong()
    assert finding.what == "the token is of a pod on node-9, and kubernetes.node is node-1"


def test_pods_that_no_process_belongs_to_mean_another_node_or_proc(world):
    world.api.put("/api/v1/pods/checkout", {"metadata": {"name": "checkout", "uid": "another"}})
    (finding,) = world.wrong()
    assert finding.what.startswith("0 of 1 pods")
    assert "kubernetes.node" in finding.mend


@pytest.mark.parametrize(("turn", "words"), [(1, "pods of this node"), (2, "NodeTelemetry node-1 cannot")])
def test_a_missing_right_is_named_with_what_it_is_for(world, turn, words):
    answer = world.api.get

    def get(path, **query):
        nonlocal turn
        turn -= 1
        if turn == -1:
            raise ApiError(403, f"GET {path}: forbidden")
        return answer(path, **query)

    world.api.get = get
    (finding,) = world.wrong()
    assert finding.level is Level.ERROR
    assert words in finding.what
    assert "nrdot operator manifests" in finding.mend


def test_a_node_that_the_operator_does_not_know_or_that_no_profile_selects_is_told(world):
    world.api.put(OWN, {"spec": {"pointer": ""}})
    assert [one.what for one in world.wrong()] == ["no profile selects this node"]
    del world.api.objects[OWN]
    assert [one.what for one in world.wrong()] == ["there is no NodeTelemetry node-1 yet"]


def test_a_pointer_that_is_not_there_is_told_as_is_one_that_is_not_mounted(tmp_path):
    world = World(tmp_path, mount=str(tmp_path / "mount"))
    del world.api.objects[f"{MAPS}/nrdot-pointer-general"]
    assert [one.what for one in world.wrong()] == [
        "the pointer nrdot-pointer-general does not exist",
        f"no pointer is mounted at {tmp_path / 'mount'}",
    ]


def test_outside_a_pod_the_configuration_is_an_error_and_without_kubernetes_nothing_is_asked(
    tmp_path, monkeypatch
):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    file = tmp_path / "nrdot.yaml"
    file.write_text("kubernetes: {node: node-1, operator: false}\n")
    (finding,) = in_cluster.check(load(file).settings)
    assert "this is no pod" in finding.what
    file.write_text("{}\n")
    assert not list(in_cluster.check(load(file).settings))

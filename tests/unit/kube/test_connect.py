"""`nrdot operator run` where there is no cluster: which one was looked for, and how to name one."""

from __future__ import annotations

import pytest

from nrdot.errors import StartError
from nrdot.kube.connect import connect


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A home without a cluster, outside of any."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(
        "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / ".kube/config")
    )
    return tmp_path


def test_without_a_cluster_it_says_how_to_name_one(elsewhere):
    with pytest.raises(
        StartError, match=r"this is no pod, and there is no ~/.kube/config; name .*--kubeconfig"
    ):
        connect()


def test_a_file_that_is_not_there_is_named(elsewhere):
    with pytest.raises(StartError, match=r"nowhere.yaml: there is no such file; `kubectl config view"):
        connect(elsewhere / "nowhere.yaml")


def test_a_directory_is_told_in_words(elsewhere):
    with pytest.raises(StartError, match=r"no cluster by .*: Is a directory$"):
        connect(elsewhere)


@pytest.mark.parametrize("data", [b"hello\n", b"\xd1\x82\xff", b"- a\n"])
def test_a_file_of_another_kind_is_no_fault_of_ours(elsewhere, data):
    path = elsewhere / "notes.txt"
    path.write_bytes(data)
    with pytest.raises(
        StartError, match=r"no cluster by .*notes.txt: this is no kubeconfig; `kubectl config"
    ):
        connect(path)


@pytest.mark.parametrize("text", ["", "clusters: [", "apiVersion: v1\nkind: Config\ncurrent-context: gone\n"])
def test_a_file_that_names_no_cluster_is_told_with_the_reason(elsewhere, text):
    path = elsewhere / "kubeconfig.yaml"
    path.write_text(text)
    with pytest.raises(StartError, match=r"no cluster by .*kubeconfig.yaml: ..."):
        connect(path)

"""An agent's link: what lands in its file, and what it says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nrdot.clock import SystemClock
from nrdot.cluster.api import ApiError
from nrdot.cluster.landing import Landing
from nrdot.cluster.link import PATIENCE, NodeLink
from nrdot.cluster.report import USUAL, Report
from nrdot.kube.pointers import Pointer
from nrdot.testing.clock import ManualClock
from nrdot.testing.clusters.api_server import FakeApi
from nrdot.testing.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOME = "/api/v1/namespaces/home/configmaps"
NODE = "/apis/nrdot.io/v1alpha1/namespaces/home/nodetelemetries/node-1"


def _data(stable: str = "profile: balanced\n", **changes: Any) -> dict[str, str]:
    pointer = Pointer("general", stable, sequence=changes.pop("sequence", 7), expires=2e9, **changes)
    data: dict[str, str] = pointer.document("home")["data"]
    return data


@pytest.fixture
def api() -> Iterator[FakeApi]:
    made = FakeApi()
    yield made
    made.close()


def test_a_node_takes_the_candidate_where_it_is_named_and_else_what_is_stable(tmp_path: Path) -> None:
    data = _data(candidate="profile: aggressive\n", candidates=("node-10", "node-2"))
    for node, profile in (("node-1", "balanced"), ("node-2", "aggressive")):
        landing = Landing(node, tmp_path / node)
        landing.take("pointer", data)
        text = (tmp_path / node / "pushed.yaml").read_text()
        assert text.splitlines()[0].startswith("pushed: ")
        assert text.splitlines()[1] == f"profile: {profile}"


def test_what_a_hand_has_changed_is_left_alone_and_refuses_no_revision(tmp_path: Path) -> None:
    landing = Landing("node-1", tmp_path)
    landing.take("pointer", _data())
    before = (tmp_path / "pushed.yaml").read_text()
    landing.take("pointer", {**_data(sequence=8), "stable.yaml": "pushed: {}\nprofile: aggressive\n"})
    assert (tmp_path / "pushed.yaml").read_text() == before
    said = landing.says(7, "")
    assert said["refused"] == ""
    assert "claims to be" in said["error"]
    landing.take("pointer", _data(sequence=9))
    assert landing.says(9, "")["error"] == ""


def test_a_directory_that_cannot_be_written_is_said_and_tried_again(tmp_path: Path) -> None:
    (tmp_path / "place").write_text("a file is in the way")
    landing = Landing("node-1", tmp_path / "place")
    landing.take("pointer", _data())
    said = landing.says(0, "")
    assert said["revision"] == ""
    assert said["refused"] == _data()["stable"]
    assert "cannot be written" in said["error"]
    landing.retry()
    (tmp_path / "place").unlink()
    landing.retry()
    assert (tmp_path / "place" / "pushed.yaml").exists()
    assert landing.says(7, "") == {"revision": _data()["stable"], "refused": "", "error": ""}


def test_trouble_with_the_hosts_own_file_refuses_no_revision_that_runs(tmp_path: Path) -> None:
    landing = Landing("node-1", tmp_path)
    landing.take("pointer", _data(sequence=7))
    assert landing.says(7, "nrdot.yaml:3: no")["refused"] == ""
    landing.take("pointer", _data("profile: aggressive\n", sequence=8))
    assert landing.says(7, "nrdot.yaml:3: no")["refused"] == _data("profile: aggressive\n")["stable"]


def test_a_report_goes_when_something_turns_and_else_every_five_minutes() -> None:
    api, clock = FakeApi(), ManualClock()
    report = Report(api, f"{NODE}/status", clock)
    report.say({"revision": "a", "processes": 10})
    report.turn()
    report.say({"revision": "a", "processes": 11})
    clock.advance(USUAL - 1)
    report.turn()
    assert len(api.writes) == 1
    report.say({"revision": "b", "processes": 11})
    report.turn()
    assert [one["status"]["revision"] for one in api.written("/status")] == ["a", "b"]
    clock.advance(USUAL)
    report.turn()
    assert len(api.writes) == 3, "a sign of life"


@pytest.mark.parametrize(
    "said",
    [{"critical": {"covered": "0.5"}}, {"agent": {"tickDelay": "40"}}, {"error": "no"}, {"refused": "b"}],
)
def test_what_a_rollout_is_judged_by_is_told_at_once(said: dict[str, Any]) -> None:
    api = FakeApi()
    report = Report(api, f"{NODE}/status", ManualClock())
    report.say({"revision": "a"})
    report.turn()
    report.say({"revision": "a", **said})
    report.turn()
    assert len(api.writes) == 2


def test_a_report_that_fails_is_sent_again_ever_later_and_as_it_is_then() -> None:
    api = FakeApi()
    report = Report(api, f"{NODE}/status", ManualClock())
    report.say({"revision": "a"})
    api.trouble.extend(ApiError(404, "not found") for _ in range(6))
    pauses = [report.turn() for _ in range(6)]
    assert pauses[0] <= 5.0
    assert 30.0 <= pauses[-1] <= 60.0
    api.trouble.append(ApiError(429, "too many", 90.0))
    assert report.turn() == 90.0
    report.say({"revision": "a", "processes": 12})
    report.turn()
    assert [one["status"]["processes"] for one in api.written("/status")] == [12]


def test_a_link_follows_its_node_from_one_pointer_to_another_and_says_what_runs(
    tmp_path: Path, api: FakeApi
) -> None:
    file = tmp_path / "pushed.yaml"
    api.put(f"{HOME}/general", {"data": _data(sequence=7)})
    api.put(f"{HOME}/gpu", {"data": _data("profile: conservative\n", sequence=9)})
    api.put(NODE, {"spec": {"pointer": "general"}})
    link = NodeLink(api, "home", "node-1", tmp_path, SystemClock())
    link.start()
    try:
        until(lambda: file.exists() and "balanced" in file.read_text(), "the first document")
        link.say(7, "", {"processes": 3})
        until(lambda: api.written("node-1/status"), "a report")
        assert api.written("node-1/status")[0]["status"]["revision"] == _data()["stable"]
        api.put(NODE, {"spec": {"pointer": "gpu"}})
        until(lambda: "conservative" in file.read_text(), "the other document")
        api.put(f"{HOME}/general", {"data": _data("profile: aggressive\n", sequence=10)})
        api.put(f"{HOME}/gpu", {"data": _data("profile: balanced\n", sequence=11)})
        until(lambda: "balanced" in file.read_text(), "what the new pointer says, not the old one")
        api.delete(f"{HOME}/gpu")
        api.delete(NODE)
        api.put(NODE, {"spec": {"pointer": "general"}})
        until(lambda: "aggressive" in file.read_text(), "a link that outlives what is deleted")
    finally:
        link.close()


def test_a_mounted_pointer_counts_once_the_api_server_was_not_reached_for_a_while(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    mount.mkdir()
    for name, text in _data().items():
        (mount / name).write_text(text)
    clock, file = ManualClock(), tmp_path / "pushed" / "pushed.yaml"
    link = NodeLink(FakeApi(), "home", "node-1", file.parent, clock, fallback=mount)
    link.turn()
    assert not file.exists()
    clock.advance(PATIENCE)
    link.turn()
    assert "balanced" in file.read_text()


def test_a_proof_that_turns_is_told_at_once_and_counts_that_grow_are_not(api: FakeApi) -> None:
    report = Report(api, f"{NODE}/status", ManualClock())

    def says(exact: object, seen: int, exported: int) -> bool:
        report.news.clear()
        proof = {"requirement": "SOX", "seen": seen, "exported": exported}
        report.say({"conservation": {"exact": exact}, "requirements": [proof]})
        return report.news.is_set()

    says(True, 1, 1)
    assert not says(True, 5, 5)
    assert says(True, 5, 4)
    assert says(False, 5, 4)
    assert says(False, 0, 0)


def test_the_first_figures_of_namespaces_are_told_at_once_and_the_next_ones_when_it_is_time(
    api: FakeApi,
) -> None:
    report = Report(api, f"{NODE}/status", ManualClock())

    def says(usage: object) -> bool:
        report.news.clear()
        report.say({"usage": usage})
        return report.news.is_set()

    says(None)
    assert says({"rows": ["namespace shop - 1"]})
    assert not says({"rows": ["namespace shop - 2"]})

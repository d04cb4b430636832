"""A copy of the cluster's objects, through everything that a server may say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from urllib3 import PoolManager

from nrdot.cluster.api import Api, ApiError, Resource
from nrdot.cluster.objects import Pod
from nrdot.cluster.reflector import ABSENT, Reflector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Event

    from nrdot.clock import Clock

PODS = Resource("v1", "pods")


class Script(Api):
    """Lists and watches that are written down beforehand; at the end of them it stops the copy."""

    def __init__(self, *steps: object) -> None:
        super().__init__("http://api.invalid", PoolManager(), dict, "test")
        self._steps = list(steps)
        self.asked: list[str] = []
        self.copy: Reflector[Pod] | None = None

    def get(self, path: str, **query: str) -> bytes:
        assert path == "/api/v1/pods"
        self.asked.append("list" + (" on" if "continue" in query else ""))
        return json.dumps(self._next({"metadata": {"resourceVersion": "0"}, "items": []})).encode()

    def lines(self, path: str, seconds: int, **query: str) -> Iterator[bytes]:
        assert path == "/api/v1/pods"
        assert seconds > 0
        self.asked.append(f"watch {query['resourceVersion']}")
        for event in self._next([]):
            yield event if isinstance(event, bytes) else json.dumps(event).encode()

    def _next(self, last: Any) -> Any:
        if not self._steps:
            assert self.copy is not None
            self.copy.stop()
            return last
        step = self._steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


class Rests:
    """A clock on which every watch lasts a minute, and which remembers the pauses."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self._now = 0.0

    def wall_ns(self) -> int:
        return 0

    def monotonic(self) -> float:
        self._now += 60.0
        return self._now

    def wait(self, event: Event, seconds: float) -> bool:
        self.pauses.append(seconds)
        return event.is_set()


def _pod(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": str(version)}}


def _page(version: int, *pods: dict[str, Any], **metadata: str) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version), **metadata}, "items": list(pods)}


def _followed(api: Script, clock: Clock, *, optional: bool = False) -> tuple[list[str], Reflector[Pod]]:
    heard: list[str] = []

    def changed(key: str, old: Pod | None, new: Pod | None) -> None:
        heard.append(("+" if old is None else "-" if new is None else "=") + key)
        if new is not None and new.metadata.name == "poison":
            raise LookupError(key)

    api.copy = copy = Reflector(api, PODS, Pod, clock, changed, optional=optional)
    copy.start()
    copy._thread.join(10.0)
    return heard, copy


# As a server of the year 2024 writes it: no name, and null where a list would be.
BOOKMARK = {
    "type": "BOOKMARK",
    "object": {
        "kind": "Pod",
        "metadata": {"resourceVersion": "40", "creationTimestamp": None},
        "spec": {"containers": None},
        "status": {},
    },
}
GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}


def test_a_bookmark_moves_the_watch_on_and_is_no_object() -> None:
    api = Script(_page(1, _pod("a", 1)), [BOOKMARK])
    heard, copy = _followed(api, Rests())
    assert api.asked[:3] == ["list", "watch 1", "watch 40"]
    assert heard == ["+shop/a"]
    assert len(copy) == 1


@pytest.mark.parametrize("gone", [[GONE], ApiError(410, "too old")], ids=["in the stream", "outside of it"])
def test_what_was_deleted_meanwhile_is_gone_after_a_410(gone: object) -> None:
    clock = Rests()
    api = Script(_page(1, _pod("a", 1), _pod("b", 1)), gone, _page(9, _pod("b", 1)), [])
    heard, copy = _followed(api, clock)
    assert heard[2:] == ["-shop/a"]
    assert api.asked[:4] == ["list", "watch 1", "list", "watch 9"]
    assert len(copy) == 1
    assert clock.pauses == [], "a compaction is usual: no pause"


def test_a_server_that_says_410_again_and_again_is_not_asked_in_a_loop() -> None:
    clock = Rests()
    steps: list[object] = []
    for version in range(6):
        steps += [_page(version + 1), ApiError(410, "too old")]
    _followed(Script(*steps), clock)
    assert len(clock.pauses) == 5
    assert clock.pauses[-1] >= 4.0


def test_an_event_that_cannot_be_read_is_followed_by_a_list() -> None:
    clock = Rests()
    broken = {"type": "ADDED", "object": {"metadata": {"name": 7}}}
    api = Script(_page(1), [broken], _page(5, _pod("a", 5)), [b"no json"], _page(6, _pod("a", 5)), [])
    heard, copy = _followed(api, clock)
    assert heard == ["+shop/a"]
    assert len(copy) == 1
    assert len(clock.pauses) == 2


def test_a_server_that_asks_for_time_is_given_it_and_zero_is_no_leave_to_spin() -> None:
    clock = Rests()
    said = {"kind": "Status", "code": 429, "message": "later", "details": {"retryAfterSeconds": 9}}
    api = Script(
        ApiError(429, "later", 7.0),
        ApiError(429, "later", 0.0),
        _page(1),
        [{"type": "ERROR", "object": said}],
    )
    _followed(api, clock)
    assert clock.pauses[0] == 7.0
    assert clock.pauses[1] > 0.0
    assert clock.pauses[2] == 9.0


def test_neither_a_listener_that_fails_nor_a_broken_plug_in_ends_the_copy() -> None:
    clock = Rests()
    poison = {"type": "ADDED", "object": _pod("poison", 2)}
    later = {"type": "ADDED", "object": _pod("b", 3)}
    api = Script(LookupError("a plug-in"), _page(1), [poison, later])
    heard, copy = _followed(api, clock)
    assert heard == ["+shop/poison", "+shop/b"]
    assert len(copy) == 2
    assert not copy.dead


def test_a_kind_that_a_cluster_may_lack_is_no_failure_and_is_asked_for_again_after_minutes() -> None:
    clock = Rests()
    missing = ApiError(404, "the server could not find the requested resource")
    api = Script(missing, missing, _page(3, _pod("a", 3)), [])
    heard, copy = _followed(api, clock, optional=True)
    assert clock.pauses[:2] == [ABSENT, ABSENT]
    assert heard == ["+shop/a"]
    assert (copy.absent, copy.failures) == (False, 0)


def test_a_kind_that_is_removed_takes_its_objects_with_it() -> None:
    clock = Rests()
    api = Script(_page(1, _pod("a", 1)), [], ApiError(404, "not found"))
    heard, copy = _followed(api, clock, optional=True)
    assert heard == ["+shop/a", "-shop/a"]
    assert len(copy) == 0


def test_a_kind_that_must_be_there_is_asked_for_soon_and_that_counts_as_failing() -> None:
    clock = Rests()
    heard, copy = _followed(Script(ApiError(404, "not found"), _page(1, _pod("a", 1)), []), clock)
    assert heard == ["+shop/a"]
    assert max(clock.pauses) < ABSENT
    assert not copy.absent

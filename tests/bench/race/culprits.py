"""Five processes that misbehave, planted while everybody looks on."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contestants import PRECIOUS, running
from exports import Reader
from findings import ENOUGH, GROWN, judge
from receiver import Receiver, until
from tree import Member, growing
from turns import FIRST_PORT, PATIENCE
from whole import cpu_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from contestants import Contestant
    from plan import Plan
    from tree import Tree

QUIET = 4  # looks between two culprits


@dataclass(frozen=True, slots=True)
class Culprit:
    kind: str
    about: str
    member: Member
    names: tuple[str, ...]  # any of these, in a series, is the culprit's
    leaks: bool = False
    pooled: bool = False  # others bear its name, so only its pid tells it from them
    waits: bool = True  # it lives before it begins


@dataclass(slots=True)
class Planted:
    culprit: Culprit
    pid: int
    begin: float = 0.0
    end: float = 0.0
    cores: float = 0.0  # that it used, by the kernel's clock: a busy machine may not give it what it wants


def culprits() -> tuple[Culprit, ...]:
    return (
        Culprit(
            "burst",
            "one worker of a pool of equal names takes 60 % of a core",
            Member(
                "gunicorn", "/srv/app/venv/bin/gunicorn shop.wsgi", {"act": 1, "share": 60, "rss": 64}, {}
            ),
            ("gunicorn",),
            pooled=True,
        ),
        Culprit(
            "leak",
            "a process takes 20 MB of memory more each second",
            Member("cache-warmer", "/usr/bin/cache-warmer", {"act": 2, "leak": 2000, "rss": 64}, {}),
            ("cache-warmer",),
            leaks=True,
        ),
        Culprit(
            "storm",
            "a script starts 50 jobs a second, each of 30 ms of life and 8 ms of CPU",
            Member(
                "deploy-hook",
                "/bin/sh /usr/bin/deploy-hook",
                {"act": 4, "rate": 50, "rss": 64},
                {"CHILD": "git-fetch", "CHILD_MEMBER": "life=30,burn=8000"},
            ),
            ("deploy-hook", "git-fetch"),
        ),
        Culprit(
            "renamed",
            "a process takes another name and 60 % of a core",
            Member(
                "sync-helper",
                "/usr/bin/sync-helper",
                {"act": 3, "share": 60, "rss": 64},
                {"ALIAS": "kdevtmpfsi"},
            ),
            ("kdevtmpfsi",),
        ),
        Culprit(
            "quiet",
            f"{PRECIOUS} begins and does nothing: is it there, at every look?",
            Member(PRECIOUS, f"/usr/sbin/{PRECIOUS} --serve", {"rss": 64}, {}),
            (PRECIOUS,),
            waits=False,
        ),
    )


def hunt(plan: Plan, everybody: Sequence[Contestant]) -> dict[str, Any]:
    """Everybody runs at once here: each culprit is planted once, and all see the same."""
    interval = plan.culprit_interval
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, receiver = Path(name), Receiver()
        stack.callback(receiver.close)
        tree = stack.enter_context(growing(folder / "tree", plan.culprit_tree, "mixed"))
        planted = [Planted(one, tree.start(one.member) if one.waits else 0) for one in culprits()]
        for place, one in enumerate(everybody):
            stack.enter_context(running(one, receiver, folder / one.name, interval, FIRST_PORT + place))
        wait_for_everybody(receiver, everybody, plan.culprit_settle)
        for one in planted:
            misbehave(one, tree, plan, lambda looks: wait_for_everybody(receiver, everybody, looks))
        arrived = {one.name: receiver.arrived(one.name) for one in everybody}
    found: dict[str, dict[str, Any]] = {}
    for name, arrivals in arrived.items():
        reader = Reader(interval)
        looks = [reader.read(arrival) for arrival in arrivals]
        found[name] = {one.culprit.kind: judge(one, looks, interval) for one in planted}
    return {
        "processes": plan.culprit_tree,
        "interval": interval,
        "grown": GROWN,
        "enough": ENOUGH,
        "lasts": plan.culprit_lasts,
        "lasted": {one.culprit.kind: round(one.end - one.begin, 1) for one in planted},
        "cores": {one.culprit.kind: round(one.cores, 3) for one in planted},
        "kinds": {one.culprit.kind: one.culprit.about for one in planted},
        "found": found,
    }


def wait_for_everybody(receiver: Receiver, everybody: Sequence[Contestant], looks: int) -> None:
    """Until each has sent so many more exports: on a busy machine that takes as long as it takes."""
    begin = time.monotonic()
    for one in everybody:
        until(
            lambda one=one: sum(arrival.at > begin for arrival in receiver.arrived(one.name)) >= looks,
            f"{one.title} to look {looks} times",
            PATIENCE,
        )


def misbehave(one: Planted, tree: Tree, plan: Plan, wait: Callable[[int], None]) -> None:
    had = used_by(one.pid) if one.pid else 0.0
    one.begin = time.monotonic()
    if one.culprit.waits:
        os.kill(one.pid, signal.SIGUSR1)
    else:
        one.pid = tree.start(one.culprit.member)
    wait(plan.culprit_lasts)
    one.end = time.monotonic()
    one.cores = (used_by(one.pid) - had) / (one.end - one.begin)
    if one.culprit.waits:
        os.kill(one.pid, signal.SIGUSR1)
        time.sleep(0.2)  # a storm's parent waits for its last jobs
    tree.stop([one.pid])
    wait(QUIET)


def used_by(pid: int) -> float:
    """Seconds of CPU of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return cpu_ns(pid) / 1e9 + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

"""Five processes that misbehave, planted while everybody looks on, and who can name them from what was
exported.

Found by name: a series that stands for this process alone shows it (for the storm of short jobs: series that
bear the name of the jobs or of their parent). Found in a group: the sum of a group rises by as much, so that
somebody knows that something is wrong, but not with whom. The delay counts from the culprit's beginning to
the arrival of the first export that shows it.
"""

from __future__ import annotations

import os
import signal
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contestants import PRECIOUS, running
from exports import Reader
from receiver import Receiver, until
from tree import KERNEL, Member, growing
from turns import FIRST_PORT, PATIENCE
from whole import cpu_ns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contestants import Contestant
    from exports import Look, Owner
    from plan import Plan
    from tree import Tree

ENOUGH = 0.25  # of what a culprit really used in an interval, in a series, to be called shown
GROWN = 64 * 2**20  # bytes of memory more
QUIET = 4  # looks between two culprits
RECENT = 3  # looks before a culprit that say what is usual


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


@dataclass(slots=True)
class Verdict:
    outcome: str = "no"  # named, old name, group
    delay: float | None = None
    where: str = ""
    present: float | None = None  # of a quiet one: the share of looks in which it was there


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
        for one in everybody:
            until(lambda one=one: receiver.arrived(one.name), one.title, PATIENCE)
        time.sleep(plan.culprit_settle * interval)
        for one in planted:
            misbehave(one, tree, plan)
        arrived = {one.name: receiver.arrived(one.name) for one in everybody}
    found: dict[str, dict[str, Any]] = {}
    for name, arrivals in arrived.items():
        reader = Reader(interval)
        looks = [reader.read(arrival) for arrival in arrivals]
        found[name] = {one.culprit.kind: _told(judge(one, looks, interval)) for one in planted}
    return {
        "processes": plan.culprit_tree,
        "interval": interval,
        "grown": GROWN,
        "enough": ENOUGH,
        "lasts": plan.culprit_lasts * interval,
        "cores": {one.culprit.kind: round(one.cores, 3) for one in planted},
        "kinds": {one.culprit.kind: one.culprit.about for one in planted},
        "found": found,
    }


def misbehave(one: Planted, tree: Tree, plan: Plan) -> None:
    had = used_by(one.pid) if one.pid else 0.0
    one.begin = time.monotonic()
    if one.culprit.waits:
        os.kill(one.pid, signal.SIGUSR1)
    else:
        one.pid = tree.start(one.culprit.member)
    time.sleep(plan.culprit_lasts * plan.culprit_interval)
    one.end = time.monotonic()
    one.cores = (used_by(one.pid) - had) / (one.end - one.begin)
    if one.culprit.waits:
        os.kill(one.pid, signal.SIGUSR1)
        time.sleep(0.2)  # a storm's parent waits for its last jobs
    tree.stop([one.pid])
    time.sleep(QUIET * plan.culprit_interval)


def used_by(pid: int) -> float:
    """Seconds of CPU of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return cpu_ns(pid) / 1e9 + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def judge(planted: Planted, looks: Sequence[Look], interval: float) -> Verdict:
    """The first look that names it; failing that, the first in which a group's sum gives it away."""
    culprit = planted.culprit
    before = [look for look in looks if look.at <= planted.begin]
    during = [look for look in looks if planted.begin < look.at <= planted.end + interval]
    if not culprit.waits:
        there = [
            look for look in during if any(_his(owner, planted) for owner in (*look.used, *look.resident))
        ]
        if not there:
            return Verdict()
        left = [look for look in during if there[0].at <= look.at <= planted.end]
        present = sum(look in there for look in left) / max(len(left), 1)
        return Verdict("named", there[0].at - planted.begin, culprit.names[0], present)
    usual = _usual(before, leaks=culprit.leaks)
    for outcome, shows in (("named", _names), ("old name", _old)):
        for look in during:
            if owner := shows(look, planted, usual, interval):
                return Verdict(outcome, look.at - planted.begin, owner.name)
    for look, following in pairwise(during):
        # One look alone may be a rush of others in the group.
        if risen := _risen(look, planted, usual, interval) & _risen(following, planted, usual, interval):
            return Verdict("group", look.at - planted.begin, min(risen))
    return Verdict()


def _his(owner: Owner, planted: Planted) -> bool:
    culprit = planted.culprit
    if owner.pid:
        return owner.pid == planted.pid
    return owner.alone and not culprit.pooled and owner.name in _cut(culprit.names)


def _names(look: Look, planted: Planted, usual: dict[Owner, float], interval: float) -> Owner | None:
    culprit = planted.culprit
    if culprit.kind == "storm":
        bearing = [owner for owner in look.used if owner.name in _cut(culprit.names)]
        enough = sum(look.used[owner] for owner in bearing) >= _enough(planted, interval)
        return bearing[0] if enough else None
    renamed = culprit.kind == "renamed"
    for owner, value in _values(look, culprit).items():
        named = not renamed or owner.name in _cut(culprit.names)
        if _his(owner, planted) and named and value - usual.get(owner, 0.0) >= _enough(planted, interval):
            return owner
    return None


def _old(look: Look, planted: Planted, usual: dict[Owner, float], interval: float) -> Owner | None:
    """One that took a new name, shown under the name that it had."""
    culprit = planted.culprit
    if culprit.kind != "renamed":
        return None
    for owner, value in look.used.items():
        known = owner.pid == planted.pid or (owner.alone and owner.name == culprit.member.name)
        if known and value - usual.get(owner, 0.0) >= _enough(planted, interval):
            return owner
    return None


def _risen(look: Look, planted: Planted, usual: dict[Owner, float], interval: float) -> set[str]:
    """The groups whose sums are above their usual by what the culprit uses."""
    return {
        owner.name
        for owner, value in _values(look, planted.culprit).items()
        if not owner.alone and value - usual.get(owner, 0.0) >= _enough(planted, interval)
    }


def _values(look: Look, culprit: Culprit) -> dict[Owner, float]:
    return look.resident if culprit.leaks else look.used


def _enough(planted: Planted, interval: float) -> float:
    return GROWN if planted.culprit.leaks else ENOUGH * planted.cores * interval


def _usual(before: Sequence[Look], *, leaks: bool) -> dict[Owner, float]:
    recent = before[-RECENT:]
    seen: dict[Owner, list[float]] = {}
    for look in recent:
        for owner, value in (look.resident if leaks else look.used).items():
            seen.setdefault(owner, []).append(value)
    return {owner: statistics.median(values) for owner, values in seen.items()}


def _cut(names: Sequence[str]) -> tuple[str, ...]:
    """As the program and as the kernel write them."""
    return (*names, *(name[:KERNEL] for name in names))


def _told(verdict: Verdict) -> dict[str, Any]:
    told = {"outcome": verdict.outcome, "delay": verdict.delay, "where": verdict.where}
    return told if verdict.present is None else {**told, "present": verdict.present}

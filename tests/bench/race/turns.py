"""What each contestant costs and exports on one tree: they take turns, one at work while the others stand
still.

A turn begins with looks that are not counted. What follows is whole looks of one contestant alone with the
tree, so that nobody pays for another's caches, and nobody sees another among the busiest: it is measured from
one silence between two exports to another. All turns of a round follow each other, so a drift of the machine
meets everybody.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from contestants import running
from receiver import Receiver, until
from scores import Turn, judged
from tree import growing
from whole import cpu_ns, processes, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contestants import Contestant, Running
    from plan import Cell
    from receiver import Arrival
    from scores import Scores
    from tree import Tree

ENDED = -1  # no pid
PATIENCE = 240.0  # seconds
WARM_UP = 2  # looks
REST = 0.5  # seconds without a request, after which an export is over
APART = 0.3  # of an interval, between the requests of two looks at least
FIRST_PORT = 29_300


@dataclass(frozen=True, slots=True)
class Raced:
    cell: Cell
    scores: dict[str, Scores]
    last: dict[str, list[Arrival]]  # the exports of each one's last turn
    fallen: dict[str, str]  # who did not come to the end, and why


def race(cell: Cell, everybody: Sequence[Contestant], rounds: int) -> Raced:
    fallen: dict[str, str] = {}
    turns: dict[str, list[Turn]] = {one.name: [] for one in everybody}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, receiver = Path(name), Receiver()
        stack.callback(receiver.close)
        tree = stack.enter_context(growing(folder / "tree", cell.processes, cell.load))
        entered: list[Running] = []
        for place, one in enumerate(everybody):
            port = FIRST_PORT + place
            entered.append(
                stack.enter_context(running(one, receiver, folder / one.name, cell.interval, port))
            )
            with falling(one, fallen):
                # The first looks find everything new, and nobody else is at work yet.
                wait_for_looks(receiver, entered[-1], time.monotonic(), cell, WARM_UP)
            pause(entered[-1])
        for _ in range(rounds):
            for one in entered:
                if one.contestant.name not in fallen:
                    with falling(one.contestant, fallen):
                        turns[one.contestant.name].append(turn(one, receiver, cell, tree))
        arrived = {one.name: receiver.arrived(one.name) for one in everybody if one.name not in fallen}
        harness = {pid: name_of(pid) for pid in (os.getpid(), *(one.pid for one in entered))}
        names = dict(tree.names)
    scores = {name: judged(turns[name], arrived[name], cell, harness, names) for name in arrived}
    return Raced(cell, scores, {name: last(arrived[name], turns[name]) for name in arrived}, fallen)


@contextmanager
def falling(one: Contestant, fallen: dict[str, str]) -> Iterator[None]:
    """One that ends or hangs is out of this cell, and the others go on."""
    try:
        yield
    except RuntimeError as reason:
        fallen[one.name] = str(reason).strip().replace("\n", " ")


def name_of(pid: int) -> str:
    """Empty for one that has ended."""
    path = Path(f"/proc/{pid}/comm")
    return path.read_text().strip() if path.exists() else ""


def last(arrivals: Sequence[Arrival], turns: Sequence[Turn]) -> list[Arrival]:
    """The exports of the last turn, from its first look on."""
    return [arrival for arrival in arrivals if turns[-1].resumed <= arrival.at <= turns[-1].end]


def pause(one: Running) -> None:
    """An exporter works only when it is asked, so it need not be stopped."""
    if one.scraper:
        one.scraper.on.clear()
    elif one.process.poll() is None:
        os.kill(one.pid, signal.SIGSTOP)


def resume(one: Running) -> None:
    if one.scraper:
        one.scraper.on.set()
    elif one.process.poll() is None:
        os.kill(one.pid, signal.SIGCONT)


def turn(one: Running, receiver: Receiver, cell: Cell, tree: Tree) -> Turn:
    resumed = time.monotonic()
    resume(one)
    wait_for_looks(receiver, one, resumed, cell, one.contestant.settles)
    wait_for_silence(receiver, one)
    spent, begin, before = cpu_ns(one.pid), time.monotonic(), everyone(tree)
    if not one.scraper:
        time.sleep(cell.interval * cell.ticks)
    # On a busy machine a look may be late, or left out.
    ticks = wait_for_looks(receiver, one, begin, cell, cell.ticks if one.scraper else 1)
    wait_for_silence(receiver, one)
    spent = cpu_ns(one.pid) - spent
    memory, seen, end = resident_bytes(one.pid), processes(), time.monotonic()
    after = everyone(tree)
    pause(one)
    return Turn(resumed, begin, end, ticks, spent, memory, seen, before, after)


def wait_for_looks(receiver: Receiver, one: Running, since: float, cell: Cell, count: int) -> int:
    """Until so many have come since then; how many have, which may be more."""
    name = one.contestant.name

    def came() -> int:
        one.check()
        return looks([arrival.at for arrival in receiver.arrived(name) if arrival.at > since], cell.interval)

    until(lambda: came() >= count, f"{one.contestant.title} to look {count} times", PATIENCE)
    return came()


def wait_for_silence(receiver: Receiver, one: Running) -> None:
    """Until no request of an export is under way, because a large one takes longer than a second.

    A scrape is one request, and the next one begins right after it where an exporter is slow.
    """
    if not one.scraper:
        name = one.contestant.name
        until(
            lambda: time.monotonic() - receiver.arrived(name)[-1].at > REST,
            f"{one.contestant.title} to end an export",
            PATIENCE,
        )


def looks(moments: Sequence[float], interval: float) -> int:
    """A large export comes in several requests, which follow each other closely."""
    return sum(b - a > interval * APART for a, b in pairwise((float("-inf"), *moments)))


def everyone(tree: Tree) -> dict[int, int]:
    """CPU of every process; what short jobs had that have ended stands under ENDED."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                found[int(entry.name)] = cpu_ns(int(entry.name))
            except OSError:
                continue  # it has ended since
    if tree.runner:
        fields = Path(f"/proc/{tree.runner}/stat").read_bytes().rpartition(b")")[2].split()
        found[ENDED] = (int(fields[13]) + int(fields[14])) * 10**9 // os.sysconf("SC_CLK_TCK")
    return found

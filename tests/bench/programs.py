"""The programs beside NRDOT: the C ones, compiled when there is a compiler, and the crowd they make."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILT = ROOT / "build" / "bench"
NO_COMPILER = "no C compiler (cc) on this machine, so the reference cannot be built"


class NotMeasurable(Exception):
    """This machine lacks what the figure needs; the message is the note of its row."""


def compiled(name: str, *flags: str) -> Path:
    """Path of tests/bench/c/NAME.c compiled with -O2; compiled again only when text or flags changed."""
    source = HERE / "c" / f"{name}.c"
    recipe = source.read_bytes() + " ".join(flags).encode()
    target = BUILT / f"{name}-{hashlib.sha256(recipe).hexdigest()[:12]}"
    if target.exists():
        return target
    compiler = shutil.which("cc")
    if compiler is None:
        raise NotMeasurable(NO_COMPILER)
    BUILT.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    subprocess.run([compiler, "-O2", *flags, "-o", str(fresh), str(source)], check=True)
    fresh.rename(target)
    return target


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many processes to add to the machine, and how many of them use a little CPU now and then."""

    count: int
    active: int
    period_ms: int
    burn_us: int


def mostly_idle(count: int) -> Crowd:
    """One in twenty wakes four times a second: it has moved whenever anybody looks."""
    return Crowd(count, count // 20, period_ms=250, burn_us=200)


def all_active(count: int) -> Crowd:
    """Each has moved between two looks half a second apart, at a twentieth of a core for 2,000."""
    return Crowd(count, count, period_ms=400, burn_us=10)


@contextmanager
def running(crowd: Crowd) -> Iterator[None]:
    """The crowd lives inside the `with` block, and no longer than this process."""
    program = compiled("spawn")
    numbers = (crowd.count, crowd.active, crowd.period_ms, crowd.burn_us)
    with subprocess.Popen(
        [str(program), *map(str, numbers)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        started = process.stdout.readline().split()
        try:
            if started != ["ready", str(crowd.count)]:
                raise NotMeasurable(f"the machine did not allow {crowd.count} more processes")
            yield
        finally:
            process.stdin.close()
            process.wait(timeout=60)

"""Programs measured side by side: each does one round when told, and reports what that round cost.

A program reads lines from standard input; for each it does its work once and answers with one line of JSON,
in which `cpu` is the CPU time of the round in nanoseconds by its own account. Rounds alternate (A B A B) with
a pause before each, so that all programs meet the same machine, and caches as cold as a cadence leaves them.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WARM_UP = 4


@dataclass(frozen=True, slots=True)
class Rounds:
    """All that one program reported, warm-up left out."""

    all: list[dict[str, int]] = field(default_factory=list)

    def column(self, name: str) -> list[int]:
        return [one[name] for one in self.all]

    def median(self, name: str) -> float:
        return statistics.median(self.column(name))

    def us(self, name: str = "cpu") -> float:
        """Microseconds of CPU for each process."""
        return self.median(name) / 1000 / self.median("processes")


def side_by_side(commands: Mapping[str, Sequence[str]], rounds: int, pause: float) -> dict[str, Rounds]:
    """Start every program, run `rounds` rounds of each in turn, `pause` seconds before each round."""
    results = {name: Rounds() for name in commands}
    with ExitStack() as stack:
        programs = {
            name: stack.enter_context(
                subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for name, command in commands.items()
        }
        for index in range(WARM_UP + rounds):
            for name, program in programs.items():
                time.sleep(pause)
                answer = ask(program, name)
                if index >= WARM_UP:
                    results[name].all.append(answer)
        for program in programs.values():
            program.stdin.close()
    return results


def ask(program: subprocess.Popen[str], name: str) -> dict[str, int]:
    try:
        program.stdin.write("round\n")
        program.stdin.flush()
    except BrokenPipeError:
        pass  # the missing answer says it
    line = program.stdout.readline()
    if not line:
        raise RuntimeError(f"{name} ended before its last round; its message stands above")
    return json.loads(line)


def ratio(ours: Rounds, reference: Rounds) -> float:
    return ours.median("cpu") / reference.median("cpu")


def spread(values: Sequence[float]) -> str:
    """The middle half of the values, as a range."""
    low, _, high = statistics.quantiles(values, n=4)
    return f"{low:.3g} .. {high:.3g}"


def ratio_spread(ours: Rounds, reference: Rounds) -> str:
    return spread([a / b for a, b in zip(ours.column("cpu"), reference.column("cpu"), strict=True)])

"""Plants faults in the tree where it is run, and tries each on the tests that reach it. Started by run.py.

    python plant.py --jobs 2 [MUTANT ...]

mutmut makes the faults and finds out which tests reach which function. It would start pytest anew for each
fault; here pytest collects the tests once and each fault is a fork of that process, in which those tests go
first that noticed faults of the same function before, then those that notice most in their time. Most faults
cost a few hundredths of a second that way, and only what nobody notices costs all of its tests.

What is said in logs gets no faults: which words a warning has, and which figures it names, is for people to
judge. Nor does what only Windows runs. Messages of errors that a command prints are like everything else.
"""

from __future__ import annotations

import argparse
import ast
import gc
import inspect
import math
import os
import resource
import select
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import chdir
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mutmut import __main__ as mutmut
from mutmut.configuration import config
from mutmut.mutation import pragma_handling, trampoline
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.workers.isolation import get_mutant_runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mutmut.mutation.data import SourceFileMutationData

STUMBLED, UNTESTED = 3, 33
MEMORY_BYTES = 6 << 30  # a fault may ask for more and more
SAVE_SECONDS = 10.0
QUICK_SECONDS = 0.1  # a test, at most
# A test that turns in circles or waits for ever is given up after this many times its usual time.
PATIENCE, CIRCLING_SECONDS, WAITING_SECONDS = 10, 2, 30


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("mutants", nargs="*")
    options = parser.parse_args()
    plant()
    trials = Trials(options.jobs, options.mutants, quick=options.quick)
    settings = config()
    with chdir("mutants"):
        pytest.main(
            [
                "--rootdir=.",
                "-q",
                "--capture=no",
                f"--timeout={WAITING_SECONDS}",
                *settings.pytest_add_cli_args_test_selection,
                *settings.pytest_add_cli_args,
            ],
            plugins=[trials],
        )
    return 0 if trials.complete else 1


def plant() -> None:
    """The tree with every fault in it, each asleep; and what the tests reach and how long they take."""
    set_mutant_under_test("mutant_generation")
    Path("mutants").mkdir(exist_ok=True)
    mutmut.copy_src_dir()
    mutmut.copy_also_copy_files()
    mutmut.setup_source_paths()
    pragma_handling.get_lines_ignored_by_pattern = lines_left_out
    rules, known = inspect.getsource(lines_left_out), Path("mutants", "rules")
    if not known.exists() or known.read_text() != rules:
        for verdicts in Path("mutants").rglob("*.meta"):
            verdicts.unlink()  # the same numbers are other faults now
        known.write_text(rules)
    mutmut.create_mutants(1)
    mutmut.collect_or_load_stats(get_mutant_runner(1), apply_config_invalidation=True)
    set_mutant_under_test("")


@dataclass(slots=True)
class Trial:
    """One fault in a process of its own, which says through a pipe which test noticed it."""

    name: str
    pid: int
    pipe: int
    slot: int
    started: float


class Trials:
    """A plugin of pytest that takes the place of running the tests."""

    def __init__(self, jobs: int, chosen: Sequence[str], *, quick: bool) -> None:
        self.complete = False
        self._longest = QUICK_SECONDS if quick else math.inf
        self._free = list(range(jobs))
        self._chosen = frozenset(chosen)
        self._failed = ""  # in a fork: the test that noticed
        self._items: dict[str, pytest.Item] = {}
        self._noticed: defaultdict[str, Counter[str]] = defaultdict(
            Counter
        )  # by function, and "" all of them
        self._data: dict[str, SourceFileMutationData] = {}
        self._running: dict[int, Trial] = {}
        self._unsaved: set[str] = set()
        self._saved_at = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed = report.nodeid

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._items = {item.nodeid: item for item in session.items if _usual(item.nodeid) <= self._longest}
        with chdir(".."):
            mutants, files = mutmut.collect_source_file_mutation_data(mutant_names=sorted(self._chosen))
            for data in files.values():
                data.meta_path = data.meta_path.absolute()
        self._data = {name: data for data, name, _ in mutants}
        untried = [name for _, name, status in mutants if status is None or name in self._chosen]
        gc.freeze()  # a fork then shares what is there
        try:
            self._expect("", 0, "the tests fail without any fault")
            self._expect("fail", 1, "no test fails where every function raises")
            for name in sorted(untried, key=lambda name: (sum(map(_usual, _reaching(name))), name)):
                self._try(name)
            while self._running:
                self._wait()
            self.complete = True
        finally:
            for trial in self._running.values():
                os.kill(trial.pid, signal.SIGKILL)
            self._save(0.0)
        return True

    def _expect(self, mutant: str, status: int, otherwise: str) -> None:
        self._start(mutant, sorted(self._items, key=_usual))
        (trial,) = self._running.values()
        said, found = self._end(trial)
        if found != status:
            sys.exit(f"{otherwise} (status {found}, {said or 'no test said so'}); nothing was tried")

    def _try(self, name: str) -> None:
        here, anywhere = self._noticed[_function(name)], self._noticed[""]

        def promise(test: str) -> tuple[float, float, str]:
            return -here[test], -(anywhere[test] + 1) / (_usual(test) + 0.01), test

        tests = sorted(_reaching(name) & self._items.keys(), key=promise)
        if not tests:
            self._data[name].exit_code_by_key[name] = UNTESTED
            self._unsaved.add(name)
            return
        while not self._free:
            self._wait()
        self._start(name, tests)

    def _start(self, name: str, tests: Sequence[str]) -> None:
        slot = self._free.pop()
        pipe, end = os.pipe()
        pid = os.fork()
        if not pid:
            status = STUMBLED
            try:
                status = self._run(name, tests, slot, end)
            finally:
                os._exit(status)
        os.close(end)
        self._running[pipe] = Trial(name, pid, pipe, slot, time.monotonic())

    def _run(self, name: str, tests: Sequence[str], slot: int, end: int) -> int:
        """In the fork."""
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        temporary = Path.cwd().parent / f"temporary-{slot}"
        temporary.mkdir(exist_ok=True)
        os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.tempdir = str(temporary)
        set_mutant_under_test(name)
        trampoline.get_mutant_under_test = lambda: name  # not from the environment at each call
        for test, following in pairwise([*tests, None]):
            item = self._items[test]
            _limit(CIRCLING_SECONDS + PATIENCE * _usual(test))
            item.ihook.pytest_runtest_protocol(
                item=item, nextitem=None if following is None else self._items[following]
            )
            if self._failed:
                os.write(end, self._failed.encode())
                return 1
        return 0

    def _wait(self) -> None:
        """Until one of them has ended."""
        ready, _, _ = select.select([*self._running], [], [])
        for pipe in ready:
            trial = self._running[pipe]
            said, status = self._end(trial)
            data = self._data[trial.name]
            data.exit_code_by_key[trial.name] = status
            data.durations_by_key[trial.name] = time.monotonic() - trial.started
            self._unsaved.add(trial.name)
            for place in (_function(trial.name), "") if said else ():
                self._noticed[place][said] += 1
        self._save(SAVE_SECONDS)

    def _end(self, trial: Trial) -> tuple[str, int]:
        with os.fdopen(trial.pipe, "rb") as pipe:
            said = pipe.read().decode()
        _, status = os.waitpid(trial.pid, 0)
        del self._running[trial.pipe]
        self._free.append(trial.slot)
        return said, os.waitstatus_to_exitcode(status)

    def _save(self, after: float) -> None:
        now = time.monotonic()
        if now - self._saved_at >= after:
            self._saved_at = now
            for data in {id(self._data[name]): self._data[name] for name in self._unsaved}.values():
                data.save()
            self._unsaved.clear()


def _limit(seconds: float) -> None:
    """Of the processor's time from now on; the system ends what goes beyond."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds), hard))


def lines_left_out(source: str) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        last: ast.expr | ast.stmt | None = None
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log."):
            last = node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "sys.platform == 'win32'":
            last = node.body[-1]
        if last is not None:
            lines.update(range(node.lineno, last.end_lineno + 1))
    return lines


def _function(mutant: str) -> str:
    return mutant.partition("__mutmut_")[0]


def _reaching(mutant: str) -> set[str]:
    return state().tests_by_mangled_function_name.get(_function(mutant), set())


def _usual(test: str) -> float:
    return state().duration_by_test.get(test, 0.0)


if __name__ == "__main__":
    sys.exit(main())

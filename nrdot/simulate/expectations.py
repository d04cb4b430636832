"""Profile tests, run: every test against the stages that the agent runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nrdot.config.problem import MalformedError, render
from nrdot.config.schema.expectations import OF_CAPTURE, OF_PROCESS
from nrdot.errors import NrdotError
from nrdot.simulate.given import NANOSECONDS, Given, judge
from nrdot.simulate.moment import moment
from nrdot.simulate.verdicts import verdicts
from nrdot.stages import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nrdot.config.reading.expectations import Suite
    from nrdot.config.schema.expectations import Described, Expectation
    from nrdot.config.settled.configuration import Configuration
    from nrdot.simulate.outcome import Outcome
    from nrdot.simulate.verdicts import Judged, Verdicts

REASONS = tuple(reason.name.lower() for reason in Reason)


@dataclass(frozen=True, slots=True)
class Result:
    """One test and what came of it."""

    name: str
    line: int
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.failures


@dataclass(slots=True)
class Runner:
    """Runs the tests of one file against one configuration; captures are run once for each situation."""

    suite: Suite
    configuration: Configuration
    now: float = field(default_factory=time.time)
    _known: dict[tuple[Path, str, str], Verdicts] = field(default_factory=dict, init=False)

    def run(self) -> list[Result]:
        return [self._result(index, test) for index, test in enumerate(self.suite.tests.expect)]

    def _result(self, index: int, test: Expectation) -> Result:
        try:
            failures = tuple(self._failures(test))
        except NrdotError as error:
            failures = (str(error),)
        except MalformedError as error:
            failures = (render(f"at: {error.message}; {error.hint}", {}),)
        return Result(test.name or _title(test), self.suite.line(index), failures)

    def _failures(self, test: Expectation) -> Iterator[str]:
        found = moment(self.configuration, test.at, self.now, host=test.host, region=test.region)
        configuration = found.configuration
        name = configuration.settings.profile
        if test.profile is not None and test.profile != name:
            yield f"profile is {name} ({found.rule}), not {test.profile}"
        whole = self._captured(test, configuration)
        if test.process is not None and any(getattr(test, key) is not None for key in OF_PROCESS):
            yield from self._of_process(test, test.process, configuration, whole, found.at)
        if whole is not None and any(getattr(test, key) is not None for key in OF_CAPTURE):
            yield from _of_capture(test, whole)

    def _captured(self, test: Expectation, configuration: Configuration) -> Verdicts | None:
        if test.capture is None:
            return None
        path = self.suite.file.parent / test.capture
        key = (path, configuration.revision, configuration.settings.profile)
        if key not in self._known:
            self._known[key] = verdicts(path, configuration)
        return self._known[key]

    def _of_process(
        self,
        test: Expectation,
        process: Described,
        configuration: Configuration,
        whole: Verdicts | None,
        at: float,
    ) -> Iterator[str]:
        if whole is None:
            time_ns = int(at) * NANOSECONDS
            found = judge(configuration, [_given(process)], time_ns)
        else:
            found = [one for one in whole.processes if process.name in one.names]
            if not found:
                yield f"no process of the capture is called {process.name}"
        seen = dict.fromkeys(failure for one in found for failure in _differences(test, one))
        yield from seen


def _given(process: Described) -> Given:
    return Given(
        name=process.name,
        command_line=process.command_line,
        user=process.user,
        unit=process.unit,
        pod=process.pod,
        namespace=process.namespace,
        labels=process.labels,
    )


def _differences(test: Expectation, one: Judged) -> Iterator[str]:
    """What one process is, where something else was expected."""
    if test.verdict is not None and one.verdict is not Verdict[test.verdict]:
        yield f"{one.name} is {one.verdict.name} ({_why(one)}), not {test.verdict}"
    if test.class_ is not None and one.class_name != test.class_:
        yield f"{one.name} has {_class(one)}, not {test.class_}"
    if test.score is not None and not test.score.holds(one.score):
        yield f"{one.name} scores {one.score:.2f}, not {test.score.text}"
    if test.reason is not None and one.reason.name.lower() != test.reason.lower():
        yield f"{one.name} is {one.verdict.name} for the reason {one.reason.name.lower()}, not {test.reason}"
    if test.never_filtered is not None and one.never_filtered is not test.never_filtered:
        yield f"{one.name} is {'never filtered' if one.never_filtered else 'not never-filtered'}"


def _why(one: Judged) -> str:
    if one.reason is Reason.BELOW:
        return f"{_class(one)}, score {one.score:.2f} below {one.threshold:g}"
    if one.reason is Reason.SCORE:
        return f"{_class(one)}, score {one.score:.2f} reaches {one.threshold:g}"
    return f"{_class(one)}, {one.reason.name.lower()}"


def _class(one: Judged) -> str:
    return f"class {one.class_name}" if one.class_name else "no class"


def _of_capture(test: Expectation, whole: Verdicts) -> Iterator[str]:
    for key, value in _shares(whole.outcome).items():
        wanted = getattr(test, key)
        if wanted is not None and value + 1e-9 < wanted:
            yield f"{key} is {value:.1%}, not {wanted:.0%} or more"
    kept = sum(one.verdict is Verdict.KEEP for one in whole.processes)
    if test.kept is not None and not test.kept.holds(kept):
        yield f"{kept} processes are kept, not {test.kept.text}"


def _shares(outcome: Outcome) -> dict[str, float]:
    return {
        "reduction": _saved(outcome.points, outcome.points_unoptimized),
        "reduction_same_interval": _saved(outcome.points, outcome.points_same_interval),
        "critical_coverage": (
            outcome.critical_exported / outcome.critical_seen if outcome.critical_seen else 1.0
        ),
        "cpu_coverage": outcome.cpu_kept / outcome.cpu_used if outcome.cpu_used else 1.0,
    }


def _saved(points: int, of: int) -> float:
    return 1 - points / of if of else 0.0


def _title(test: Expectation) -> str:
    """What a test without a name is about."""
    what = [test.at, test.region, test.process.name if test.process else None, test.capture]
    wanted = [
        f"{key.rstrip('_')} {value.text if hasattr(value, 'text') else value}"
        for key in ("profile", *OF_PROCESS, *OF_CAPTURE)
        if (value := getattr(test, key)) is not None
    ]
    return ", ".join([*filter(None, what), *wanted])

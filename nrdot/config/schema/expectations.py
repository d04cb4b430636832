"""Profile tests: what a configuration is expected to do, written beside it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from nrdot.config.problem import MalformedError, shown
from nrdot.config.values.units import Section, Share, doc

KIND = "expect"  # the key by which a file is known to hold profile tests
_BOUND = re.compile(r"(>=|<=|>|<|=)?\s*([0-9]+(?:\.[0-9]+)?)\s*\Z")
_RANGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*\.\.\s*([0-9]+(?:\.[0-9]+)?)\s*\Z")
_CLOSE = 0.005  # scores are told with two digits


@dataclass(frozen=True, slots=True)
class Bound:
    """Numbers that are as expected: `0.8`, `>= 0.8`, `< 0.5`, `0.4..0.6`."""

    text: str
    low: float
    high: float
    open: bool = False  # the ends are not among them

    def holds(self, value: float) -> bool:
        if self.open:
            return self.low < value < self.high
        return self.low <= value <= self.high


def bound(text: str) -> Bound:
    words = text.strip()
    found, span = _BOUND.match(words), _RANGE.match(words)
    if span and float(span[1]) <= float(span[2]):
        return Bound(words, float(span[1]), float(span[2]))
    if found is None:
        raise MalformedError(
            f"'{shown(text)}' is no number and no bound", "write 0.8, `>= 0.8` or `0.4..0.6`"
        )
    sign, value = found[1] or "=", float(found[2])
    if sign == "=":
        return Bound(words, value - _CLOSE, value + _CLOSE)
    low, high = (value, float("inf")) if sign[0] == ">" else (float("-inf"), value)
    return Bound(words, low, high, open=len(sign) == 1)


Bounded = Annotated[Bound, Meta(extra={"read": bound, "unit": "bound"}, examples=[">= 0.8"])]


class Described(Section, frozen=True):
    """A process as it might run, idle; or, with a `capture`, the processes of that name in it."""

    name: Annotated[str, doc("Name of the process, as the kernel has it.")]
    command_line: Annotated[str, doc("Command line; the name where absent.")] = ""
    user: Annotated[str, doc("Name of the user who runs it.")] = ""
    unit: Annotated[str, doc("systemd unit, for example nginx.service.")] = ""
    pod: Annotated[str, doc("Name of the Kubernetes pod.")] = ""
    namespace: Annotated[str, doc("Kubernetes namespace.")] = ""
    labels: Annotated[dict[str, str], doc("Labels, as selectors see them.")] = msgspec.field(
        default_factory=dict
    )

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, object]:
        return {"name": text}


class Expectation(Section, frozen=True):
    """One test: a situation, and what is expected of it. Everything that is expected must hold."""

    name: Annotated[str, doc("What is tested, in a sentence.")] = ""
    at: Annotated[
        str | None,
        doc("Moment to look at, for example `Sat 12:00` or 2027-01-31T18:00:00Z; else no time rule."),
    ] = None
    region: Annotated[str | None, doc("Region of the host, in place of the configuration's.")] = None
    host: Annotated[str, doc("Id of the host, by which canaries are picked.")] = ""
    process: Annotated[Described | None, doc("Process to look at: its name, or a table.")] = None
    capture: Annotated[str | None, doc("Capture to run, relative to this file.")] = None

    profile: Annotated[str | None, doc("Expected: the profile that holds for the host.")] = None
    verdict: Annotated[
        Literal["KEEP", "ROLL_UP", "DROP"] | None, doc("Expected: what becomes of the process.")
    ] = None
    class_: Annotated[str | None, doc("Expected: the class of the process.")] = msgspec.field(
        default=None, name="class"
    )
    score: Annotated[Bounded | None, doc("Expected: the score of the process.")] = None
    reason: Annotated[str | None, doc("Expected: the reason of the verdict, as `nrdot scan` shows it.")] = (
        None
    )
    never_filtered: Annotated[bool | None, doc("Expected: whether the process is never filtered.")] = None
    reduction: Annotated[
        Share | None, doc("Expected of the capture: points saved against the baseline, at least.")
    ] = None
    reduction_same_interval: Annotated[
        Share | None, doc("Expected of the capture: points saved at the same interval, at least.")
    ] = None
    critical_coverage: Annotated[
        Share | None, doc("Expected of the capture: never-filtered processes exported, at least.")
    ] = None
    cpu_coverage: Annotated[
        Share | None, doc("Expected of the capture: CPU time of processes with their own series, at least.")
    ] = None
    kept: Annotated[Bounded | None, doc("Expected of the capture: processes kept at its last export.")] = None

    def __post_init__(self) -> None:
        of_process = [key for key in OF_PROCESS if getattr(self, key) is not None]
        of_capture = [key for key in OF_CAPTURE if getattr(self, key) is not None]
        if not of_process and not of_capture and self.profile is None:
            raise MalformedError(
                "this test expects nothing", "add `verdict`, `profile`, `score` or `reduction`"
            )
        if of_process and self.process is None:
            key = of_process[0].rstrip("_")
            raise MalformedError(f"`{key}` is expected of a process", "add `process`", field=key)
        if of_capture and self.capture is None:
            raise MalformedError(
                f"`{of_capture[0]}` is expected of a capture", "add `capture: FILE`", field=of_capture[0]
            )


OF_PROCESS = ("verdict", "class_", "score", "reason", "never_filtered")
OF_CAPTURE = ("reduction", "reduction_same_interval", "critical_coverage", "cpu_coverage", "kept")


class Expectations(Section, frozen=True):
    """A file of profile tests: `nrdot profile test FILE` runs them."""

    configuration: Annotated[str | None, doc("Configuration under test, relative to this file.")] = None
    profile: Annotated[str | None, doc("Profile under test, by name or file, without a configuration.")] = (
        None
    )
    expect: Annotated[tuple[Expectation, ...], doc("The tests.")] = ()

    def __post_init__(self) -> None:
        if (self.configuration is None) == (self.profile is None):
            raise MalformedError(
                "tests are of a `configuration` or of a `profile`", "write exactly one of the two"
            )
        if not self.expect:
            raise MalformedError("there are no tests", "add one, for example {process: sshd, verdict: KEEP}")

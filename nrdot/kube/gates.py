"""What must hold on every node that runs a new revision, judged by what its agent reports.

A node that is silent fails: no news is not good news.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Report:
    """What one node's agent said last. What it did not say is None."""

    revision: str  # that it runs
    at: float  # seconds since the epoch
    refused: str = ""  # a revision that it did not take, and why
    error: str = ""
    coverage: float | None = None
    cpu: float | None = None  # cores
    tick_delay: float | None = None  # seconds
    reduction: float | None = None


@dataclass(frozen=True, slots=True)
class Gates:
    critical_coverage: float = 1.0
    agent_cpu: float = 0.02  # cores
    tick_delay: float = 30.0  # seconds
    missing: float = 0.0  # share of nodes that may be silent
    deadline: float = 600.0  # seconds that a node has to acknowledge
    minimum_reduction: float | None = None
    silence: float = 660.0  # seconds after which a node that reported no longer counts as reporting


def failure(
    gates: Gates, nodes: Iterable[str], revision: str, reports: Mapping[str, Report], now: float
) -> str:
    """Which gate fails, in words; empty where all hold."""
    names = list(nodes)
    silent = []
    for name in names:
        report = reports.get(name)
        if report is None or report.revision != revision or now - report.at > gates.silence:
            silent.append(name)
        elif (words := next(_failing(gates, report), None)) is not None:
            return f"node {name}: {words}"
    if len(silent) > gates.missing * len(names):
        return f"nodes that do not report: {len(silent)}, the first is {silent[0]}"
    return ""


def unmeasured(gates: Gates, nodes: Iterable[str], reports: Mapping[str, Report]) -> str:
    """The first node that cannot say yet whether a gate holds; empty where all can."""
    if gates.minimum_reduction is None:
        return ""
    return next((name for name in nodes if name in reports and reports[name].reduction is None), "")


def _failing(gates: Gates, report: Report) -> Iterator[str]:
    if report.coverage is not None and report.coverage < gates.critical_coverage:
        yield f"critical coverage is {report.coverage:.2%}, the gate is {gates.critical_coverage:.2%}"
    if report.cpu is not None and report.cpu > gates.agent_cpu:
        yield f"the agent uses {report.cpu:.3f} cores, the gate is {gates.agent_cpu:.3f}"
    if report.tick_delay is not None and report.tick_delay > gates.tick_delay:
        yield f"a tick was {report.tick_delay:.0f} s late, the gate is {gates.tick_delay:.0f} s"
    least = gates.minimum_reduction
    if least is not None and report.reduction is not None and report.reduction < least:
        yield f"{report.reduction:.1%} of the points are saved, the gate is {least:.1%}"

"""What must hold on every node that runs a new revision, judged by what its agent reports.

A node that is silent fails: no news is not good news.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SILENCE = 660.0  # seconds after which a node that reported no longer counts as reporting


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
    exact: bool | None = None  # whether exports add up to what was measured
    off: str = ""  # by how much they do not
    requirements: Mapping[str, tuple[int, int]] | None = None  # processes seen and exported


@dataclass(frozen=True, slots=True)
class Gates:
    critical_coverage: float = 1.0
    conservation: bool = True
    requirements: tuple[str, ...] = ()  # every process of theirs is exported
    agent_cpu: float = 0.02  # cores
    tick_delay: float = 30.0  # seconds
    missing: float = 0.0  # share of nodes that may be silent
    deadline: float = 600.0  # seconds that a node has to acknowledge
    minimum_reduction: float | None = None
    silence: float = SILENCE


def failure(
    gates: Gates, nodes: Iterable[str], revision: str, reports: Mapping[str, Report], now: float
) -> str:
    """Which gate fails, in words; empty where all hold."""
    names = list(nodes)
    if words := broken(gates, names, revision, reports):
        return words
    silent = [
        name
        for name in names
        if (report := reports.get(name)) is None
        or report.revision != revision
        or now - report.at > gates.silence
    ]
    if len(silent) > gates.missing * len(names):
        return f"nodes that do not report: {len(silent)}, the first is {silent[0]}"
    return ""


def broken(gates: Gates, nodes: Iterable[str], revision: str, reports: Mapping[str, Report]) -> str:
    """What a node that runs the revision says against it; empty where none does."""
    for name in nodes:
        report = reports.get(name)
        if report is not None and report.revision == revision:
            for words in _failing(gates, report):
                return f"node {name}: {words}"
    return ""


def unmeasured(gates: Gates, nodes: Iterable[str], revision: str, reports: Mapping[str, Report]) -> str:
    """The first node that runs the revision and cannot say yet whether a gate holds, in words."""
    for name in nodes:
        report = reports.get(name)
        if report is not None and report.revision == revision and (what := _unknown(gates, report)):
            return f"node {name} has not measured yet {what}"
    return ""


def unproved(gates: Gates, nodes: Iterable[str], revision: str, reports: Mapping[str, Report]) -> list[str]:
    """The requirements of which none of these nodes has seen a process under the revision."""
    said = [one for name in nodes if (one := reports.get(name)) is not None and one.revision == revision]
    return [
        name
        for name in gates.requirements
        if not any((one.requirements or {}).get(name, (0, 0))[0] for one in said)
    ]


def _unknown(gates: Gates, report: Report) -> str:
    if report.coverage is None:
        return "whether critical processes are covered"
    if gates.conservation and report.exact is None:
        return "whether its exports add up"
    if gates.requirements and report.requirements is None:
        return "what its requirements cover"
    if gates.minimum_reduction is not None and report.reduction is None:
        return "what is saved"
    return ""


def _failing(gates: Gates, report: Report) -> Iterator[str]:
    if report.coverage is not None and report.coverage < gates.critical_coverage:
        yield f"critical coverage is {report.coverage:.2%}, the gate is {gates.critical_coverage:.2%}"
    if gates.conservation and report.exact is False:
        yield f"its exports do not add up to what was measured: {report.off}"
    for name in gates.requirements:
        seen, exported = (report.requirements or {}).get(name, (0, 0))
        if exported < seen:
            yield f"{exported} of {seen} processes of {name} are exported, and every one has to be"
    if report.cpu is not None and report.cpu > gates.agent_cpu:
        yield f"the agent uses {report.cpu:.3f} cores, the gate is {gates.agent_cpu:.3f}"
    if report.tick_delay is not None and report.tick_delay > gates.tick_delay:
        yield f"a tick was {report.tick_delay:.0f} s late, the gate is {gates.tick_delay:.0f} s"
    least = gates.minimum_reduction
    if least is not None and report.reduction is not None and report.reduction < least:
        yield f"{report.reduction:.1%} of the points are saved, the gate is {least:.1%}"

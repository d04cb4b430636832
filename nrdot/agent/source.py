"""The first look at the processes, before the rest of the agent is even loaded.

A start needs two samples, some time apart. So the first is taken as early as it can be, and what only the
second one needs (rules, models, connections, the libraries for all of that) is made ready in between. For
that to hold, nothing is imported here but what reads the configuration and the processes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.audit.disk import Disk
from nrdot.encode.catalogue import optional_sources, select
from nrdot.govern.choosing import Chooser

if TYPE_CHECKING:
    from nrdot.batch import Batch, Counter, Gauge, Host, Rows, Table
    from nrdot.clock import Clock
    from nrdot.config.settled.configuration import Configuration
    from nrdot.govern.choosing import Choice
    from nrdot.stages import Sampler


class BegunSampler:
    """A sampler whose first sample is taken already; its first caller gets that one."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._first: Batch | None = sampler.sample()

    @property
    def host(self) -> Host:
        return self._sampler.host

    @property
    def table(self) -> Table:
        return self._sampler.table

    def sample(self) -> Batch:
        batch, self._first = self._first, None
        return self._sampler.sample() if batch is None else batch

    def glance(self, rows: Rows) -> Batch | None:
        return self._sampler.glance(rows)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What an agent starts from."""

    chooser: Chooser
    choice: Choice
    sampler: BegunSampler
    began: float  # when the first sample was taken, on the monotonic clock


def begin(path: Path | None, clock: Clock, *, fallback: bool = True) -> Beginning:
    """Read the configuration and look at every process once. Raises ConfigError and StartError.

    `fallback` allows the last good configuration where the file is bad.
    """
    chooser = Chooser(path, clock, Disk(), fallback=fallback)
    choice = chooser.choose()
    sampler = build_sampler(choice.configuration, clock)
    began = clock.monotonic()
    return Beginning(chooser, choice, BegunSampler(sampler), began)


def build_sampler(configuration: Configuration, clock: Clock) -> Sampler:
    """The source of this machine: /proc on Linux, psutil elsewhere. Raises StartError."""
    settings = configuration.settings
    procfs = Path(settings.agent.procfs)
    if not _has_procfs() and settings.agent.procfs == "/proc":
        return portable_sampler(configuration, clock)
    from nrdot.sample.host import read_host
    from nrdot.sample.procfs import ProcfsSource

    return ProcfsSource(
        procfs,
        clock,
        host=_named(read_host(procfs), settings.resource),
        optional=_optional(configuration),
        command_lines=settings.command_line.enabled,
    )


def portable_sampler(configuration: Configuration, clock: Clock) -> Sampler:
    """The source of systems without /proc."""
    from nrdot.sample.psutil_source import PsutilSource, read_host

    settings = configuration.settings
    return PsutilSource(
        clock,
        host=_named(read_host(), settings.resource),
        optional=_optional(configuration),
        command_lines=settings.command_line.enabled,
    )


def _optional(configuration: Configuration) -> frozenset[Gauge | Counter]:
    """What any profile needs that the timetable may bring while this sampler runs."""
    metrics = {metric for profile in configuration.profiles.values() for metric in profile.metrics}
    return optional_sources(select(tuple(metrics)))


def _has_procfs() -> bool:
    return Path("/proc/self/stat").exists()


def _named(host: Host, resource: dict[str, str]) -> Host:
    """The configuration may say who this host is, for example in a container."""
    return replace(host, id=resource.get("host.id", host.id), name=resource.get("host.name", host.name))

"""Every metric of the agent itself: what others may build dashboards on.

A counter counts from the agent's start. What is measured for each destination carries its name as
`destination`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Instrument:
    name: str
    kind: Kind
    unit: str
    description: str
    attributes: tuple[str, ...] = ()


def _counter(name: str, unit: str, description: str, *attributes: str) -> Instrument:
    return Instrument(name, Kind.COUNTER, unit, description, attributes)


def _gauge(name: str, unit: str, description: str, *attributes: str) -> Instrument:
    return Instrument(name, Kind.GAUGE, unit, description, attributes)


INSTRUMENTS = {
    instrument.name: instrument
    for instrument in (
        # what was seen and what became of it
        _gauge("nrdot.processes", "{process}", "Processes at the last tick, by verdict", "verdict"),
        _gauge("nrdot.processes.limited", "{process}", "Processes whose I/O our rights do not reach"),
        _counter("nrdot.processes.vanished", "{process}", "Processes that ended while they were read"),
        _counter("nrdot.descriptors.short", "{file}", "Times that no descriptor was left to sample with"),
        _gauge("nrdot.coverage.critical", "1", "Never-filtered processes exported, of those seen"),
        _counter(
            "nrdot.points",
            "{point}",
            "Points produced, and what became of them",
            "outcome",
            "destination",
        ),
        _counter("nrdot.points.unoptimized", "{point}", "Points that every process alone would be"),
        _counter("nrdot.dropped", "{point}", "Points given up, by why", "reason", "destination"),
        # the host's CPU against the sum over its processes
        _counter("nrdot.host.cpu.busy", "s", "CPU that the host spent on processes, by its own account"),
        _counter("nrdot.host.cpu.accounted", "s", "CPU of all processes and reaped children measured"),
        _gauge("nrdot.host.cpu.unaccounted", "s", "The first less the second, since the start"),
        # ticks and what they cost
        _counter("nrdot.ticks", "{tick}", "Ticks, by whether they ran, were late or shed", "outcome"),
        _gauge("nrdot.tick.interval", "s", "Time between two ticks as it is now, shedding included"),
        _gauge("nrdot.tick.cpu", "s", "CPU of the last tick"),
        _counter("nrdot.agent.cpu.time", "s", "CPU of the whole agent", "state"),
        _gauge("nrdot.agent.memory", "By", "Resident memory of the agent"),
        # the way out
        _gauge("nrdot.buffer.bytes", "By", "Bytes that wait in the buffer", "destination"),
        _gauge("nrdot.buffer.records", "{record}", "Records that wait in the buffer", "destination"),
        _gauge("nrdot.buffer.age", "s", "Age of the oldest record that waits", "destination"),
        _counter("nrdot.export.requests", "{request}", "Requests, by their end", "outcome", "destination"),
        _counter("nrdot.export.wire", "By", "Bytes sent, compressed", "destination"),
        _gauge("nrdot.export.ratio", "1", "Times that compression made requests smaller", "destination"),
        # the ledger
        _counter("nrdot.ledger.rows", "{row}", "Rows of the ledger, written or lost", "outcome"),
        _gauge("nrdot.ledger.bytes", "By", "Bytes of all days of the ledger, as of the last look"),
        # what it runs with
        # Without a unit, or backends would call what always is 1 a ratio.
        _gauge("nrdot.config.info", "", "Always 1, for what it says", "revision", "valid"),
        _gauge(
            "nrdot.profile.info", "", "Always 1, for the host's profile and who decides", "profile", "level"
        ),
        _counter("nrdot.config.reloads", "{reload}", "Reloads asked for, by how they ended", "outcome"),
        _counter("nrdot.log.suppressed", "{line}", "Log lines held back because they repeat others"),
    )
}

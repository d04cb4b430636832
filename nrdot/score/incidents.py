"""What past incidents say: who was in one lately matters more.

An incident of severity s and age t counts s * 0.5 ** (t / half-life); several together count
1 - (1 - a) * (1 - b) * ..., so more incidents never count less and never more than 1. Below `FORGOTTEN` there
is nothing to say.

A service is compared in lower case with dashes for whatever is no letter or digit. It means a process whose
name, script, unit, workload, pod or app label is the same or begins with it and a dash: `Payment Gateway`
means payment-gateway and payment-gateway-7f9c.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import numpy as np

from nrdot.errors import ConfigError
from nrdot.score.evidence import Evidence
from nrdot.score.names import full_text, names_of, unit_stem
from nrdot.score.pattern_set import PatternSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nrdot.batch import Floats, Identity, Ints, Rows, Table
    from nrdot.clock import Clock
    from nrdot.score.incident_file import Incident

FORGOTTEN: Final = 0.01
DAY_NS: Final = 86_400 * 1_000_000_000
SHOWN: Final = 5  # incidents that `explain` names
_APP_LABELS: Final = ("app", "app.kubernetes.io/name", "app.kubernetes.io/instance", "k8s-app")


class IncidentPart:
    name = "incident"

    def __init__(self, incidents: Sequence[Incident], half_life: float, clock: Clock) -> None:
        """`half_life` in seconds."""
        if not half_life > 0:
            raise ConfigError(f"incidents: half_life {half_life} is not a time; give it at least a second")
        self._incidents = tuple(incidents)
        self._half_life_ns = half_life * 1e9
        self._clock = clock
        self._times = np.array([incident.time_ns for incident in incidents], np.int64)
        self._severities = np.array([incident.severity for incident in incidents])
        self._services: dict[str, list[int]] = {}
        for index, incident in enumerate(incidents):
            for service in incident.services:
                if name := slug(service):
                    self._services.setdefault(name, []).append(index)
        self._by_pattern = [index for index, incident in enumerate(incidents) if incident.pattern]
        self._patterns = PatternSet([incidents[index].pattern for index in self._by_pattern])
        self._values: dict[frozenset[int], float] = {}
        self._valued_ns = 0

    def score(self, table: Table, rows: Rows) -> Floats:
        values = np.full(rows.size, np.nan)
        if not self._incidents:
            return values
        now = self._clock.wall_ns()
        if abs(now - self._valued_ns) >= DAY_NS // 24 or len(self._values) > len(self._incidents) + 1024:
            self._values.clear()
            self._valued_ns = now
        for index, row in enumerate(rows.tolist()):
            found = self.matching(table.identity[row])
            if found:
                values[index] = self._value(found)
        return values

    @property
    def present(self) -> bool:
        return bool(self._incidents)

    def evidence(self, table: Table, row: int) -> tuple[Evidence, ...]:
        """The incidents that weigh most, each with its age and what it still counts."""
        found = np.array(sorted(self.matching(table.identity[row])), np.intp)
        counts = self._counts(found, self._clock.wall_ns())
        evidence = []
        for at in np.argsort(-counts, kind="stable")[:SHOWN].tolist():
            incident = self._incidents[found[at]]
            days = (self._clock.wall_ns() - incident.time_ns) / DAY_NS
            words = f"severity {incident.severity:g}, {max(days, 0.0):.0f} days ago"
            label = " ".join(word for word in (incident.id, incident.title) if word) or incident.pattern
            evidence.append(Evidence(f"incident {label or incident.services[0]}", float(counts[at]), words))
        if found.size > SHOWN:
            rest = f"and {found.size - SHOWN} more"
            evidence.append(Evidence("incidents", None, rest))
        return tuple(evidence)

    def _value(self, found: frozenset[int]) -> float:
        value = self._values.get(found)
        if value is None:
            counts = self._counts(np.array(list(found), np.intp), self._valued_ns)
            together = float(1.0 - np.prod(1.0 - counts))
            value = self._values[found] = together if together >= FORGOTTEN else np.nan
        return value

    def _counts(self, found: Rows, now: int) -> Floats:
        ages = np.maximum(now - self._times[found], 0)
        counts: Floats = self._severities[found] * 0.5 ** (ages / self._half_life_ns)
        return counts

    @property
    def times(self) -> Ints:
        """When each incident was, Unix nanoseconds."""
        return self._times

    def matching(self, identity: Identity) -> frozenset[int]:
        """The incidents, by number, that this process belongs to."""
        if not self._incidents:
            return frozenset()
        found = {index for name in _called(identity) for index in self._services.get(name, ())}
        found.update(self._by_pattern[at] for at in self._patterns.match(full_text(identity)))
        return frozenset(found)


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _called(identity: Identity) -> Iterator[str]:
    """Every name that a service may have in an incident tool, whole and cut at each dash."""
    owner = identity.owner
    labels = dict(owner.labels)
    words = (
        *names_of(identity).distinct(),
        unit_stem(owner.unit),
        owner.workload.rpartition("/")[2],
        owner.pod,
        *(labels[key] for key in _APP_LABELS if key in labels),
    )
    for word in words:
        if word:
            yield from accumulate(slug(word).split("-"), "{}-{}".format)

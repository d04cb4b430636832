"""The composite score, and which processes are never filtered.

    base        0.4   the labels' score where label rules match, else the class's
    model       0.3
    business    0.2
    incident    0.1

The weights are settings. A part that is absent gives its weight to the others in proportion; with all absent
the score is 0. Labels speak of the very workload and a class only of its program, so where both speak the
labels' word stands (it starts from the class where labels only modify). An override's `importance` takes the
place of the composite. A class of 1.0 and `force_collect` make a process never-filtered whatever its score.

What depends on who a process is, is computed when that changes; the model says whom it looks at anew. Once
an hour everybody's incidents are weighed again, because they fade, and when an override ends everybody's
overrides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from nrdot.errors import ConfigError
from nrdot.score.business import process_names

if TYPE_CHECKING:
    from nrdot.batch import Batch, Floats, Rows, Table
    from nrdot.clock import Clock
    from nrdot.score.business import BusinessPart, Overrides, UnmatchedOverride
    from nrdot.score.evidence import Evidence
    from nrdot.score.incidents import IncidentPart
    from nrdot.score.labels import LabelPart
    from nrdot.score.model import ModelPart
    from nrdot.score.patterns import PatternPart

PARTS: Final = ("pattern", "label", "model", "business", "incident")
PATTERN, LABEL, MODEL, BUSINESS, INCIDENT = range(len(PARTS))
REFRESH_NS: Final = 3600 * 1_000_000_000
PORTION: Final = 256  # rows that one part after the other looks at, so that the words of each stay at hand


@dataclass(frozen=True, slots=True)
class Weights:
    pattern: float = 0.4  # the base: class, then labels
    model: float = 0.3
    business: float = 0.2
    incident: float = 0.1

    def __post_init__(self) -> None:
        for name, weight in zip(self.__slots__, self.column()[:, 0].tolist(), strict=True):
            if not (math.isfinite(weight) and weight >= 0.0):
                raise ConfigError(f"weights.{name}: {weight} is not 0 or more; give a number")
        if not self.column().any():
            raise ConfigError("weights: all are 0; give at least one part a weight")

    def column(self) -> Floats:
        return np.array([[self.pattern], [self.model], [self.business], [self.incident]], np.float64)


@dataclass(frozen=True, slots=True)
class PartScore:
    """One part as `explain` shows it. `share` is its weight after the absent parts gave theirs away."""

    name: str
    value: float | None
    share: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that made one score."""

    class_name: str
    score: float
    composite: float  # what the score were without an override
    never_filtered: bool
    because: tuple[str, ...]  # why it is never filtered
    parts: tuple[PartScore, ...]
    overrides: tuple[Evidence, ...]
    requirements: tuple[str, ...]  # tags such as PCI-DSS, from classes, overrides and business rules


class _Source(Protocol):
    def evidence(self, table: Table, row: int) -> tuple[Evidence, ...]: ...


@dataclass(slots=True)
class CompositeScorer:
    """The stage. Columns of parts live here and grow with the table."""

    patterns: PatternPart
    labels: LabelPart
    model: ModelPart
    business: BusinessPart
    incidents: IncidentPart
    overrides: Overrides
    clock: Clock
    weights: Weights = field(default_factory=Weights)
    _parts: Floats = field(default_factory=lambda: np.zeros((len(PARTS), 0)), init=False)
    _importance: Floats = field(default_factory=lambda: np.zeros(0), init=False)
    _weighed_ns: int = field(default=0, init=False)  # when incidents were weighed last
    _expiry_ns: int | None = field(default=None, init=False)  # when the next override ends
    _new: bool = field(default=True, init=False)

    def score(self, batch: Batch) -> None:
        table = batch.table
        self._widen(table.capacity)
        named = self._named(batch)
        for at in range(0, named.size, PORTION):
            self._identify(table, named[at : at + PORTION])
        if self._time_tells(table, batch.living):
            named = batch.living
        seen = self.model.observe(batch)
        if seen.size:
            self._parts[MODEL, seen] = self.model.score(table, seen)
        told = np.concatenate([named, seen]) if named.size else seen
        if told.size:
            table.score[told] = self._final(told)
        self._new = False

    def unmatched(self, table: Table) -> tuple[UnmatchedOverride, ...]:
        """The overrides that no process has answered to yet, with the names nearest to theirs."""
        if not self.overrides.rules:
            return ()
        return self.overrides.unmatched(process_names(table.identity[row] for row in table.living()))

    def parts(self, rows: Rows) -> dict[str, Floats]:
        """The parts' columns by name, NaN where absent."""
        return dict(zip(PARTS, self._parts[:, rows], strict=True))

    def explain(self, table: Table, row: int) -> Explanation:
        """Why the row, which has been scored, has its score."""
        rows = np.array([row], np.intp)
        values = self._parts[:, row].tolist()
        shares = self._shares(self._four(rows))[:, 0].tolist()
        labelled = not math.isnan(values[LABEL])
        sources: tuple[_Source, ...] = (self.patterns, self.labels, self.model, self.business, self.incidents)
        by_part = (0.0 if labelled else shares[0], shares[0] if labelled else 0.0, *shares[1:])
        parts = tuple(
            PartScore(name, None if math.isnan(value) else value, share, source.evidence(table, row))
            for name, value, share, source in zip(PARTS, values, by_part, sources, strict=True)
        )
        identity = table.identity[row]
        overrides = self.overrides.evidence(table, row)
        tags = (
            *self.patterns.requirements(identity),
            *self.overrides.requirements(identity),
            *self.business.requirements(identity),
        )
        return Explanation(
            class_name=self.patterns.class_names[table.class_id[row]],
            score=float(table.score[row]),
            composite=float(self._composite(rows)[0]),
            never_filtered=bool(table.never_filtered[row]),
            because=self._because(table, row),
            parts=parts,
            overrides=overrides,
            requirements=tuple(dict.fromkeys(tags)),
        )

    def _named(self, batch: Batch) -> Rows:
        """Rows whose words are new to us.

        At our first batch that is everybody, the dead too: they are asked for their class until their row is
        released, and other rules count classes anew.
        """
        table = batch.table
        return np.flatnonzero(table.alive | table.dead) if self._new else batch.named

    def _identify(self, table: Table, rows: Rows) -> None:
        """What depends on who a process is. The class comes first: labels and model build on it."""
        self._parts[PATTERN, rows] = self.patterns.score(table, rows)
        self._parts[LABEL, rows] = self.labels.score(table, rows)
        self._parts[BUSINESS, rows] = self.business.score(table, rows)
        self._parts[INCIDENT, rows] = self.incidents.score(table, rows)
        self._override(table, rows)

    def _override(self, table: Table, rows: Rows) -> None:
        forced, self._importance[rows] = self.overrides.look(table, rows)
        table.never_filtered[rows] = forced | self.patterns.never_filtered(table.class_id[rows])

    def _final(self, rows: Rows) -> Floats:
        importance = self._importance[rows]
        return np.where(np.isnan(importance), self._composite(rows), importance)

    def _composite(self, rows: Rows) -> Floats:
        four = self._four(rows)
        weighted = (np.where(np.isnan(four), 0.0, four) * self._shares(four)).sum(axis=0)
        composite: Floats = np.minimum(np.maximum(weighted, 0.0), 1.0)
        return composite

    def _four(self, rows: Rows) -> Floats:
        """Base, model, business, incident."""
        parts = self._parts.take(rows, axis=1)
        np.copyto(parts[LABEL], parts[PATTERN], where=np.isnan(parts[LABEL]))
        return parts[LABEL:]

    def _shares(self, four: Floats) -> Floats:
        present = self.weights.column() * ~np.isnan(four)
        total = present.sum(axis=0)
        shares: Floats = present / np.where(total > 0.0, total, 1.0)
        return shares

    def _because(self, table: Table, row: int) -> tuple[str, ...]:
        rule = self.patterns.classes[table.class_id[row]]
        by_class = (f"class {rule.name} has the score 1.0",) if rule and rule.never_filtered else ()
        return (*by_class, *self.overrides.forcing(table.identity[row]))

    def _time_tells(self, table: Table, living: Rows) -> bool:
        """Weigh incidents anew once an hour, overrides when one has ended. True when there was a look."""
        now = self.clock.wall_ns()
        ended = self._expiry_ns is not None and now >= self._expiry_ns
        if ended:
            self._override(table, living)
        if ended or self._expiry_ns is None:
            self._expiry_ns = self.overrides.next_expiry_ns()
        faded = self.incidents.present and abs(now - self._weighed_ns) >= REFRESH_NS
        if faded:
            self._weighed_ns = now
            self._parts[INCIDENT, living] = self.incidents.score(table, living)
        return ended or faded

    def _widen(self, capacity: int) -> None:
        missing = capacity - self._importance.size
        if missing > 0:
            self._parts = np.pad(self._parts, ((0, 0), (0, missing)), constant_values=np.nan)
            self._importance = np.pad(self._importance, (0, missing), constant_values=np.nan)

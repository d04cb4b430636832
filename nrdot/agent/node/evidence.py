"""What rules that serve a requirement, for example PCI-DSS, see and keep: evidence for who must prove it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nrdot.stages import Verdict

if TYPE_CHECKING:
    from nrdot.agent.wire import Stages
    from nrdot.batch import Batch, Flags
    from nrdot.config.settled.configuration import Configuration
    from nrdot.score.combine import CompositeScorer

MOST = 32  # requirements that are told apart


class Evidence:
    """Which rows serve which requirement, kept as processes are born and renamed."""

    def __init__(self) -> None:
        self._scorer: CompositeScorer | None = None
        self._serving: dict[str, Flags] = {}  # a column for each requirement that a rule names

    def use(self, configuration: Configuration, stages: Stages) -> None:
        """Other rules hold from now on: the next tick names every process anew."""
        settings = configuration.settings
        tags = (
            *(rule.requirement for rule in settings.process_classification.values()),
            *(rule.requirement for rule in settings.overrides),
            *(rule.requirement for rule in settings.active_region_handling.overrides),
        )
        names = sorted({name for served in tags for name in served})[:MOST]
        self._serving = {name: np.zeros(0, np.bool_) for name in names}
        self._scorer = stages.scorer

    def see(self, batch: Batch) -> None:
        """At each tick."""
        if not self._serving or self._scorer is None:
            return
        table, scorer = batch.table, self._scorer
        for name, column in self._serving.items():
            if (more := table.capacity - len(column)) > 0:
                self._serving[name] = np.pad(column, (0, more))
        for row in batch.named.tolist():
            identity = table.identity[row]
            served = {*scorer.patterns.requirements(identity), *scorer.overrides.requirements(identity)}
            for name, column in self._serving.items():
                column[row] = name in served

    def document(self, batch: Batch) -> list[dict[str, Any]]:
        """Processes that live now, and those of them that have series of their own."""
        kept = batch.table.verdict[batch.living] == Verdict.KEEP
        found = []
        for name, column in self._serving.items():
            here = column[batch.living]
            seen, exported = int(np.count_nonzero(here)), int(np.count_nonzero(here & kept))
            found.append({"requirement": name, "seen": seen, "exported": exported})
        return found

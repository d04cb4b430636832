"""What `nrdot simulate` was asked for, as tasks, and their outcomes as one document."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from nrdot.errors import CaptureError
from nrdot.simulate.goals import goals, measured, recommend
from nrdot.simulate.grid import pareto
from nrdot.simulate.money import margins
from nrdot.simulate.run import under
from nrdot.simulate.search import search
from nrdot.simulate.study import Task, run
from nrdot.simulate.together import sent, together, unoptimized

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from nrdot.config.schema.profiles import Profile
    from nrdot.config.settled.configuration import Configuration
    from nrdot.pricing.prices import Pricing
    from nrdot.simulate.goals import Goals
    from nrdot.simulate.grid import Candidate
    from nrdot.simulate.outcome import Outcome


@dataclass(slots=True)
class Study:
    """Captures under candidates of one configuration. `hosts` is how many hosts the captures stand for.

    A broken capture among several is left out under every candidate: `captures` are those that count, and
    `left_out` says what is wrong with the others.
    """

    captures: Sequence[Path]
    configuration: Configuration
    processes: int = 1
    hosts: int | None = None
    pricing: Pricing | None = None  # the shipped list where absent
    expect: Callable[[int], object] = lambda _: None  # so many more tasks
    done: Callable[[], object] = lambda: None
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    goals: Goals = field(init=False)

    def __post_init__(self) -> None:
        """Raises ConfigError and PricingError, before anybody has waited for a capture."""
        dimensions = self.configuration.settings.optimization_dimensions
        self.goals = goals(dimensions, margins(self.pricing)[0].currency)

    def profiles(
        self, chosen: Mapping[str, Profile], *, scheduled: bool = False, ledger: Path | None = None
    ) -> dict[str, dict[str, Any]]:
        """A document for each profile, by its name. Raises CaptureError where no capture counts."""
        configured = {name: under(self.configuration, name, profile) for name, profile in chosen.items()}
        tasks = [
            Task(capture, one, scheduled, ledger and _folder(ledger, capture))
            for one in configured.values()
            for capture in self.captures
        ]
        self.expect(len(tasks))
        found = run(tasks, self.processes, self.done)
        each = len(self.captures)
        tables = [found[first : first + each] for first in range(0, len(found), each)]
        broken = self._leave_out(tables, ledger)
        for name, table in zip(configured, tables, strict=True):
            counted = [one for place, one in enumerate(table) if place not in broken]
            self.outcomes[name] = [one for one in counted if not isinstance(one, CaptureError)]
        return {name: self._document(self.outcomes[name]) for name in configured}

    def _leave_out(self, tables: Sequence[Sequence[Outcome | CaptureError]], ledger: Path | None) -> set[int]:
        """The places of captures that are broken under any candidate. Raises CaptureError where all are."""
        broken: dict[int, CaptureError] = {}
        for table in tables:
            for place, one in enumerate(table):
                if isinstance(one, CaptureError):
                    broken.setdefault(place, one)
        if not broken:
            return set()
        if ledger is not None:
            for place in broken:
                shutil.rmtree(_folder(ledger, self.captures[place]), ignore_errors=True)
        first, total = broken[min(broken)], len(self.captures)
        if len(broken) == total:
            raise first if total == 1 else CaptureError(f"{first}; none of the {total} captures is whole")
        self.left_out += [f"{broken[place]}; this capture counts nowhere" for place in sorted(broken)]
        self.captures = [capture for place, capture in enumerate(self.captures) if place not in broken]
        return set(broken)

    def candidates(self, profile: Profile, chosen: Sequence[Candidate]) -> dict[str, dict[str, Any]]:
        """The same for candidates around a profile, with their values."""
        found = self.profiles({one.name: one.of(profile) for one in chosen})
        return {one.name: one.keys() | found[one.name] for one in chosen}

    def search(self, profile: Profile, tries: int) -> dict[str, dict[str, Any]]:
        """As `solver` of the configuration says."""

        def evaluate(fresh: Sequence[Candidate]) -> dict[Candidate, dict[str, Any]]:
            documents = self.candidates(profile, fresh)
            return {one: documents[one.name] for one in fresh}

        known = search(self.configuration.settings.solver, self.goals, tries, evaluate)
        return {one.name: dict(document) for one, document in sorted(known.items())}

    def advice(self, documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Who is recommended, and why."""
        return asdict(recommend(documents, self.goals))

    def _document(self, outcomes: Sequence[Outcome]) -> dict[str, Any]:
        meters = margins(self.pricing)
        document = together(outcomes, meters)
        # Not from the document's, whose cents are rounded: a thousand hosts would multiply what is cut off.
        scale = (self.hosts or len(outcomes)) / len(outcomes)
        cost = sum(meters[0].monthly(sent(one)) for one in outcomes) * scale
        without = sum(meters[0].monthly(unoptimized(one)) for one in outcomes) * scale
        document["fleet"] = {
            "hosts": self.hosts or len(outcomes),
            "cost": round(cost, 2),
            "savings": round(without - cost, 2),
        }
        interval = self.configuration.settings.agent.interval
        return measured(document, cost, meters[0].currency, interval)


def _folder(ledger: Path, capture: Path) -> Path:
    """Where the ledger of one capture goes."""
    return ledger / capture.name.partition(".")[0]


def curve(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A grid as `simulate --json` tells it."""
    front = pareto(documents)
    candidates = [{"name": name, **document, "pareto": name in front} for name, document in documents.items()]
    return {"candidates": candidates, "pareto": front}

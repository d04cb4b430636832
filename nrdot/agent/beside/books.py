"""The ledger beside the pipeline: what it asks of the stages, and how it is fed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from nrdot import __version__
from nrdot.agent.beside.shadow import Shadow
from nrdot.agent.beside.tenants import Tenants
from nrdot.buffer.files import Files
from nrdot.config.settled.intervals import exports_every
from nrdot.config.settled.retention import keeping
from nrdot.ledger.cells import Words, lasting
from nrdot.ledger.recorder import Recorder, Terms, Usage
from nrdot.ledger.store import Bounds, Store
from nrdot.telemetry.own import resident_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.agent.delivery.drains import Destination
    from nrdot.agent.node.consumption import Consumption
    from nrdot.agent.wire import Stages
    from nrdot.batch import Batch, Table
    from nrdot.clock import Clock
    from nrdot.config.schema.settings import Settings
    from nrdot.config.settled.configuration import Configuration
    from nrdot.ledger.rows import Row
    from nrdot.stages import Frame, Record

DIRECTORY = "ledger"  # in the state directory
OWN = Usage(time.process_time, resident_bytes)

_lasting = lru_cache(4096)(lasting)
# Kinds of groups whose name is one of the words.
_FIELDS = {"class": "class_", "namespace": "namespace", "unit": "unit", "user": "user"}


class StageBook:
    """`ledger.book.Book` of one configuration's stages."""

    def __init__(self, configuration: Configuration, stages: Stages) -> None:
        settings = configuration.settings
        self.costs = stages.encoder.costs
        self.baseline = settings.baseline.interval
        scoped = [configuration.profiles[scope.profile] for scope in settings.scopes]
        self.interval = min(exports_every(settings, one) for one in (configuration.profile, *scoped))
        self._tenants = Tenants(settings.ledger)
        self._profiles = [settings.profile, *(scope.profile for scope in settings.scopes)]
        self._policy = stages.policy
        self._classes = stages.scorer.patterns.class_names

    def words(self, table: Table, row: int) -> Words:
        identity = table.identity[row]
        owner = identity.owner
        return Words(
            self._profiles[self._policy.remembered.scope[row]],
            self._classes[int(table.class_id[row])],
            owner.namespace,
            _lasting(owner.unit),
            identity.user,
            self._tenants.of(identity),
        )

    def words_of_group(self, kind: str, name: str) -> Words:
        words = Words(self._profiles[0])
        field = _FIELDS.get(kind)
        return words if field is None else words._replace(**{field: name})


class Bookkeeping:
    """The ledger of one agent, over all its configurations."""

    def __init__(self, directory: Path, usage: Usage = OWN) -> None:
        self.store = Store(directory, Bounds())
        self._usage = usage
        self.listener: Consumption | None = None  # who tells an operator what is in the ledger
        self._recorder: Recorder | None = None
        self._page: Page | None = None

    def use(
        self,
        configuration: Configuration,
        stages: Stages,
        destinations: Sequence[Destination],
        revision: str,
        clock: Clock,
    ) -> None:
        """Whatever these stages do from now on is entered under their configuration."""
        observing = configuration.settings.mode == "observe"
        shadow = Shadow(configuration, stages, clock) if observing else None
        stages.pipeline.ledger = Page(
            self,
            StageBook(configuration, shadow.stages if shadow else stages),
            Terms(revision, configuration.settings.mode, configuration.settings.resource),
            destinations,
            _bounds(configuration.settings),
            shadow,
        )

    def turn(self, page: Page, ahead: int) -> Recorder:
        """The recorder, open at a page; `ahead` points of its first tick were put already."""
        if self._recorder is None:
            self._recorder = Recorder(
                self.store,
                page.book,
                page.terms,
                agent=__version__,
                usage=self._usage,
                heard=self._heard,
            )
        if page is not self._page:
            self._page = page
            self.store.bounds = page.bounds
            self._recorder.use(page.book, page.terms, page.destinations, ahead)
        return self._recorder

    def _heard(self, rows: Sequence[Row]) -> None:
        if self.listener is not None:
            self.listener.minute(rows)

    def close(self) -> None:
        """The agent ends, and what was delivered is known."""
        if self._recorder is not None:
            self._recorder.close()


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """`stages.Ledger` under one configuration; it is turned to by the first tick of its stages."""

    ledger: Bookkeeping
    book: StageBook
    terms: Terms
    destinations: Sequence[Destination]
    bounds: Bounds
    shadow: Shadow | None = None  # where the agent only observes

    def enter(self, batch: Batch, frame: Frame | None, records: Sequence[Record]) -> None:
        """Where the agent only observes, what the profile would have sent is entered in place of what was."""
        put = sum(record.points for record in records) if records else 0
        recorder = self.ledger.turn(self, put)
        if self.shadow is None:
            recorder.enter(batch, frame, records, put)
        else:
            would_batch, would, would_records = self.shadow.enter(batch, frame, records)
            recorder.enter(would_batch, would, would_records, put)
            self.shadow.release(frame)
        if self.ledger.listener is not None:
            self.ledger.listener.enter(batch, frame)


def _bounds(settings: Settings) -> Bounds:
    kept = keeping(settings)
    return Bounds(kept.ledger, settings.ledger.max_size, _overwrite if kept.overwrite else Path.unlink)


def _overwrite(path: Path) -> None:
    Files().overwrite(path)
    path.unlink()

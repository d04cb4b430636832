"""What the ledger asks of the stages under one configuration: words and costs of processes and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.batch import Batch, Ints, Rows, Table
    from nrdot.ledger.cells import Words
    from nrdot.stages import GroupFrame


class Cost(Protocol):
    """What a group cost at an export."""

    @property
    def group(self) -> GroupFrame: ...
    @property
    def points(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def series(self) -> int: ...


class Costs(Protocol):
    """What the last export cost, by row, and what any process would cost alone."""

    @property
    def points(self) -> Ints: ...
    @property
    def bytes(self) -> Ints: ...
    @property
    def groups(self) -> Sequence[Cost]: ...

    def name(self, batch: Batch, rows: Rows) -> None: ...
    def everybody(self, table: Table) -> tuple[Ints, Ints]:
        """Points and bytes of each row, were it sent alone; the same arrays until somebody's change."""


class Book(Protocol):
    """What the present configuration says of processes and their costs."""

    @property
    def costs(self) -> Costs: ...
    @property
    def baseline(self) -> float:
        """Seconds between two scrapes of the scraper that NRDOT replaces."""

    @property
    def interval(self) -> float:
        """Seconds between two exports."""

    def words(self, table: Table, row: int) -> Words: ...
    def words_of_group(self, kind: str, name: str) -> Words: ...

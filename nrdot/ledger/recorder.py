"""The ledger while an agent runs: a frame a minute, written as the first tick of the next one comes.

    tick ─► accounts ─┐
    buffers, drains ──┼─► rows ─► frame ─► day's file
    the agent itself ─┘

Everything happens on the pipeline's thread. What the disk does not take waits in the store, within bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nrdot.ledger.accounts import Accounts
from nrdot.ledger.outcomes import Deliveries
from nrdot.ledger.rows import HOUR, MINUTE, VERSION, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from nrdot.batch import Batch, Host
    from nrdot.ledger.book import Book
    from nrdot.ledger.outcomes import Destination
    from nrdot.ledger.rows import Row
    from nrdot.ledger.store import Store
    from nrdot.stages import Frame

JUMP = 2.0  # seconds that two clocks may differ between two ticks before one of them is said to have jumped


@dataclass(frozen=True, slots=True)
class Terms:
    """What a configuration says of the rows that are written under it."""

    revision: str
    mode: str = "optimize"
    resource: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """What this process itself used so far."""

    cpu_seconds: Callable[[], float] = lambda: 0.0
    resident_bytes: Callable[[], int] = lambda: 0


class Recorder:
    """`stages.Ledger`. `close` writes what the last minute holds; idempotent."""

    def __init__(
        self,
        store: Store,
        book: Book,
        terms: Terms,
        *,
        agent: str,
        usage: Usage,
        heard: Callable[[Sequence[Row]], None] = lambda _rows: None,
    ) -> None:
        """`heard` gets the rows that are written, too."""
        self.store = store
        self._heard = heard
        self._accounts = Accounts(book)
        self._deliveries = Deliveries()
        self._terms = terms
        self._agent = agent
        self._usage = usage
        self._cpu = usage.cpu_seconds()
        self._minute: int | None = None
        self._last_ns = 0
        self._host: Host | None = None
        self._busy: int | None = None
        self._gap: tuple[float, str] = (0, "")

    def use(self, book: Book, terms: Terms, destinations: Sequence[Destination], ahead: int = 0) -> None:
        """A configuration, before its first tick is entered. What came under the one before is written.

        `ahead` points of that tick were put already.
        """
        self._write(last=False, ahead=ahead)
        self._accounts.book, self._terms = book, terms
        self._deliveries.use(destinations, ahead)

    def enter(
        self, batch: Batch, frame: Frame | None, records: Sequence[Any] = (), put: int | None = None
    ) -> None:
        """One tick, as the stages left it; `put` points were put, or those of `records`."""
        ahead = sum(record.points for record in records) if put is None else put
        minute = batch.time_ns // (MINUTE * 1_000_000_000)
        if minute != self._minute:
            hour = MINUTE * minute // HOUR
            over = self._minute is not None and MINUTE * self._minute // HOUR != hour
            self._write(last=over, ahead=ahead)
            self._accounts.tidy(batch.table)
            self._minute = minute
        self._look_at_clocks(batch)
        self._host = batch.host
        self._accounts.enter(batch, frame, records)
        self.store.step()

    def close(self) -> None:
        """The agent ends."""
        self._write(last=True)
        self._minute = None
        self.store.close()

    def _look_at_clocks(self, batch: Batch) -> None:
        if not self._last_ns:
            down = self.store.silent_since(batch.time_ns)
            if down > JUMP:
                self._gap = down, "down"
        else:
            jumped = (batch.time_ns - self._last_ns) / 1e9 - batch.seconds
            if abs(jumped) > JUMP:
                self._gap = self._gap[0] + jumped, "clock"
        self._last_ns = batch.time_ns

    def _write(self, *, last: bool, ahead: int = 0) -> None:
        """The minute's frame; `last` of its hour. `ahead` points were put since it ended."""
        accounts, host = self._accounts, self._host
        if self._minute is None or host is None or not accounts.samples:
            return
        t = self._minute * MINUTE
        common: dict[str, Any] = {
            "v": VERSION,
            "t": t,
            "span": MINUTE,
            "seconds": round(accounts.seconds, 3),
            "host": host.id,
            "host_name": host.name,
            "boot": host.boot,
            "agent": self._agent,
            "revision": self._terms.revision,
            "mode": self._terms.mode,
        }
        own = self._own(common, host, last=last)
        rows: list[Row] = [*accounts.close(common), *self._deliveries.close(common, ahead), own]
        self.store.put(t, rows)
        self._heard(rows)

    def _own(self, common: dict[str, Any], host: Host, *, last: bool) -> Outcome:
        accounts, cpu = self._accounts, self._usage.cpu_seconds()
        busy = 0 if self._busy is None else max(host.busy - self._busy, 0)
        self._busy = host.busy
        row = Outcome(
            **common,
            resource=dict(self._terms.resource),
            cpus=host.cpus,
            memory=host.memory,
            samples=accounts.samples,
            exports=accounts.exports,
            own_points=accounts.own_points,
            own_bytes=accounts.own_bytes,
            agent_cpu_seconds=round(cpu - self._cpu, 4),
            agent_rss=float(self._usage.resident_bytes()),
            host_cpu_seconds=busy and round(busy / host.hz, 3),
            gap_seconds=self._gap[0] and round(self._gap[0], 3),
            gap_reason=self._gap[1],
            lost_rows=self.store.take_lost(),
            top=accounts.close_hour() if last else [],
        )
        self._cpu, self._gap = cpu, (0, "")
        return row

"""The screen of `nrdot demo` while it watches: who is busy, and what each profile would make of it so far.

The figures come from the capture as far as it is written: every few seconds it is run under each profile
again, on a thread of its own, so that looking does not hold up what is looked at.
"""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nrdot.batch import Gauge
from nrdot.cli.demo.tables import NARROW, headline, processes, profiles
from nrdot.cli.demo.words import HEADLINE, brief
from nrdot.cli.output import amount
from nrdot.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, RenderableType

    from nrdot.batch import Batch
    from nrdot.simulate.comparison import Comparison

EVERY = 3.0  # seconds of watching between two comparisons
BUSY = 6  # processes that are listed
KEPT = f"kept under {HEADLINE}"


class LiveScreen:
    """`compared` runs what was recorded so far under each profile. Call `seen` with each sample."""

    def __init__(
        self, console: Console, seconds: float, interval: float, compared: Callable[[], Comparison]
    ) -> None:
        self._console = console  # as wide as the terminal is at that moment
        self._seconds = seconds
        self._interval = interval
        self._compared = compared
        self._passed = 0.0
        self._asked = 0.0
        self._found: Comparison | None = None
        self._busy: list[tuple[str, int, float, int]] = []  # name, pid, cores, bytes
        self._processes, self._cores = 0, 0.0
        self._worker: Thread | None = None
        self._live = Live(console=console, refresh_per_second=4, transient=True, get_renderable=self.render)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        if self._worker is not None:
            self._worker.join()

    def seen(self, batch: Batch) -> None:
        table, living = batch.table, batch.living
        self._passed += 0.0 if batch.first else self._interval
        self._processes, self._cores = len(living), float(table.cpu[living].sum())
        largest = living[table.cpu[living].argsort()[::-1][:BUSY]]
        self._busy = [
            (
                table.identity[row].name,
                int(table.pid[row]),
                float(table.cpu[row]),
                int(table.gauges[Gauge.RSS, row]),
            )
            for row in largest.tolist()
        ]
        idle = self._worker is None or not self._worker.is_alive()
        if idle and self._passed - self._asked >= EVERY:
            self._asked = self._passed
            self._worker = Thread(target=self._compare, name="compare", daemon=True)
            self._worker.start()

    def _compare(self) -> None:
        try:
            self._found = self._compared()
        except CaptureError:
            return  # too early for an export, or a line that is half written: the next look has more

    def render(self) -> RenderableType:
        narrow = self._console.width < NARROW
        words = f"{self._passed:.0f} of {self._seconds:.0f} s"
        count = f"[bold]{self._processes}[/bold] processes, [bold]{self._cores:.2f}[/bold] cores"
        bar = ProgressBar(total=self._seconds, completed=self._passed, width=16)
        head = Table.grid(padding=(0, 2))
        if narrow:
            head.add_row(bar, words)
        else:
            head.add_row("watching this host", bar, words, count)
        below: RenderableType = (
            profiles(self._found, narrow=narrow, short=True)
            if self._found
            else Text("each profile looks at the same samples; the first export is on its way", style="dim")
        )
        if narrow:
            return Group(head, count, "", below, self._who(narrow=True))
        return Panel(Group(head, "", below, self._who(narrow=False)), title="NRDOT demo", border_style="cyan")

    def _who(self, *, narrow: bool) -> Table:
        kept = {}
        if self._found is not None:
            kept = {one.pid: brief(one.reason) for one in headline(self._found).top}
        columns = (
            ("busiest now", "cores", "kept") if narrow else ("busiest now", "pid", "cores", "memory", KEPT)
        )
        shown = processes(*columns, right={"pid", "cores", "memory"}, narrow=narrow)
        for name, pid, cores, size in self._busy:
            why = Text(kept.get(pid, ""), style="green")
            besides = (f"{cores:.2f}",) if narrow else (str(pid), f"{cores:.2f}", amount(size))
            shown.add_row(Text(name, no_wrap=narrow), *besides, why)
        return shown

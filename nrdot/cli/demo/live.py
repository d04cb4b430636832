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
from nrdot.cli.demo.words import SAME_INTERVAL, brief, side_by_side
from nrdot.cli.output import amount, table
from nrdot.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, RenderableType

    from nrdot.batch import Batch
    from nrdot.simulate.comparison import Comparison, Figures

EVERY = 3.0  # seconds of watching between two comparisons
BUSY = 6  # processes that are listed
HEADLINE = "balanced"


class LiveScreen:
    """`compared` runs what was recorded so far under each profile. Call `seen` with each sample."""

    def __init__(
        self, console: Console, seconds: float, interval: float, compared: Callable[[], Comparison]
    ) -> None:
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
        head = Table.grid(padding=(0, 2))
        words = f"{self._passed:.0f} of {self._seconds:.0f} s"
        count = f"[bold]{self._processes}[/bold] processes, [bold]{self._cores:.2f}[/bold] cores"
        bar = ProgressBar(total=self._seconds, completed=self._passed, width=16)
        head.add_row("watching this host", bar, words, count)
        below: RenderableType = (
            self._profiles(self._found)
            if self._found
            else Text("each profile looks at the same samples; the first export is on its way", style="dim")
        )
        return Panel(Group(head, "", below, self._who()), title="NRDOT demo", border_style="cyan")

    def _profiles(self, found: Comparison) -> Table:
        columns = (found.none, *found.profiles)
        shown = table("", *(one.profile for one in columns), right={one.profile for one in columns})
        for title, figures in side_by_side(found):
            if title == SAME_INTERVAL:
                continue  # a screen of eighty columns and two dozen lines is full without it
            words = zip(figures, columns, strict=True)
            shown.add_row(title, *(Text(text, style=_style(title, one, found.none)) for text, one in words))
        return shown

    def _who(self) -> Table:
        kept = {}
        if self._found is not None:
            profile = next((one for one in self._found.profiles if one.profile == HEADLINE), None)
            kept = {one.pid: brief(one.reason) for one in profile.top} if profile else {}
        shown = table(
            "busiest now",
            "pid",
            "cores",
            "memory",
            f"kept under {HEADLINE}",
            right={"pid", "cores", "memory"},
        )
        for name, pid, cores, size in self._busy:
            why = Text(kept[pid], style="green") if pid in kept else Text("")
            shown.add_row(Text(name), str(pid), f"{cores:.2f}", amount(size), why)
        return shown


def _style(title: str, one: Figures, none: Figures) -> str:
    if title != "less" or one is none:
        return ""
    return "bold green" if one.points_hourly <= none.points_hourly else "bold yellow"

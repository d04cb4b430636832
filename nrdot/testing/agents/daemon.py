"""A daemon on a clock of its own: it ticks, reloads and ends as a test says, and nothing waits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nrdot.agent.loop.daemon import Daemon, Parts
from nrdot.agent.loop.notify import Notifier
from nrdot.agent.loop.signals import Requests
from nrdot.agent.telling.status import Status
from nrdot.testing.agents.hollow import CountingPipeline
from nrdot.testing.clock import NOON_NS, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nrdot.agent.loop.daemon import Watching
    from nrdot.clock import Clock
    from nrdot.testing.agents.hollow import ListBuffer

INTERVAL = 15.0


class Unwatched:
    """For who reloads on request only."""

    def look(self) -> bool:
        return False

    def wait(self) -> float | None:
        return None


class SteppedDaemon:
    """A pipeline that counts, the CPU that the test says it uses, and the answers to requests to reload.

    `changes` are parts that differ from the usual ones.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        buffers: Sequence[ListBuffer] = (),
        wall_ns: int = NOON_NS,
        watch: Watching | None = None,
        **changes: Any,
    ) -> None:
        self.clock: Any = clock or ManualClock(wall_ns)  # the system's where drains have threads
        self.pipeline = CountingPipeline(self.clock, buffers)
        self.requests = Requests(self.clock)
        self.status = Status(self.clock)
        self.cpu = 0.0
        self.reloads: list[float] = []
        self.answers: list[Parts | Exception] = []
        self.during_reload: Callable[[], object] = lambda: None
        self.looks: list[float] = []  # at what the time changes
        self.due: Callable[[Parts], Parts] = lambda before: before
        self.parts = replace(
            Parts(self.pipeline, (), interval=INTERVAL, cpu_budget=0.0, revision="r1"),
            **changes,
        )
        self.daemon = Daemon(
            self.parts,
            clock=self.clock,
            requests=self.requests,
            status=self.status,
            notifier=Notifier({}, self.clock),
            reload=self._reload,
            transition=self._transition,
            watch=watch or Unwatched(),
            cpu=lambda: self.cpu,
        )

    def stop_after(self, seconds: float) -> int:
        """Run on the manual clock; the exit status."""
        self.clock.at(seconds, self.requests.stop)
        return self.daemon.run()

    def _reload(self, before: Parts) -> Parts:
        self.reloads.append(self.clock.monotonic())
        self.during_reload()
        answer = self.answers.pop(0) if self.answers else before
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _transition(self, before: Parts) -> Parts:
        self.looks.append(self.clock.monotonic())
        return self.due(before)

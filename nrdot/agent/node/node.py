"""The agent's side of a cluster: where labels of pods come from, and what the operator hears."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nrdot import __version__
from nrdot.agent.node.consumption import Consumption
from nrdot.agent.node.evidence import Evidence
from nrdot.aggregate.balance import Balance, Balanced
from nrdot.cluster.inside import connect
from nrdot.cluster.link import NodeLink
from nrdot.cluster.pods import NodePods
from nrdot.errors import ConfigError
from nrdot.stages import Verdict
from nrdot.telemetry.own import cpu_seconds, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.agent.telling.status import Status
    from nrdot.agent.wire import Stages
    from nrdot.clock import Clock
    from nrdot.config.schema.cluster import Kubernetes
    from nrdot.config.settled.configuration import Configuration
    from nrdot.identify.labels import LabelSource
    from nrdot.pipeline import Tick


class Lateness:
    """By how much ticks follow each other later than they are meant to: the worst since the beginning."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        self.worst = 0.0  # seconds
        self._last = self._clock.monotonic()
        self._interval = 0.0

    def tick(self, interval: float) -> None:
        """`interval` is how long until the next one, so what was meant until now was said by the last one."""
        now = self._clock.monotonic()
        if self._interval:
            self.worst = max(self.worst, now - self._last - self._interval)
        self._last, self._interval = now, interval


class Node:
    """Raises StartError where this is no pod, ConfigError where there is no place for what is pushed."""

    def __init__(self, found: Kubernetes, pushed: str | None, clock: Clock, status: Status) -> None:
        self._clock = clock
        self._status = status
        self._pods: NodePods | None = None
        self._link: NodeLink | None = None
        self._pushed = -1
        self._began: tuple[float, float, int] = (0.0, 0.0, 0)
        self._sent = 0
        self._lateness = Lateness(clock)
        self._balance = Balance()
        self._mark = self._balance.mark()
        self._evidence = Evidence()
        self.consumption: Consumption | None = None  # listens to the ledger, where an operator listens to us
        if found.operator and pushed is None:
            raise ConfigError(
                "kubernetes.operator: there is no place for what the operator pushes; "
                "set `agent.pushed` to a directory that the agent may write, or `operator: false`"
            )
        api = connect(os.environ, Path(found.account))
        if found.pods:
            self._pods = NodePods(
                api, found.node, clock, namespace=found.namespace if found.namespaced else ""
            )
            self._pods.start()
        if found.operator and pushed is not None:
            fallback = Path(found.mount) if found.mount else None
            self._link = NodeLink(api, found.namespace, found.node, Path(pushed), clock, fallback=fallback)
            self._link.start()
            self.consumption = Consumption()

    @property
    def sources(self) -> Sequence[LabelSource]:
        return [self._pods] if self._pods else []

    def close(self) -> None:
        if self._pods is not None:
            self._pods.close()
        if self._link is not None:
            self._link.close()

    def use(self, configuration: Configuration, stages: Stages) -> None:
        """Other stages work from now on."""
        if self._link is None or self.consumption is None:
            return
        self.consumption.use(configuration)
        stages.pipeline.aggregator = Balanced(stages.aggregator, self._balance)
        self._mark = self._balance.mark()
        self._evidence.use(configuration, stages)

    def __call__(self, tick: Tick) -> None:
        """A watcher of ticks: what the operator may judge a rollout by."""
        if self._link is None:
            return
        self._evidence.see(tick.batch)
        if self._status.pushed != self._pushed:
            self._pushed = self._status.pushed
            self._begin()
        self._lateness.tick(self._status.interval)
        self._sent += sum(record.points for record in tick.records)
        if tick.frame is not None and tick.frame.whole:
            self._link.say(self._status.pushed, self._status.config_error, self._figures(tick))

    def _begin(self) -> None:
        """A document is judged by what happens under it."""
        self._sent = 0
        self._lateness.begin()
        self._balance.begin(self._mark)
        self._mark = self._balance.mark()
        self._began = (self._clock.monotonic(), sum(cpu_seconds()), self._status.unoptimized)

    def _figures(self, tick: Tick) -> dict[str, Any]:
        seen = self._status.seen
        table, living = tick.batch.table, tick.batch.living
        kept = int((table.verdict[living] == Verdict.KEEP).sum())
        since, used, unoptimized_before = self._began
        passed = max(self._clock.monotonic() - since, 1.0)
        unoptimized = self._status.unoptimized - unoptimized_before
        return {
            "processes": len(living),
            "kept": kept,
            "reduction": f"{1 - self._sent / unoptimized:.4f}" if unoptimized else None,
            "critical": {
                "seen": seen.critical,
                "exported": seen.covered,
                "covered": f"{seen.coverage:.6g}",
            },
            "conservation": self._conservation(),
            "requirements": self._evidence.document(tick.batch),
            "usage": self.consumption.document if self.consumption else None,
            "agent": {
                "cpu": f"{(sum(cpu_seconds()) - used) / passed:.6f}",
                "memory": resident_bytes(),
                "version": __version__,
                "tickDelay": f"{self._lateness.worst:.0f}",
            },
        }

    def _conservation(self) -> dict[str, Any] | None:
        """Whether exports add up to what was measured; nothing before the first one under this document."""
        balance = self._balance
        if not balance.exports:
            return None
        words = balance.words
        return {"exports": balance.exports, "exact": not words, "difference": words}

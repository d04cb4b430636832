"""The operator while it runs: copies of the cluster, one worker, one leader.

start ─► copies begin ─► /healthz answers ─► wait for the lease ─► copies complete ─► READY ─► turn on changes
                                                                                         │
                                 the lease is lost: end, and let the next one begin ◄────┘
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from nrdot.agent.telling.health import HealthServer
from nrdot.cluster.api import Api, ApiError
from nrdot.kube.confined import LOST
from nrdot.kube.controller import Controller
from nrdot.kube.copies import EVERYTHING, Copies
from nrdot.kube.leader import Election
from nrdot.kube.told import Teller
from nrdot.kube.work import WorkQueue
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from nrdot.clock import Clock
    from nrdot.kube.costs.keeper import Pace

_log = Log("kube")

STUCK = 120.0  # seconds; a pass that writes to every node of a large cluster takes a while


@dataclass(frozen=True, slots=True)
class Options:
    namespace: str
    identity: str
    listen: str = ":8080"
    confined: bool = False  # nothing outside the namespace is asked for

    @classmethod
    def of_pod(cls, namespace: str | None, listen: str, *, confined: bool = False) -> Options:
        """What the pod's environment says where the command line does not."""
        inside = namespace or os.environ.get("POD_NAMESPACE") or "nrdot-system"
        identity = os.environ.get("POD_NAME") or f"{socket.gethostname()}-{os.getpid()}"
        return cls(inside, identity, listen, confined)


class Operator:
    def __init__(self, api: Api, clock: Clock, options: Options, pace: Pace | None = None) -> None:
        self._clock = clock
        self._options = options
        self._queue = WorkQueue(clock)
        self._copies = Copies(api, clock, options.namespace, self._queue, confined=options.confined)
        self._election = Election(api, clock, options.identity, options.namespace)
        writing = api.fenced(lambda: self._election.holds)
        teller = Teller(writing, clock, options.namespace, options.identity)
        self._controller = Controller(writing, clock, options.namespace, teller, pace)
        self._stop = Event()
        self._passes = {"done": 0, "failed": 0}
        self._alive = clock.monotonic()
        self._broken = ""  # why the last pass ended as none should

    def run(self) -> int:
        """Until asked to stop; status 1 when the lease was lost."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        return self.work_until_stopped()

    def stop(self) -> None:
        self._stop.set()

    def work_until_stopped(self) -> int:
        if self._options.confined:
            _log.warning("rights in one namespace only", namespace=self._options.namespace, without=LOST)
        with ExitStack() as stack:
            if self._options.listen:
                health = HealthServer(self._options.listen, self._clock, self, self.metrics)
                stack.callback(health.close)
            for copy in self._copies.all:
                copy.start()
                stack.callback(copy.stop)
            if not self._election.campaign(self._stop):
                return 0
            worker = Thread(target=self._work, name="worker", daemon=True)
            worker.start()
            held = self._election.hold(self._stop)
            self._stop.set()
            self._queue.close()
            worker.join(5.0)
            if not worker.is_alive():
                self._election.release()  # a pass that still runs keeps the lease until it runs out
            return 0 if held else 1

    def _work(self) -> None:
        while not self._copies.complete and not self._stop.is_set():
            self._alive = self._clock.monotonic()
            self._clock.wait(self._stop, 0.05)
        self._queue.add(EVERYTHING)
        while not self._stop.is_set():
            self._alive = self._clock.monotonic()
            key = self._queue.take()
            if key is not None:
                self._turn()

    def _turn(self) -> None:
        try:
            again = self._controller.turn(self._copies.view())
        except ApiError as error:
            self._passes["failed"] += 1
            pause = self._queue.failed(EVERYTHING, error.delay)
            _log.warning("a pass was cut short", error=str(error), seconds=round(pause, 1))
        except Exception as error:  # noqa: BLE001 - a worker that dies of it would leave a leader that does nothing
            self._passes["failed"] += 1
            self._broken = f"a pass ended with {type(error).__name__}: {error}"
            pause = self._queue.failed(EVERYTHING)
            _log.error("a pass failed unexpectedly", error=self._broken, seconds=round(pause, 1))
        else:
            self._broken = ""
            self._passes["done"] += 1
            self._queue.done(EVERYTHING)
            if again is not None:
                self._queue.add_after(EVERYTHING, again)

    def unhealthy(self) -> str:
        """Only who leads works; who waits is healthy."""
        dead = [copy.resource.plural for copy in self._copies.all if copy.dead]
        if dead:
            return f"nothing follows {dead[0]} any more"
        silent = self._clock.monotonic() - self._alive
        if not self._election.leading:
            return ""
        return f"no pass for {silent:.0f} s" if silent > STUCK else self._broken

    def document(self) -> dict[str, Any]:
        """The body of /readyz. Who waits for the lease is ready as well, or nobody would ever follow."""
        trouble = [one for one in [self.unhealthy()] if one]
        if not self._copies.complete:
            waiting = sorted({copy.resource.plural for copy in self._copies.all if not copy.synced.is_set()})
            trouble.append(f"the cluster is being read, still without {', '.join(waiting)}")
        return {
            "ready": not trouble,
            "reasons": trouble,
            "leading": self._election.leading,
            "objects": self._objects(),
            **({"without": LOST} if self._options.confined else {}),
            "without_rights": sorted({copy.resource.plural for copy in self._copies.all if copy.forbidden}),
        }

    def metrics(self) -> str:
        """OpenMetrics text."""
        lines = [
            "# TYPE nrdot_operator_leading gauge",
            f"nrdot_operator_leading {int(self._election.leading)}",
            "# TYPE nrdot_operator_queue_depth gauge",
            f"nrdot_operator_queue_depth {self._queue.depth}",
            "# TYPE nrdot_operator_passes counter",
            *(f'nrdot_operator_passes_total{{outcome="{name}"}} {n}' for name, n in self._passes.items()),
            "# TYPE nrdot_operator_lists counter",
            *(f'nrdot_operator_lists_total{{kind="{name}"}} {n}' for name, n in self._lists().items()),
            "# TYPE nrdot_operator_objects gauge",
            *(
                f'nrdot_operator_objects{{kind="{name}"}} {n}'
                for name, n in self.document()["objects"].items()
            ),
            "# EOF",
        ]
        return "\n".join(lines) + "\n"

    def _objects(self) -> dict[str, int]:
        return {copy.resource.plural: len(copy) for copy in self._copies.all}

    def _lists(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for copy in self._copies.all:
            found[copy.resource.plural] = found.get(copy.resource.plural, 0) + copy.lists
        return found

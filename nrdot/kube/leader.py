"""Which of several operators works: the one that holds the Lease.

The holder renews well before the lease runs out and ends the process when it cannot: two that work at once
would write over each other. So it also stops writing at that time, whatever it waits for. The others measure
on the monotonic clock from when they saw a renewal, the holder from before it asked for it: the clocks of
machines need not agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nrdot.cluster.api import ApiError, Resource
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from threading import Event

    from nrdot.clock import Clock
    from nrdot.cluster.api import Api

_log = Log("kube")

LEASE = 15.0  # seconds after which an unrenewed lease may be taken
RENEW = 10.0  # seconds in which the holder must have renewed
PAUSE = 2.0  # seconds between looks
HURRY = 3.0  # seconds that a request about the lease may take


@dataclass(slots=True)
class Election:
    api: Api
    clock: Clock
    identity: str
    namespace: str
    name: str = "nrdot-operator"
    leading: bool = False
    _seen: str = ""  # the renewal that was seen last
    _seen_at: float = 0.0
    _renewed: float = 0.0

    def __post_init__(self) -> None:
        self.api = self.api.hurried(HURRY)

    @property
    def holds(self) -> bool:
        """Nobody else can have taken the lease yet."""
        return self.leading and self.clock.monotonic() - self._renewed <= RENEW

    def campaign(self, stop: Event) -> bool:
        """Return once this process leads; False where it is asked to stop before."""
        while not stop.is_set():
            try:
                self.leading = self._try()
            except ApiError as error:
                _log.warning("the lease cannot be read or written", error=str(error))
            if self.leading:
                _log.info("this operator leads", identity=self.identity)
                return True
            self.clock.wait(stop, PAUSE)
        return False

    def hold(self, stop: Event) -> bool:
        """Renew until asked to stop; False when the lease was lost."""
        while not self.clock.wait(stop, PAUSE):
            try:
                if not self._try():
                    _log.error("another operator holds the lease: this one ends", identity=self.identity)
                    self.leading = False
                    return False
            except ApiError as error:
                _log.warning("the lease cannot be renewed", error=str(error))
                if not self.holds:
                    _log.error("the lease is lost: this operator ends", identity=self.identity)
                    self.leading = False
                    return False
        return True

    def _try(self) -> bool:
        """Whether the lease is ours after this. Raises ApiError."""
        asked = self.clock.monotonic()
        ours = self._tried()
        if ours:
            self._renewed = asked
        return ours

    def _tried(self) -> bool:
        try:
            found = self.api.document(self._resource.path(self.name))
        except ApiError as error:
            if not error.missing:
                raise
            return self._write(None, {})
        spec = found.get("spec", {})
        holder, renewal = spec.get("holderIdentity") or "", str(spec.get("renewTime"))
        if renewal != self._seen:
            self._seen, self._seen_at = renewal, self.clock.monotonic()
        expired = self.clock.monotonic() - self._seen_at > float(spec.get("leaseDurationSeconds") or LEASE)
        if holder not in {"", self.identity} and not expired:
            return False
        return self._write(found, spec)

    def _write(self, found: dict[str, Any] | None, before: dict[str, Any]) -> bool:
        now = datetime.fromtimestamp(self.clock.wall_ns() / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        changed = before.get("holderIdentity") != self.identity
        spec = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": int(LEASE),
            "renewTime": now,
            "acquireTime": now if changed else before.get("acquireTime", now),
            "leaseTransitions": int(before.get("leaseTransitions") or 0) + (1 if changed and found else 0),
        }
        metadata = {"name": self.name, "namespace": self.namespace}
        document = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": spec,
        }
        try:
            if found is None:
                self.api.create(self._resource.path(), document)
            else:
                metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
                self.api.replace(self._resource.path(self.name), document)
        except ApiError as error:
            if error.conflict:  # somebody else was faster
                return False
            raise
        return True

    def release(self) -> None:
        """So that the next one need not wait for the lease to run out. First, all work has to end."""
        if not self.leading:
            return
        self.leading = False
        try:
            found = self.api.document(self._resource.path(self.name))
            if found["spec"].get("holderIdentity") == self.identity:
                found["spec"]["holderIdentity"] = ""
                self.api.replace(self._resource.path(self.name), found)
        except ApiError as error:
            _log.warning("the lease was not given back; it runs out by itself", error=str(error))

    @property
    def _resource(self) -> Resource:
        return Resource("coordination.k8s.io/v1", "leases", self.namespace)

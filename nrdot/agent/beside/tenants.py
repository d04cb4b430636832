"""Whose a process is, by its label; a claim that its namespace may not make is refused.

A label is what the author of a pod writes, so without `ledger.tenants` anybody can let another pay.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from nrdot.identify.labels import labels_of
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from nrdot.batch import Identity
    from nrdot.config.schema.agent import LedgerSettings

MOST_TOLD = 256  # claims that are told of; whoever makes up names fills no log

_log = Log("agent")


class Tenants:
    """Of one configuration."""

    def __init__(self, settings: LedgerSettings) -> None:
        self._label = settings.tenant
        self._known = settings.tenants
        self._told: set[tuple[str, str]] = set()

    def of(self, identity: Identity) -> str:
        """Empty for nobody's."""
        claimed = labels_of(identity).get(self._label, "")
        if not claimed or not self._known:
            return claimed
        namespace = identity.owner.namespace
        namespaces = self._known.get(claimed)
        if namespaces is not None and (
            not namespaces or any(fnmatchcase(namespace, glob) for glob in namespaces)
        ):
            return claimed
        why = "no such tenant is known" if namespaces is None else "its namespace may not name this tenant"
        self._refuse(claimed, namespace, identity.name, why)
        return ""

    def _refuse(self, claimed: str, namespace: str, process: str, why: str) -> None:
        if (claimed, namespace) in self._told or len(self._told) >= MOST_TOLD:
            return
        self._told.add((claimed, namespace))
        _log.warning(
            "a process claims to be a tenant's: the claim is refused, it is nobody's in the ledger",
            tenant=claimed,
            why=why,
            namespace=namespace,
            process=process,
        )

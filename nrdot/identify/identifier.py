"""The stage that completes identities: from the text of a cgroup to an owner with pod, unit and labels.

Processes of one cgroup share one Owner, and text that was seen before is not parsed again. A source that
already knows the owner (a capture) delivers it with the identity: what it delivered stands, and the cgroup
and the label sources fill in the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import NOBODY, Owner
from nrdot.identify.container import parse_cgroup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.batch import Batch, Identity
    from nrdot.identify.labels import Facts, LabelSource

Pairs = tuple[tuple[str, str], ...]

REMEMBERED = 8192  # distinct cgroups; the oldest are forgotten first


class OwnerIdentifier:
    """Implements `stages.Identifier`. Later sources win where two know the same label."""

    def __init__(self, sources: Sequence[LabelSource] = ()) -> None:
        self._sources = tuple(sources)
        self._revisions = self._read_revisions()
        self._owners: dict[tuple[str, Owner], Owner] = {}
        self._given: list[Owner | None] = []  # what the sampler delivered, by row
        self._completed: list[Owner | None] = []  # what we made of it
        self._identities: dict[tuple[Identity, Owner], Identity] = {}  # equal ones are one object

    def identify(self, batch: Batch) -> Batch:
        """Complete `batch.named`; after a source has learned something, every living process.

        A process whose labels changed is named in the batch that comes back and marked in `table.changed`, as
        one whose name changed is.
        """
        table = batch.table
        rows = batch.named
        if (more := table.capacity - len(self._given)) > 0:
            self._given += [None] * more
            self._completed += [None] * more
        if (revisions := self._read_revisions()) != self._revisions:
            self._revisions = revisions
            self._owners.clear()
            rows = batch.living
        late = []
        for row in rows.tolist():
            identity = table.identity[row]
            given = self._given[row]
            if given is None or identity.owner is not self._completed[row]:
                given = self._given[row] = identity.owner
            owner = self._owner(table.cgroup[row], given)
            self._completed[row] = owner
            if identity.owner is not owner:
                if identity.owner != owner:
                    table.changed[row] = True
                    late.append(row)
                table.identity[row] = self._owned(identity, owner)
        if rows is batch.named or not late:
            return batch
        return replace(batch, named=np.union1d(batch.named, np.array(late, np.intp)))

    def _owned(self, identity: Identity, owner: Owner) -> Identity:
        if len(self._identities) >= REMEMBERED:
            self._identities.clear()
        key = (identity, owner)
        found = self._identities.get(key)
        if found is None:
            found = self._identities[key] = replace(identity, owner=owner)
        return found

    def _read_revisions(self) -> tuple[int, ...]:
        return tuple(source.revision for source in self._sources)

    def _owner(self, cgroup: str, given: Owner) -> Owner:
        key = (cgroup, given)
        owner = self._owners.get(key)
        if owner is None:
            owner = parse_cgroup(cgroup)
            for source in self._sources:
                if facts := source.facts(owner):
                    owner = _with_facts(owner, facts)
            owner = _with_given(owner, given)
            if len(self._owners) >= REMEMBERED:
                del self._owners[next(iter(self._owners))]
            self._owners[key] = owner
        return owner


def _with_facts(owner: Owner, facts: Facts) -> Owner:
    return replace(
        owner,
        pod=facts.pod or owner.pod,
        namespace=facts.namespace or owner.namespace,
        workload=facts.workload or owner.workload,
        labels=_merged(owner.labels, tuple(facts.labels.items())),
        attributes=_merged(owner.attributes, tuple(facts.attributes.items())),
        cpu_limit=facts.cpu_limit or owner.cpu_limit,
        memory_limit=facts.memory_limit or owner.memory_limit,
        pod_born_ns=facts.pod_born_ns or owner.pod_born_ns,
    )


def _with_given(owner: Owner, given: Owner) -> Owner:
    """The owner with what the sampler delivered on top."""
    if given is NOBODY:
        return owner
    return Owner(
        container=given.container or owner.container,
        runtime=given.runtime or owner.runtime,
        pod_uid=given.pod_uid or owner.pod_uid,
        unit=given.unit or owner.unit,
        slice=given.slice or owner.slice,
        pod=given.pod or owner.pod,
        namespace=given.namespace or owner.namespace,
        workload=given.workload or owner.workload,
        labels=_merged(owner.labels, given.labels),
        attributes=_merged(owner.attributes, given.attributes),
        cpu_limit=owner.cpu_limit,
        memory_limit=owner.memory_limit,
        pod_born_ns=owner.pod_born_ns,
    )


def _merged(first: Pairs, second: Pairs) -> Pairs:
    """Both, sorted by key, so that equal labels give equal bytes; the second wins."""
    return tuple(sorted((dict(first) | dict(second)).items()))

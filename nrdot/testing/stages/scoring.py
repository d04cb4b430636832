"""Tables and batches made by hand, for stages that do not care where processes come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import NOBODY, Batch, Host, Identity, Table
from nrdot.testing.clock import NOON_NS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.batch import Owner

HOST = Host("h1", "host-1", "boot-1", cpus=4, memory=8 << 30, hz=100)
NO_ROWS = np.zeros(0, np.intp)


def process(command_line: str = "", *, name: str = "", owner: Owner = NOBODY, **words: str) -> Identity:
    """An identity as the agent would read it: the name from argv[0], a title's first word, or as given."""
    command = words.pop("command", command_line.partition(" ")[0])
    identity = Identity(
        name=name or command.rpartition("/")[2].rstrip(":"),
        command=command,
        command_line=command_line,
        executable=words.pop("executable", command if command.startswith("/") else ""),
        user=words.pop("user", ""),
        kernel=bool(words.pop("kernel", "")),
        owner=owner,
    )
    if words:
        raise TypeError(f"no such words: {', '.join(words)}")
    return identity


def table_of(*identities: Identity) -> Table:
    """One living row for each identity, in order from row 0."""
    table = Table()
    for number, identity in enumerate(identities):
        row = table.open_row(1000 + number, 5000 + number)
        table.identity[row] = identity
        table.born_ns[row] = NOON_NS - 3600 * 10**9
    return table


def batch_of(
    table: Table,
    *,
    seconds: float = 15.0,
    time_ns: int = NOON_NS,
    born: Sequence[int] | None = None,
    **rows: Sequence[int],
) -> Batch:
    """Everybody moved and was born, unless `moved`, `named` or `born` name rows."""
    everybody = table.living()
    given: Mapping[str, np.ndarray] = {name: np.array(some, np.intp) for name, some in rows.items()}
    births = everybody if born is None else np.array(born, np.intp)
    return Batch(
        time_ns=time_ns,
        seconds=seconds,
        first=seconds == 0.0,
        table=table,
        host=HOST,
        living=everybody,
        moved=given.get("moved", everybody),
        born=births,
        named=given.get("named", births),
        died=NO_ROWS,
    )

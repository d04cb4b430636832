"""Finding processes by what people call them: a pid, a name, or a shell pattern over names."""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from nrdot.score.names import is_glob, names_of
from nrdot.stages import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.batch import Batch, Table

NEAREST = 5


def find(batch: Batch, wanted: str) -> list[int]:
    """Rows that answer to a pid or a name, the most important first. Names match in any letter case."""
    table = batch.table
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 19:
        rows = batch.living[table.pid[batch.living] == int(wanted)].tolist()
        if rows:
            return [int(row) for row in rows]
    called = wanted.casefold()
    found = [row for row in batch.living.tolist() if _answers(_names(table, row), called)]
    return sorted(found, key=lambda row: _importance(table, row), reverse=True)


def nearest(batch: Batch, wanted: str) -> list[str]:
    """Names of processes that may have been meant, the likeliest first."""
    names = sorted({name for row in batch.living.tolist() for name in _names(batch.table, row)})
    called = wanted.casefold()
    within = [name for name in names if len(called) > 1 and called in name.casefold()]
    by_folded = {name.casefold(): name for name in names}
    alike = difflib.get_close_matches(called[:64], list(by_folded), n=NEAREST, cutoff=0.5)
    return list(dict.fromkeys((*within, *(by_folded[name] for name in alike))))[:NEAREST]


def _names(table: Table, row: int) -> Sequence[str]:
    return names_of(table.identity[row]).distinct()


def _answers(names: Sequence[str], called: str) -> bool:
    if is_glob(called):
        return any(fnmatchcase(name.casefold(), called) for name in names)
    return any(name.casefold() == called for name in names)


def _importance(table: Table, row: int) -> tuple[bool, bool, float, float, int]:
    kept = bool(table.verdict[row] == Verdict.KEEP)
    used = int(np.sum(table.counters[:2, row]))
    return bool(table.never_filtered[row]), kept, float(table.score[row]), float(table.cpu[row]), used

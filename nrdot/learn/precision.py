"""Average precision: of those that a score puts first, how many turned out to matter, over all cut-offs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nrdot.batch import Flags, Floats


def average_precision(matters: Flags, score: Floats) -> float:
    """1 where all that matter come first; the share of them where the score is arbitrary or constant.

    Equal scores are one cut-off: their order tells nothing. 0 where nobody matters.
    """
    found = int(np.count_nonzero(matters))
    if not found:
        return 0.0
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    hits = np.cumsum(matters[order])[last]
    precision = hits / (last + 1)
    return float(np.sum(np.diff(hits, prepend=0) * precision) / found)

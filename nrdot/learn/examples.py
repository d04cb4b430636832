"""From histories to what a learner takes: lines with an answer each.

The answer is whether the process turned out to matter within the horizon behind the snapshot. Snapshots
whose horizon the capture does not reach any more are left out, because their answer is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from nrdot.errors import CaptureError
from nrdot.learn.history import WARM_UP, Kind
from nrdot.score.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.batch import Flags, Floats
    from nrdot.learn.history import History, Snapshot

HORIZON: Final = 600.0  # seconds


@dataclass(frozen=True, slots=True)
class Examples:
    """Columns of equal length, one place for each process of each snapshot."""

    lines: Floats
    matters: Flags
    cpu: Floats  # cores over the last minute: the first baseline
    pattern: Floats  # the class's score: the second

    @property
    def share(self) -> float:
        """Of the examples, those that turned out to matter."""
        return float(self.matters.mean()) if self.matters.size else 0.0


def examples(histories: Sequence[History], horizon: float = HORIZON) -> Examples:
    """Raises CaptureError where no capture is long enough."""
    found = [
        (shot, _answers(history, shot, horizon))
        for history in histories
        for shot in history.snapshots
        if shot.at + horizon <= history.seconds
    ]
    if not found:
        longest = max((history.seconds for history in histories), default=0.0)
        raise CaptureError(
            f"the captures last {longest:.0f} s at most; a horizon of {horizon:.0f} s needs"
            f" {horizon + WARM_UP:.0f} s at least, so nothing can be learnt from them"
        )
    return Examples(
        np.concatenate([shot.lines for shot, _ in found]).reshape(-1, len(FEATURES)),
        np.concatenate([answers for _, answers in found]),
        np.concatenate([shot.cpu for shot, _ in found]),
        np.concatenate([shot.pattern for shot, _ in found]),
    )


def kinds(histories: Sequence[History]) -> dict[str, int]:
    """How many processes mattered for which reason, for the card."""
    return {
        kind.name.lower(): sum(
            len({process for _, process, why in history.events if why == kind}) for history in histories
        )
        for kind in Kind
    }


def _answers(history: History, shot: Snapshot, horizon: float) -> Flags:
    soon = {process for at, process, _ in history.events if shot.at < at <= shot.at + horizon}
    answers: Flags = np.isin(shot.process, np.array(sorted(soon), np.int64))
    return answers

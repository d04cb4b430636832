"""Verdicts and reasons as plain numbers: numpy compares them several times as fast as enumerations."""

from __future__ import annotations

from typing import Final

from nrdot.stages import Reason, Verdict

ROLLED_UP: Final = int(Verdict.ROLL_UP)
KEPT: Final = int(Verdict.KEEP)
DROP: Final = int(Verdict.DROP)

BELOW: Final = int(Reason.BELOW)
NEVER_FILTERED: Final = int(Reason.NEVER_FILTERED)
SCORE: Final = int(Reason.SCORE)
TOP_CPU: Final = int(Reason.TOP_CPU)
TOP_MEMORY: Final = int(Reason.TOP_MEMORY)
TOP_IO: Final = int(Reason.TOP_IO)
ANOMALY: Final = int(Reason.ANOMALY)
LIMIT: Final = int(Reason.LIMIT)
NEW: Final = int(Reason.NEW)
HOLD: Final = int(Reason.HOLD)
VISIBLE: Final = int(Reason.VISIBLE)
FEW: Final = int(Reason.FEW)
BUDGET: Final = int(Reason.BUDGET)
DROPPED: Final = int(Reason.DROPPED)

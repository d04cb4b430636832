"""Why a process has its score: what `explain` shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """One rule that matched, or one fact that counted."""

    rule: str  # as the user would find it: "process_classification.phi_processing ^patient-data-service"
    value: float | None  # what it gives or adds; None where it gives no number
    note: str = ""  # what it matched, or why it does not decide
    decides: bool = True  # False where a better rule took its place

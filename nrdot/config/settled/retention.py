"""How long what the agent keeps on disk may stay there: `data_retention` beside each part's own bound.

An entry of `data_retention` is named after a kind of data (`ledger`, `buffer`, `audit`) or after a region.
One for a region holds for the ledger and the buffer of the hosts whose `region` it names, with or without
`_region` at its end; where a host names no region it holds there as well, since shorter is safer. The audit
trail tells of configurations and not of what ran, so only an entry `audit` shortens it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.config.schema.governance import AuditLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.config.problem import Findings
    from nrdot.config.schema.governance import Retention
    from nrdot.config.schema.settings import Settings

KINDS = ("ledger", "buffer", "audit")
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """Seconds that data stays on this host; None where nothing but its size bounds it."""

    ledger: float
    buffer: float | None
    audit: float
    overwrite: bool  # before a file is removed


def keeping(settings: Settings) -> Keeping:
    """What holds on this host."""
    audit = settings.audit_log or AuditLog()
    return Keeping(
        ledger=min([settings.ledger.retention, *_seconds(settings, "ledger")]),
        buffer=min(_seconds(settings, "buffer"), default=None),
        audit=min([audit.retention, *_seconds(settings, "audit")]),
        overwrite=any(entry.purge_strategy == "secure_delete" for _, entry in _holding(settings)),
    )


def check(settings: Settings, findings: Findings) -> None:
    """Say which entries do not hold here, and what overwriting cannot promise."""
    holding = {name for name, _ in _holding(settings)}
    for name, entry in settings.data_retention.items():
        path = ("data_retention", name)
        if name not in holding:
            region = _region(name)
            findings.warn(path, f"holds in the region {region} only, and this host is in {settings.region}")
        elif entry.purge_strategy == "secure_delete" and not settings.encryption.has_key:
            findings.warn(
                (*path, "purge_strategy"),
                "files are overwritten before they are removed, which flash disks and copy-on-write file "
                "systems may undo",
                "for certainty encrypt the buffer too: `encryption: {key_file: PATH}`",
            )


def _seconds(settings: Settings, kind: str) -> list[float]:
    return [
        entry.retention_days * DAY
        for name, entry in _holding(settings)
        if name == kind or (name not in KINDS and kind != "audit")
    ]


def _holding(settings: Settings) -> Iterator[tuple[str, Retention]]:
    own = (settings.region or "").lower()
    for name, entry in settings.data_retention.items():
        if name in KINDS or not own or _region(name) == own:
            yield name, entry


def _region(name: str) -> str:
    return name.lower().removesuffix("_region").removesuffix("-region")

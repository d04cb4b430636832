"""Whether the audit trail is whole, and its copies can be made: a question of `nrdot doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.audit.disk import Disk
from nrdot.audit.places import place
from nrdot.audit.trail import FOLDER
from nrdot.audit.verify import verify
from nrdot.config.schema.governance import AuditLog
from nrdot.doctor.finding import fine, odd, wrong
from nrdot.errors import AuditFailure, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.config.settled.configuration import Configuration
    from nrdot.doctor.finding import Finding

TOPIC = "audit trail"


def check(configuration: Configuration) -> Iterator[Finding]:
    settings = configuration.settings
    stated = settings.audit_log or AuditLog()
    if not stated.enabled:
        yield odd(TOPIC, "auditLog.enabled is false: changes are not written down", "set it to true")
        return
    try:
        destination = place(stated, "HOST_ID", Disk())
    except ConfigError as error:
        yield wrong(TOPIC, str(error), "mend auditLog.destination; the agent does not start with it")
    else:
        if destination is not None:
            yield fine(TOPIC, f"copies go to {destination.name}")
    yield from _whole(Path(settings.agent.state_dir) / FOLDER)


def _whole(directory: Path) -> Iterator[Finding]:
    try:
        found = verify(directory, Disk())
    except AuditFailure as error:
        yield odd(TOPIC, str(error), "run this as the agent's user, or as root")
        return
    if found.fault is not None:
        words = f"entry {found.fault.number} is broken: {found.fault.what}"
        yield wrong(
            TOPIC, words, "see nrdot audit verify; move the directory away to begin anew, and keep it"
        )
    elif found.entries:
        yield fine(TOPIC, f"whole, the last entry is number {found.last}")
    else:
        yield fine(TOPIC, f"none yet in {directory}; it begins with the first start")

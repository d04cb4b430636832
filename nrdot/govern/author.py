"""Who changes the configuration, and why: what an audit entry says about the author.

The first that is known: who asked for a rollback, the controller that pushed, `change.user` of the file,
NRDOT_CHANGE_USER in the environment, the owner of the file, the user that the agent runs as.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nrdot.govern.choosing import Choice

VARIABLE = "NRDOT_CHANGE_USER"


def author(choice: Choice, *, by_push: bool) -> dict[str, str]:
    """`user`, `justification`, `approval_id` and `source`. A push is the controller's, not the file's."""
    if choice.rollback is not None:
        wish = choice.rollback
        return _said(wish.user, wish.justification, wish.approval_id, f"rollback to {wish.to}")
    if by_push and choice.pushed is not None:
        header = choice.pushed.header
        source = f"{choice.pushed.file}, revision {header.revision}, until {header.expires}"
        return _said(header.controller or "controller", header.justification, header.approval_id, source)
    if by_push:
        return _said("controller", "nothing is pushed any more, or its time is over", "", "pushed")
    change, file = choice.configuration.settings.change, choice.configuration.file
    user = change.user or os.environ.get(VARIABLE, "") or owner(Path(file) if file else None)
    return _said(user, change.justification, change.approval_id, file or "defaults and environment")


def owner(path: Path | None) -> str:
    """The name of a file's owner; of our own user where there is no file."""
    if sys.platform == "win32":
        return os.environ.get("USERNAME", "unknown")
    import pwd

    try:
        number = os.geteuid() if path is None else path.stat().st_uid
    except OSError:
        return "unknown"
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _said(user: str, justification: str, approval_id: str, source: str) -> dict[str, str]:
    return {"user": user, "justification": justification, "approval_id": approval_id, "source": source}

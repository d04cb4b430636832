"""What can go wrong, as a tree.

    NrdotError
    ├── UsageError        wrong use of the command line                   exit status 2
    ├── ConfigError       a configuration that cannot be used             exit status 2
    ├── StartError        the machine does not allow a start              exit status 2
    ├── CaptureError      a capture that cannot be read                   exit status 2
    ├── AuditFailure      the audit trail cannot take an entry            exit status 2
    └── ExportError
        ├── Retryable     the same request may succeed later; carries a delay where the server named one
        └── Permanent     the same request will never succeed; the record goes to the dead letters

A message says what, where, why and what happens next, in one line.
"""

from __future__ import annotations


class NrdotError(Exception):
    """The root: whoever catches this prints `str(error)` and nothing else."""

    exit_status = 2


class UsageError(NrdotError):
    """Wrong use of the command line."""


class ConfigError(NrdotError):
    """A configuration that cannot be used."""


class StartError(NrdotError):
    """The machine does not allow a start: no /proc, a locked or unwritable state directory."""


class CaptureError(NrdotError):
    """A capture that cannot be read; the message names the line."""


class AuditFailure(NrdotError):
    """The audit trail cannot take an entry, or cannot be read; a change that cannot be told is refused."""


class ExportError(NrdotError):
    """A request that was not delivered."""


class Retryable(ExportError):
    """The same request may succeed later.

    `delay` is what the server asked for in seconds, or None where it left the pace to us. `alarm` says that
    waiting alone will not help: somebody must mend an address, a certificate or credentials.
    """

    def __init__(self, message: str, delay: float | None = None, *, alarm: bool = False) -> None:
        super().__init__(message)
        self.delay = delay
        self.alarm = alarm


class Permanent(ExportError):
    """The same request will never succeed.

    `too_large` tells a body that may go through in halves from one that never will.
    """

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        super().__init__(message)
        self.too_large = too_large

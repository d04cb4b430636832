"""What a ledger says: rows of two kinds. `docs/formats/ledger.md` is the page for readers.

A number that is 0, a text that is empty and a mapping without entries are left out of the JSON; readers take
what is missing for that. Only the very default is left out: the integer 0, which 0.0 is not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
MINUTE = 60  # seconds of a fresh row
HOUR = 3600  # of a folded one


class _Row(msgspec.Struct, omit_defaults=True, tag_field="kind"):
    """Who says it, and of when."""

    v: int = 0  # always more, so it is always written
    t: int = 0  # Unix seconds, start of the minute or hour
    span: int = MINUTE
    seconds: float = 0  # of it that were sampled
    host: str = ""
    host_name: str = ""
    boot: str = ""
    agent: str = ""  # version
    revision: str = ""  # of the configuration
    mode: str = "optimize"


class Seen(_Row, tag="seen"):
    """Processes that share everything by which a bill is divided, or the groups of one kind."""

    profile: str = ""
    class_: str = msgspec.field(default="", name="class")
    namespace: str = ""
    unit: str = ""
    user: str = ""
    tenant: str = ""
    verdict: str = ""  # keep, roll_up or drop; group for sums
    reason: str = ""  # why; of sums the kind of key
    baseline: float = 0  # seconds, as configured
    interval: float = 0  # seconds between exports, as configured
    processes: float = 0
    process_seconds: float = 0
    cpu_seconds: float = 0
    rss: float = 0
    points_unoptimized: int = 0
    bytes_unoptimized: int = 0
    points_interval: int = 0
    bytes_interval: int = 0
    points_suppressed: int = 0
    bytes_suppressed: int = 0
    points_sent: int = 0
    bytes_sent: int = 0
    active_unoptimized: float = 0
    active_sent: float = 0
    hourly_unoptimized: int = 0
    hourly_sent: int = 0
    critical_seen: int = 0
    critical_exported: int = 0


class Talker(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What processes of one name used in an hour."""

    name: str
    verdict: str = ""  # keep, or roll_up for all that is not kept
    processes: float = 0
    cpu_seconds: float = 0
    rss: float = 0
    points_sent: int = 0


class Outcome(_Row, tag="outcome"):
    """What became of points at one destination; with `destination` empty, the agent itself."""

    destination: str = ""
    points_produced: int = 0
    points_delivered: int = 0
    points_rejected: int = 0
    points_dropped: dict[str, int] = {}
    points_waiting: int = 0
    bytes_waiting: int = 0
    bytes_delivered: int = 0
    bytes_wire: int = 0
    requests: dict[str, int] = {}
    # the agent itself
    resource: dict[str, str] = {}
    cpus: int = 0
    memory: int = 0
    samples: int = 0
    exports: int = 0
    own_points: int = 0
    own_bytes: int = 0
    agent_cpu_seconds: float = 0
    agent_rss: float = 0
    host_cpu_seconds: float = 0
    gap_seconds: float = 0
    gap_reason: str = ""
    lost_rows: int = 0
    top: list[Talker] = []


Row = Seen | Outcome

_TYPES = {
    "int": "BIGINT",
    "float": "DOUBLE",
    "str": "VARCHAR",
    "dict[str, int]": "MAP(VARCHAR, BIGINT)",
    "dict[str, str]": "MAP(VARCHAR, VARCHAR)",
}


def columns(kind: type[Row | Talker]) -> dict[str, str]:
    """The columns of a kind of row and their types, as DuckDB names them."""
    found = {} if kind is Talker else {"kind": "VARCHAR"}
    for field in msgspec.structs.fields(kind):
        found[field.encode_name] = _type(field.type)
    return found


def _type(kind: Any) -> str:
    if kind == list[Talker]:
        inner = ", ".join(f'"{name}" {word}' for name, word in columns(Talker).items())
        return f"STRUCT({inner})[]"
    return _TYPES[kind.__name__ if isinstance(kind, type) and kind in (int, float, str) else str(kind)]


def every_column() -> dict[str, str]:
    """Those of both kinds, for whoever reads files that hold both."""
    return columns(Seen) | columns(Outcome)


def this_file(path: Path) -> str:
    """A path for an engine that takes paths for patterns: a folder `h*` stands for itself alone."""
    return re.sub(r"[*?\[]", lambda found: f"[{found[0]}]", str(path))

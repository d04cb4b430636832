"""Past incidents, as the tools export them: CSV with a header line, JSON, or JSON lines.

What a column is called differs from tool to tool, so each is known by several names, letter case and
punctuation aside:

    when        time, timestamp, created_at, created_on, opened_at, started_at, startsAt, date, ...
    where       service, service_name, impacted_services, component, application, entity, cmdb_ci, ...
    or by       pattern: a regular expression as in process_classification
    how bad     severity, priority, impact, urgency: P1..P5, sev1..sev5, critical..low, 1..5, or 0.0 to 1.0
    evidence    id, number; title, summary, description, message

A row without a time, or without a service and a pattern, is left out and said; a file in which no row is
usable is refused.
"""

from __future__ import annotations

import csv
import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from nrdot.errors import ConfigError
from nrdot.score.pattern_set import check_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SIZE_LIMIT: Final = 32 << 20  # bytes
UNKNOWN_SEVERITY: Final = 0.5


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Normalised names, the most telling first.
_WHEN: Final = _words(
    "time timestamp createdat createdon created openedat opened startedat starttime start startsat occurredat"
    " occurred reportedat syscreatedon datetime date"
)
_WHERE: Final = _words(
    "service servicename services impactedservices impactedservice affectedservices affectedservice component"
    " components application app businessservice cmdbci configurationitem process entity"
)
_BY: Final = _words("pattern processpattern regex")
_SEVERITY: Final = _words("severity sev priority impact criticality urgency level")
_TITLE: Final = _words("title summary message description shortdescription subject headline name")
_ID: Final = _words("incidentnumber number tinyid incidentid id alertid key reference")
_LISTS: Final = _words("incidents data alerts result results items records issues")

_LEVELS: Final[dict[str, float]] = {
    **dict.fromkeys(_words("critical sev0 sev1 s1 p0 p1 0 1 highest blocker emergency fatal disaster"), 1.0),
    **dict.fromkeys(_words("high major severe error sev2 s2 p2 2"), 0.75),
    **dict.fromkeys(_words("medium moderate normal warning average sev3 s3 p3 3"), 0.5),
    **dict.fromkeys(_words("low minor sev4 s4 p4 4"), 0.25),
    **dict.fromkeys(_words("info informational notice lowest trivial sev5 s5 p5 5"), 0.1),
}
_EPOCH_UNITS: Final = ((1e17, 1), (1e14, 1_000), (1e11, 1_000_000), (1e8, 1_000_000_000))  # from, ns a unit


@dataclass(frozen=True, slots=True)
class Incident:
    time_ns: int
    severity: float  # 0 to 1
    services: tuple[str, ...] = ()
    pattern: str = ""
    id: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class IncidentFile:
    incidents: tuple[Incident, ...]
    left_out: tuple[str, ...]  # one line for each row that could not be used


def load_incidents(path: Path) -> IncidentFile:
    """Raises ConfigError where the file cannot be read or holds no usable incident."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the incidents: {error.strerror}") from error
    if len(data) > SIZE_LIMIT:
        raise ConfigError(
            f"{path}: {len(data)} bytes of incidents; {SIZE_LIMIT} are the limit, keep the newest"
        )
    try:
        rows = _rows(data.decode("utf-8-sig"), path.suffix.lower())
    except (ValueError, RecursionError, csv.Error) as error:
        raise ConfigError(
            f"{path}: neither CSV nor JSON of incidents: {' '.join(str(error).split())}"
        ) from error
    incidents, left_out = [], []
    for number, row in enumerate(rows, 1):
        try:
            incidents.append(_incident(row))
        except (ValueError, ConfigError) as error:
            left_out.append(f"{path}: row {number} is left out: {error}")
    if left_out and not incidents:
        raise ConfigError(f"{left_out[0]}; no row of the file can be used")
    return IncidentFile(tuple(incidents), tuple(left_out))


def _rows(text: str, suffix: str) -> Iterable[Any]:
    if suffix in (".jsonl", ".ndjson"):
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if text.lstrip()[:1] in ("[", "{"):
        found = json.loads(text)
        if isinstance(found, dict):
            found = next((found[key] for key in _LISTS if isinstance(found.get(key), list)), None)
        if not isinstance(found, list):
            raise ValueError(f"no list of incidents; it may stand alone or under one of {', '.join(_LISTS)}")
        return found
    return list(csv.DictReader(text.splitlines()))


def _incident(row: Any) -> Incident:
    if not isinstance(row, dict):
        raise ValueError("not a table of fields")  # noqa: TRY004 - one kind of error for whatever is wrong with a row
    fields = {re.sub(r"[^a-z0-9]", "", str(key).lower()): value for key, value in row.items()}
    services = tuple(name for key in _WHERE if key in fields for name in _texts(fields[key]))
    pattern = _text(fields, _BY)
    if pattern:
        check_pattern(pattern, "incident")
    elif not services:
        raise ValueError(f"no service and no pattern; known columns are {', '.join(_WHERE[:4])}, ...")
    return Incident(
        time_ns=_time(_text(fields, _WHEN)),
        severity=_severity(_text(fields, _SEVERITY)),
        services=tuple(dict.fromkeys(services)),
        pattern=pattern,
        id=_text(fields, _ID)[:64],
        title=_text(fields, _TITLE)[:200],
    )


def _text(fields: Mapping[str, Any], names: Iterable[str]) -> str:
    return next((found[0] for name in names if name in fields and (found := _texts(fields[name]))), "")


def _texts(value: Any) -> list[str]:
    """A value as words: of a reference its name, of a list each."""
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    if isinstance(value, dict):
        return next(
            (_texts(value[key]) for key in ("summary", "name", "display_value") if value.get(key)), []
        )
    text = "" if value is None or isinstance(value, bool) else str(value).strip()
    return [text] if text else []


def _time(text: str) -> int:
    """Nanoseconds since the epoch, from ISO 8601 or a number since the epoch. Without an offset it is UTC."""
    if not text:
        raise ValueError(f"no time; known columns are {', '.join(_WHEN[:4])}, ...")
    if re.fullmatch(r"\d{9,20}(\.\d+)?", text):
        for least, scale in _EPOCH_UNITS:
            if float(text) >= least:
                return int(float(text) * scale)
    words = re.sub(r"\s*(UTC|GMT|Z)$", "+00:00", text)
    try:
        moment = datetime.fromisoformat(re.sub(r"\s+([+-]\d\d):?(\d\d)$", r"\1:\2", words))
    except ValueError:
        raise ValueError(f"time {text[:40]!r} cannot be read; write it as 2026-01-31T12:00:00Z") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e9)


def _severity(text: str) -> float:
    if not text:
        return UNKNOWN_SEVERITY
    words = re.findall(r"[a-z]+-?\d+|[a-z]+|-?[\d.]+", text.lower())
    for word in words:
        level = _LEVELS.get(re.sub(r"(?<=[a-z])-", "", word))
        if level is not None:
            return level
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"severity {text[:40]!r} is unknown; write P1 to P5, critical to low, or 0.0 to 1.0")
    return number

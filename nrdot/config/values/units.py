"""Values with a unit: how they are written, and the one type that each becomes.

    Duration   15s, 5m, 1h30m, 30d, "7 years"     seconds
    Size       64MiB, "1GB", 4096                 bytes
    Share      1%                                 0.01
    Score      0.8                                0 to 1
    Weight     0.4                                0 or more

A bare number is not a duration: nobody can tell seconds from milliseconds.
"""

import math
import re
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from nrdot.config.problem import MalformedError, shown

_SECONDS = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400.0),
    **dict.fromkeys(("month", "months"), 30 * 86400.0),
    **dict.fromkeys(("y", "year", "years"), 365 * 86400.0),
}
_BYTES = {
    **dict.fromkeys(("", "b"), 1),
    **dict.fromkeys(("k", "kb"), 10**3),
    **dict.fromkeys(("m", "mb"), 10**6),
    **dict.fromkeys(("g", "gb"), 10**9),
    **dict.fromkeys(("t", "tb"), 10**12),
    **dict.fromkeys(("ki", "kib"), 2**10),
    **dict.fromkeys(("mi", "mib"), 2**20),
    **dict.fromkeys(("gi", "gib"), 2**30),
    **dict.fromkeys(("ti", "tib"), 2**40),
}
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*([A-Za-z]+)\s*")
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([A-Za-z]*)\Z")
_SHARE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,9})?)\s*%\Z")
_OFFSET = re.compile(r"T([+-])\s*(.+)\Z")
_DURATION_HINT = "write a number with its unit, for example 15s"


def duration(text: str) -> float:
    """Seconds."""
    words = text.strip()
    if words == "0":
        return 0.0
    total = 0.0
    at = 0
    while at < len(words):
        part = _PART.match(words, at)
        scale = _scale(part[2]) if part else None
        if part is None or scale is None:
            raise MalformedError(f"'{shown(text)}' is not a duration", _DURATION_HINT)
        total += float(part[1]) * scale
        at = part.end()
    if not words:
        raise MalformedError("a duration is wanted, and here is nothing", _DURATION_HINT)
    return total


def _scale(unit: str) -> float | None:
    return _SECONDS.get(unit) or (_SECONDS.get(unit.lower()) if len(unit) > 1 else None)


def positive_duration(text: str) -> float:
    """Seconds, more than none."""
    seconds = duration(text)
    if seconds <= 0:
        raise MalformedError(f"'{shown(text)}' must be longer than nothing", _DURATION_HINT)
    return seconds


def size(text: str) -> int:
    """Bytes."""
    found = _SIZE.match(text.strip())
    scale = _BYTES.get(found[2].lower()) if found else None
    if found is None or scale is None:
        raise MalformedError(
            f"'{shown(text)}' is not a size",
            "write a number of bytes with its unit, for example 64MiB or 1GB",
        )
    return int(float(found[1]) * scale) if "." in found[1] else int(found[1]) * scale


def share(text: str) -> float:
    """A percentage as a fraction."""
    found = _SHARE.match(text.strip())
    if found is None:
        raise MalformedError(f"'{shown(text)}' is not a percentage", "write it with its sign, for example 1%")
    return float(found[1]) / 100


def offset(text: str) -> float:
    """`T-24h` as seconds before (negative) or after an event."""
    found = _OFFSET.match(text.strip())
    if found is None:
        raise MalformedError(f"'{shown(text)}' is not a time around an event", "write T-24h, T+0h or T+90m")
    return math.copysign(duration(found[2]), -1 if found[1] == "-" else 1)


def endpoint(text: str) -> str:
    """An HTTP endpoint of OTLP, without a slash at its end."""
    words = text.strip()
    try:
        parts = urlsplit(words if "://" in words else f"//{words}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise MalformedError("the endpoint's host or port cannot be read", _ENDPOINT_HINT) from None
    if not host or any(letter.isspace() for letter in words):
        raise MalformedError("the endpoint names no host", _ENDPOINT_HINT)
    where = f"[{host}]" if ":" in host else host
    if parts.scheme in {"grpc", "grpcs"} or port == GRPC_PORT:
        secure = "https" if parts.scheme in {"grpcs", "https"} else "http"
        raise MalformedError(
            "this endpoint speaks OTLP over gRPC, and NRDOT sends OTLP over HTTP",
            f"use the receiver's HTTP port: {secure}://{where}:4318",
        )
    if parts.scheme not in {"http", "https"}:
        bare = shown(text) if "://" not in words else "host:4318"
        raise MalformedError("it must begin with http:// or https://", f"for example http://{bare}")
    if parts.username or parts.password:
        raise MalformedError("credentials do not belong in an endpoint", "use headers: {authorization: ...}")
    if parts.query or parts.fragment:
        raise MalformedError("an endpoint has no query", "leave out what follows `?` or `#`")
    return words.rstrip("/")


GRPC_PORT = 4317
_ENDPOINT_HINT = "for example http://127.0.0.1:4318"


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of settings. Its fields are documented where they stand."""


def proxy(text: str) -> str:
    """URL of a proxy, or empty for none. It may hold a password, so no message repeats it."""
    words = text.strip()
    try:
        parts = urlsplit(words)
        usable = not words or (parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0)
    except ValueError:
        usable = False
    if not usable:
        raise MalformedError("this is not the URL of a proxy", "for example http://proxy.internal:3128")
    return words


def doc(description: str) -> Meta:
    """The one sentence that stands in the reference and in editors, with the unit."""
    return Meta(description=description)


def _read(reader: Callable[[str], Any], unit: str, example: str) -> Meta:
    return Meta(extra={"read": reader, "unit": unit}, examples=[example])


Duration = Annotated[float, _read(duration, "duration", "15s")]
PositiveDuration = Annotated[float, _read(positive_duration, "duration", "15s")]
Size = Annotated[int, _read(size, "size", "64MiB")]
Share = Annotated[float, _read(share, "percentage", "1%")]
Endpoint = Annotated[str, _read(endpoint, "URL", "http://127.0.0.1:4318")]
# What is longer than any name would only cost time, at every load.
Glob = Annotated[str, Meta(max_length=1000)]
Proxy = Annotated[str, _read(proxy, "URL", "http://proxy.internal:3128")]
Score = Annotated[float, Meta(ge=0, le=1)]
Modifier = Annotated[float, Meta(ge=-1, le=1)]
Weight = Annotated[float, Meta(ge=0)]
Factor = Annotated[float, Meta(gt=0, le=1000)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Secret = Annotated[str, Meta(extra={"secret": True})]

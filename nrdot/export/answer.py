"""What an answer means: delivered, held, or refused for good.

Only one thing is an acknowledgement: a 2xx whose body is an ExportMetricsServiceResponse. A redirect, a
captive portal's page and a proxy's login form have all been taken for success by exporters; here they hold
the data and say what the endpoint is not.

    2xx with an OTLP response, or empty          delivered; a partial success is counted, never sent again
    429, 502, 503, 504, 408                      held, with the delay that the server asks for
    401 to 407, 415 and the like, 3xx, any HTML  held, and somebody must mend it
    413                                          permanent, may go through in halves
    400 and everything else                      permanent
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from nrdot.errors import Permanent, Retryable
from nrdot.export.protobuf import partial_success, status_message
from nrdot.stages import Delivery

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_BODY = 64 * 1024  # bytes, on the wire and again unpacked
_LONGEST_QUOTE = 200  # characters of a server's own words

_MENDABLE = {
    401: "credentials are missing or wrong (401)",
    403: "these credentials may not write here (403)",
    404: "there is no OTLP endpoint at this path (404)",
    405: "this path does not take OTLP (405)",
    407: "the proxy asks for credentials (407)",
    415: "the endpoint does not take OTLP as protobuf (415)",
}
# These speak of the address, the protocol or the account, not of the data in the request.
_NOT_THE_DATA = {402, 406, 410, 411, 421, 426, 431, 451, 501, 505, 511}
_PASSING = {408, 429, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as it came, its body cut at `LARGEST_BODY`."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    cut: bool = False

    @property
    def kind(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def judge(answer: Answer, points: int, now_ns: int) -> Delivery:
    """The delivery of `points` points; raises Retryable or Permanent where there was none."""
    status = answer.status
    if 200 <= status < 300:
        return _acknowledgement(answer, points)
    if 300 <= status < 400:
        target = _quote(answer.headers.get("location", "").partition("?")[0])
        to = f" to {target}" if target else ""
        _not_otlp(f"it redirects{to} ({status}) and redirects are not followed")
    if status in _MENDABLE:
        said = _said(answer)
        raise Retryable(f"{_MENDABLE[status]}{said}", alarm=True)
    if status in _NOT_THE_DATA:
        raise Retryable(f"the server turns us away, whatever the data ({status}){_said(answer)}", alarm=True)
    if status in _PASSING:
        raise Retryable(f"the server is not ready ({status}){_said(answer)}", retry_after(answer, now_ns))
    if status == 413:
        # Before the look at web pages: gateways say this in one, for whatever server stands behind them.
        said = "" if answer.kind == "text/html" else _said(answer)
        raise Permanent(f"the request is too large (413){said}", too_large=True)
    if answer.kind == "text/html":
        _not_otlp(f"it answers {status} with a web page")
    if status == 400 and b"HTTPS" in answer.body:
        # What Go and nginx say to plain HTTP on a TLS port. They did not read the request.
        raise Retryable("the endpoint wants https:// (400)", alarm=True)
    raise Permanent(f"the server refuses the request ({status}){_said(answer)}")


def retry_after(answer: Answer, now_ns: int) -> float | None:
    """Seconds, from a number or a date; None where the header is absent or says nothing.

    A date is compared with the server's own clock where the answer carries it, because ours may be wrong.
    """
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    until = _seconds(value)
    if until is None:
        return None
    now = _seconds(answer.headers.get("date", ""))
    return max(until - (now_ns / 1e9 if now is None else now), 0.0)


def _seconds(date: str) -> float | None:
    with suppress(ValueError, TypeError, OverflowError):
        moment = parsedate_to_datetime(date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None


def _acknowledgement(answer: Answer, points: int) -> Delivery:
    body = _unpacked(answer)
    if body is None:
        _not_otlp(f"its answer is longer than {LARGEST_BODY} bytes or does not unpack")
    match answer.kind:
        case "application/x-protobuf" | "application/protobuf":
            rejected, message = _partial_protobuf(body)
        case "application/json":
            rejected, message = _partial_json(body)
        case "" if not body:
            # Prometheus and others acknowledge with a bare 200; an empty message is also empty on the wire.
            rejected, message = 0, ""
        case kind:
            _not_otlp(f"it answers {answer.status} with {_quote(kind) or 'bytes of no stated type'}")
    return Delivery(rejected_points=min(max(rejected, 0), points), message=_quote(message))


def _partial_protobuf(body: bytes) -> tuple[int, str]:
    try:
        return partial_success(body)
    except ValueError:
        _not_otlp("its answer does not decode as an OTLP response")


def _partial_json(body: bytes) -> tuple[int, str]:
    """The JSON form, in either spelling of its names.

    Any other key is no OTLP response: a gateway that says {"error": ...} with status 200 has stored nothing.
    """
    try:
        found: Any = msgspec.json.decode(body) if body else {}
        unknown = set(found) - {"partialSuccess", "partial_success"}
        if unknown:
            _not_otlp(f"its answer is JSON with the key {_quote(min(unknown))!r}")
        partial = found.get("partialSuccess") or found.get("partial_success") or {}
        rejected = int(partial.get("rejectedDataPoints") or partial.get("rejected_data_points") or 0)
        return rejected, str(partial.get("errorMessage") or partial.get("error_message") or "")
    except (msgspec.DecodeError, AttributeError, TypeError, ValueError, RecursionError):
        _not_otlp("its answer is JSON but no OTLP response")


def _unpacked(answer: Answer) -> bytes | None:
    """The body without its content encoding, None where it is too large or broken.

    We ask for none, so gzip is all that a careless proxy adds.
    """
    if answer.cut:
        return None
    encoding = answer.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return answer.body
    if encoding not in ("gzip", "x-gzip"):
        return None
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        body = unpacker.decompress(answer.body, LARGEST_BODY)
    except zlib.error:
        return None
    return body if unpacker.eof else None


def _not_otlp(why: str) -> NoReturn:
    raise Retryable(f"not an OTLP endpoint: {why}", alarm=True)


def _said(answer: Answer) -> str:
    """The server's own words, where it has any that a person can read."""
    body = _unpacked(answer) or b""
    text = ""
    if answer.kind in ("application/x-protobuf", "application/protobuf"):
        text = status_message(body)
    elif answer.kind == "application/json":
        with suppress(msgspec.DecodeError, AttributeError, RecursionError):
            text = str(msgspec.json.decode(body).get("message", ""))
    elif answer.kind == "text/plain":
        text = body.decode(errors="replace")
    quote = _quote(text)
    return f": {quote}" if quote else ""


def _quote(text: str) -> str:
    """One printable line of bounded length."""
    line = " ".join(text.split())
    line = "".join(letter for letter in line[:_LONGEST_QUOTE] if letter.isprintable())
    return line if len(line) < _LONGEST_QUOTE else line[:-1] + "…"

"""OTLP over HTTP with protobuf bodies: one request, one verdict.

Compression is found out by asking: the first request goes out with the best that the settings allow, and an
endpoint that answers 415, or 400 before it has ever taken that compression, is asked again with the next.
What it takes is remembered for as long as the agent runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nrdot import __version__
from nrdot.errors import ConfigError, Permanent, Retryable
from nrdot.export.answer import Answer, judge
from nrdot.export.compression import Link, ladder
from nrdot.export.tls import Tls, TlsFiles
from nrdot.export.transport import Transport
from nrdot.stages import Delivery
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.clock import Clock
    from nrdot.export.endpoint import Endpoint, Proxy

_log = Log("export")

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = {"content-type", "content-encoding", "content-length", "transfer-encoding", "host", "accept-encoding"}


class HttpExporter:
    """Delivers requests to one endpoint over one connection that is kept open.

    Raises ConfigError at construction. `export` is for one thread; `close` may be called from any and ends a
    request that is under way. `timeout` is for a whole request, in seconds.
    """

    def __init__(
        self,
        clock: Clock,
        endpoint: Endpoint,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        compression: str = "zstd",
        level: int | None = None,
        tls: TlsFiles | None = None,
        proxy: Proxy | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._clock = clock
        self._headers = {"User-Agent": f"nrdot/{__version__}", **_checked(headers or {})}
        self._headers |= {"Content-Type": "application/x-protobuf", "Accept-Encoding": "identity"}
        self._link = Link()
        self._ladder = ladder(compression, level, self._link)
        self._rung = 0
        self._proven = False
        if tls is not None and not endpoint.tls:
            raise ConfigError(f"endpoint {endpoint}: tls is configured; write https://")
        secure = Tls(tls or TlsFiles()) if endpoint.tls else None
        self._transport = Transport(clock, endpoint, timeout=timeout, tls=secure, proxy=proxy)

    @property
    def place(self) -> str:
        """Where it delivers to, for people."""
        return str(self.endpoint)

    @property
    def compression(self) -> str:
        """What requests are compressed with, as far as is known."""
        return self._ladder[self._rung].name or "none"

    def export(self, payload: bytes, points: int) -> Delivery:
        try:
            answer, wire_bytes = self._negotiate(payload)
            verdict = judge(answer, points, self._clock.wall_ns())
        except Retryable as error:
            raise Retryable(f"{self.endpoint}: {error}", error.delay, alarm=error.alarm) from error
        except Permanent as error:
            raise Permanent(f"{self.endpoint}: {error}", too_large=error.too_large) from error
        return Delivery(verdict.rejected_points, verdict.message, wire_bytes)

    def close(self) -> None:
        self._transport.close()

    def _negotiate(self, payload: bytes) -> tuple[Answer, int]:
        """The answer to the request in the best compression that the endpoint takes, and all bytes sent."""
        answer, sent = self._post(payload, self._rung)
        rung = self._rung
        while self._refused(answer, rung):
            rung += 1
            answer, more = self._post(payload, rung)
            sent += more
        if 200 <= answer.status < 300:
            if rung != self._rung:
                _log.info(
                    "the endpoint does not take this compression",
                    endpoint=str(self.endpoint),
                    refused=self.compression,
                    using=self._ladder[rung].name or "none",
                )
            self._rung, self._proven = rung, True
        return answer, sent

    def _refused(self, answer: Answer, rung: int) -> bool:
        """Whether the compression may be what the endpoint refuses, and there is another one to try."""
        if rung + 1 == len(self._ladder):
            return False
        return answer.status == 415 or (answer.status == 400 and rung == 0 and not self._proven)

    def _post(self, payload: bytes, rung: int) -> tuple[Answer, int]:
        compressor = self._ladder[rung]
        body = compressor.compress(payload)
        encoding = {"Content-Encoding": compressor.name} if compressor.name else {}
        began = self._clock.monotonic()
        answer = self._transport.post(body, {**self._headers, **encoding})
        self._link.observe(len(body), self._clock.monotonic() - began)
        return answer, len(body)


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    """The user's headers. Values may be secrets and are never shown."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ConfigError(f"headers: {name!r} is not a header name")
        if name.lower() in _OURS:
            raise ConfigError(f"headers: {name} is set by the exporter; remove it")
        if not _HEADER_VALUE.fullmatch(value):
            raise ConfigError(f"headers: the value of {name} holds a character that HTTP cannot carry")
    return dict(headers)

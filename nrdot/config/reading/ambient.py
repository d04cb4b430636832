"""The standard OpenTelemetry environment variables, where the file is silent.

Where a file names several destinations, only those without an endpoint take the environment's: its headers
may hold a key that is nobody else's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from nrdot.config.problem import MalformedError, Mark, Problems
from nrdot.config.schema.export import Otlp, Tls, check_headers
from nrdot.config.values.units import endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SOURCE = "environment"
_GENERAL = "OTEL_EXPORTER_OTLP_"
_METRICS = "OTEL_EXPORTER_OTLP_METRICS_"


class Ambient:
    """What the environment says about destinations and resources."""

    def __init__(self, environ: Mapping[str, str], problems: Problems) -> None:
        self._environ = environ
        self._problems = problems

    def names_a_destination(self) -> bool:
        return bool(self._lookup("ENDPOINT")[1])

    def otlp(self, stated: Otlp | None, known: frozenset[str]) -> Otlp:
        """A destination whose fields in `known` are the file's and the rest the environment's."""
        given: dict[str, Any] = {}
        if "endpoint" not in known and "metrics_endpoint" not in known:
            self._take(given, "endpoint", "ENDPOINT", endpoint, general_only=True)
            self._take(given, "metrics_endpoint", "ENDPOINT", endpoint, metrics_only=True)
            self._refuse_grpc()
        for field, name, reader in (
            ("headers", "HEADERS", _headers),
            ("timeout", "TIMEOUT", _milliseconds),
            ("compression", "COMPRESSION", _compression),
        ):
            if field not in known:
                self._take(given, field, name, reader)
        if "tls" not in known:
            given.update(self._tls())
        for field in known if stated is not None else ():
            given[field] = getattr(stated, field)
        return Otlp(**given)

    def resource(self, stated: Mapping[str, str]) -> dict[str, str]:
        name = "OTEL_RESOURCE_ATTRIBUTES"
        text = self._environ.get(name, "")
        try:
            return {**_pairs(text), **stated}
        except MalformedError as error:
            self._problems.error(Mark(SOURCE), (name,), error.message, error.hint)
            return dict(stated)

    def _tls(self) -> dict[str, Tls]:
        given: dict[str, Any] = {}
        for field, name in (("ca", "CERTIFICATE"), ("cert", "CLIENT_CERTIFICATE"), ("key", "CLIENT_KEY")):
            self._take(given, field, name, str)
        if not given:
            return {}
        try:
            return {"tls": Tls(**given)}
        except MalformedError as error:
            self._problems.error(Mark(SOURCE), (_GENERAL + "CLIENT_CERTIFICATE",), error.message, error.hint)
            return {}

    def _refuse_grpc(self) -> None:
        name, protocol = self._lookup("PROTOCOL")
        if protocol == "grpc" and self.names_a_destination():
            message = "NRDOT sends OTLP over HTTP, not gRPC"
            hint = f"set {name}=http/protobuf and the endpoint's HTTP port, usually 4318"
            self._problems.error(Mark(SOURCE), (name,), message, hint)

    def _lookup(
        self, suffix: str, *, general_only: bool = False, metrics_only: bool = False
    ) -> tuple[str, str]:
        """The variable that counts and its value; metrics' own beats the general one."""
        names = [_METRICS + suffix, _GENERAL + suffix]
        if general_only:
            names = names[1:]
        if metrics_only:
            names = names[:1]
        for name in names:
            value = self._environ.get(name, "").strip()
            if value:
                return name, value
        return names[0], ""

    def _take(
        self, into: dict[str, Any], field: str, suffix: str, reader: Callable[[str], Any], **which: bool
    ) -> None:
        name, value = self._lookup(suffix, **which)
        if not value:
            return
        try:
            into[field] = reader(value)
        except MalformedError as error:
            self._problems.error(Mark(SOURCE), (name,), error.message, error.hint)


def _pairs(text: str) -> dict[str, str]:
    """`a=1,b=2` with values in percent-encoding."""
    pairs: dict[str, str] = {}
    for part in text.split(","):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise MalformedError(
                "not of the form key=value,key=value", "percent-encode `,` and `=` in values"
            )
        pairs[unquote(key.strip())] = unquote(value.strip())
    return pairs


def _headers(text: str) -> dict[str, str]:
    pairs = _pairs(text)
    check_headers(pairs)
    return pairs


def _milliseconds(text: str) -> float:
    try:
        seconds = int(text[:12]) / 1000
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise MalformedError("not a number of milliseconds above 0", "for example 10000")
    return seconds


def _compression(text: str) -> str:
    if text not in {"gzip", "zstd", "none"}:
        raise MalformedError("not gzip, zstd or none", "leave it out for zstd")
    return text

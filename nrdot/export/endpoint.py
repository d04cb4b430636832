"""Where a request goes: the address that a user wrote, checked once at start."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from nrdot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

METRICS_PATH = "/v1/metrics"
_GRPC_PORT, _HTTP_PORT = 4317, 4318


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL for requests. Its text leaves out the query, which may hold a key."""

    tls: bool
    host: str
    port: int
    path: str  # with the query

    @property
    def is_here(self) -> bool:
        """Whether it is on this host."""
        return self.host in {"localhost", "::1"} or self.host.startswith("127.")

    def is_within(self, domain: str) -> bool:
        """Whether an entry of no_proxy means it: a host, a domain, or every one."""
        name = domain.strip().lower().removeprefix("*").removeprefix(".")
        if name in ("", f":{self.port}"):
            return domain.strip() == "*"
        name = name.removesuffix(f":{self.port}")
        return self.host.lower() == name or self.host.lower().endswith(f".{name}")

    def __str__(self) -> str:
        scheme, usual = ("https", 443) if self.tls else ("http", 80)
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == usual else f":{self.port}"
        return f"{scheme}://{host}{port}{self.path.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. Its text leaves out the credentials."""

    host: str
    port: int
    authorization: str  # value of Proxy-Authorization, empty for none

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def endpoint(url: str, *, base: bool = False) -> Endpoint:
    """What `url` means for metrics.

    An address without a path gets `/v1/metrics`, a path that is given is used as it is. With `base`, the
    meaning of OTEL_EXPORTER_OTLP_ENDPOINT, `/v1/metrics` is appended to whatever path there is.
    """
    parts = _split(url, "endpoint")
    if parts.scheme == "grpc" or parts.port == _GRPC_PORT:
        raise ConfigError(
            f"endpoint {_shown(parts)}: gRPC is not spoken here; "
            f"write http://{parts.hostname}:{_HTTP_PORT}, OTLP over HTTP"
        )
    if parts.scheme not in ("http", "https"):
        raise ConfigError(f"endpoint {_shown(parts)}: write http:// or https://")
    if parts.username is not None:
        raise ConfigError(f"endpoint {_shown(parts)}: credentials go into headers, not into an address")
    path = parts.path.rstrip("/") if base else parts.path
    if base or path in ("", "/"):
        path = path.rstrip("/") + METRICS_PATH
    if parts.query:
        path += f"?{parts.query}"
    tls = parts.scheme == "https"
    return Endpoint(tls, parts.hostname or "", parts.port or (443 if tls else 80), path)


def proxy(url: str) -> Proxy:
    """The proxy that a URL names, with the credentials in it."""
    parts = _split(url, "proxy")
    if parts.scheme != "http":
        raise ConfigError(f"proxy {_shown(parts)}: write http://")
    authorization = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode()
    return Proxy(parts.hostname or "", parts.port or 80, authorization)


def environment_proxy(target: Endpoint, environment: Mapping[str, str]) -> str:
    """The proxy that the environment names for a target, as the Collector understands it; empty for none.

    Nobody reaches this very host through a proxy.
    """
    scheme = "https" if target.tls else "http"
    found = environment.get(f"{scheme}_proxy") or environment.get(f"{scheme}_PROXY".upper()) or ""
    exempt = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if not found or target.is_here or any(target.is_within(word) for word in exempt.split(",")):
        return ""
    return found if "://" in found else f"http://{found}"


def _split(url: str, what: str) -> SplitResult:
    """The parts of a URL that has a scheme, a host and a port in range."""
    hint = "write it as http://host:4318" if what == "endpoint" else "write it as http://host:3128"
    if any(letter <= " " or letter == "\x7f" for letter in url):
        raise ConfigError(f"{what}: an address holds no blanks or control characters; {hint}")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"{what}: the address cannot be read ({error}); {hint}") from error
    if "://" not in url or not parts.hostname:
        raise ConfigError(f"{what}: the address has no scheme or no host; {hint}")
    try:
        # As the resolver will: an empty or overlong label would fail there at every request.
        parts.hostname.encode("idna")
    except UnicodeError as error:
        raise ConfigError(f"{what} {_shown(parts)}: this is no host name") from error
    return parts


def _shown(parts: SplitResult) -> str:
    """The address without credentials and query."""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

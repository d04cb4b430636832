"""Where metrics go, and how they travel."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import msgspec

from nrdot.config.problem import MalformedError, shown
from nrdot.config.values.units import (
    Count,
    Duration,
    Endpoint,
    Positive,
    PositiveDuration,
    Proxy,
    Secret,
    Section,
    Size,
    doc,
)

Algorithm = Literal["zstd", "gzip", "none"]
AUTO = 0  # the level that follows the speed of the link
HIGHEST = {"zstd": 19, "gzip": 9, "none": 0}


def _level(text: str) -> int:
    if text == "auto":
        return AUTO
    if text.isascii() and text.isdigit() and 0 < int(text[:3]) <= max(HIGHEST.values()):
        return int(text)
    raise MalformedError(f"'{shown(text)}' is not a level", "write 1 to 19, or auto")


Level = Annotated[int, msgspec.Meta(extra={"read": _level, "unit": "level"}, examples=["auto"])]


class Compression(Section, frozen=True):
    """How request bodies are compressed."""

    algorithm: Annotated[Algorithm, doc("zstd, gzip or none; gzip is tried where a server refuses zstd.")] = (
        "zstd"
    )
    level: Annotated[
        Level | None,
        doc("1 to 19, or auto: the slower the link the higher; the algorithm's usual level where absent."),
    ] = None
    delta_encoding: Annotated[bool, doc("Leave out points that did not change, between heartbeats.")] = False

    words: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "maximum": {"algorithm": "zstd", "level": 19},
        "auto": {"algorithm": "zstd", "level": AUTO},
        "zstd": {"algorithm": "zstd"},
        "gzip": {"algorithm": "gzip"},
        "none": {"algorithm": "none"},
    }

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, object]:
        if text not in cls.words:
            raise MalformedError(f"'{shown(text)}' is not one of {', '.join(cls.words)}")
        return cls.words[text]

    def __post_init__(self) -> None:
        highest = HIGHEST[self.algorithm]
        if self.level == AUTO and self.algorithm != "zstd":
            raise MalformedError("only zstd has the level auto", field="level")
        if self.level is not None and self.level > highest:
            allowed = f"a level from 1 to {highest}" if highest else "no level"
            raise MalformedError(f"{self.algorithm} takes {allowed}", field="level")


class Batching(Section, frozen=True):
    """How records wait and merge into requests."""

    size: Annotated[Positive, doc("Points in one request, at most.")] = 10_000
    timeout: Annotated[Duration, doc("How long a record may wait for others before it is sent.")] = 0.0
    retry_on_failure: Annotated[bool, doc("Keep what could not be delivered and try again.")] = True
    local_buffer_size: Annotated[Size, doc("Bytes on disk for what waits, for each destination.")] = (
        256 * 2**20
    )
    durability: Annotated[
        Literal["each", "interval", "never"],
        doc("Force to the device each record (a power cut loses none), what an interval brought, or never."),
    ] = "each"
    sync_interval: Annotated[
        PositiveDuration, doc("How often records are forced to the device under `durability: interval`.")
    ] = 1.0
    max_records: Annotated[Count, doc("Records that wait for a destination, at most; 0 is unlimited.")] = 0
    max_bytes: Annotated[Size, doc("Bytes in one request before compression, at most.")] = 4 * 2**20
    max_age: Annotated[Duration, doc("Records older than this are dropped as too old; 0 keeps them.")] = 0.0


class Tls(Section, frozen=True):
    """Transport security of one destination."""

    ca: Annotated[str | None, doc("File with the certificates to trust; the system's where absent.")] = None
    cert: Annotated[str | None, doc("File with the client's certificate, for mutual TLS.")] = None
    key: Annotated[str | None, doc("File with the client's private key, for mutual TLS.")] = None
    min_version: Annotated[Literal["1.2", "1.3"], doc("Oldest version of TLS to speak.")] = "1.3"
    pins: Annotated[
        tuple[str, ...],
        doc("Base64 of the SHA-256 of accepted public keys; name a backup beside the current one."),
    ] = ()
    server_name: Annotated[str | None, doc("Name that the server's certificate must carry.")] = None

    def __post_init__(self) -> None:
        if (self.cert is None) != (self.key is None):
            present, absent = ("cert", "key") if self.cert else ("key", "cert")
            raise MalformedError(f"`{present}` needs `{absent}` beside it", field=present)
        for pin in self.pins:
            if len(pin.removeprefix("sha256/")) != PIN_LENGTH or not pin.endswith("="):
                raise MalformedError(
                    f"'{shown(pin)}' is not a pin",
                    "a pin is the base64 of a SHA-256, 44 characters",
                    field="pins",
                )


PIN_LENGTH = 44


class Otlp(Section, frozen=True):
    """An OTLP receiver over HTTP."""

    endpoint: Annotated[Endpoint | None, doc("Base URL of the receiver; /v1/metrics is appended.")] = None
    metrics_endpoint: Annotated[Endpoint | None, doc("Full URL for metrics, used as it stands.")] = None
    compression: Annotated[
        Algorithm | None, doc("zstd, gzip or none for this destination; the profile's where absent.")
    ] = None
    headers: Annotated[dict[str, Secret], doc("Headers of every request, for example an API key.")] = (
        msgspec.field(default_factory=dict)
    )
    timeout: Annotated[PositiveDuration, doc("How long one request may take.")] = 10.0
    proxy: Annotated[
        Proxy | None, doc("URL of an HTTP proxy; empty for none; the environment's where absent.")
    ] = None
    tls: Annotated[Tls, doc("Transport security.")] = msgspec.field(default_factory=Tls)

    @property
    def url(self) -> str:
        """Where requests go."""
        if self.metrics_endpoint is not None:
            return self.metrics_endpoint
        base = self.endpoint or ""
        return base if base.endswith("/v1/metrics") else f"{base}/v1/metrics"

    def __post_init__(self) -> None:
        check_headers(self.headers)


def check_headers(headers: Mapping[str, str]) -> None:
    """What HTTP cannot carry, or would take for more than one header. No message holds a value."""
    for name, value in headers.items():
        if not name or not name.isascii() or any(letter in name for letter in " :\r\n\t"):
            raise MalformedError(f"'{shown(name)}' is not the name of a header", field="headers")
        if any(letter in value for letter in "\r\n\0"):
            raise MalformedError(f"the header {shown(name)} holds a line break", field="headers")
        if any(letter > "\xff" for letter in value):
            raise MalformedError(
                f"the header {shown(name)} holds a letter that HTTP cannot carry", field="headers"
            )


class File(Section, frozen=True):
    """OTLP JSON lines in a file."""

    path: Annotated[str, doc("File to write; relative to the agent's state directory.")] = "metrics.jsonl"
    rotate: Annotated[Size, doc("Bytes after which a new file begins; 0 never.")] = 64 * 2**20
    keep: Annotated[Count, doc("Rotated files to keep.")] = 8
    create_directory: Annotated[
        bool,
        doc(
            "Make the folder of `path` where it is missing, with a log line; false refuses the start instead."
        ),
    ] = True


class Destination(Section, frozen=True):
    """One place that metrics go to. Each has a buffer of its own."""

    name: Annotated[str, doc("Name in logs, metrics and the buffer's directory; the kind where absent.")] = ""
    otlp: Annotated[Otlp | None, doc("Send OTLP over HTTP.")] = None
    file: Annotated[File | None, doc("Write OTLP JSON lines.")] = None
    accepts_late: Annotated[Duration, doc("Records older than this are dropped as too old; 0 takes all.")] = (
        0.0
    )
    order: Annotated[Literal["oldest_first", "newest_first"], doc("What is sent first after an outage.")] = (
        "oldest_first"
    )
    rate: Annotated[Count, doc("Points a second while an outage is made up for; 0 is unlimited.")] = 50_000
    accepts_out_of_order: Annotated[
        bool, doc("Whether it takes points older than those it has; newest_first needs that.")
    ] = True
    alarm_after: Annotated[
        Duration,
        doc("Say so in the log and in /readyz when a record has waited longer than this; 0 never."),
    ] = 900.0

    def __post_init__(self) -> None:
        if self.order == "newest_first" and not self.accepts_out_of_order:
            raise MalformedError(
                "newest_first sends old points after new ones, and this destination takes none out of order",
                "write `order: oldest_first`",
                field="order",
            )
        if (self.otlp is None) == (self.file is None):
            raise MalformedError("a destination is either `otlp` or `file`", "write exactly one of them")
        if self.name and not all(letter.isalnum() or letter in "-_." for letter in self.name):
            raise MalformedError(
                f"'{shown(self.name)}' cannot name a directory",
                "use letters, digits, `-`, `_` and `.`",
                field="name",
            )
        if self.name.startswith("."):
            raise MalformedError("a destination's name begins with a letter or a digit", field="name")

    @property
    def title(self) -> str:
        return self.name or ("otlp" if self.otlp else "file")

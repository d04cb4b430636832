"""Where records go: for each destination of the configuration a buffer, an exporter and the drain between."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from nrdot.agent.drains import Destination
from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.encryption import Keyring, keys_from_command, keys_from_environment, keys_from_file
from nrdot.buffer.files import Files
from nrdot.buffer.memory import MemoryBuffer
from nrdot.buffer.settings import BufferSettings
from nrdot.errors import ConfigError
from nrdot.export.endpoint import endpoint, proxy
from nrdot.export.file import FileExporter
from nrdot.export.journal import Journal
from nrdot.export.otlp_http import HttpExporter
from nrdot.export.pace import Pace
from nrdot.export.tls import TlsFiles
from nrdot.pipeline import Drain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nrdot.clock import Clock
    from nrdot.config.configuration import Configuration
    from nrdot.config.schema_export import Batching, Compression, Otlp
    from nrdot.config.schema_export import Destination as Stated
    from nrdot.stages import Buffer, Exporter

MEMORY = 64 * 1024 * 1024  # bytes that wait for a file on this host
USUAL_RATE = 50_000.0  # points a second, while an outage is made up for


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that makes a destination; one that stays equal over a reload stays the same object."""

    stated: Stated
    compression: Compression
    batching: Batching


class Destinations:
    """Builds destinations, and keeps those that a reload leaves alone."""

    def __init__(self, clock: Clock, state_dir: Path, resource: Mapping[str, str], keys: Keyring) -> None:
        self._clock = clock
        self._state_dir = state_dir
        self._resource = resource
        self._keys = keys
        self._built: dict[str, tuple[_Plan, Destination]] = {}

    def use(self, configuration: Configuration) -> tuple[Destination, ...]:
        """The destinations of a configuration. Raises ConfigError or StartError, then nothing changes."""
        built = dict(self._plans(configuration))
        self._built = built
        return tuple(destination for _, destination in built.values())

    def _plans(self, configuration: Configuration) -> Iterator[tuple[str, tuple[_Plan, Destination]]]:
        profile = configuration.profile
        for stated in configuration.settings.export:
            plan = _Plan(stated, profile.compression, profile.batching)
            before = self._built.get(stated.title)
            if before is not None and before[0] == plan:
                yield stated.title, before
            else:
                yield stated.title, (plan, self._build(plan, before[1] if before else None))

    def _build(self, plan: _Plan, before: Destination | None) -> Destination:
        """A destination; what waits in the buffer of the one before it stays where it is."""
        stated, batching = plan.stated, plan.batching
        buffer = before.buffer if before else self._buffer(plan)
        drain = Drain(
            buffer=buffer,
            exporter=build_exporter(stated, plan.compression, self._clock),
            pace=Pace(self._clock, SystemRandom(), rate=float(stated.rate) or USUAL_RATE),
            journal=Journal(stated.title, self._clock),
            clock=self._clock,
            points=batching.size,
            size=batching.max_bytes,
            fill=batching.timeout,
            retry=batching.retry_on_failure,
            accepts_late=stated.accepts_late or batching.max_age or None,
        )
        return Destination(stated.title, buffer, drain)

    def _buffer(self, plan: _Plan) -> Buffer:
        """On disk for what crosses a network; what goes into a file on this host waits in memory."""
        stated, batching = plan.stated, plan.batching
        newest_first = stated.order == "newest_first"
        if stated.otlp is None:
            return MemoryBuffer(MEMORY, newest_first=newest_first)
        settings = BufferSettings(
            max_bytes=batching.local_buffer_size,
            max_seconds=batching.max_age or None,
            newest_first=newest_first,
        )
        return DiskBuffer(
            self._state_dir / "buffer" / stated.title,
            settings,
            self._clock,
            Files(),
            keys=self._keys,
            gap_resource=self._resource,
        )


def build_exporter(stated: Stated, compression: Compression, clock: Clock) -> Exporter:
    """What delivers to one destination; nothing is sent yet. Raises ConfigError."""
    if (file := stated.file) is not None:
        return FileExporter(Path(file.path), rotate=file.rotate, keep=file.keep)
    otlp = stated.otlp
    if otlp is None:
        raise AssertionError("the schema gives each destination one kind")
    target = endpoint(otlp.url)
    return HttpExporter(
        clock,
        target,
        headers=otlp.headers,
        timeout=otlp.timeout,
        compression=otlp.compression or compression.algorithm,
        level=None if otlp.compression else compression.level,
        tls=_tls(otlp) if target.tls else None,
        proxy=proxy(otlp.proxy) if otlp.proxy else None,
    )


def keyring(configuration: Configuration) -> Keyring:
    """The keys of the disk buffer. Raises ConfigError where encryption is demanded and there is no key.

    Where encryption is off, a key that is named still opens what was encrypted before.
    """
    stated = configuration.settings.encryption
    encrypts = stated.has_key and stated.enabled is not False
    if configuration.needs_encryption and not encrypts:
        raise ConfigError(
            f"{configuration.file}: a class demands encrypted_storage and there is no key; "
            "the agent does not start; write encryption.key_file, key_env or key_command"
        )
    ring = Keyring()
    if stated.key_file:
        ring = keys_from_file(Path(stated.key_file))
    elif stated.key_env:
        ring = keys_from_environment(stated.key_env)
    elif stated.key_command:
        ring = keys_from_command(stated.key_command)
    ring = ring.joined(*(keys_from_file(Path(path)) for path in stated.old_key_files))
    return ring if encrypts else ring.retired()


def _tls(otlp: Otlp) -> TlsFiles:
    tls = otlp.tls
    return TlsFiles(
        ca_file=tls.ca or "",
        cert_file=tls.cert or "",
        key_file=tls.key or "",
        min_version=tls.min_version,
        server_name=tls.server_name or "",
        pins=tls.pins,
    )

"""Where records go: for each destination of the configuration a buffer, an exporter and the drain between."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from nrdot.agent.delivery.drains import Destination
from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.encryption import Keyring, keys_from_command, keys_from_environment, keys_from_file
from nrdot.buffer.files import Files
from nrdot.buffer.memory import MemoryBuffer
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.config.settled.retention import keeping
from nrdot.errors import ConfigError
from nrdot.export.journal import Journal
from nrdot.export.pace import Pace
from nrdot.pipeline import Drain
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nrdot.clock import Clock
    from nrdot.config.schema.export import Batching, Compression, File, Otlp
    from nrdot.config.schema.export import Destination as Stated
    from nrdot.config.settled.configuration import Configuration
    from nrdot.config.settled.retention import Keeping
    from nrdot.export.file import FileExporter
    from nrdot.export.otlp_http import HttpExporter
    from nrdot.export.tls import TlsFiles
    from nrdot.stages import Buffer

_log = Log("agent")

MEMORY = 64 * 1024 * 1024  # bytes that wait for a file on this host
ALL = 1 << 60


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that makes a destination; one that stays equal over a reload stays the same object."""

    stated: Stated
    compression: Compression
    batching: Batching
    keeping: Keeping

    def settings(self) -> BufferSettings:
        """Of its buffer on disk."""
        batching = self.batching
        return BufferSettings(
            max_bytes=batching.local_buffer_size,
            max_seconds=batching.max_age or None,
            max_records=batching.max_records or None,
            durability=Durability(batching.durability),
            sync_seconds=batching.sync_interval,
            newest_first=self.stated.order == "newest_first",
            keep_seconds=self.keeping.buffer,
            overwrite=self.keeping.overwrite,
        )


@dataclass(frozen=True, slots=True)
class _Built:
    plan: _Plan
    destination: Destination
    buffer: DiskBuffer | MemoryBuffer
    journal: Journal  # goes on over a reload, so that no counter steps back

    def follow(self, plan: _Plan, keys: Keyring) -> None:
        """What waits stays where it is, under other bounds."""
        if isinstance(self.buffer, DiskBuffer):
            self.buffer.use(plan.settings(), keys)
        else:
            self.buffer.newest_first = plan.settings().newest_first


class Destinations:
    """Builds destinations, and keeps those that a reload leaves alone."""

    def __init__(self, clock: Clock, state_dir: Path, resource: Mapping[str, str], keys: Keyring) -> None:
        self._clock = clock
        self._state_dir = state_dir
        self._resource = resource
        self._keys = keys
        self._built: dict[str, _Built] = {}
        self._gone: dict[str, DiskBuffer] = {}  # named no more; the drain may still be at its last request

    @property
    def keys(self) -> Keyring:
        return self._keys

    def use(
        self, configuration: Configuration, confirm: Callable[[], None] = lambda: None
    ) -> tuple[Destination, ...]:
        """The destinations of a configuration.

        `confirm` is called when everything is built. Raises ConfigError or StartError, or what `confirm`
        raises; then nothing changes.
        """
        profile, kept = configuration.profile, keeping(configuration.settings)
        built: dict[str, _Built] = {}
        with ExitStack() as undo:
            for stated in configuration.settings.export:
                plan = _Plan(stated, profile.compression, profile.batching, kept)
                before = self._built.get(stated.title)
                if before is None or before.plan != plan:
                    built[stated.title] = self._build(plan, before, undo)
                else:
                    built[stated.title] = before
            confirm()
            undo.pop_all()
        for title, one in built.items():
            before = self._built.get(title)
            if before is not None and before.buffer is one.buffer:
                one.follow(one.plan, self._keys)
            elif before is not None:
                _move(before.buffer, one.buffer)
        for title, one in self._built.items():
            if title not in built and isinstance(one.buffer, DiskBuffer):
                self._gone[title] = one.buffer
        self._built = built
        return tuple(one.destination for one in built.values())

    def use_keys(self, keys: Keyring) -> None:
        """Other keys, from the next segment on.

        What was written under a key that is named no more is still read, for as long as this agent runs.
        """
        if self._keys.current not in keys:
            _log.warning(
                "the key that was in use is named no more; what waits under it is still read by this agent, "
                "and by the next one only where encryption.old_key_files names it"
            )
        self._keys = keys.joined(self._keys)
        for one in self._built.values():
            one.follow(one.plan, self._keys)

    def _build(self, plan: _Plan, before: _Built | None, undo: ExitStack) -> _Built:
        stated, batching = plan.stated, plan.batching
        exporter = build_exporter(stated, plan.compression, self._clock)
        undo.callback(exporter.close)
        buffer = self._buffer(plan, before, undo)
        drain = Drain(
            buffer=buffer,
            exporter=exporter,
            pace=Pace(self._clock, SystemRandom(), rate=stated.rate or float("inf")),
            journal=before.journal if before else Journal(stated.title, self._clock),
            clock=self._clock,
            points=batching.size,
            size=batching.max_bytes,
            fill=batching.timeout,
            retry=batching.retry_on_failure,
            accepts_late=stated.accepts_late or batching.max_age or None,
            alarm_after=stated.alarm_after or None,
        )
        return _Built(plan, Destination(stated.title, buffer, drain, exporter.place), buffer, drain.journal)

    def _buffer(self, plan: _Plan, before: _Built | None, undo: ExitStack) -> DiskBuffer | MemoryBuffer:
        """On disk for what crosses a network; what goes into a file on this host waits in memory."""
        stated = plan.stated
        if before is not None and (stated.otlp is None or isinstance(before.buffer, DiskBuffer)):
            return before.buffer
        if stated.otlp is None:
            return MemoryBuffer(MEMORY, newest_first=stated.order == "newest_first")
        if stated.title in self._gone:
            self._gone.pop(stated.title).close()
        buffer = DiskBuffer(
            self._state_dir / "buffer" / stated.title,
            plan.settings(),
            self._clock,
            Files(),
            keys=self._keys,
            gap_resource=self._resource,
        )
        undo.callback(buffer.close)
        return buffer


def _move(source: Buffer, target: Buffer) -> None:
    """What waits for a destination that is reached in another way from now on."""
    for sequence, record in source.peek(ALL, ALL):
        target.put(record)
        source.drop([sequence], "moved")


def build_exporter(
    stated: Stated, compression: Compression, clock: Clock, environment: Mapping[str, str] = os.environ
) -> FileExporter | HttpExporter:
    """What delivers to one destination; nothing is sent yet. Raises ConfigError."""
    if stated.file is not None:
        return _file_exporter(stated.file)
    if stated.otlp is None:
        raise AssertionError("the schema gives each destination one kind")
    return _http_exporter(stated.otlp, compression, clock, environment)


def _file_exporter(file: File) -> FileExporter:
    # Each kind brings megabytes that the other one has no use for.
    from nrdot.export.file import FileExporter

    return FileExporter(
        Path(file.path), rotate=file.rotate, keep=file.keep, create_directory=file.create_directory
    )


def _http_exporter(
    otlp: Otlp, compression: Compression, clock: Clock, environment: Mapping[str, str]
) -> HttpExporter:
    from nrdot.export.endpoint import endpoint, environment_proxy, proxy
    from nrdot.export.otlp_http import HttpExporter

    target = endpoint(otlp.url)
    algorithm = otlp.compression or compression.algorithm
    between = environment_proxy(target, environment) if otlp.proxy is None else otlp.proxy
    return HttpExporter(
        clock,
        target,
        headers=otlp.headers,
        timeout=otlp.timeout,
        compression=algorithm,
        level=compression.level if algorithm == compression.algorithm else None,
        tls=_tls(otlp) if target.tls else None,
        proxy=proxy(between) if between else None,
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
    from nrdot.export.tls import TlsFiles

    tls = otlp.tls
    return TlsFiles(
        ca_file=tls.ca or "",
        cert_file=tls.cert or "",
        key_file=tls.key or "",
        min_version=tls.min_version,
        server_name=tls.server_name or "",
        pins=tls.pins,
    )

"""What the agent needs around it: its state directory, its own address, and somewhere to send."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.agent.destinations import build_exporter
from nrdot.agent.state import in_use
from nrdot.doctor.finding import fine, odd, wrong
from nrdot.errors import ConfigError, Permanent, Retryable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.clock import Clock
    from nrdot.config.configuration import Configuration
    from nrdot.config.schema_export import Destination
    from nrdot.doctor.finding import Finding


def check(configuration: Configuration, clock: Clock) -> Iterator[Finding]:
    settings = configuration.settings
    state = Path(settings.agent.state_dir)
    owner = in_use(state)
    needed = sum(configuration.profile.batching.local_buffer_size for one in settings.export if one.otlp)
    yield _directory("state directory", "agent.state_dir", state, needed, owner)
    if settings.agent.address is not None:
        yield _listen(settings.agent.address, owner)
    for stated in settings.export:
        yield _destination(configuration, clock, stated)


def _directory(topic: str, setting: str, path: Path, needed: int = 0, owner: str = "") -> Finding:
    standing = path
    while not standing.exists() and standing != standing.parent:
        standing = standing.parent
    mend = f"make it writable for the agent's user, or name another directory as {setting}"
    if not standing.is_dir():
        return wrong(topic, f"{standing} is not a directory", mend)
    if not os.access(standing, os.W_OK | os.X_OK):
        return wrong(topic, f"nothing can be written in {standing}", mend)
    free = _free(standing)
    if free is not None and free < needed:
        words = f"{path}: {free / 1e6:,.0f} MB are free, the buffers may take {needed / 1e6:,.0f} MB"
        return odd(topic, words, "free some space, or lower batching.local_buffer_size")
    made = "" if path.exists() else ", made at the first start"
    running = f", in use by the agent with pid {owner}" if owner else ""
    return fine(topic, f"{path}{made}{running}")


def _free(path: Path) -> int | None:
    if sys.platform == "win32":
        return None
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def _listen(address: tuple[str, int], owner: str) -> Finding:
    topic, (host, port) = "own address", address
    if owner:
        return fine(topic, f"{host}:{port} belongs to the running agent")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        mend = 'name another address as agent.listen, or "" to switch it off'
        return wrong(topic, f"cannot listen on {host}:{port}: {error.strerror or error}", mend)
    return fine(topic, f"{host}:{port} is free")


def _destination(configuration: Configuration, clock: Clock, stated: Destination) -> Finding:
    topic = f"export {stated.title}"
    if stated.file is not None:
        return _directory(topic, "export.file.path", Path(stated.file.path).parent)
    try:
        exporter = build_exporter(stated, configuration.profile.compression, clock)
    except ConfigError as error:
        return wrong(topic, str(error), "mend the configuration; the agent does not start with it")
    try:
        delivery = exporter.export(b"", 0)
    except Retryable as error:
        mend = (
            "see who listens there, and what the answer says" if error.alarm else "is the receiver running?"
        )
        return wrong(topic, str(error), f"{mend}; until then records wait on disk")
    except Permanent as error:
        return wrong(topic, str(error), "the address or the credentials are not those of an OTLP receiver")
    finally:
        exporter.close()
    note = f"; it says: {delivery.message}" if delivery.message else ""
    return fine(topic, f"took an empty request{note}")

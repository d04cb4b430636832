"""What the agent needs around it: its state directory, its own address, and somewhere to send."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.agent.delivery.destinations import build_exporter
from nrdot.agent.state import in_use
from nrdot.doctor.finding import Level, fine, odd, wrong
from nrdot.errors import ConfigError, Permanent, Retryable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.clock import Clock
    from nrdot.config.schema.export import Destination, File
    from nrdot.config.settled.configuration import Configuration
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
    while not _there(standing) and standing != standing.parent:
        standing = standing.parent
    mend = f"make it writable for the agent's user, or name another directory as {setting}"
    if not standing.is_dir():
        return wrong(topic, f"{standing} is not a directory", mend)
    if not _allowed(standing, os.W_OK | os.X_OK):
        return wrong(topic, f"nothing can be written in {standing}", mend)
    free = _free(standing)
    if free is not None and free < needed:
        words = f"{path}: {free / 1e6:,.0f} MB are free, the buffers may take {needed / 1e6:,.0f} MB"
        return odd(topic, words, "free some space, or lower batching.local_buffer_size")
    made = "" if _there(path) else ", made at the first start"
    running = f", in use by the agent with pid {owner}" if owner else ""
    return fine(topic, f"{path}{made}{running}")


def _file(topic: str, stated: File, state: Path) -> Finding:
    setting, path = "export.file.path", Path(stated.path).absolute()
    folder = path.parent
    if not _there(folder):
        if not stated.create_directory and folder != state:
            mend = f"make it, mount it, or write `create_directory: true` beside {setting}"
            return wrong(topic, f"the folder {folder} of {path.name} is missing", mend)
        made = "; its folder is missing and made at the first start"
    elif _there(path) and path.is_dir():
        return wrong(topic, f"{path} is a directory", f"name a file as {setting}")
    elif _there(path) and not _allowed(path, os.W_OK):
        return wrong(
            topic, f"{path} cannot be written", "make it writable for the agent's user, or remove it"
        )
    else:
        made = ""
    found = _directory(topic, setting, folder)
    return fine(topic, f"{path}{made}") if found.level is Level.OK else found


def _there(path: Path) -> bool:
    """Whether it exists, as far as this user may look."""
    try:
        return path.exists()
    except PermissionError:
        return False


def _allowed(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


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
        return _file(topic, stated.file, Path(configuration.settings.agent.state_dir).absolute())
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

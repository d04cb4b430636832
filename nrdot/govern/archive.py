"""The configurations that were in effect, kept in the state directory.

    STATE_DIR/config/last-good.yaml         the local document that last took effect, every profile in it
    STATE_DIR/config/last-good.json         of which file it is
    STATE_DIR/config/documents/ID.yaml      each configuration in effect, what was pushed included
    STATE_DIR/config/documents/ID.json      its settings as the audit trail shows them
    STATE_DIR/config/pushed.yaml, .json     the pushed document that was last accepted, and its revision
    STATE_DIR/config/rollback.json          what `nrdot profile rollback` asked for
    STATE_DIR/config/salt                   of the fingerprints of secrets

ID stands for what is in effect, not for a text: two documents that mean the same have the same. Documents
hold secrets as the references that stand in the file. All files belong to the agent's user alone.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nrdot.config.document.tree import SIZE
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.audit.disk import Disk
    from nrdot.config.showing.effective import Values

FOLDER = "config"  # in the state directory
KEPT = 32  # configurations

_log = Log("agent")


@dataclass(frozen=True, slots=True)
class Rollback:
    """A wish to have an earlier configuration back, for as long as nobody changes what it replaces."""

    to: str  # its id
    user: str
    justification: str = ""
    approval_id: str = ""
    instead_of: str = ""  # digest of what it replaces; empty until the agent has seen it


@dataclass(frozen=True, slots=True)
class Accepted:
    """The pushed document that was last accepted."""

    revision: int = 0
    digest: str = ""


def identity(values: Values) -> str:
    """The id of a configuration in effect."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Archive:
    """Reads never raise for what is not there; writes raise OSError."""

    def __init__(self, state_dir: Path, disk: Disk) -> None:
        self._folder = state_dir / FOLDER
        self._documents = self._folder / "documents"
        self._disk = disk

    def salt(self) -> bytes:
        """The same for the life of the state directory. Raises OSError where it cannot be kept."""
        path = self._folder / "salt"
        try:
            found = bytes.fromhex(self._disk.read(path).decode("ascii"))
        except (FileNotFoundError, ValueError):
            found = b""
        if found:
            return found
        made = secrets.token_bytes(16)
        self._disk.make_directory(self._folder)
        self._disk.replace(path, made.hex().encode())
        return made

    def keep(self, name: str, document: str, values: Values) -> None:
        """A configuration that takes effect."""
        self._disk.make_directory(self._documents)
        data = document.encode()
        if len(data) <= SIZE:
            self._disk.replace(self._documents / f"{name}.yaml", data)
        self._disk.replace(self._documents / f"{name}.json", _json(values))
        self._prune(name)

    def values(self, name: str) -> Values | None:
        """The settings of a configuration that is kept."""
        return self._read(self._documents / f"{name}.json")

    def document(self, name: str) -> Path | None:
        path = self._documents / f"{name}.yaml"
        return path if path.is_file() else None

    def save_last_good(self, file: str, document: str) -> None:
        """`file` is the configuration's path, empty for none."""
        data = document.encode()
        if len(data) > SIZE:
            _log.warning(
                "the configuration is too large to be kept for a start with a bad one", bytes=len(data)
            )
            return
        self._disk.make_directory(self._folder)
        path = self._folder / "last-good.yaml"
        about = _json({"file": file, "sha256": hashlib.sha256(data).hexdigest()})
        if self._same(path, data) and self._same(self._folder / "last-good.json", about):
            return
        self._disk.replace(path, data)
        self._disk.replace(self._folder / "last-good.json", about)

    def last_good(self, file: str) -> Path | None:
        """The last good document of this very file; none where it was another's or was meddled with."""
        about = self._read(self._folder / "last-good.json")
        path = self._folder / "last-good.yaml"
        if about is None or about.get("file") != file:
            return None
        try:
            whole = hashlib.sha256(self._disk.read(path)).hexdigest() == about.get("sha256")
        except OSError:
            return None
        return path if whole else None

    @property
    def pushed_copy(self) -> Path:
        return self._folder / "pushed.yaml"

    def accepted(self) -> Accepted:
        about = self._read(self._folder / "pushed.json")
        try:
            return Accepted(**about) if about else Accepted()
        except TypeError:
            return Accepted()

    def accept(self, revision: int, digest: str, data: bytes) -> None:
        """A pushed document took effect: none with a lower revision will."""
        self._disk.make_directory(self._folder)
        self._disk.replace(self.pushed_copy, data)
        self._disk.replace(self._folder / "pushed.json", _json(asdict(Accepted(revision, digest))))

    @property
    def rollback_file(self) -> Path:
        return self._folder / "rollback.json"

    def rollback(self) -> Rollback | None:
        about = self._read(self.rollback_file)
        try:
            return Rollback(**about) if about else None
        except TypeError:
            return None

    def save_rollback(self, rollback: Rollback) -> str:
        """The digest of the file that holds it now."""
        data = _json(asdict(rollback))
        self._disk.make_directory(self._folder)
        self._disk.replace(self.rollback_file, data)
        return hashlib.sha256(data).hexdigest()

    def forget_rollback(self) -> None:
        self._disk.remove(self.rollback_file)

    def _prune(self, newest: str) -> None:
        paths = sorted(self._documents.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in [path for path in paths if path.stem != newest][: max(len(paths) - KEPT, 0)]:
            self._disk.remove(path)
            self._disk.remove(path.with_suffix(".yaml"))

    def _same(self, path: Path, data: bytes) -> bool:
        try:
            return self._disk.read(path) == data
        except OSError:
            return False

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            found = json.loads(self._disk.read(path))
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


def _json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"

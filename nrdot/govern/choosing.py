"""Which configuration holds: the file's, a pushed one over it, an earlier one again, or the last good one.

The first of these that can be used:

1. what `nrdot profile rollback` asked for, while neither the file nor what is pushed has changed since
2. the file, with the profiles that it names, and what a controller pushed laid over it
3. the last good document of that file, where the file is bad; what is pushed is laid over it as well

A pushed document that was replayed, rolled back or has expired is refused, and the one that was accepted
before holds for as long as its own time lasts.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.checks.loading import CHECKS
from nrdot.config.document.environment import expand
from nrdot.config.document.tree import SIZE
from nrdot.config.problem import InvalidConfigurationError, MalformedError, Problems, shown
from nrdot.config.reading.load import load
from nrdot.config.reading.pushed import FILE, Pushed, read_pushed
from nrdot.config.schema.agent import Agent as AgentSettings
from nrdot.errors import ConfigError
from nrdot.govern.archive import Accepted, Archive, Rollback
from nrdot.govern.watch import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.audit.disk import Disk
    from nrdot.clock import Clock
    from nrdot.config.schema.settings import Settings
    from nrdot.config.settled.configuration import Configuration

_STATE_DIR = re.compile(r"""["']?\bstate_dir\b["']?\s*:\s*["']?([^"'\n,}#]+)""")


class Origin(StrEnum):
    FILE = "file"
    ROLLBACK = "rollback"
    LAST_GOOD = "last good"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A pushed document that does not take effect."""

    what: str  # and why, in one line
    digest: str
    controller: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The configuration that holds, and why it is that one."""

    configuration: Configuration
    origin: Origin = Origin.FILE
    trouble: str = ""  # why the file itself does not hold
    pushed: Pushed | None = None
    refusal: Refusal | None = None
    rollback: Rollback | None = None
    replaces: str = ""  # digest of what a rollback holds instead of
    read: Mapping[str, str] = field(default_factory=dict)  # files to watch, with what was found in them
    contents: Mapping[str, str] = field(default_factory=dict)  # digests of further files, by their setting

    @property
    def complaint(self) -> str:
        """Everything that is to be said about what does not hold."""
        return "; ".join(part for part in (self.trouble, self.refusal.what if self.refusal else "") if part)


class Chooser:
    """Reads and decides; writes nothing. `fallback` allows the last good document."""

    def __init__(self, path: Path | None, clock: Clock, disk: Disk, *, fallback: bool) -> None:
        self._path = path
        self._clock = clock
        self._disk = disk
        self._fallback = fallback
        self.archive: Archive | None = None  # fixed with the first choice: the state directory stays

    @property
    def file(self) -> str:
        """The configuration's path as the archive knows it."""
        return str(self._path.absolute()) if self._path else ""

    def kept(self, settings: Settings) -> Archive:
        """The archive of a state directory; the first one counts, since it stays for as long as we run."""
        self.archive = self.archive or Archive(Path(settings.agent.state_dir), self._disk)
        return self.archive

    def choose(self) -> Choice:
        """Raises ConfigError where nothing can be used."""
        try:
            return self._chosen()
        except OSError as error:
            # Of a place that a setting names, in whichever room: a running agent keeps what it has.
            what = error.filename or self.file
            raise ConfigError(f"{shown(str(what))}: {error.strerror or type(error).__name__}") from None

    def _chosen(self) -> Choice:
        trouble, read = "", {}
        try:
            local = load(self._path, os.environ, CHECKS)
        except InvalidConfigurationError as error:
            trouble, read = str(error), error.read
            path, origin = self._last_good(), Origin.LAST_GOOD
            if path is None:
                raise
            local = load(path, os.environ, CHECKS)
        else:
            path, origin, read = self._path, Origin.FILE, dict(local.read)
        archive = self.kept(local.settings)
        candidate = self._candidate(local.settings)
        if candidate is not None:
            read[str(candidate)] = digest(candidate)
        replaces = _digest_of(read)  # the documents alone: a key or an incident more ends no rollback
        read = self._watched(read, local.settings, archive)
        configuration, pushed, refusal = self._with_pushed(local, path, candidate, archive.accepted())
        back, complaint = self._rolled_back(archive, replaces, read, kept=bool(trouble or refusal))
        if back is not None:
            return replace(back, trouble=trouble, refusal=refusal)
        trouble = "; ".join(part for part in (trouble, complaint) if part)
        return Choice(
            configuration,
            origin,
            trouble,
            pushed,
            refusal,
            replaces=replaces,
            read={**configuration.read, **read} if origin is Origin.FILE else read,
            contents=_contents(configuration.settings),
        )

    def took_effect(self, choice: Choice) -> dict[str, str]:
        """Keep what the next start needs. Gives the watched files that this wrote, with their digests.

        Raises OSError.
        """
        archive, wish = self.kept(choice.configuration.settings), choice.rollback
        wished = str(archive.rollback_file)
        if choice.pushed is not None:
            self._accept(archive, choice.pushed)
        if wish is not None and not wish.instead_of:
            return {wished: archive.save_rollback(replace(wish, instead_of=choice.replaces))}
        if choice.origin is Origin.FILE:
            archive.save_last_good(self.file, choice.configuration.local_document)
            before = archive.rollback()
            if before is not None and before.instead_of:  # else it was asked for just now
                archive.forget_rollback()
                return {wished: ""}
        return {}

    def gave_up(self, choice: Choice) -> None:
        """A rollback that was asked for just now is refused: it must not come back by itself."""
        if self.archive is not None and choice.rollback is not None and not choice.rollback.instead_of:
            with suppress(OSError):
                self.archive.forget_rollback()

    def _accept(self, archive: Archive, pushed: Pushed) -> None:
        accepted = Accepted(pushed.header.revision, pushed.digest)
        if archive.accepted() == accepted:
            return
        data = self._disk.read(Path(pushed.file))
        if hashlib.sha256(data).hexdigest() == pushed.digest:  # else the next look will see another
            archive.accept(accepted.revision, accepted.digest, data)

    def _rolled_back(
        self, archive: Archive, replaces: str, read: dict[str, str], *, kept: bool
    ) -> tuple[Choice | None, str]:
        """What was wished for, or why it cannot be. With `kept` it holds although something has changed."""
        wish = archive.rollback()
        if wish is None or (wish.instead_of not in ("", replaces) and not kept):
            return None, ""
        path = archive.document(wish.to)
        if path is None:
            return None, f"the rollback is refused: configuration {wish.to} is not kept any more"
        try:
            configuration = load(path, os.environ, CHECKS)
        except InvalidConfigurationError as error:
            return None, f"the rollback is refused: {error}"
        contents = _contents(configuration.settings)
        choice = Choice(
            configuration,
            Origin.ROLLBACK,
            rollback=wish,
            replaces=replaces,
            read=read,
            contents=contents,
        )
        return choice, ""

    def instead(self, trouble: str, read: Mapping[str, str]) -> Choice | None:
        """The last good document where the file's configuration loads and cannot be used; None for none."""
        path = self._last_good()
        if path is None:
            return None
        local = load(path, os.environ, CHECKS)
        accepted = self.kept(local.settings).accepted()
        made = self._with_pushed(local, path, self._candidate(local.settings), accepted)
        contents = _contents(made[0].settings)
        return Choice(made[0], Origin.LAST_GOOD, trouble, made[1], made[2], read=read, contents=contents)

    def _last_good(self) -> Path | None:
        if not self._fallback:
            return None
        archive = self.archive or Archive(probable_state_dir(self._path, os.environ), self._disk)
        return archive.last_good(self.file)

    def _candidate(self, settings: Settings) -> Path | None:
        pushed = settings.agent.pushed
        return Path(pushed) / FILE if pushed else None

    def _with_pushed(
        self, local: Configuration, path: Path | None, candidate: Path | None, accepted: Accepted
    ) -> tuple[Configuration, Pushed | None, Refusal | None]:
        # Path's own question raises where a name is too long.
        if candidate is None or not os.path.exists(candidate):  # noqa: PTH110 - see above
            return local, None, None
        found, refusal = self._acceptable(candidate, accepted)
        if found is not None and (refusal := _unreasoned(found, local.settings)) is None:
            try:
                return load(path, os.environ, CHECKS, pushed=found), found, None
            except InvalidConfigurationError as error:
                refusal = Refusal(
                    f"what is pushed is refused: {error}", found.digest, found.header.controller
                )
        before = self._accepted_before(accepted)
        if before is None:
            return local, None, refusal
        try:
            return load(path, os.environ, CHECKS, pushed=before), before, refusal
        except InvalidConfigurationError:  # it does not fit the local file of today
            return local, None, refusal

    def _acceptable(self, path: Path, accepted: Accepted) -> tuple[Pushed | None, Refusal | None]:
        problems = Problems()
        found = read_pushed(path, problems)
        if found is None:
            error = InvalidConfigurationError(problems.sorted())
            return None, Refusal(f"what is pushed is refused: {error}", problems.read.get(str(path), ""))
        header = found.header
        if header.revision < accepted.revision:
            why = f"revision {header.revision}, and {accepted.revision} was accepted before"
        elif header.revision == accepted.revision and found.digest != accepted.digest:
            why = f"revision {header.revision} was accepted before with another content"
        elif header.expires_ns <= self._clock.wall_ns():
            if found.digest == accepted.digest:
                return None, None  # its time is over, as was said when it was accepted
            why = f"revision {header.revision} expired at {header.expires}"
        else:
            return found, None
        return None, Refusal(f"what is pushed is refused: {path}: {why}", found.digest, header.controller)

    def _accepted_before(self, accepted: Accepted) -> Pushed | None:
        """The kept copy of what was accepted, while its time lasts."""
        archive = self.archive
        if archive is None or not accepted.revision or digest(archive.pushed_copy) != accepted.digest:
            return None
        found = read_pushed(archive.pushed_copy, Problems())
        return found if found and found.header.expires_ns > self._clock.wall_ns() else None

    def _watched(self, read: dict[str, str], settings: Settings, archive: Archive) -> dict[str, str]:
        """Everything that a look at the configuration depends on, with what is there now."""
        watched = {name: digest(Path(name)) if _large(Path(name)) else found for name, found in read.items()}
        beside = (self._path.parent if self._path else Path()) / "profiles"
        others = [beside, archive.rollback_file, *_further(settings).values(), *_keys(settings)]
        return {**watched, **{str(path): digest(path) for path in others}}


def _unreasoned(pushed: Pushed, settings: Settings) -> Refusal | None:
    """A push without what the policy of the host asks for."""
    required = settings.audit_log.require if settings.audit_log else ()
    missing = [name for name in required if not getattr(pushed.header, name)]
    if not missing:
        return None
    words = f"what is pushed is refused: {pushed.file}: it needs {' and '.join(missing)} (auditLog.require)"
    return Refusal(words, pushed.digest, pushed.header.controller)


def _digest_of(read: Mapping[str, str]) -> str:
    text = "".join(f"{Path(name).absolute()}\0{found}\n" for name, found in sorted(read.items()))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _contents(settings: Settings) -> dict[str, str]:
    return {setting: digest(path) for setting, path in _further(settings).items()}


def _further(settings: Settings) -> dict[str, Path]:
    """Files beside the configuration whose content is in effect, by the setting that names them."""
    found = {f"packs.directories[{index}]": Path(one) for index, one in enumerate(settings.packs.directories)}
    if settings.incidents is not None:
        found["incidents.file"] = Path(settings.incidents.file)
    if settings.model.file:
        found["model.file"] = Path(settings.model.file)
    return found


def _keys(settings: Settings) -> list[Path]:
    """Files with keys: a change is seen, and their content is nobody's business."""
    stated = settings.encryption
    return [Path(path) for path in (stated.key_file, *stated.old_key_files) if path]


def _large(path: Path) -> bool:
    """Such a file is refused by its first part, which is all that was read of it."""
    try:
        return path.is_file() and path.stat().st_size > SIZE
    except OSError:
        return False


def probable_state_dir(path: Path | None, environ: Mapping[str, str]) -> Path:
    """Where the state directory of a file that cannot be used probably is.

    What is found there is only used when it says that it belongs to that file.
    """
    usual = environ.get("STATE_DIRECTORY", "").partition(":")[0] or AgentSettings().state_dir
    if path is None:
        return Path(usual)
    try:
        text = path.read_bytes()[:SIZE].decode("utf-8", "replace")
        said = _STATE_DIR.search(text)
        return Path(expand(said[1].strip(), environ)) if said else Path(usual)
    except (OSError, MalformedError):
        return Path(usual)

"""What the rest of NRDOT gets: checked settings, the profiles they name, and where each value came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from nrdot.config.document.resolved import resolved
from nrdot.config.schema.governance import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.config.document.tree import Table
    from nrdot.config.problem import Mark, Path, Problem
    from nrdot.config.schema.profiles import Profile
    from nrdot.config.schema.settings import Settings


@dataclass(frozen=True)
class Configuration:
    """One configuration that passed every check.

    `profiles` holds each profile that the file names or contains, complete: its own values over those of the
    profiles that it extends, and the file's top-level values over both.
    """

    file: str  # empty where there is none
    settings: Settings
    profiles: Mapping[str, Profile]
    warnings: tuple[Problem, ...]
    origins: Mapping[Path, Mark]  # of settings, by path
    profile_origins: Mapping[str, Mapping[Path, Mark]]  # of each profile's values, by path within the profile
    named: frozenset[str] = frozenset()  # profiles that something refers to; the others have no effect
    tree: Table | None = None  # the document as it was written, what was pushed included
    local: Table | None = None  # the same without what was pushed
    profile_trees: Mapping[str, Table] = field(default_factory=dict)  # what was read for it, parents too
    read: Mapping[str, str] = field(default_factory=dict)  # each file's SHA-256, empty where it is missing
    written: Mapping[str, str] = field(default_factory=dict)  # what the environment gave: as the file has it

    @property
    def profile(self) -> Profile:
        """The host's profile."""
        return self.profiles[self.settings.profile]

    @cached_property
    def revision(self) -> str:
        """Changes when, and only when, something in effect changes."""
        # Words about a change are not the change, and a profile that nobody names holds for nothing.
        settings = msgspec.structs.replace(self.settings, change=Change(), revision=0, profiles={})
        profiles = {name: self.profiles[name] for name in self.named or self.profiles}
        content = msgspec.json.encode([settings, profiles], order="deterministic")
        return hashlib.sha256(content).hexdigest()[:12]

    @cached_property
    def document(self) -> str:
        """What was written, with every profile that it needs: it loads where there is no other file."""
        return "" if self.tree is None else resolved(self.tree, self.profile_trees)

    @property
    def local_document(self) -> str:
        """The same without what was pushed."""
        return "" if self.local is None else resolved(self.local, self.profile_trees)

    @property
    def needs_encryption(self) -> bool:
        """Whether a class demands that the buffer is encrypted."""
        classes = self.settings.process_classification.values()
        return any(rule.special_handling.encrypted_storage for rule in classes)

    def origin(self, path: Path, profile: str | None = None) -> Mark | None:
        """Where a value of the settings, or of one profile, was written; None for a default."""
        known = self.origins if profile is None else self.profile_origins.get(profile, {})
        return known.get(path)

"""What the rest of NRDOT gets: checked settings, the profiles they name, and where each value came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from nrdot.config.schema_governance import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.config.problem import Mark, Path, Problem
    from nrdot.config.schema import Settings
    from nrdot.config.schema_profile import Profile


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

    @property
    def profile(self) -> Profile:
        """The host's profile."""
        return self.profiles[self.settings.profile]

    @cached_property
    def revision(self) -> str:
        """Changes when, and only when, something in effect changes."""
        settings = msgspec.structs.replace(self.settings, change=Change())  # words about it are not it
        content = msgspec.json.encode([settings, self.profiles], order="deterministic")
        return hashlib.sha256(content).hexdigest()[:12]

    @property
    def needs_encryption(self) -> bool:
        """Whether a class demands that the buffer is encrypted."""
        classes = self.settings.process_classification.values()
        return any(rule.special_handling.encrypted_storage for rule in classes)

    def origin(self, path: Path, profile: str | None = None) -> Mark | None:
        """Where a value of the settings, or of one profile, was written; None for a default."""
        known = self.origins if profile is None else self.profile_origins.get(profile, {})
        return known.get(path)

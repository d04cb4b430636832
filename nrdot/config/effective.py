"""A configuration in effect, as one flat table: a dotted path and a plain value for each setting.

This is what the audit trail compares and writes down. Secrets are not in it: a header's value, credentials in
a URL and whatever the environment filled in are shown as `***` or as the reference that stands in the file,
followed by a fingerprint, so that a change of the value is seen and the value is not.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Any

import msgspec

from nrdot.config.problem import spell
from nrdot.config.schema import Settings
from nrdot.config.schema_profile import Profile
from nrdot.config.shapes import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nrdot.config.configuration import Configuration
    from nrdot.config.problem import Path
    from nrdot.config.shapes import Shape

    Setting = tuple[Path, Any]

Values = dict[str, Any]

HIDDEN = "***"
NOT_IN_EFFECT = frozenset({"change", "revision", "profiles"})  # words about a change; profiles come by name
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+(?=@)")


def effective(configuration: Configuration, contents: Mapping[str, str], salt: bytes) -> Values:
    """Every setting in effect that has a value.

    `contents` are digests of further files, by the setting that names them; `salt` keeps fingerprints from
    being guessed.
    """
    view = _View(configuration.written, salt)
    settings, profiles = configuration.settings, configuration.profiles
    hidden = frozenset({"extends", "description"})
    # The host's profile stands at the top, where a file would override it: so two profiles can be compared.
    values = dict(view.struct(profiles[settings.profile], Profile, (), hidden))
    values.update(view.struct(settings, Settings, (), NOT_IN_EFFECT))
    for name in sorted(configuration.named - {settings.profile}):
        values.update(view.struct(profiles[name], Profile, ("profiles", name), hidden))
    return {**values, **{f"contents of {path}": digest for path, digest in contents.items()}}


def differences(before: Values, after: Values) -> tuple[Values, Values]:
    """Previous and new value of each setting that is not the same; null where there was or is none."""
    changed = sorted(
        path for path in before.keys() | after.keys() if before.get(path, None) != after.get(path, None)
    )
    return {path: before.get(path) for path in changed}, {path: after.get(path) for path in changed}


class _View:
    """One walk over one configuration."""

    def __init__(self, written: Mapping[str, str], salt: bytes) -> None:
        self._written = written
        self._salt = salt

    def struct(
        self, value: msgspec.Struct, struct: type[msgspec.Struct], path: Path, without: frozenset[str]
    ) -> Iterator[tuple[str, Any]]:
        for key, (attribute, shape, _) in fields_of(struct).items():
            if key not in without:
                yield from self._value(getattr(value, attribute), shape, (*path, key))

    def _value(self, value: Any, shape: Shape, path: Path) -> Iterator[tuple[str, Any]]:
        if value is None or (isinstance(value, tuple | dict) and not value):
            return
        if isinstance(value, msgspec.Struct):
            yield from self.struct(value, type(value), path, frozenset())
        elif isinstance(value, dict):
            for name, one in value.items():
                yield from self._value(one, shape.inner[1], (*path, name))
        elif isinstance(value, tuple) and any(isinstance(one, msgspec.Struct | dict) for one in value):
            for index, one in enumerate(value):
                yield from self._value(one, shape.inner[0], (*path, index))
        elif isinstance(value, tuple):
            yield spell(path), [self._plain(one, shape.inner[0]) for one in value]
        else:
            yield spell(path), self._plain(value, shape)

    def _plain(self, value: Any, shape: Shape) -> Any:
        if not isinstance(value, str):
            return value
        written = self._written.get(value)
        if shape.secret or written is not None:
            shown = written if written is not None else HIDDEN
            return f"{shown} ({self._fingerprint(value)})"
        return _CREDENTIALS.sub(lambda found: f"{HIDDEN} ({self._fingerprint(found[0])})", value)

    def _fingerprint(self, value: str) -> str:
        return hmac.new(self._salt, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:8]

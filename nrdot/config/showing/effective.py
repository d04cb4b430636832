"""A configuration in effect, as one flat table: a dotted path and a plain value for each setting.

This is what the audit trail compares and writes down. Secrets are not in it: a header's value, credentials in
a URL and whatever the environment filled in are shown as `***` or as the reference that stands in the file,
followed by a fingerprint, so that a change of the value is seen and the value is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nrdot.config.problem import spell
from nrdot.config.showing.flat import APART, WORDS, fingerprint, leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import msgspec

    from nrdot.config.problem import Path
    from nrdot.config.schema.shapes import Shape
    from nrdot.config.settled.configuration import Configuration

Values = dict[str, Any]

HIDDEN = "***"
CONTENTS = "contents of "  # and the setting that names the file
NOT_IN_EFFECT = APART | {"revision"}  # which is of the document, and may grow without a change
IN_USE = "in use"
_WHOLE = re.compile(r"(profiles\..+)\.threshold\Z")  # every profile has one
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+(?=@)")


def effective(configuration: Configuration, contents: Mapping[str, str], salt: bytes) -> Values:
    """Every setting in effect that has a value.

    `contents` are digests of further files, by the setting that names them; `salt` keeps fingerprints from
    being guessed.
    """
    view = _View(configuration.written, salt)
    settings, profiles = configuration.settings, configuration.profiles
    # The host's profile stands at the top, where a file would override it: so two profiles can be compared.
    values = dict(view.of(profiles[settings.profile], without=WORDS))
    values.update(view.of(settings, without=NOT_IN_EFFECT))
    for name in sorted(configuration.named - {settings.profile}):
        values.update(view.of(profiles[name], ("profiles", name), WORDS))
    return {**values, **{f"{CONTENTS}{path}": digest for path, digest in contents.items()}}


def differences(before: Values, after: Values) -> tuple[Values, Values]:
    """Previous and new value of each setting that is not the same; null where there was or is none."""
    changed = sorted(
        path for path in before.keys() | after.keys() if before.get(path, None) != after.get(path, None)
    )
    return {path: before.get(path) for path in changed}, {path: after.get(path) for path in changed}


def gathered(before: Values, after: Values) -> Iterator[tuple[str, Any, Any]]:
    """Previous and new values for people: the host's profile first, one that comes or goes as a whole."""
    names = {found[1]: path for path in before | after if (found := _WHOLE.match(path))}
    whole = {
        name: (None, IN_USE) if before.get(path) is None else (IN_USE, None)
        for name, path in names.items()
        if None in {before.get(path), after.get(path)}
    }
    for path in sorted(before | after, key=lambda path: (path != "profile", path)):
        if not any(path.startswith(f"{name}.") for name in whole):
            yield path, before.get(path), after.get(path)
    for name, (was, now) in sorted(whole.items()):
        yield name, was, now


@dataclass(frozen=True, slots=True)
class _View:
    """How the values of one configuration are shown."""

    written: Mapping[str, str]
    salt: bytes

    def of(
        self, struct: msgspec.Struct, path: Path = (), without: frozenset[str] = frozenset()
    ) -> Iterator[tuple[str, Any]]:
        for steps, value, shape in leaves(struct, path, without=without):
            if value is None or (isinstance(value, tuple | dict) and not value):
                continue
            if isinstance(value, tuple):
                yield spell(steps), [self._plain(one, shape.inner[0]) for one in value]
            else:
                yield spell(steps), self._plain(value, shape)

    def _plain(self, value: Any, shape: Shape) -> Any:
        if not isinstance(value, str):
            return value
        written = self.written.get(value)
        if shape.secret or written is not None:
            shown = written if written is not None else HIDDEN
            return f"{shown} ({fingerprint(value, self.salt)})"
        return _CREDENTIALS.sub(lambda found: f"{HIDDEN} ({fingerprint(found[0], self.salt)})", value)

"""`${env:NAME}` in values, as the OpenTelemetry Collector fills it in.

`${env:NAME:-default}` gives a default, `$${` stands for `${` itself. A lone `$` is left alone, so patterns
need no escaping.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nrdot.config.problem import MalformedError, cut

if TYPE_CHECKING:
    from collections.abc import Mapping

REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def expand(text: str, environ: Mapping[str, str]) -> str:
    if "${" not in text:
        return text
    return REFERENCE.sub(lambda found: _value(found, environ), text)


def _value(found: re.Match[str], environ: Mapping[str, str]) -> str:
    if found[0] == "$${":
        return "${"
    inside, closed = found[1], found[2]
    if not closed:
        raise MalformedError(
            "`${` without `}`", "write ${env:NAME}, or $${ for the two characters themselves"
        )
    source, colon, reference = inside.partition(":")
    if source != "env" or not colon:
        name = inside if NAME.match(inside) else "NAME"
        raise MalformedError(
            f"${{{cut(inside)}}} is not read here",
            f"write ${{env:{name}}}, or $${{ for the two characters themselves",
        )
    name, separator, default = reference.partition(":-")
    if not NAME.match(name):
        raise MalformedError(f"`{cut(name)}` is not the name of an environment variable", "write ${env:NAME}")
    value = environ.get(name)
    if value is None and not separator:
        raise MalformedError(
            f"the environment variable {name} is not set",
            f"set it, or give a default: ${{env:{name}:-value}}",
        )
    return default if value is None or (separator and not value) else value

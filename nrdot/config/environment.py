"""`${env:NAME}` in values, as the OpenTelemetry Collector fills it in.

`${env:NAME:-default}` gives a default, `$${` stands for `${` itself. A lone `$` is left alone, so patterns
need no escaping.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nrdot.config.problem import MalformedError, shown

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
            f"${{{shown(inside)}}} is not read here",
            f"write ${{env:{name}}}, or $${{ for the two characters themselves",
        )
    name, separator, default = reference.partition(":-")
    if not NAME.match(name):
        raise MalformedError(f"`{shown(name)}` is no name of an environment variable", "write ${env:NAME}")
    value = environ.get(name)
    if value is None and not separator:
        raise MalformedError(
            f"the variable {name} is not set",
            f"set it, or write ${{env:{name}:-default}}",
        )
    if value is None or (separator and not value):
        return default
    if not value.isascii() and value.encode("utf-8", "replace").decode() != value:
        raise MalformedError(f"the variable {name} is not UTF-8", "set it again")
    return value

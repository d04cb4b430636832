"""What YAML 1.1 would make of unquoted text, and where that is a trap.

`22:30` is the integer 1350 to a YAML 1.1 reader and text to a YAML 1.2 reader, `010` is 8 or 10, `no` is
false or text. What two readers would read differently is refused with a hint, never guessed.
"""

from __future__ import annotations

from enum import Enum

import yaml

from nrdot.config.problem import MalformedError, shown

DIGITS = 30  # of a whole number; more is a mistake, and costly to convert
SEXAGESIMAL_HINT = "a time of day is text: quote it"


class Kind(Enum):
    NOTHING = "nothing"
    BOOLEAN = "true or false"
    INTEGER = "a whole number"
    NUMBER = "a number"
    DATE = "a date"
    TEXT = "text"


_KINDS = {
    "tag:yaml.org,2002:null": Kind.NOTHING,
    "tag:yaml.org,2002:bool": Kind.BOOLEAN,
    "tag:yaml.org,2002:int": Kind.INTEGER,
    "tag:yaml.org,2002:float": Kind.NUMBER,
    "tag:yaml.org,2002:timestamp": Kind.DATE,
}
_BOOLEANS = {"true": True, "false": False}


def kind(text: str) -> Kind:
    """What unquoted text is to a YAML 1.1 reader."""
    if not text:
        return Kind.NOTHING
    # The library's own table of patterns, looked up by the first letter as the library does.
    for tag, pattern in yaml.SafeLoader.yaml_implicit_resolvers.get(text[0], ()):
        if pattern.match(text):
            return _KINDS.get(tag, Kind.TEXT)
    return Kind.TEXT


def as_text(text: str) -> str:
    """Unquoted text where text is wanted."""
    found = kind(text)
    if found in {Kind.TEXT, Kind.DATE}:
        return text
    if ":" in text:
        raise MalformedError(
            f"{shown(text)} without quotes is a number to YAML", f'{SEXAGESIMAL_HINT}, "{shown(text)}"'
        )
    if found is Kind.NOTHING:
        raise MalformedError("text is wanted, and here is nothing", 'write "" for empty text')
    raise MalformedError(
        f"text is wanted, and {shown(text)} is {found.value} to YAML", f'quote it: "{shown(text)}"'
    )


def as_boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is not None:
        return value
    if kind(text) is Kind.BOOLEAN:
        meant = "true" if text.lower() in {"yes", "on", "y"} else "false"
        raise MalformedError(
            f"{shown(text)} is true or false to some readers and text to others", f"write {meant}"
        )
    raise MalformedError(f"true or false is wanted, not '{shown(text)}'")


def as_integer(text: str) -> int:
    found = kind(text)
    if found is not Kind.INTEGER or len(text) > DIGITS:
        raise MalformedError(f"a whole number is wanted, not '{shown(text)}'")
    return int(_plain_digits(text).replace("_", ""), 0)


def as_number(text: str) -> float:
    found = kind(text)
    if found is Kind.INTEGER:
        return float(as_integer(text))
    try:
        value = float(text) if ":" not in text else None
    except ValueError:
        value = None
    if found is Kind.NUMBER and value is None and ":" in text:
        _plain_digits(text)
    if value is None and text.lower() in {".nan", ".inf", "+.inf", "-.inf"}:
        value = float(text.replace(".", ""))
    if value is None:
        raise MalformedError(f"a number is wanted, not '{shown(text)}'")
    return value


def key_trap(text: str) -> MalformedError | None:
    """Why unquoted text cannot be a key, or None."""
    try:
        as_text(text)
    except MalformedError as error:
        return error
    return None


def _plain_digits(text: str) -> str:
    digits = text.lstrip("+-")
    if ":" in digits:
        raise MalformedError(
            f"{shown(text)} without quotes is a number in base 60 to YAML",
            f'{SEXAGESIMAL_HINT}, "{shown(text)}"',
        )
    if len(digits) > 1 and digits[0] == "0" and digits[1] not in "xXbB":
        plain = digits.lstrip("0_") or "0"
        raise MalformedError(
            f"{shown(text)} is octal to some readers and decimal to others",
            f"write {shown(plain)}, or quote it as text",
        )
    return text

"""The words that a rule may mean when it speaks of a process, and the text that patterns run over.

A process goes by several names: the kernel's (cut at 15 bytes), the basename of what it was started as
(argv[0]), the basename of the file it executes, and what it runs where it is a language runtime. A rule that
names any of them means the process. Patterns see one line for each, then the command line, so `^` and `$`
hold for each name and a single pass finds all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import re2

from nrdot.score.subject import base, started_as, subject

if TYPE_CHECKING:
    from nrdot.batch import Identity

TEXT_LIMIT: Final = 8192  # bytes of the text that patterns run over; the names stand first and are never cut


@dataclass(frozen=True, slots=True)
class Names:
    name: str
    command: str  # from argv[0]
    executable: str  # from the path of the file
    subject: str  # what a runtime runs

    def distinct(self) -> tuple[str, ...]:
        words = (self.name, self.command, self.executable, self.subject)
        return tuple(dict.fromkeys(word for word in words if word))


# Small, because it keeps command lines alive; the scorer goes through rows in portions that fit.
@lru_cache(maxsize=512)
def names_of(identity: Identity) -> Names:
    return Names(
        name=identity.name,
        command=started_as(identity.command),
        executable=base(identity.executable.removesuffix(" (deleted)")),
        subject=subject(identity),
    )


def names_text(identity: Identity) -> bytes:
    """One line for each distinct name."""
    return _lines(names_of(identity).distinct())


def full_text(identity: Identity) -> bytes:
    """One line for each distinct name, then the command line."""
    names = names_of(identity).distinct()
    if identity.command_line and identity.command_line not in names:
        return _lines((*names, identity.command_line))
    return _lines(names)


def unit_stem(unit: str) -> str:
    """The service that a systemd unit names: postgresql for postgresql@15-main.service."""
    name, _, kind = unit.rpartition(".")
    return name.partition("@")[0] if kind in ("service", "scope") else ""


def glob_pattern(glob: str) -> str:
    """A shell pattern as a regular expression that must cover a whole line."""
    parts, at = [], 0
    while at < len(glob):
        letter = glob[at]
        end = glob.find("]", at + 2) if letter == "[" else -1
        if letter in "*?":
            parts.append(".*" if letter == "*" else ".")
        elif end > 0:
            inside = glob[at + 1 : end].replace("\\", "\\\\")
            parts.append(f"[^{inside[1:]}]" if inside[0] == "!" else f"[{inside}]")
            at = end
        else:
            parts.append(re2.escape(letter))
        at += 1
    return f"^(?:{''.join(parts)})$"


def is_glob(text: str) -> bool:
    return any(letter in text for letter in "*?[")


def _lines(words: tuple[str, ...]) -> bytes:
    text = "\n".join(word.replace("\n", " ") for word in words)
    return text.encode("utf-8", "replace")[:TEXT_LIMIT]

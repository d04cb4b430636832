"""Takes secrets out of command lines.

The rules, in order; docs/operations.md lists them for users:

1. what follows `Bearer`, `Basic` or `Digest`, what `Authorization` and `Cookie` headers hold
2. the value of an option or assignment whose name says secret: password, passwd, pwd, pass, secret, token,
   key, apikey, credential, auth, authorization, cookie, dsn, connection string; `--name=value`,
   `--name value`, `name=value`, `"name": "value"`
3. the password in `scheme://user:password@host`, the user in `https://TOKEN@host`
4. the short password options of mysql (`-pSECRET`), redis-cli (`-a SECRET`), curl (`-u user:SECRET`), of
   mongosh, sshpass and `docker login` (`-p SECRET`) and ldap tools (`-w SECRET`)
5. words that look like a credential by their form: cloud access keys, GitHub and Slack tokens, keys of paid
   services, JWTs, PEM keys

What is taken out is replaced by asterisks of fixed number, so that not even a length is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import re2

STARS = "****"

_NAME = (
    r"[\w.\-]*(?:passw(?:or)?d|passphrase|pwd|pass|secret|token|api[_-]?key|access[_-]?key|account[_-]?key"
    r"|private[_-]?key|encryption[_-]?key|auth[_-]?key|signing[_-]?key|[_-]key|credentials?|authorization"
    r"|cookie|dsn|connection[_-]?string|conn[_-]?str)[\w\-]*"
)
_AUTH = r"(?:[\w.\-]*[._-])?auth"  # but neither author nor authority
_VALUE = r"(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s&;,]+)"
# A container may be called mongo, with ports after its -p: the old shell is only what a line begins with.
_MONGO = r"^(?:\S*/)?mongo|\bmongo(?:sh|dump|restore|export|import|stat|top|files)"

_RULES = tuple(
    (re2.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?i)\b((?:bearer|basic|digest)\s+)[A-Za-z0-9+/=._~\-]{6,}", rf"\1{STARS}"),
        (
            r"(?i)(\bauthorization[\"']?\s*[=:][\s\"']*)(?:[a-z][\w\-]*\\?\s+-?[^\s\"'\-]|[^\s\"'])[^\s\"']*",
            rf"\1{STARS}",
        ),
        (r"(?i)(\bcookie[\"']?\s*[=:][\s\"']*)[^\s;\"']+(?:;\s*[^\s;=\"']+=[^\s;\"']*)*", rf"\1{STARS}"),
        (rf"(?i)(\b(?:{_NAME}|{_AUTH})[\"']?\s*[=:]\s*){_VALUE}", rf"\1{STARS}"),
        (rf"(?i)(--?(?:{_NAME}|{_AUTH})\s+)[^\s\-]\S*", rf"\1{STARS}"),
        (r"([A-Za-z][A-Za-z0-9+.\-]*://[^\s:/@]*:)\S+@", rf"\1{STARS}@"),
        (r"(?i)(https?://)[^\s:/@]+@", rf"\1{STARS}@"),
        (
            r"(?i)\b((?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|mariadb-admin)\b.*?\s-p)[^\s]+",
            rf"\1{STARS}",
        ),
        (r"(?i)\b((?:redis-cli|valkey-cli)\b.*?\s-a\s+)\S+", rf"\1{STARS}"),
        (r"(?i)\b(curl\b.*?\s(?:-[a-z]*u[\s=]*|--user[\s=]+)[^\s:]+:)\S+", rf"\1{STARS}"),
        (r"(?i)\b(sshpass\s+-p\s*)\S+", rf"\1{STARS}"),
        (rf"(?i)((?:{_MONGO}|\b(?:docker|podman|nerdctl)\s+login)\b.*?\s-p\s+)\S+", rf"\1{STARS}"),
        (r"(?i)\b(ldap(?:search|modify|add|delete|passwd|whoami)\b.*?\s-w\s+)\S+", rf"\1{STARS}"),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", STARS),
        (
            r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|xox[abprs]-[\w-]{10,}|glpat-[\w-]{16,}|NRAK-[A-Z0-9]{16,})",
            STARS,
        ),
        (
            (
                r"\b(?:sk-(?:(?:proj|svcacct|admin|ant|or)-[\w-]{16,}|[A-Za-z0-9]{20,})|[rs]k_(?:live|test)_\w{10,}"
                r"|AIza[\w-]{30,}|hvs\.[\w-]{20,}|npm_[A-Za-z0-9]{30,})"
            ),
            STARS,
        ),
        (r"\beyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*", STARS),
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*", STARS),
    )
)


def redact(command_line: str) -> str:
    """A command line without what the rules above take for a secret."""
    for pattern, replacement in _RULES:
        command_line = pattern.sub(replacement, command_line)
    return command_line


@dataclass(frozen=True, slots=True)
class CommandLines:
    """How command lines leave the host: redacted, by further patterns as well, and cut."""

    patterns: tuple[str, ...] = ()
    longest: int = 4096  # characters

    def __call__(self, command_line: str) -> str:
        clean = redact(command_line)
        for pattern in self.patterns:
            clean = _compiled(pattern).sub(STARS, clean)
        return clean[: self.longest]


@cache
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)

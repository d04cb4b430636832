"""What a text is called: the hash of its content, so that the same content has the same name everywhere."""

from __future__ import annotations

import hashlib

_LENGTH = 16  # characters


def revision_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]

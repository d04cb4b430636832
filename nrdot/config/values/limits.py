"""Limits of goals as people write them: `< $10k/month`, `> 95%`, `100% critical coverage`."""

import re

LONGEST = 200  # characters
# What a profile is measured by, and whether that is money; else it is a share.
DIMENSIONS = {"cost": True, "coverage": False, "performance": False, "compliance": False}
EXAMPLES = {True: "`< $10k/month`", False: "`> 95%`"}

_LIMIT = re.compile(
    r"(?P<sign><=|>=|<|>|=|)\s*(?P<money>[$€£]|[A-Z]{3}|)\s*(?P<number>\d+(?:\.\d+)?)"
    r"\s*(?P<many>[kKmM]?(?![A-Za-z]))\s*(?P<percent>%?)\s*(?P<code>[A-Z]{3}\b|)\s*(?P<words>[A-Za-z/ ]*)\Z"
)


def written(text: str, *, money: bool) -> re.Match[str] | None:
    """The parts of a limit on money or on a share; None where the text is none."""
    found = _LIMIT.match(text.strip()) if len(text) <= LONGEST else None
    if found is None or bool(found["percent"]) == money:
        return None
    return found if not money or found["money"] or found["code"] else None

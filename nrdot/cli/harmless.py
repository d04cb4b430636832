"""Names that others chose, on a terminal: without what a terminal takes for a command.

A process may be called anything, an escape sequence too: it would set colours, titles or the clipboard of
whoever runs `nrdot scan`. Control characters have no width, so nothing moves where they are left out; the
same holds for the marks that turn the direction of a line around.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.console import Console
from rich.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import ConsoleOptions, RenderableType

_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """The same words; line ends and tabs stay."""
    return _COMMANDS.sub("", text)


class HarmlessConsole(Console):
    """What is drawn is harmless; what rich itself tells the terminal passes."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control is None and _COMMANDS.search(segment.text):
                yield Segment(harmless(segment.text), segment.style)
            else:
                yield segment

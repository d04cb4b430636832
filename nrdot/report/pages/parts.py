"""What pages are made of: sections, framed pictures with their legends, tables that scroll by themselves."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Document = dict[str, Any]
Body = tuple[str, str, str]  # heading, the line under it, the rest as HTML


def section(title: str, *parts: str, note: str = "") -> str:
    words = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{words}{''.join(parts)}</section>"


def figure(drawn: str, caption: str, legend: Iterable[tuple[str, str]], kind: str = "") -> str:
    keys = "".join(
        f'<li><span class="swatch {swatch}"></span>{escape(words)}</li>' for swatch, words in legend
    )
    listed = f'<ul class="legend">{keys}</ul>' if keys else ""
    classes = f' class="{kind}"' if kind else ""
    return (
        f'<figure{classes}>{listed}<div class="scroll">{drawn}</div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def table(head: str, rows: str) -> str:
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'

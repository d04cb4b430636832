"""The report as one page: no network, no script, light, dark and paper. All text from hosts is escaped."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from nrdot import __version__
from nrdot.report.pages import kinds, savings

if TYPE_CHECKING:
    from collections.abc import Callable

    from nrdot.report.pages.parts import Body, Document

_BODIES: dict[str, Callable[[Document], Body]] = {
    "savings": savings.body,
    "criticality": kinds.criticality,
    "compliance": kinds.compliance,
    "rollout": kinds.rollout,
}


def page(found: Document, kind: str) -> str:
    heading, under, body = _BODIES[kind](found)
    return Template(_text("page.html")).substitute(
        title=escape(heading),
        css=_text("page.css").strip(),
        heading=escape(heading),
        under=escape(under),
        body=body,
        version=escape(__version__),
    )


def _text(name: str) -> str:
    return files("nrdot.report.pages").joinpath(name).read_text(encoding="utf-8")

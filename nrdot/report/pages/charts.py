"""Charts by pygal, cleaned for a page: no script, no style of their own, nothing that asks a network.

Colours come from the page, through classes, so one picture does for light, dark and paper. What pygal says of
each mark for its script becomes a `<title>`, which browsers show and screen readers read.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pygal
from pygal.style import Style

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# pygal leaves a finder of the old kind in the way of all later imports, for maps that nobody draws here.
sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]

WIDTH, HALF, HEIGHT = 880, 430, 270
LONGEST = 22  # characters of a label beside its bar
ROW = 26  # pixels of a bar in a chart that grows with its rows
_METRICS = Style(label_font_size=13, major_label_font_size=13)  # by which pygal leaves room for text
_DROPPED = {"defs", "script", "style"}

Series = "Sequence[tuple[str, Sequence[float | None]]]"


def over_time(labels: Sequence[str], series: Any, write: Callable[[float], str], words: str) -> str:
    """Lines by day; a day that nobody saw is a hole in the line."""
    chart = pygal.Line(
        **_common(write),
        height=HEIGHT,
        dots_size=2.2,
        fill=True,
        include_x_axis=True,
        x_labels_major_count=8,
        show_minor_x_labels=False,
    )
    return _filled(chart, labels, series, words)


def stacked(labels: Sequence[str], series: Any, write: Callable[[float], str], words: str) -> str:
    """Bars by day, one piece a step."""
    chart = pygal.StackedBar(
        **_common(write), height=HEIGHT, spacing=1, x_labels_major_count=8, show_minor_x_labels=False
    )
    return _filled(chart, labels, series, words)


def bars(labels: Sequence[str], series: Any, write: Callable[[float], str], words: str) -> str:
    """A bar a row, the first row on top; two such charts stand side by side."""
    height = 50 + ROW * max(1, len(labels))
    common = _common(write) | {"width": HALF, "max_scale": 4}
    chart = pygal.HorizontalStackedBar(**common, height=height, spacing=5)
    turned = [(name, list(values)[::-1]) for name, values in series]
    return _filled(chart, [_cut(label) for label in labels][::-1], turned, words)


def _cut(label: str) -> str:
    """The library cuts labels below a chart alone; a long one at its side leaves no room for bars."""
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def _common(write: Callable[[float], str]) -> dict[str, Any]:
    return {
        "width": WIDTH,
        "js": (),
        "no_prefix": True,
        "disable_xml_declaration": True,
        "show_legend": False,
        "margin": 8,
        "margin_right": 24,
        "value_formatter": write,
        "max_scale": 6,
        "truncate_label": -1,
        "style": _METRICS,
        "no_data_text": "nothing to show",
    }


def _filled(chart: Any, labels: Sequence[str], series: Any, words: str) -> str:
    chart.x_labels = list(labels)
    for name, values in series:
        chart.add(name, list(values))
    return _drawn(chart, words)


def _drawn(chart: Any, words: str) -> str:
    root = chart.render_tree()
    names = [str(name) for name in getattr(chart, "_legends", [])]
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag in _DROPPED or _is_furniture(child):
                parent.remove(child)
    for element in root.iter():
        element.attrib.pop("id", None)
        element.attrib.pop("style", None)
        _titled(element, names)
    _explain(root, words)
    root.set("role", "img")
    root.set("aria-label", words)
    return ET.tostring(root, encoding="unicode")


def _is_furniture(element: Any) -> bool:
    """What only the script would have used."""
    kind = element.get("class") or ""
    return "tooltip-overlay" in kind or kind == "legends"


def _titled(element: Any, names: list[str]) -> None:
    """`<desc>` of label and value as one `<title>`; its other descriptions are places for the script."""
    told = {desc.get("class"): (desc.text or "") for desc in element.findall("desc")}
    for desc in element.findall("desc"):
        element.remove(desc)
    if "value" in told:
        where = told.get("label") or told.get("x_label") or ""
        title = ET.Element("title")
        title.text = f"{where}: {told['value']}" if where else told["value"]
        element.insert(0, title)
    kind = element.get("class") or ""
    if kind.startswith("series serie-") and len(element):
        number = int(kind.split("serie-")[1].split()[0])
        if number < len(names):
            element.set("aria-label", names[number])


def _explain(root: Any, words: str) -> None:
    for title in root.findall("title"):
        root.remove(title)
    title = ET.Element("title")
    title.text = words
    root.insert(0, title)

"""The race's charts, as SVG files that stand alone: readable on light and on dark, nothing that asks a network."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import pygal
from pygal.style import Style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# pygal leaves a finder of the old kind in the way of all later imports.
sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]

OURS, THEIRS, GREY = "#1a73e8", "#e8710a", "#80868b"
PALETTE = ("#174ea6", "#1a73e8", "#669df6", "#12b5cb", "#e8710a", "#f9ab00", "#9334e6", "#188038", "#d93025")


def ranking(title: str, values: Mapping[str, float], write: Any, ours: set[str], *, log: bool = False) -> str:
    """A bar for each contestant, the smallest on top."""
    order = sorted(values, key=values.__getitem__, reverse=True)
    chart = pygal.HorizontalBar(
        **_common((OURS, THEIRS)),
        height=90 + 30 * len(order),
        print_values=True,
        print_values_position="top",
        logarithmic=log,
        value_formatter=write,
        x_title=title,
    )
    chart.x_labels = order
    for name, mine in (("NRDOT", True), ("peers", False)):
        chart.add(name, [values[one] if (one in ours) is mine else None for one in order])
    return _drawn(chart)


def sizes(title: str, labels: Sequence[str], values: Mapping[str, Sequence[float | None]], write: Any) -> str:
    """A group of bars for each tree, a bar for each contestant."""
    chart = pygal.Bar(
        **_common(PALETTE), height=440, logarithmic=True, value_formatter=write, y_title=title
    )
    chart.x_labels = list(labels)
    for name, column in values.items():
        chart.add(name, list(column))
    return _drawn(chart)


def scatter(across: str, up: str, marks: Mapping[str, tuple[float, float]]) -> str:
    chart = pygal.XY(
        **_common(PALETTE),
        height=460,
        stroke=False,
        dots_size=7,
        x_title=across,
        y_title=up,
        include_x_axis=True,
        range=(0, 105),
    )
    for name, where in marks.items():
        chart.add(name, [{"value": where, "label": name}])
    return _drawn(chart)


def _common(colours: Sequence[str]) -> dict[str, Any]:
    return {
        "width": 900,
        "js": (),
        "no_prefix": True,
        "disable_xml_declaration": True,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": 3,
        "truncate_label": -1,
        "truncate_legend": -1,
        "margin_right": 40,
        "style": Style(
            background="transparent",
            plot_background="transparent",
            foreground=GREY,
            foreground_strong=GREY,
            foreground_subtle="#80808055",
            guide_stroke_color="#80808033",
            major_guide_stroke_color="#80808055",
            colors=tuple(colours),
            value_colors=(GREY,) * len(colours),
            font_family="system-ui, sans-serif",
            label_font_size=13,
            major_label_font_size=13,
            legend_font_size=13,
            value_font_size=12,
            title_font_size=14,
        ),
    }


def _drawn(chart: Any) -> str:
    text: str = chart.render(is_unicode=True)
    return re.sub(r"<!--.*?-->|<script.*?</script>|<script[^>]*/>", "", text, flags=re.DOTALL) + "\n"

"""The race's charts, as SVG files that stand alone: readable on light and on dark, nothing that asks a
network."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING, Any

import pygal
from pygal.style import Style

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# pygal leaves a finder of the old kind in the way of all later imports.
sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]

OURS, THEIRS, GREY = "#1a73e8", "#e8710a", "#80868b"
PALETTE = ("#174ea6", "#1a73e8", "#669df6", "#12b5cb", "#e8710a", "#f9ab00", "#9334e6", "#188038", "#d93025")


def ranking(title: str, values: Mapping[str, float], write: Callable[[float], str], ours: set[str]) -> str:
    """A bar for each contestant, the smallest on top; NRDOT's own in blue."""
    order = sorted(values, key=values.__getitem__, reverse=True)
    chart = pygal.HorizontalBar(
        **_common((OURS,)),
        height=90 + 30 * len(order),
        show_legend=False,
        value_formatter=write,
        x_title=title,
        include_x_axis=True,
    )
    chart.x_labels = [f"{one}   {write(values[one])}" for one in order]
    chart.add(title, [{"value": values[one], "color": OURS if one in ours else THEIRS} for one in order])
    return _drawn(chart)


def sizes(
    title: str,
    labels: Sequence[str],
    values: Mapping[str, Sequence[float | None]],
    write: Callable[[float], str],
) -> str:
    """A group of bars for each tree, a bar for each contestant."""
    known = [value for column in values.values() for value in column if value]
    floor = min(known) / 2  # where bars of a logarithm begin
    chart = pygal.Bar(
        **_common(PALETTE),
        height=440,
        logarithmic=True,
        range=(floor, max(known) * 1.1),
        zero=floor,
        value_formatter=write,
        y_title=title,
    )
    chart.x_labels = list(labels)
    for name, column in values.items():
        chart.add(name, list(column))
    return _drawn(chart)


def scatter(across: str, up: str, marks: Mapping[str, tuple[float, float]]) -> str:
    """Across is logarithmic, because a roll-up sends a hundredth of what others send."""
    chart = pygal.XY(
        **_common(PALETTE),
        height=460,
        stroke=False,
        dots_size=7,
        x_title=across,
        y_title=up,
        range=(0, 105),
        x_value_formatter=lambda power: f"{10**power:,.0f}",
    )
    for name, where in marks.items():
        chart.add(name, [{"value": (math.log10(where[0]), where[1]), "label": name}])
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

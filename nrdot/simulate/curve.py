"""What coverage costs, as a page that needs no network: candidates, those that none beats, the advice."""

from __future__ import annotations

import re
import sys
from html import escape
from typing import TYPE_CHECKING, Any

from nrdot.errors import UsageError
from nrdot.extras import mend
from nrdot.simulate.goals import MEASURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>What coverage costs</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }}
svg {{ width: 100%; height: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #8884; }}
th:first-child, td:first-child {{ text-align: left; }}
tr.front td {{ font-weight: 600; }}
.note {{ opacity: .75; }}
.scroll {{ overflow-x: auto; }}
</style>
<h1>What coverage costs</h1>
<p>{advice}</p>
<ul>{reasons}</ul>
{chart}
<p class="note">Each mark is one candidate over {captures}. The line joins those that no other beats: nobody
covers as much CPU by name for less money. Costs are {formula}.</p>
<div class="scroll"><table>
<thead><tr><th>candidate</th><th>{currency} a month</th><th>CPU covered</th><th>points</th>
<th>series</th><th>critical</th><th>incidents seen</th></tr></thead><tbody>
{rows}
</tbody></table></div>
</html>
"""


def page(
    documents: Mapping[str, Mapping[str, Any]],
    front: Sequence[str],
    advice: Mapping[str, Any],
    formula: str,
    captures: str,
) -> str:
    """Raises UsageError where the library for charts is missing."""
    words = f"Recommended: <strong>{escape(advice['name'])}</strong>"
    if not advice["kept"]:
        words = f"No candidate keeps every limit; nearest: <strong>{escape(advice['name'])}</strong>"
    return _PAGE.format(
        advice=words,
        reasons="".join(f"<li>{escape(reason)}</li>" for reason in advice["reasons"]),
        chart=_chart(documents, front, advice["name"]),
        currency=_currency(documents),
        captures=escape(captures),
        formula=escape(formula),
        rows="\n".join(_row(name, documents[name], front) for name in _by_cost(documents)),
    )


def _row(name: str, document: Mapping[str, Any], front: Sequence[str]) -> str:
    critical, incidents = document["critical"], document["incidents"]
    cells = (
        f"{MEASURES['cost'].of(document):,.2f}",
        f"{MEASURES['coverage'].of(document):.1%}",
        f"{document['points']:,}",
        f"{document['series']:,}",
        f"{critical['exported']:,}/{critical['seen']:,}",
        f"{incidents['seen']:,}/{incidents['present']:,}" if incidents["present"] else "-",
    )
    style = ' class="front"' if name in front else ""
    return f"<tr{style}><td>{escape(name)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _currency(documents: Mapping[str, Mapping[str, Any]]) -> str:
    return escape(next(iter(documents.values()))["currency"])


def _by_cost(documents: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return sorted(documents, key=lambda name: MEASURES["cost"].of(documents[name]))


def _chart(documents: Mapping[str, Mapping[str, Any]], front: Sequence[str], advised: str) -> str:
    try:
        import pygal
        from pygal.style import Style
    except ImportError:
        raise UsageError(
            f"pygal is not installed, so there is no chart; leave --html out, or {mend('report')}"
        ) from None
    # pygal leaves a finder of the old kind in the way of all later imports.
    sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]
    chart = pygal.XY(
        width=900,
        height=460,
        js=(),
        no_prefix=True,
        disable_xml_declaration=True,
        legend_at_bottom=True,
        x_title=f"{_currency(documents)} a month",
        y_title="CPU that is covered by name, %",
        dots_size=5,
        print_values=False,
        style=Style(
            font_family="system-ui, sans-serif",
            label_font_size=13,
            major_label_font_size=13,
            legend_font_size=14,
            title_font_size=15,
            background="transparent",
            plot_background="transparent",
            foreground="#808080",
            foreground_strong="#808080",
            foreground_subtle="#80808055",
            guide_stroke_color="#80808033",
            major_guide_stroke_color="#80808055",
            colors=("#9aa0a6", "#1a73e8", "#e8710a"),
        ),
    )
    others = [name for name in _by_cost(documents) if name not in front and name != advised]
    chart.add("candidates", [_mark(name, documents) for name in others], stroke=False)
    chart.add("none beats these", [_mark(name, documents) for name in front])
    chart.add("recommended", [_mark(advised, documents)], stroke=False, dots_size=9)
    drawn: str = chart.render(is_unicode=True)
    return re.sub(r"<!--.*?-->|<script.*?</script>", "", drawn, flags=re.DOTALL)


def _mark(name: str, documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    document = documents[name]
    where = (MEASURES["cost"].of(document), 100 * MEASURES["coverage"].of(document))
    return {"value": where, "label": name}

"""Claims laid over time: which one decides at each moment, computed in one pass over their edges."""

from __future__ import annotations

import heapq
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nrdot.schedule.clock import Window
    from nrdot.schedule.holding import Claim, Claimed

Layer = list[tuple[int, int, "Claim | None"]]  # from, until, who decides; in order and without a hole


def strongest(claims: Iterable[Claimed], start: int, end: int) -> Layer:
    """Who decides when, without a hole: of the claims that hold at a moment the one of the smallest order."""
    arriving = sorted((one for one in claims if one[0] < end and one[1] > start), key=itemgetter(0))
    edges = {max(one[0], start) for one in arriving} | {min(one[1], end) for one in arriving}
    holding: list[tuple[tuple[int, int], int, int, Claim]] = []
    number, layer = 0, Layer()
    at = start
    for edge in sorted(edges | {end}):
        while holding and holding[0][2] <= at:
            heapq.heappop(holding)
        if edge > at:
            _append(layer, at, edge, holding[0][3] if holding else None)
        at = max(edge, at)
        while number < len(arriving) and arriving[number][0] <= at:
            _, until, order, claim = arriving[number]
            heapq.heappush(holding, (order, number, until, claim))
            number += 1
    return layer


def _append(layer: Layer, begin: int, until: int, claim: Claim | None) -> None:
    if layer and layer[-1][2] is claim:
        layer[-1] = layer[-1][0], until, claim
    else:
        layer.append((begin, until, claim))


def overlaid(layers: Sequence[Layer]) -> Iterator[tuple[int, int, tuple[Claim | None, ...]]]:
    """Layers without holes as one, which changes where any of them does."""
    nexts: dict[int, list[tuple[int, Claim | None]]] = {}
    for number, layer in enumerate(layers):
        for begin, _, claim in layer:
            nexts.setdefault(begin, []).append((number, claim))
    now: list[Claim | None] = [None] * len(layers)
    edges = sorted(nexts)
    ends = [*edges[1:], layers[0][-1][1]] if edges else []
    for begin, until in zip(edges, ends, strict=True):
        for number, claim in nexts[begin]:
            now[number] = claim
        yield begin, until, tuple(now)


def marked(windows: Iterable[Window], claim: Claim, start: int, end: int) -> Layer:
    """One claim during windows, as a layer."""
    return strongest(((begin, until, (0, 0), claim) for begin, until in windows), start, end)

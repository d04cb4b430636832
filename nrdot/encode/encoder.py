"""Frames to OTLP: bytes that were built once, with times and values written over them by numpy.

A series is one ResourceMetrics: a resource, which differs in length from process to process and is kept as
bytes, and a layout of fixed size. For all series of one layout the fixed parts are one array of records;
each field of it is filled by one column operation. The result is those records with their resources between
them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nrdot.batch import Counter, Gauge
from nrdot.encode.attributes import TAG, serialize
from nrdot.encode.catalogue import GROUP_SIZE, Form
from nrdot.encode.costs import Costs
from nrdot.encode.halves import Halves
from nrdot.encode.layout import Layout, Phase
from nrdot.encode.shape import MISSING, SHAPES, shapes, shapes_of
from nrdot.otlp import varint
from nrdot.stages import Priority, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from nrdot.batch import Batch, Ints, Rows, Table
    from nrdot.encode.attributes import Resources
    from nrdot.encode.catalogue import Metric
    from nrdot.stages import Frame, GroupFrame

RECORD_SERIES = 512  # series in one record: bounds memory, and what one lost record costs
ZERO_NS = 1_000_000  # how long after its start a series says zero


@dataclass(frozen=True, slots=True)
class _Series:
    """Series of one kind, as columns: rows of the table, or groups."""

    resources: Sequence[bytes]  # as far as they are their own
    words: Sequence[bytes]  # and as far as they may be shared
    places: NDArray[np.intp]  # of each series in both
    sizes: Ints  # of both together
    since_ns: Ints
    shapes: Ints
    critical: NDArray[np.bool_]
    column: Callable[[Counter | Gauge, NDArray[np.intp]], Any]
    counted: Callable[[], Ints]  # all counters at once, one row each
    rows: Rows | None = None  # of the table; groups have none
    groups: Sequence[GroupFrame] = ()

    def pieces(self) -> Iterator[tuple[bytes, bytes]]:
        return ((self.resources[place], self.words[place]) for place in self.places.tolist())


class OtlpEncoder:
    """Encodes frames; keeps the resources of living series as bytes."""

    def __init__(
        self,
        metrics: tuple[Metric, ...],
        resources: Resources,
        *,
        version: str,
        stable: bool = False,
        zero_points: bool = True,
        end_markers: bool = True,
    ) -> None:
        self._metrics = metrics
        self._group_metrics = (*metrics, GROUP_SIZE)
        self._bits: Ints = np.zeros(len(Counter), np.int64)  # by counter, of series that begin
        for source, bit in _bits(metrics).items():
            self._bits[source] = bit
        self._resources = resources
        self._version = version
        self._stable = stable
        self._zero_points = zero_points
        self._end_markers = end_markers
        # By the identity of the metrics, which are held beside: to hash them would take longer than to fill.
        self._layouts: dict[tuple[int, int, int], tuple[Layout, tuple[Metric, ...]]] = {}
        self._ended = metrics  # what the series that end now were made of
        self._halves = Halves(resources)
        self._known: list[bytes] = []  # resource of each row's own series: what is its own
        self._words: list[bytes] = []  # and what it shares
        self._sizes: Ints = np.zeros(0, np.int64)  # of those resources
        self._groups: dict[int, bytes] = {}  # resource of each group
        self.payloads = True  # False: records are empty, for whoever wants nothing but `costs`
        self.costs = Costs(resources, lambda shape: self._layout(metrics, Phase.STEADY, shape))

    def adopt(self, other: OtlpEncoder) -> bool:
        """Take the series of another encoder, which this one replaces; True where they must begin anew."""
        self._known, self._words, self._sizes = other._known, other._words, other._sizes
        self._groups = other._groups
        if self._resources == other._resources and (self._metrics, self._stable) == (
            other._metrics,
            other._stable,
        ):
            return False
        self._ended = other._metrics
        self._groups = {}
        return True

    def encode(self, batch: Batch, frame: Frame) -> Sequence[Record]:
        table, time_ns, hz = batch.table, frame.time_ns, batch.host.hz
        if (more := table.capacity - len(self._known)) > 0:
            self._known += [b""] * more
            self._words += [b""] * more
            self._sizes = np.pad(self._sizes, (0, more))
        self.costs.clear(table.capacity)
        # Series end under the attributes that they had: these are taken before new ones are built.
        ending = _held(self._of_rows(table, frame.ending)) if frame.ending.size else None
        for row in frame.opening.tolist():
            own, words = self._halves.of(
                batch.host, table.identity[row], int(table.pid[row]), int(table.parent[row])
            )
            self._known[row], self._words[row] = own, words
            self._sizes[row] = len(own) + len(words)
        opening = self._of_rows(table, frame.opening)
        steady = self._of_rows(table, frame.steady)
        records: list[Record] = []
        if ending is not None:
            ending = _without(ending, (opening, steady))
            records += self._records(ending, self._ended, Phase.ENDING, time_ns, hz)
        records += self._records(opening, self._metrics, Phase.OPENING, time_ns, hz)
        records += self._records(steady, self._metrics, Phase.STEADY, time_ns, hz)
        self._ended = self._metrics
        phases = [_phase(group) for group in frame.groups]
        for phase in Phase:
            if groups := [group for group, its in zip(frame.groups, phases, strict=True) if its is phase]:
                series = self._of_groups(batch, groups)
                records += self._records(series, self._group_metrics, phase, time_ns, hz)
        for group in frame.groups:
            if group.ending:
                del self._groups[group.key]
        return records

    def _of_rows(self, table: Table, rows: Rows) -> _Series:
        def column(source: Counter | Gauge, which: NDArray[np.intp]) -> Any:
            chosen = rows[which]
            if isinstance(source, Counter):
                return table.counters[source, chosen] - table.base[source, chosen]
            if source is Gauge.PRIVATE:
                return table.gauges[Gauge.RSS, chosen] - table.gauges[Gauge.SHARED, chosen]
            return table.gauges[source, chosen]

        return _Series(
            self._known,
            self._words,
            rows,
            self._sizes[rows],
            table.since_ns[rows],
            shapes_of(table, rows),
            table.never_filtered[rows],
            column,
            lambda: table.counters.take(rows, axis=1) - table.base.take(rows, axis=1),
            rows=rows,
        )

    def _of_groups(self, batch: Batch, groups: list[GroupFrame]) -> _Series:
        for group in groups:
            if group.key not in self._groups:
                words = self._resources.group(batch.host, group.name, group.kind)
                self._groups[group.key] = serialize(words)
        gauges = np.array([group.gauges for group in groups], np.int64).reshape(-1, len(Gauge)).T

        def column(source: Counter | Gauge, which: NDArray[np.intp]) -> Any:
            if isinstance(source, Counter):
                return np.array([groups[place].counters[source] for place in which.tolist()], np.int64)
            return gauges[source, which]

        resources = [self._groups[group.key] for group in groups]
        return _Series(
            resources,
            [b""] * len(resources),
            np.arange(len(resources)),
            np.array([len(resource) for resource in resources], np.int64),
            np.array([group.since_ns for group in groups], np.int64),
            shapes(np.array([group.limited for group in groups], np.bool_), gauges),
            np.zeros(len(groups), np.bool_),
            column,
            lambda: np.array([group.counters for group in groups], np.int64).T,
            groups=groups,
        )

    def _records(
        self, series: _Series, metrics: tuple[Metric, ...], phase: Phase, time_ns: int, hz: int
    ) -> Iterator[Record]:
        if not series.places.size or (phase is Phase.ENDING and not self._end_markers):
            return
        if phase is Phase.OPENING and not self._zero_points:
            phase = Phase.STEADY
        kinds = self._kinds(series, phase)
        layouts = {
            kind: self._layout(metrics, phase, kind) for kind in np.bincount(kinds).nonzero()[0].tolist()
        }
        points = self._account(series, kinds, layouts, metrics)
        if not self.payloads:
            yield Record(b"", int(points.sum()), time_ns)
            return
        grouped = metrics is self._group_metrics
        for critical in (True, False):
            chosen = (series.critical == critical).nonzero()[0]
            priority = Priority.CRITICAL if critical else Priority.OPTIONAL if grouped else Priority.NORMAL
            for start in range(0, len(chosen), RECORD_SERIES):
                which = chosen[start : start + RECORD_SERIES]
                parts: list[bytes | memoryview] = []
                for kind, layout in layouts.items():
                    alike = which[kinds[which] == kind]
                    if alike.size:
                        parts += _joined(series, alike, layout, _fill(series, alike, layout, time_ns, hz))
                yield Record(b"".join(parts), int(points[which].sum()), time_ns, priority)

    def _kinds(self, series: _Series, phase: Phase) -> Ints:
        """The shape of each series, and as further bits which counters of one that begins say zero now."""
        if phase is not Phase.OPENING:
            return series.shapes
        kinds: Ints = series.shapes | (self._bits @ (series.counted() == 0))
        return kinds

    def _account(
        self, series: _Series, kinds: Ints, layouts: Mapping[int, Layout], metrics: tuple[Metric, ...]
    ) -> Ints:
        """Enter what all these series cost; returns the points of each."""
        points, sizes = np.empty(len(kinds), np.int64), series.sizes.copy()
        for kind, layout in layouts.items():
            alike = slice(None) if len(layouts) == 1 else (kinds == kind).nonzero()[0]
            points[alike] = layout.points
            sizes[alike] += layout.size
        if series.rows is not None:
            self.costs.sent(series.rows, points, sizes)
            return points
        lasting = {kind: self._layout(metrics, Phase.STEADY, kind % SHAPES).points for kind in layouts}
        self.costs.sent_groups(series.groups, points, sizes, [lasting[kind] for kind in kinds.tolist()])
        return points

    def _layout(self, metrics: tuple[Metric, ...], phase: Phase, kind: int) -> Layout:
        key = (id(metrics), int(phase), kind)  # an enumeration's members are slow to hash
        if key not in self._layouts:
            absent = frozenset().union(*(sources for bit, sources in MISSING.items() if kind & bit))
            present = tuple(
                metric for metric in metrics if not any(point.source in absent for point in metric.points)
            )
            still = frozenset(source for source, bit in _bits(metrics).items() if kind & bit)
            layout = Layout(present, phase, stable=self._stable, version=self._version, still=still)
            self._layouts[key] = layout, metrics
        return self._layouts[key][0]


def _bits(metrics: tuple[Metric, ...]) -> dict[Counter | Gauge, int]:
    """A bit above those of the shapes for each counter that these metrics send."""
    counters = [metric for metric in metrics if metric.form is Form.COUNTER]
    sources = dict.fromkeys(point.source for metric in counters for point in metric.points)
    return {source: SHAPES << place for place, source in enumerate(sources)}


def _phase(group: GroupFrame) -> Phase:
    return Phase.ENDING if group.ending else Phase.OPENING if group.opening else Phase.STEADY


def _without(ending: _Series, living: Iterable[_Series]) -> _Series:
    """Leave out series that end while another lives, or ends too, under the very same attributes.

    A pid that was used again by its twin: the new start time tells the backend all there is to tell, and an
    end marker would hide the newcomer.
    """
    own = {ending.resources[place] for place in ending.places.tolist()}
    said = set()
    for series in living:
        places = series.places.tolist()
        if not own.isdisjoint(map(series.resources.__getitem__, places)):
            said |= {pieces for pieces in series.pieces() if pieces[0] in own}
    kept = np.zeros(ending.places.size, np.bool_)
    for index, resource in enumerate(ending.pieces()):
        kept[index] = resource not in said
        said.add(resource)
    if kept.all():
        return ending
    which = np.flatnonzero(kept)
    return replace(
        ending,
        places=ending.places[which],
        sizes=ending.sizes[which],
        since_ns=ending.since_ns[which],
        shapes=ending.shapes[which],
        critical=ending.critical[which],
        rows=None if ending.rows is None else ending.rows[which],
    )


def _held(series: _Series) -> _Series:
    """The same, with resources that stay as they are whatever becomes of the encoder's."""
    pieces = list(series.pieces())
    places = np.arange(len(pieces))
    return replace(series, resources=[own for own, _ in pieces], words=[w for _, w in pieces], places=places)


def _fill(
    series: _Series, which: NDArray[np.intp], layout: Layout, time_ns: int, hz: int
) -> NDArray[np.uint8]:
    """The fixed parts of the series, one row of bytes each."""
    pattern = np.frombuffer(bytearray(layout.template), np.uint8)
    stamped = pattern.view(layout.fields)
    for name in layout.times:
        stamped[name] = time_ns
    body = np.empty((len(which), layout.size), np.uint8)
    body[:] = pattern
    records = body.view(layout.fields)[:, 0]
    since = series.since_ns[which]
    for name in layout.starts:
        records[name] = since
    for name in layout.zeros:
        records[name] = since + ZERO_NS
    for value in layout.values:
        column = series.column(value.source, which)
        records[value.field] = column / hz if value.ticks else column
    return body


def _joined(
    series: _Series, which: NDArray[np.intp], layout: Layout, body: NDArray[np.uint8]
) -> list[bytes | memoryview]:
    """Resource, fixed part, resource, fixed part: as the repeated field of an export request."""
    size = layout.size
    view = body.reshape(-1).data
    parts: list[bytes | memoryview] = []
    lengths: dict[int, bytes] = {}
    resources, words = series.resources, series.words
    places, sizes = series.places[which].tolist(), series.sizes[which].tolist()
    for place, length, position in zip(places, sizes, range(0, len(view), size), strict=True):
        head = lengths.get(length)
        if head is None:
            head = lengths[length] = TAG + varint(length + size)
        parts += (head, resources[place], words[place], view[position : position + size])
    return parts

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from nrdot.buffer.spans import Spans

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)))


@given(SPANS, st.integers(0, 30), st.integers(0, 30))
@example([(3, 5)], 3, 8)  # a part that begins, one that ends where a span does
@example([(3, 5)], 1, 5)
@example([(0, 2), (5, 6)], 3, 8)  # one that lies before
def test_spans_are_a_set_of_numbers(added, start, stop):
    spans, numbers = Spans(added), {number for low, high in added for number in range(low, high)}
    assert {number for number in range(31) if number in spans} == numbers
    assert {number for low, high in spans for number in range(low, high)} == numbers
    assert len(spans) == len(numbers)
    rest = {number for low, high in spans.without(start, stop) for number in range(low, high)}
    assert rest == set(range(start, stop)) - numbers
    assert all(low < high for parts in (spans, spans.without(start, stop)) for low, high in parts)
    assert bool(spans) == bool(numbers)


@given(SPANS)
def test_spans_stay_as_few_as_they_can_be(added):
    spans = list(Spans(added))
    assert all(before[1] < after[0] for before, after in pairwise(spans))

from __future__ import annotations

import numpy as np

from nrdot.batch import Counter, Gauge
from nrdot.encode.catalogue import optional_sources, select


def test_a_counter_and_a_gauge_of_the_same_number_are_two_columns():
    assert int(Counter.WRITTEN) == int(Gauge.DESCRIPTORS)
    assert Counter.WRITTEN != Gauge.DESCRIPTORS
    assert not {Counter.WRITTEN} & {Gauge.DESCRIPTORS}
    assert len({Counter.WRITTEN: "bytes", Gauge.DESCRIPTORS: "files"}) == 2


def test_a_column_is_still_the_number_that_indexes_an_array():
    assert Counter.WRITTEN == 4
    assert np.arange(9)[Gauge.DESCRIPTORS] == 4


def test_the_default_metrics_cost_no_further_file():
    assert optional_sources(select()) == frozenset()

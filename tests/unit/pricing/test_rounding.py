"""Parts of a bill add up to the bill as it is shown, to the last digit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrdot.pricing.amounts import rounded


@pytest.mark.parametrize("total", [1676.81875, 0.00005, 1.00015, 2.67515, 0.0])
def test_a_total_that_ends_in_half_a_unit_is_met_as_it_is_shown(total: float) -> None:
    assert sum(rounded([total / 3, total / 3, total / 3], total)) == pytest.approx(round(total, 4), abs=1e-9)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
def test_whatever_the_parts_they_add_up(parts: list[float]) -> None:
    total = sum(parts)
    assert sum(rounded(parts, total)) == pytest.approx(round(total, 4), abs=1e-6)

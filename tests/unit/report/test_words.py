import pytest

from nrdot.report.words import less


@pytest.mark.parametrize(
    ("value", "than", "said"),
    [
        (20, 100, "80.0%"),
        (100, 100, "0.0%"),
        (0, 100, "100.0%"),
        (342, 100, "242% more"),
        (5, 0, "-"),
    ],
)
def test_what_costs_more_is_called_more_and_not_less_than_nothing(value, than, said):
    assert less(value, than) == said


def test_a_bill_is_told_in_whole_percents():
    assert less(33, 99, digits=0) == "67%"

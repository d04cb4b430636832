import pytest

from nrdot.pricing.prices import load_pricing
from nrdot.report.evidence.engine import Engine
from nrdot.report.evidence.files import find
from nrdot.report.kinds.savings import Wanted, savings
from nrdot.testing.recordings import ledger

HOUR, DAY = 3600, 86400
START = ledger.NOON - 12 * HOUR  # 2026-11-21 00:00 UTC


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "ledger"


@pytest.fixture
def reported(folder):
    """Writes rows and gives the report's document."""

    def _reported(rows, *, since=30.0 * DAY, now=START + 400 * DAY, pricing=None, until=None, **wanted):
        if rows:
            ledger.write(folder, rows)
        with Engine(find(folder), now) as engine:
            window = engine.open(since, until)
            return savings(engine, window, pricing or load_pricing(), Wanted(**wanted))

    return _reported


@pytest.fixture
def hours():
    """Whole hours of the host that `testing/recordings/ledger.py` makes: 100 processes, 10 of them kept."""

    def _hours(count, start=START, **fields):
        return [row for number in range(count) for row in ledger.hour(start + number * HOUR, **fields)]

    return _hours

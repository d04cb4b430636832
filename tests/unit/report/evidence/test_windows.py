"""The window of a report: where it begins and ends, and what is told where nothing lies in it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nrdot.report.evidence.files import NoLedgerError
from nrdot.testing.recordings import ledger

DAY = 86400
START = ledger.NOON - 12 * 3600


def test_days_before_the_window_are_not_even_opened(reported, folder, hours):
    ledger.write(folder, hours(24, START + 40 * DAY))
    (folder / "2026-01-01.jsonl.zst").write_bytes(b"would be said if it were opened")
    found = reported([], since=7.0 * DAY)
    assert not [line for line in found["left_out"] if "2026-01-01" in line]


def test_where_the_window_is_empty_the_extent_of_the_ledger_is_told(reported, hours):
    with pytest.raises(NoLedgerError, match="its day is 2026-11-21; name a window"):
        reported(hours(2), since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC))


def test_days_that_an_empty_window_did_not_open_are_told_all_the_same(reported, hours):
    gap = datetime(2026, 11, 26, tzinfo=UTC), datetime(2026, 11, 27, tzinfo=UTC)
    rows = [*hours(1), *hours(1, START + 9 * DAY)]
    with pytest.raises(NoLedgerError, match="its days go from 2026-11-21 to 2026-11-30"):
        reported(rows, since=gap[0], until=gap[1])


def test_a_window_that_ends_before_it_begins_is_refused(reported, hours):
    with pytest.raises(NoLedgerError, match=r"--since \(2026-11-21 05:00 UTC\) is not before the end"):
        reported(
            hours(9),
            since=datetime(2026, 11, 21, 5, tzinfo=UTC),
            until=datetime(2026, 11, 21, 4, tzinfo=UTC),
        )


def test_a_window_ends_with_a_whole_hour_so_folded_rows_count_in_full_or_not_at_all(reported, hours):
    found = reported(hours(9), since=3600.0, until=datetime(2026, 11, 21, 4, 30, tzinfo=UTC))
    assert found["window"]["to"] == "2026-11-21T05:00:00Z"
    assert found["window"]["host_hours_seen"] == found["window"]["host_hours_expected"] == 1.0


def test_a_window_of_centuries_is_no_strip_of_centuries(reported, hours):
    cells = reported(hours(48), since=99_999.0 * DAY)["coverage"]["cells"]
    assert 4 * 24 <= len(cells) <= 4 * 24 + 1
    assert [cell["seen"] for cell in cells[-48:]] == [1.0] * 48


@pytest.mark.parametrize("since", [4_000_000.0 * DAY, 1e300, "0001-01-01T00:00:00+00:00"])
def test_a_window_from_before_the_calendar_begins_with_it(reported, hours, since):
    window = reported(hours(2), since=datetime.fromisoformat(since) if isinstance(since, str) else since)
    assert window["window"]["from"] == "1970-01-01T00:00:00Z"

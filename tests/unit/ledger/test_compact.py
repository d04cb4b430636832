"""Closed days to Parquet: every row once, whatever is done twice, broken or torn."""

from __future__ import annotations

import json

import duckdb
import msgspec
import pytest
from typer.testing import CliRunner

from nrdot.cli.app import app
from nrdot.ledger.compact import NotCompactedError, compact
from nrdot.ledger.rows import every_column
from nrdot.testing.recordings.ledger import NOON, hour, minutes, write

DAY = 86400
TODAY = "2026-12-24"


def quietly(directory, out, *, today=TODAY, remove=False):
    return compact(directory, out, today, remove=remove, progress=lambda _: None)


def sums(folder):
    with duckdb.connect() as connection:
        return connection.execute(
            f"SELECT count(*), sum(points_sent), count(DISTINCT host) FROM read_parquet('{folder}/*.parquet')"
        ).fetchone()


@pytest.fixture
def fleet(tmp_path):
    """Two hosts, two days in November and one in December, 60 minutes each."""
    for host in ("h1", "h2"):
        rows = [row for day in (0, 1, 10) for row in minutes(60, NOON + day * DAY, host=host)]
        write(tmp_path / "fleet" / host, rows)
    return tmp_path / "fleet"


def test_a_fleets_days_become_a_file_a_month(fleet, tmp_path):
    months = quietly(fleet, tmp_path / "out")
    assert [(month.month, month.days, month.hosts, month.rows) for month in months] == [
        ("2026-11", 4, 2, 1200),
        ("2026-12", 2, 2, 600),
    ]
    assert sums(tmp_path / "out") == (1800, 6 * 60 * 110, 2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "ledger-2026-11.parquet",
        "ledger-2026-12.parquet",
    ]
    assert len(list(fleet.rglob("*.zst"))) == 6


def test_every_column_is_there_with_its_type_and_nothing_is_null_that_is_nothing(fleet, tmp_path):
    quietly(fleet, tmp_path / "out")
    file = tmp_path / "out" / "ledger-2026-11.parquet"
    with duckdb.connect() as connection:
        described = connection.execute(f"DESCRIBE FROM '{file}'").fetchall()
        nulls = connection.execute(
            f"SELECT count(*) FROM '{file}' WHERE points_sent IS NULL OR namespace IS NULL OR span != 60"
        ).fetchone()
    assert {name: kind.replace('"', "") for name, kind, *_ in described} == {
        name: kind.replace('"', "") for name, kind in every_column().items()
    }
    assert nulls == (0,)


def test_today_is_left_alone(fleet, tmp_path):
    (month,) = quietly(fleet, tmp_path / "out", today="2026-11-22")
    assert (month.days, month.rows) == (2, 600)


def test_doing_it_again_counts_nothing_twice(fleet, tmp_path):
    quietly(fleet, tmp_path / "out")
    before = sums(tmp_path / "out")
    quietly(fleet, tmp_path / "out")
    assert sums(tmp_path / "out") == before


def test_days_go_once_their_month_is_verified_and_later_ones_join_it(fleet):
    (fleet / "h2" / "2026-11-22.jsonl.zst").rename(fleet / "late")
    months = quietly(fleet, fleet, remove=True)
    assert sum(month.removed for month in months) == 5
    assert not list(fleet.rglob("*.zst"))
    (fleet / "late").rename(fleet / "h2" / "2026-11-22.jsonl.zst")
    (month,) = quietly(fleet, fleet, remove=True)
    assert (month.days, month.rows) == (1, 1200)
    assert sums(fleet) == (1800, 6 * 60 * 110, 2)


def test_a_day_that_was_folded_since_replaces_its_minutes(fleet, tmp_path):
    quietly(fleet, tmp_path / "out")
    (fleet / "h1" / "2026-11-21.jsonl.zst").unlink()
    write(fleet / "h1", hour(NOON))
    (november, _) = quietly(fleet, tmp_path / "out")
    assert november.rows == 900 + 5
    assert sums(tmp_path / "out")[1] == 6 * 60 * 110


def test_a_torn_and_a_damaged_file_give_what_is_whole_and_say_the_rest(fleet, tmp_path):
    torn = fleet / "h1" / "2026-11-21.jsonl.zst"
    torn.write_bytes(torn.read_bytes()[:-10])
    damaged = fleet / "h2" / "2026-11-22.jsonl.zst"
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    (november, december) = quietly(fleet, tmp_path / "out")
    assert november.rows == 1200 - 10
    assert len(november.left_out) == 2
    assert "59 frames read" in november.left_out[0]
    assert december.left_out == []


def test_rows_of_a_newer_version_stay_out(tmp_path):
    rows = [msgspec.structs.replace(row, v=2) for row in minutes(2)]
    write(tmp_path / "fleet", [*minutes(1, NOON + 600), *rows])
    (month,) = quietly(tmp_path / "fleet", tmp_path / "out", remove=True)
    assert month.rows == 5
    assert "10 rows" in month.left_out[0]
    assert len(list((tmp_path / "fleet").glob("*.zst"))) == 1, "a newer NRDOT reads them"


def test_a_day_of_which_something_is_left_out_is_not_removed(fleet):
    damaged = fleet / "h2" / "2026-11-22.jsonl.zst"
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    months = quietly(fleet, fleet, remove=True)
    assert sum(month.removed for month in months) == 5
    assert list(fleet.rglob("*.zst")) == [damaged]
    assert damaged.read_bytes() == data


def test_a_folder_whose_name_looks_like_a_pattern_stands_for_itself_alone(tmp_path):
    hosts = ("h*", "h1", "h[2]", "it's")
    for host in hosts:
        write(tmp_path / "fleet" / host, minutes(60, host=host))
    (month,) = quietly(tmp_path / "fleet", tmp_path / "a[b]", remove=True)
    assert (month.hosts, month.rows, month.removed, month.left_out) == (4, 4 * 300, 4, [])
    write(tmp_path / "fleet" / "h1", minutes(60, NOON + DAY, host="h1"))
    (month,) = quietly(tmp_path / "fleet", tmp_path / "a[b]", remove=True)
    assert (month.hosts, month.rows) == (4, 5 * 300), "what lies in the month is found again"


def test_days_that_cannot_be_read_at_all_make_no_month(tmp_path):
    foreign = tmp_path / "2026-11-22.jsonl.zst"
    foreign.write_bytes(b"not zstd")
    (month,) = quietly(tmp_path, tmp_path, remove=True)
    assert (month.rows, month.removed) == (0, 0)
    assert list(tmp_path.iterdir()) == [foreign]


def test_a_copy_of_a_day_counts_once(fleet, tmp_path):
    copy = fleet / "collected" / "2026-11-21.jsonl.zst"
    copy.parent.mkdir()
    copy.write_bytes((fleet / "h1" / "2026-11-21.jsonl.zst").read_bytes())
    (november, _) = quietly(fleet, tmp_path / "out")
    assert sums(tmp_path / "out") == (1800, 6 * 60 * 110, 2)
    assert ["300 rows of a day that another file has as well" in line for line in november.left_out] == [True]


def test_of_two_copies_of_a_day_the_one_that_goes_further_counts_and_the_other_stays(tmp_path):
    write(tmp_path / "early", minutes(3))
    write(tmp_path / "late", minutes(5))
    (month,) = quietly(tmp_path, tmp_path, remove=True)
    assert (month.rows, month.removed) == (25, 1)
    assert [path.parent.name for path in tmp_path.rglob("*.zst")] == ["early"]


def test_what_cannot_be_written_leaves_everything_as_it_was(fleet, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "ledger-2026-11.parquet").write_bytes(b"not parquet")
    with pytest.raises(NotCompactedError, match="the days and the old file stay"):
        quietly(fleet, tmp_path / "out", remove=True)
    assert (tmp_path / "out" / "ledger-2026-11.parquet").read_bytes() == b"not parquet"
    assert len(list(fleet.rglob("*.zst"))) == 6
    assert not list((tmp_path / "out").glob("*.new"))


def test_the_command_removes_days_beside_their_month_and_keeps_them_elsewhere(tmp_path):
    folder, runner = tmp_path / "ledger", CliRunner()
    write(folder, minutes(3, NOON - 365 * DAY))
    kept = runner.invoke(app, ["ledger", "compact", str(folder), "-o", str(tmp_path / "out"), "--json"])
    assert kept.exit_code == 0
    assert [month["removed"] for month in json.loads(kept.stdout)["months"]] == [0]
    shown = runner.invoke(app, ["ledger", "compact", str(folder)])
    assert shown.exit_code == 0
    assert "ledger-2025-11.parquet" in shown.stdout
    assert str(folder) in shown.stdout, "on one line, however long it is"
    assert not list(folder.rglob("*.zst"))
    again = runner.invoke(app, ["ledger", "compact", str(folder)])
    assert "no closed day" in again.stdout


def test_keeping_days_beside_their_month_is_refused_because_a_query_would_count_both(tmp_path):
    write(tmp_path, minutes(3, NOON - 365 * DAY))
    refused = CliRunner().invoke(app, ["ledger", "compact", str(tmp_path), "--keep"])
    assert "would count days and months" in str(refused.exception)
    assert len(list(tmp_path.rglob("*.zst"))) == 1


def test_days_of_which_nothing_can_be_read_are_told_of_and_make_no_month(tmp_path):
    day = tmp_path / "fleet" / "2025-11-21.jsonl.zst"
    day.parent.mkdir()
    day.write_bytes(b"no frame")
    found = CliRunner().invoke(app, ["ledger", "compact", str(day.parent)])
    assert found.exit_code == 0
    assert "no closed day that can be read, nothing to do" in found.stdout
    assert "8 bytes of a torn one are left out, 0 frames read; the file stays" in found.stderr
    assert list(day.parent.iterdir()) == [day]

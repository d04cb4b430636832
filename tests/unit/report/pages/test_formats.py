"""The same document as CSV, FOCUS and a page."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from nrdot.report.pages.page import page
from nrdot.report.tables.flat import as_csv
from nrdot.testing.recordings import ledger

DAY, HOUR = 86400, 3600
START = ledger.NOON - 12 * HOUR
EVIL = '<img src=x onerror=alert(1)>="'


@pytest.fixture
def found(reported, hours):
    rows = [*hours(72), *hours(48, START + DAY, host="h2")]
    rows = [msgspec.structs.replace(row, class_=EVIL) if hasattr(row, "class_") else row for row in rows]
    rows = [
        msgspec.structs.replace(row, top=[ledger.talker(EVIL), ledger.talker("bash", "roll_up")])
        if getattr(row, "samples", 0)
        else row
        for row in rows
    ]
    return reported(rows, meter="google_prometheus")


def test_the_page_needs_nothing_from_outside_and_runs_nothing(found):
    text = page(found, "savings")
    assert "<script" not in text
    assert not re.findall(r"(?:src|href)\s*=\s*[\"'](?!data:|#)", text)
    assert not re.findall(r"https?://(?!www\.w3\.org/)", text)
    assert "default-src 'none'" in text
    assert len(text) < 1_500_000


def test_what_hosts_say_is_escaped(found):
    text = page(found, "savings")
    assert "<img" not in text
    assert "&lt;img src=x" in text


def test_charts_are_pictures_with_words_and_without_colours_of_their_own(found):
    pictures = re.findall(r"<svg.*?</svg>", page(found, "savings"), re.DOTALL)
    assert len(pictures) >= 5
    for picture in pictures:
        root = ET.fromstring(picture)
        assert root.get("aria-label")
        assert not [one for one in root.iter() if one.get("style") or one.get("fill") or one.get("id")]


def chart(text, words):
    return re.search(rf'<svg[^>]*aria-label="{words}.*?</svg>', text, re.DOTALL)[0]


def test_a_day_that_nobody_saw_is_no_zero_in_the_chart(reported, hours):
    found = reported([*hours(24), *hours(72, START + 2 * DAY)], meter="google_prometheus")
    text = page(found, "savings")
    marks = re.findall(r"<title>(\d\d-\d\d): ", chart(text, "Cost by day"))
    assert set(marks) == {"11-21", "11-23", "11-24", "11-25"}
    assert "1 day that nobody saw left empty" in text


def test_days_that_are_lower_because_a_host_was_silent_are_said_to_be(reported, hours):
    rows = [*hours(24 * 5), *hours(24, host="h2"), *hours(24, START + 4 * DAY, host="h2")]
    assert "For 72 host-hours a host was silent" in page(reported(rows), "savings")


def test_few_days_are_shown_by_the_hour(reported, hours):
    found = reported([*hours(5), *hours(5, START + 6 * HOUR)], meter="google_prometheus")
    text = page(found, "savings")
    marks = re.findall(r"<title>(\d\d-\d\d \d\d:00): ", chart(text, "Cost by hour"))
    assert set(marks) == {f"11-21 {hour:02d}:00" for hour in range(11) if hour != 5}
    assert "1 hour that nobody saw left empty" in text


def test_where_there_is_no_bill_the_charts_show_points(reported, hours):
    text = page(reported(hours(24)), "savings")
    assert "11-21 03:00: 42 k" in chart(text, "Points by hour")
    assert "all of it is within the free allowance" in text
    assert "the bill on New Relic, data stored (US) is nothing" in text


def test_csv_has_a_line_for_each_figure_and_no_formula_of_a_hosts_making(found):
    rows = list(csv.DictReader(io.StringIO(as_csv(found, "savings"))))
    saved = [row for row in rows if row["section"] == "meter" and row["name"] == "saved"]
    assert {row["key"] for row in saved} == set(found["meters"])
    steps = [
        float(row["value"]) for row in rows if row["section"] == "attribution" and row["key"] == "points"
    ]
    assert sum(steps) == found["points"]["unoptimized"] - found["points"]["sent"]
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "@"))]


def test_a_long_name_leaves_room_for_its_bar(reported, hours):
    name = "batch-import-with-a-rather-long-name"
    rows = [
        msgspec.structs.replace(row, top=[ledger.talker(name), ledger.talker("nginx")])
        if getattr(row, "samples", 0)
        else row
        for row in hours(24)
    ]
    picture = chart(page(reported(rows), "savings"), "CPU of names kept by themselves")
    assert "batch-import-with-a-r…" in picture
    widths = [float(width) for width in re.findall(r'<rect[^>]* width="([\d.]+)"[^>]*class="rect', picture)]
    assert max(widths) > 200


@pytest.mark.parametrize(("used", "unit"), [(2.0, "CPU seconds of names"), (400.0, "Core-hours of names")])
def test_talkers_are_in_a_unit_that_tells_them_apart(reported, hours, used, unit):
    rows = [
        msgspec.structs.replace(row, top=[ledger.talker("java", cpu_seconds=used)])
        if getattr(row, "samples", 0)
        else row
        for row in hours(24)
    ]
    assert unit in page(reported(rows), "savings")


def leaves(value, path=()):
    """Every figure and word of a document with where it stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def test_csv_leaves_no_figure_of_the_document_out(reported, hours):
    rows = [*hours(24), *hours(30, START + 3 * HOUR, host="0a1b2c3d", host_name="web-1")]
    rows += [
        ledger.delivered(START + HOUR, points=10, points_dropped={"full": 7}),
        ledger.kept(START + HOUR, critical_seen=9, critical_exported=8, class_="x"),
    ]
    found = reported(rows, meter="google_prometheus", actual=("google_prometheus", 9.5), by="host")
    written = list(csv.DictReader(io.StringIO(as_csv(found, "savings"))))
    values = {row["value"] for row in written} | {row["key"] for row in written}
    values |= {row["name"] for row in written} | {row["unit"] for row in written}
    # Words that stand in the headings, and the explanations, which are no table.
    elsewhere = {
        "explain",
        "title",
        "provider",
        "currency",
        "per",
        "allocation_by",
        "step",
        "verdict",
        "reason",
    }
    missing = [
        (path, value)
        for path, value in leaves(found)
        if not elsewhere & set(path) and value not in (None, "") and str(value) not in values
    ]
    assert missing == []


def test_the_document_has_the_keys_that_the_docs_name(found):
    assert list(found) == [
        "window", "processes", "points", "series", "bytes", "critical", "destinations", "agent", "too_short",
        "meter", "currency", "prices_of", "month_hours", "quantity_unit", "meters", "attribution",
        "allocation_by", "allocation", "classes", "projection", "return", "days", "hours", "coverage",
        "not_seen", "talkers", "explain", "left_out",
    ]  # fmt: skip
    docs = (Path(__file__).resolve().parents[4] / "docs" / "report.md").read_text(encoding="utf-8")
    told = next(line for line in docs.splitlines() if line.startswith("| `json` |"))
    assert [key for key in found if f"`{key}`" not in told] == []


def test_the_same_ledger_gives_the_same_bytes(reported, hours):
    rows = [*hours(30), *hours(30, host="h2")]
    first, second = reported(rows, by="host"), reported([], by="host")
    assert msgspec.json.encode(first) == msgspec.json.encode(second)
    assert as_csv(first, "savings") == as_csv(second, "savings")
    assert page(first, "savings") == page(second, "savings")

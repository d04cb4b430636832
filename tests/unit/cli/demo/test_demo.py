"""`nrdot demo` on a capture: the table, the document and the page."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

from nrdot.testing.commands.console import typed
from nrdot.testing.recordings.captures import workers, write_capture

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    ticks = workers(60, ticks=31, busy=5, first=EVIL, cmd="worker --password=hunter2")
    return write_capture(tmp_path_factory.mktemp("captures") / "c.jsonl", ticks)


class Reader(HTMLParser):
    """The page as a browser takes it apart."""

    def __init__(self):
        super().__init__()
        self.tags, self.links, self.text, self.open = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "action", "srcset")]
        if tag not in ("meta", "br", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def page(capture):
    file = capture.with_name("report.html")
    done = typed("demo", "--capture", capture, "-o", file)
    assert done.status == 0, done.err
    reader = Reader()
    reader.feed(file.read_text(encoding="utf-8"))
    return done.out, reader, file.read_text(encoding="utf-8")


def test_rules_of_ones_own_count_under_every_profile(capture, tmp_path):
    rules = tmp_path / "nrdot.yaml"
    rules.write_text("overrides: [{process: '*', force_collect: true, reason: all of it}]\n")

    done = typed("demo", "--json", "-c", rules, "--capture", capture, "-o", tmp_path / "demo.html")

    profiles = json.loads(done.out)["profiles"]
    assert len(profiles) == 3
    assert all(one["critical"] == one["critical_exported"] > 0 for one in profiles.values())


def test_the_table_sets_each_profile_beside_none_and_says_how_it_was_scaled(page):
    out, _, _ = page
    lines = {line.split("  ")[0].strip(): line for line in out.splitlines() if line.strip()}
    heading = next(line for line in out.splitlines() if line.strip())
    assert heading.split() == ["no", "optimizer", "conservative", "balanced", "aggressive"]
    assert lines["points an hour"].split()[3] == "25,200"
    assert len(lines["CPU with a name"].split()) == 8
    assert "divided by 15" in out
    assert "conservative sends more because it exports every 15 s, no optimizer every 60 s" in " ".join(
        out.split()
    )
    assert "balanced sends more" not in out
    assert "USD a month, 100 such hosts" in out
    assert "The page has each formula" in out
    assert EVIL in out


def test_the_page_needs_nothing_from_elsewhere_and_is_whole(page):
    _, reader, text = page
    assert reader.open == []
    assert reader.links == []
    assert "script" not in reader.tags
    assert not {"@import", "url("} & set(text.split())
    assert "url(" not in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_the_page_escapes_whatever_a_host_calls_its_processes(page):
    _, reader, text = page
    assert "<script" not in text
    assert EVIL in reader.text
    assert "host <1>" in "".join(reader.text)
    assert "hunter2" not in text


def test_the_page_shows_what_the_table_shows(page):
    out, reader, _ = page
    words = " ".join(" ".join(reader.text).split())
    titles = ("exports every", "points an hour", "less", "less, same interval", "CPU with a name")
    rows = [line for line in out.splitlines() if line.strip().startswith(titles)]
    assert len(rows) == 5
    for row in rows:
        assert row.split()[-2] in words or row.split()[-1] in words
    assert "divided by 15" in words
    assert "tiered(points / 1e6), for a month of 730 h, with tiers 0.06 up to 50,000" in words
    assert "max(0, bytes / 1e9 - free) * price, for a month of 730 h" in words


def test_nothing_critical_on_a_host_does_not_read_as_if_it_were_hidden(page):
    out, reader, _ = page
    (line,) = [line for line in out.splitlines() if "critical covered" in line]
    assert line.split() == ["critical", "covered", "-", "none", "none", "none"]
    assert "0/0" not in "".join(reader.text)


def test_a_bill_of_nothing_is_explained(page):
    out, _, _ = page
    words = " ".join(out.split())
    assert "0.00 on New Relic, data stored (US): so little is within an account's free allowance." in words


def test_the_document_is_one_json_without_words_around_it(command, capture, tmp_path):
    status, out, _ = command("demo", "--json", "--capture", capture, "-o", tmp_path / "r.html")
    found = json.loads(out)
    assert status == 0
    assert list(found["profiles"]) == ["conservative", "balanced", "aggressive"]
    assert found["no_optimizer"]["points_hourly"] == 60 * 7 * 60
    assert found["profiles"]["balanced"]["top"][0]["reason"] == "top_cpu"
    assert found["scale"] == 15.0
    assert found["hosts"] == 100


def test_money_is_of_as_many_such_hosts_as_were_asked_for(command, capture, tmp_path):
    page = tmp_path / "r.html"
    status, out, _ = command("demo", "--json", "--hosts", "1000", "--capture", capture, "-o", page)
    found = json.loads(out)
    assert (status, found["hosts"]) == (0, 1000)
    points = 1000 * 60 * 7 * 60 * 730  # of 60 processes with 7 points a minute
    series = 1000 * 60 * 7
    assert found["no_optimizer"]["usd_monthly"] == {
        "new_relic": pytest.approx(
            (found["no_optimizer"]["bytes_hourly"] * 730e3 / 1e9 - 100) * 0.30, abs=0.01
        ),
        "datadog_pro": 1000 * 15 + (series - 1000 * 100) / 100 * 5,
        "google_prometheus": round(points / 1e6 * 0.06, 2),
    }
    assert "1,000 hosts like this one" in " ".join(page.read_text().split())


def test_a_report_that_cannot_be_written_is_said_before_anything_is_watched(command, tmp_path):
    status, out, err = command("demo", "-o", tmp_path / "no/such/report.html")
    assert (status, out) == (2, "")
    assert "--output" in err

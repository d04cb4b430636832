"""The pages of `nrdot report` in a real browser: nothing is fetched, nothing complains, all is drawn."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

import msgspec
import pytest
from parts.program import HANG_GUARD
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from nrdot.testing.recordings import ledger

HOUR, DAY = 3600, 86400
START = ledger.NOON - 12 * HOUR - 10 * DAY
INVENTORY = "region,environment,hosts,criticality\neu,dev,20,low\neu,production,500,high\n"
KINDS = ("savings", "criticality", "compliance", "rollout")


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver")) as driver:
        driver.set_page_load_timeout(HANG_GUARD)
        yield driver


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A page of each kind, written by the command as users run it."""
    folder = tmp_path_factory.mktemp("pages")
    for host in ("h1", "h2"):
        rows = [
            msgspec.structs.replace(
                row, top=[ledger.talker("postgres"), ledger.talker("bash", "roll_up", cpu_seconds=9.0)]
            )
            if getattr(row, "samples", 0)
            else row
            for number in range(8 * 24)
            if host == "h1" or not 60 <= number < 90
            for row in ledger.hour(START + number * HOUR, host=host)
        ]
        ledger.write(folder / "ledger" / host, rows)
    for number in range(24):
        rows = ledger.hour(START, host=f"{number:032x}", host_name=f"worker-{number:02d}.eu-west-1")
        missed = ledger.kept(START, class_="pay", critical_seen=9, critical_exported=8)
        rows.append(msgspec.structs.replace(missed, host=rows[0].host, host_name=rows[0].host_name))
        ledger.write(folder / "many" / str(number), rows)
    (folder / "hosts.csv").write_text(INVENTORY)
    (folder / "rules.yaml").write_text(
        'process_classification: {database: {score: 1.0, patterns: ["^post"], requirement: [SOX]}}\n'
    )
    for kind in KINDS:
        command = [sys.executable, "-m", "nrdot", "report", "--kind", kind, "--format", "html"]
        command += ["--ledger", "ledger", "--since", "30d", "-c", "rules.yaml", "--meter", "cloudwatch"]
        command += ["--inventory", "hosts.csv", "-o", f"{kind}.html"]
        subprocess.run(command, cwd=folder, check=True, timeout=HANG_GUARD)
    command = [sys.executable, "-m", "nrdot", "report", "--kind", "criticality", "--format", "html"]
    command += ["--ledger", "many", "--since", "30d", "-c", "rules.yaml", "-o", "crowded.html"]
    subprocess.run(command, cwd=folder, check=True, timeout=HANG_GUARD)
    return folder


def opened(browser, pages, kind, scheme="light", width=1200):
    """The page in the browser, and what was asked of the network while it loaded."""
    browser.get_log("performance")
    browser.get_log("browser")
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.get((pages / f"{kind}.html").as_uri())
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    return [url for url in asked if not url.startswith("data:")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_loads_itself_alone_and_nothing_complains(browser, pages, kind, scheme):
    asked = opened(browser, pages, kind, scheme)
    assert asked == [(pages / f"{kind}.html").as_uri()]
    assert browser.get_log("browser") == []
    assert browser.find_element(By.TAG_NAME, "h1").is_displayed()


def test_every_chart_is_drawn_and_has_words(browser, pages):
    opened(browser, pages, "savings")
    charts = browser.find_elements(By.CSS_SELECTOR, "figure svg")
    assert len(charts) >= 6
    for chart in charts:
        assert chart.size["height"] > 80
        assert chart.get_attribute("aria-label")
        marks = chart.find_elements(By.CSS_SELECTOR, ".series .rect, .series .line")
        assert any(mark.size["width"] > 10 for mark in marks)
    strip = browser.find_elements(By.CSS_SELECTOR, ".strip i")
    assert len(strip) > 20


def colours(browser):
    script = """
        const of = (css, name) => getComputedStyle(document.querySelector(css))[name];
        return [of('body', 'backgroundColor'), of('body', 'color'), of('figure svg text', 'fill'),
                of('figure svg .series .rect', 'fill')]
    """
    return browser.execute_script(script)


def luminance(colour):
    red, green, blue = (int(part) / 255 for part in colour.split("(")[1].rstrip(")").split(",")[:3])
    parts = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_and_bars_stand_out_in_light_and_in_dark(browser, pages, scheme):
    opened(browser, pages, "savings", scheme)
    ground, *others = map(luminance, colours(browser))
    assert (ground > 0.5) is (scheme == "light")
    for other, least in zip(others, (7.0, 4.5, 3.0), strict=True):
        assert (max(ground, other) + 0.05) / (min(ground, other) + 0.05) >= least


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_cell_of_a_heat_map_can_be_read(browser, pages, scheme):
    opened(browser, pages, "crowded", scheme)
    shown = browser.execute_script("""
        const paint = document.createElement('canvas').getContext('2d');
        const plain = colour => {
            paint.fillStyle = colour;
            paint.fillRect(0, 0, 1, 1);
            return 'rgb(' + paint.getImageData(0, 0, 1, 1).data.slice(0, 3).join(',') + ')';
        };
        return [...document.querySelectorAll('.heat td[class^="h"] small')].map(one => {
            const [words, cell] = [getComputedStyle(one), getComputedStyle(one.parentElement)];
            return [one.parentElement.className, plain(words.color), plain(cell.backgroundColor)] });
    """)
    assert {kind for kind, *_ in shown} >= {"h1", "h4", "h5"}
    for kind, ink, cell in shown:
        light, dark = sorted(map(luminance, (ink, cell)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_narrow_page_scrolls_its_tables_and_not_itself(browser, pages, kind):
    opened(browser, pages, kind, width=400)
    over = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    assert over <= 0


@pytest.mark.parametrize("kind", [*KINDS, "crowded"])
def test_nothing_is_wider_than_a_sheet_of_paper(browser, pages, kind):
    opened(browser, pages, kind, width=718)  # A4 at 96 pixels an inch, within Chromium's margins
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    over = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert over <= 0


@pytest.mark.parametrize("kind", KINDS)
def test_on_paper_everything_is_open_and_fits_the_width(browser, pages, kind, tmp_path):
    opened(browser, pages, kind)
    printed = browser.execute_cdp_cmd(
        "Page.printToPDF", {"printBackground": True, "preferCSSPageSize": False}
    )
    data = base64.b64decode(printed["data"])
    assert data.startswith(b"%PDF")
    assert 1 <= data.count(b"/Type /Page") <= 12
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    inner = "[...document.querySelectorAll('details > *:not(summary)')]"
    hidden = browser.execute_script(f"return {inner}.filter(one => !one.checkVisibility()).length")
    assert hidden == 0

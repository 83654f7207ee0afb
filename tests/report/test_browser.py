"""report.html in a real browser."""

import shutil
from contextlib import contextmanager

import pytest
from report.made_up import NAME, STUDY, reported

PHONE, DESKTOP = 390, 1280


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return reported(tmp_path_factory.mktemp("run"), study=STUDY) / "report.html"


@contextmanager
def opened(file, width):
    """The page in headless Chromium, as wide as asked, and no network to go to."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("Chromium and its driver are not installed")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        chrome.get(file.as_uri())
        yield chrome
    finally:
        chrome.quit()


@pytest.mark.slow
def test_the_summary_and_the_figure_are_on_the_first_screen(report):
    with opened(report, DESKTOP) as chrome:
        place = chrome.execute_script
        rectangle = "return document.querySelector('{}').getBoundingClientRect().{}"
        assert place(rectangle.format("#verdicts .summary", "bottom")) < 450
        assert place(rectangle.format("#verdicts img", "top")) < 500


@pytest.mark.slow
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_pictures_are_shown_tables_sort_and_nothing_is_wrong(report, width):
    from selenium.webdriver.support.ui import WebDriverWait

    with opened(report, width) as chrome:
        script = chrome.execute_script
        assert NAME in script("return document.querySelector('h1').textContent")
        shown = script("return [...document.images].map(i => i.complete && i.naturalWidth > 100)")
        assert len(shown) >= 14
        assert all(shown)
        assert script("return document.documentElement.scrollWidth") <= width, "no sideways scrolling"
        loaded = script("return performance.getEntriesByType('resource').map(e => e.name)")
        assert [name for name in loaded if not name.startswith("data:")] == []

        table = "[...document.querySelectorAll('table')].find(t => t.textContent.includes('CNN, reported'))"
        column = f"[...{table}.tBodies[0].rows].map(r => parseFloat(r.cells[1].textContent))"
        before = script(f"return {column}")
        head = script(f"return {table}.tHead.rows[0].cells[1].querySelector('button')")
        script("arguments[0].click()", head)
        assert script(f"return {column}") == sorted(before) != before
        script("arguments[0].click()", head)
        assert script(f"return {column}") == sorted(before, reverse=True)
        assert script("return arguments[0].parentNode.getAttribute('aria-sort')", head) == "descending"

        script("document.querySelector('table.verdicts a').click()")
        opened_details = "return [...document.querySelectorAll('details.verdict')].filter(d => d.open)"
        waited = WebDriverWait(chrome, 10).until(lambda _: script(opened_details))
        assert "rests on" in waited[0].text
        assert script("return document.documentElement.scrollWidth") <= width
        assert chrome.get_log("browser") == []


@pytest.mark.slow
def test_a_broken_page_is_noticed(report, tmp_path):
    broken = tmp_path / "broken.html"
    broken.write_text(report.read_text().replace('"use strict";', "nothing.there();"))
    with opened(broken, DESKTOP) as chrome:
        assert any("nothing is not defined" in entry["message"] for entry in chrome.get_log("browser"))

"""The site in headless Chromium: from a folder, offline, on a desk and on a phone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docs.make.pages import HOUSE
from tests.shared import made_once

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PAGES = sorted(page.stem for page in (HOUSE / "docs").glob("*.md"))
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def _make(folder: Path) -> None:
    command = (sys.executable, "-m", "sphinx", "-q", str(HOUSE / "docs"), str(folder))
    subprocess.run(command, cwd=HOUSE, check=True)


@pytest.fixture(scope="module")
def site(shared: Path) -> Path:
    pytest.importorskip("furo", reason="the site is made by Sphinx: pip install '.[docs]'")
    return made_once(shared, "site-in-browser", _make)


@contextmanager
def opened(browser: Browser, address: str, viewport: object = DESK) -> Iterator[Page]:
    """A page that may reach nothing but files, and without an error."""
    context = browser.new_context(offline=True, viewport=viewport)
    page: Page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("file:", "data:")) else wrong.append(request.url)
        ),
    )
    page.goto(address, wait_until="load")
    yield page
    context.close()
    assert not wrong


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_from_its_folder_and_fits_a_phone(
    chromium: Browser, site: Path, name: str
) -> None:
    with opened(chromium, (site / f"{name}.html").as_uri(), PHONE) as page:
        assert page.locator("h1").first.inner_text()
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) <= 0


def test_the_search_finds_a_page_without_a_network(chromium: Browser, site: Path) -> None:
    with opened(chromium, f"{(site / 'search.html').as_uri()}?q=letterbox") as page:
        page.wait_for_selector("#search-results li a")
        found = page.locator("#search-results li a").evaluate_all("all => all.map(a => a.href)")
    assert any("models.html" in address for address in found)


def test_the_navigation_leads_to_the_tutorial(chromium: Browser, site: Path) -> None:
    with opened(chromium, (site / "index.html").as_uri()) as page:
        page.locator(".sidebar-tree a", has_text="From your own module").click()
        assert page.url.endswith("tutorial.html")

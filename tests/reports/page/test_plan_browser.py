"""The page of a plan in headless Chromium: it draws, shows one engine, and asks for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reports.page.plan.text import Told
from reports.page.plan.writing import write_plan_page
from sizewise.core.machine.environment import read_environment
from tests.reports.page.test_browser import DESKTOP, PHONE, Opened
from tests.reports.page.test_plan_page import decided

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "plan.html"
    write_plan_page(Told(plan=decided(), machine=read_environment()), path)
    return path


@pytest.mark.parametrize("look", ["light", "dark"])
def test_it_draws_all_plots_and_picks_an_engine(chromium: Browser, page: Path, look: str) -> None:
    one = Opened(chromium, page, viewport=DESKTOP, color_scheme=look)
    assert one.page.locator(".plot canvas").count() == 4
    keys = one.page.locator("#keys button")
    assert [text.strip() for text in keys.all_inner_texts()] == ["small · 75.0 %", "large · 25.0 %"]
    for pressed in ("true", "false"):
        keys.first.click()
        assert keys.first.get_attribute("aria-pressed") == pressed
    one.say("48×96")
    assert one.column(1, "table[data-table='5']") == ["48×96"]
    assert one.errors == []
    assert [url for url in one.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    one.context.close()


def test_a_phone_scrolls_tables_and_not_the_page(chromium: Browser, page: Path) -> None:
    phone = Opened(chromium, page, viewport=PHONE, is_mobile=True, has_touch=True)
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert phone.errors == []
    phone.context.close()

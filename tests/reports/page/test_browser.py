"""The page in headless Chromium: it renders, filters, sorts, advises, and asks for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docs.make.pages import HOUSE
from reports.markdown import write_report
from reports.page.whole import page as whole_page
from tests.reports.page import many

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.reports.conftest import Lab

pytestmark = pytest.mark.browser
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
OVERVIEW = "table[data-table='0']"


class Opened:
    """A page, what it asked the network for, and what went wrong in it."""

    def __init__(self, browser: Browser, path: Path, **context: object) -> None:
        self.context = browser.new_context(offline=True, **context)
        self.page: Page = self.context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.client = self.context.new_cdp_session(self.page)
        self.client.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda said: self.errors.append(said.text) if said.type == "error" else None,
        )
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready]", timeout=60_000)

    def seconds(self) -> float:
        """That the page has computed for: of its thread, so others on the machine don't count."""
        metrics = self.client.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))

    def column(self, number: int, table: str = OVERVIEW) -> list[str]:
        cells = self.page.locator(f"{table} tbody tr td:nth-child({number})")
        return [text.strip() for text in cells.all_inner_texts()]

    def say(self, words: str) -> None:
        self.page.fill("#filter", words)
        self.page.wait_for_timeout(400)

    def budget(self, share: int) -> str:
        self.page.evaluate(
            "share => { const s = document.querySelector('#budget'); s.value = share;"
            " s.dispatchEvent(new Event('input')); }",
            share,
        )
        return str(self.page.inner_text("#advice"))


def page_of(results: Path, out: Path) -> Path:
    page = write_report(results, out).page
    assert page is not None
    return page


@pytest.fixture(scope="module")
def report(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [*lab.sweep(), lab.bad(lab.trial("torch_eager"))]
    file = lab.file(tmp_path_factory.mktemp("page") / "results.sqlite", lab.run(rows))
    return page_of(file, file.parent / "report")


@pytest.fixture
def opened(chromium: Browser, report: Path) -> Iterator[Opened]:
    one = Opened(chromium, report, viewport=DESKTOP)
    yield one
    assert one.errors == []
    assert [url for url in one.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len([url for url in one.requests if url.startswith("file:")]) == 1
    one.context.close()


def test_it_renders_tables_and_plot(opened: Opened) -> None:
    assert opened.page.locator("#plot canvas").count() == 1
    assert len(opened.column(1)) == 16
    assert opened.page.locator("h1").inner_text().startswith("yolov3 on Imaginary CPU")


def test_it_filters_all_tables(opened: Opened) -> None:
    opened.say("openvino -dynamic")
    names = opened.column(1)
    assert names
    assert all("openvino" in name and "dynamic" not in name for name in names)
    assert opened.page.inner_text("#count") == "4 of 16 engines"
    opened.say("")
    assert len(opened.column(1)) == 16


def test_it_sorts_numbers_as_numbers(opened: Opened) -> None:
    latencies = "3"
    button = opened.page.locator(f"{OVERVIEW} th:nth-child({latencies}) button")
    for sign in (1, -1):
        button.click()
        values = [float(text.split()[0]) for text in opened.column(int(latencies))]
        assert values == sorted(values, key=lambda value: sign * value)


def test_the_budget_moves_the_recommendation(opened: Opened) -> None:
    first, last = opened.budget(0), opened.budget(1000)
    assert first.startswith("Nothing fits.")
    assert "16 of 16 engines take " in last
    assert last.startswith("Ship openvino static at 320×320")
    between = {opened.budget(share).split(" ms")[0] for share in range(0, 1001, 50)}
    assert len(between) >= 4


def test_dark_and_light(chromium: Browser, report: Path) -> None:
    dark = Opened(chromium, report, viewport=DESKTOP, color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    assert dark.page.evaluate(background) == "rgb(20, 24, 28)"
    dark.page.click("#theme")
    assert dark.page.evaluate(background) == "rgb(255, 255, 255)"
    assert dark.errors == []
    dark.context.close()


def test_a_phone_scrolls_tables_and_not_the_page(chromium: Browser, report: Path) -> None:
    phone = Opened(chromium, report, viewport=PHONE, is_mobile=True, has_touch=True)
    wide = phone.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["width"]
    phone.context.close()


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize(("name", "size"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_the_demo_opens_without_errors(
    chromium: Browser, shots: Path, look: str, name: str, size: dict[str, int]
) -> None:
    """It leaves the screenshots that are committed: look at them where they change."""
    one = Opened(chromium, HOUSE / "docs/demo/report.html", viewport=size, color_scheme=look)
    one.page.screenshot(path=shots / f"{name}-{look}.png")
    assert one.errors == []
    one.context.close()


def test_names_of_engines_are_text(chromium: Browser, lab: Lab, tmp_path: Path) -> None:
    odd = "</script><img src=x onerror=alert(1)>"
    rows = [lab.ok(lab.trial(network=odd)), lab.ok(lab.trial(network="a", model_sha256="b" * 64))]
    file = lab.file(tmp_path / "results.sqlite", lab.run(rows))
    one = Opened(chromium, page_of(file, tmp_path / "out"))
    assert one.page.locator("img").count() == 0
    assert any(odd in name for name in one.column(1))
    assert one.errors == []
    one.context.close()


def test_five_thousand_records_load_and_filter_in_two_seconds(
    chromium: Browser, tmp_path: Path
) -> None:
    known = many.points(5000)
    data = {"points": known, "steps": many.steps(known)}
    path = tmp_path / "many.html"
    path.write_text(whole_page(many.markdown(known), "AP (0–1)", data), encoding="utf-8")
    one = Opened(chromium, path, viewport=DESKTOP)
    loaded = one.seconds()
    one.page.fill("#filter", "tensorrt 256×256")
    one.page.wait_for_function("document.querySelector('#count').textContent !== ''")
    filtered = one.seconds() - loaded
    assert set(one.column(2)) == {"256×256"}
    assert (loaded < 2, filtered < 2) == (True, True), (loaded, filtered)
    one.context.close()

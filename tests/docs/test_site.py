"""The pages become a site (make docs): without warnings, whole, and without another host."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest

import sizewise as sw
from docs.make.pages import HOUSE
from docs.make.site import linked_from_docs, options_in_words
from sizewise.core.options.declared import options_of
from tests.shared import made_once

needs_sphinx = pytest.mark.skipif(
    not all(find_spec(name) for name in ("sphinx", "furo", "myst_parser")),
    reason="the site is made by Sphinx: pip install '.[docs]'",
)
LOADED = {"src", "srcset", "data", "poster"}
"""Attributes whose address a browser loads by itself; of a link, see below."""
ONLY_NAMED = {"canonical", "index", "search", "next", "prev", "author", "license"}
"""Relations of a link that a browser loads nothing for."""
_IN_STYLES = re.compile(r"(?:url\(|@import)\s*['\"]?\s*((?:https?:)?//[^'\")\s]+)")
_IN_SCRIPTS = re.compile(
    r"(?:fetch|import|importScripts|open|Worker|WebSocket|EventSource|sendBeacon)\(\s*"
    r"[^)\"'`]{0,20}[\"'`]((?:https?:|wss?:)?//[^\"'`]+)"
)


def build(source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """As the Makefile has it."""
    command = (sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", str(source), str(out))
    return subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)


def _make(folder: Path) -> None:
    said = build(HOUSE / "docs", folder)
    assert (said.returncode, said.stderr) == (0, "")


@pytest.fixture(scope="module")
def site(shared: Path) -> Path:
    return made_once(shared, "site", _make)


class Loads(HTMLParser):
    """The addresses that a browser loads for a page by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.found += [value for name, value in given.items() if name in LOADED]
        if tag == "link" and not set(given.get("rel", "").split()) & ONLY_NAMED:
            self.found.append(given.get("href", ""))
        self.found += _IN_STYLES.findall(given.get("style", ""))


def loads(file: Path) -> Iterator[str]:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".html":
        parser = Loads()
        parser.feed(text)
        yield from parser.found
        text = "\n".join(re.findall(r"<style[^>]*>(.*?)</style>", text, re.DOTALL))
    yield from (_IN_SCRIPTS if file.suffix == ".js" else _IN_STYLES).findall(text)


def elsewhere(address: str) -> bool:
    return re.match(r"\s*(?:\w+:)?//", address) is not None


@needs_sphinx
def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    pages = [one for one in site.rglob("*") if one.suffix in (".html", ".css", ".js")]
    assert len(pages) > 20
    found = {(one.name, address) for one in pages for address in loads(one) if elsewhere(address)}
    assert not found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<link rel="preconnect" href="https://fonts.example">'),
        ("a.html", '<script src="//host.example/a.js"></script>'),
        ("a.html", "<style>@import 'https://host.example/a.css';</style>"),
        ("a.css", "src: url(https://host.example/a.woff2)"),
        ("a.js", 'await fetch("https://host.example/index.json")'),
    ],
)
def test_a_load_from_another_host_is_noticed(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert any(map(elsewhere, loads(tmp_path / name)))


@needs_sphinx
def test_every_page_is_in_the_site_and_in_its_search(site: Path) -> None:
    names = {page.stem for page in (HOUSE / "docs").glob("*.md")}
    assert names <= {page.stem for page in site.glob("*.html")}
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert all(f'"{name}"' in index for name in names)


@needs_sphinx
def test_the_reference_has_every_public_name_and_every_option(site: Path) -> None:
    page = (site / "reference.html").read_text(encoding="utf-8")
    for name in set(sw.__all__) - {"__version__"}:
        assert f'id="sizewise.{name}"' in page, name
    for kind in _kinds_of_options():
        (part,) = re.findall(
            rf'id="sizewise\.{kind.__name__}".*?(?=<dt class="sig|</section>)', page, re.DOTALL
        )
        for option in options_of(kind):
            assert f"<strong>{option}</strong>" in part, f"{kind.__name__}: {option}"


@needs_sphinx
def test_broken_links_fail(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    shutil.copy(HOUSE / "docs" / "conf.py", source)
    (source / "index.md").write_text("# A\n\n```{toctree}\nb\n```\n", encoding="utf-8")
    broken = {"absent.md": "absent.md", "#absent-here": "absent-here", "b.md#there": "there"}
    links = "\n\n".join(f"[text]({address})" for address in broken)
    (source / "b.md").write_text(f"# B\n\n{links}\n", encoding="utf-8")
    said = build(source, tmp_path / "site")
    assert said.returncode != 0
    for name in broken.values():
        assert re.search(rf"WARNING: .*not found.* '{re.escape(name)}'", said.stderr), said.stderr


def test_links_of_a_file_in_the_root_lead_to_pages() -> None:
    text = "[a](docs/a.md#b) ![c](docs/demo/c.png) [d](CONTRIBUTING.md) [e](https://e.example)"
    moved = "[a](a.md#b) ![c](demo/c.png) [d](contributing.md) [e](https://e.example)"
    assert linked_from_docs(text) == moved


def test_an_option_is_told_with_its_help_and_default() -> None:
    lines = options_in_words(sw.Budget)
    assert len(lines) == len(options_of(sw.Budget))
    assert ":param max_latency_ms: Longest latency of a call, in ms. Default: none." in lines
    assert all(kind is not sw.Budget or lines for kind in _kinds_of_options())


def _kinds_of_options() -> list[type]:
    named = [getattr(sw, name) for name in sw.__all__]
    return [
        one
        for one in named
        if isinstance(one, type) and hasattr(one, "__dataclass_fields__") and options_of(one)
    ]

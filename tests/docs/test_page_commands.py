"""Commands on the pages are commands of this program: their names, options and values are known."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from engines.options import demand_known, read_options
from engines.registry import find_backend
from sizewise.cli.app import app
from tests.engines.on_gpu import BACKENDS as GPU_BACKENDS

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
GPU = frozenset(GPU_BACKENDS)
RUNS = ("bench", "evaluate", "predict")
"""Commands that call the engines, and do not only build them."""
_LINE = re.compile(r"^sizewise .+$", re.MULTILINE)
_SPAN = re.compile(r"`(sizewise [a-z]+ [^`\n\[]+)`")
"""Not a command's bare name, and no synopsis, which has brackets."""


def commands(text: str) -> Iterator[list[str]]:
    """The words of each, without the program's name."""
    for found in (*_LINE.findall(text), *_SPAN.findall(text)):
        yield shlex.split(found, comments=True)[1:]


def parse(words: list[str]) -> dict[str, Any]:
    """The command's parameters, by name, without running it."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("sizewise", words[:1])
    _, command, _ = group.resolve_command(context, words)
    parsed: dict[str, Any] = command.make_context(words[0], words[1:], parent=context).params
    return parsed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_on_the_page_parses(page: Path) -> None:
    for words in commands(page.read_text(encoding="utf-8")):
        given = parse(words)
        asked = given.get("options") or ()
        backends = [find_backend(name) for name in given["backends"].split(",")] if asked else []
        demand_known(backends, asked)
        for backend in backends:
            read_options(backend, asked)


def sections(page: Path) -> Iterator[str]:
    yield from re.split(r"^#+ ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_command_that_needs_a_gpu_says_so(page: Path) -> None:
    for section in sections(page):
        for words in commands(section):
            given = parse(words)
            named = str(given.get("backends") or given.get("backend") or "").split(",")
            if words[0] in RUNS and not GPU.isdisjoint(named):
                assert "GPU" in section, " ".join(words)


def test_a_command_that_needs_a_gpu_is_noticed() -> None:
    (words,) = commands("`sizewise bench a.onnx --backend onnxruntime,onnxruntime_cuda`")
    assert GPU & set(parse(words)["backends"].split(","))


def test_an_option_that_is_not_there_is_noticed() -> None:
    with pytest.raises(Exception, match="--strategies"):
        parse(shlex.split("build a.onnx --strategies static"))


def test_commands_are_found() -> None:
    found = [words for page in PAGES for words in commands(page.read_text(encoding="utf-8"))]
    assert len(found) > len(PAGES)


def test_no_generated_part_of_a_page_is_empty() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"<!-- (?!/)(.+?) -->", text):
            inner = text.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]
            assert inner.strip(), f"{page.name}: {name}"

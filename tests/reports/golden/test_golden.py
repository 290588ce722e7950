"""Reports are what was committed. Last digits may differ: processors round a logarithm unlike."""

from __future__ import annotations

import re

import pytest

from tests.reports.golden.__main__ import FOLDER, told
from tests.reports.golden.cases import CASES

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_PADDING = re.compile(r" +|-{3,}")
LINES = 8


def split(text: str) -> tuple[str, list[float]]:
    """The words, without the padding of tables, and the numbers."""
    words = _NUMBER.sub("#", _PADDING.sub(" ", text))
    return words, [float(number) for number in _NUMBER.findall(text)]


@pytest.mark.parametrize("name", CASES)
def test_a_report_is_what_was_committed(name: str) -> None:
    found = split(told(CASES[name]()))
    wanted = split((FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    assert found[0] == wanted[0]
    assert found[1] == pytest.approx(wanted[1], rel=0.01, abs=0.1)


@pytest.mark.parametrize("name", CASES)
def test_it_opens_with_a_decision_of_at_most_eight_sentences(name: str) -> None:
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    opening = text.split("\n## ")[0].splitlines()[2:]
    assert 1 <= len(opening) <= LINES
    assert re.match(r"1\. (Ship|Nothing fits|No answer yet:)", opening[0])


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == set(CASES)

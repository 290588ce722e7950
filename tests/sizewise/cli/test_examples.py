"""The configurations that come with the house can be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sizewise.pipeline.config import read_line

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").rglob("*.toml"))
LINES = [path for path in EXAMPLES if "[train]" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", LINES, ids=lambda path: path.name)
def test_it_says_nothing_wrong(path: Path) -> None:
    read_line(path).check()


def test_those_that_the_readme_names_are_there() -> None:
    assert {"digits.toml", "fusion.toml", "precisions.toml"} <= {path.name for path in LINES}

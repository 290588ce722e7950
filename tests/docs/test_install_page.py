"""docs/install.md and CONTRIBUTING.md: they name every extra of pyproject.toml, and no other."""

from __future__ import annotations

import re
import tomllib

from docs.make.pages import HOUSE

EXTRAS = set(
    tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
)
_EXTRAS = re.compile(r"extras? ((?:`[a-z]+`(?:, | and |, and |, or )?)+)")


def named(page: str) -> set[str]:
    """The names behind the word extra, and in brackets behind ``pip install``."""
    text = (HOUSE / page).read_text(encoding="utf-8")
    behind = re.findall("`([a-z]+)`", " ".join(_EXTRAS.findall(text)))
    brackets = re.findall(r"(?:\.|sizewise)\[([a-z,]+)\]", text)
    return {*behind, *(name for inside in brackets for name in inside.split(","))}


def test_every_extra_is_named() -> None:
    pages = ("docs/install.md", "CONTRIBUTING.md")
    text = "".join((HOUSE / page).read_text(encoding="utf-8") for page in pages)
    assert {name for name in EXTRAS if f"`{name}`" not in text and f"[{name}]" not in text} == set()


def test_no_other_extra_is_named() -> None:
    for page in ("README.md", "docs/install.md", "docs/serve.md", "CONTRIBUTING.md"):
        assert named(page)
        assert named(page) <= EXTRAS

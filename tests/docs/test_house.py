"""What docs/make/house.py counts, where it must not grow again."""

from __future__ import annotations

from docs.make.house import figures
from docs.make.pages import HOUSE
from sizewise.cli.app import SizewiseCommands


def test_the_house_stays_in_order() -> None:
    found = figures(HOUSE)
    assert found["circles of files"] == 0
    assert found["parses of a text of sizes"] == 1
    assert found["of these without typer, rich or another of them that has"] == 0
    assert int(str(found["lines of sizewise/cli"])) < 135 * len(SizewiseCommands.lines)
    assert int(str(found["parameters of the longest command"])) <= 7
    assert int(str(found["largest number of siblings in a folder"])) <= 20

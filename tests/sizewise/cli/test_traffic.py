"""``sizewise traffic`` at the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sizewise.cli.conftest import Cli


def test_sizes_are_counted_stored_and_drawn(cli: Cli, tmp_path: Path) -> None:
    table = tmp_path / "sizes.csv"
    table.write_text("width,height\n640,480\n640,480\n1280,720\n640,480\n", encoding="utf-8")
    out = tmp_path / "out"
    said = cli("traffic", table, "--out", out)
    assert said.code == 0, said
    assert "4 pictures of 2 sizes" in said.out
    assert "2 pictures of another size than the one before" in said.out
    assert {path.name for path in out.iterdir()} == {"traffic.json", "traffic.png", "traffic.svg"}
    again = json.loads(cli("traffic", out / "traffic.json", "--out", out, "--json").out)
    assert again["sizes"] == {"480x640": 3, "720x1280": 1}
    assert (again["pictures"], again["changes"]) == (4, 2)


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [("gone", 1, "There is no"), ("empty.log", 1, "no traffic"), ("empty", 1, "no pictures")],
)
def test_what_has_no_sizes_is_a_sentence(
    cli: Cli, tmp_path: Path, source: str, code: int, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.log").touch()
    found = cli("traffic", tmp_path / source, "--out", tmp_path / "out")
    assert found.code == code
    assert said in found.err
    assert not (tmp_path / "out").exists()

"""``sizewise results``: what it says of files, damaged ones too."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.bench.factories import trial, waves
from tests.bench.journal.files import SAMPLES, filed, with_everything
from tests.sizewise.cli.conftest import Cli


def test_an_error_of_a_write_names_the_option_of_its_place(cli: Cli, tmp_path: Path) -> None:
    path, place = filed(tmp_path, *waves(SAMPLES, trial(0))), tmp_path / "file" / "new"
    place.parent.touch()
    for option in ("--salvage", "--csv", "--pytest-benchmark"):
        said = cli("results", path, option, place)
        assert said.code == 1
        assert option in said.err
        assert "--out" not in said.err


def test_bytes_that_are_no_text_are_not_shown(cli: Cli, tmp_path: Path) -> None:
    path = with_everything(tmp_path)
    with closing(sqlite3.connect(path)) as hand, hand:
        hand.execute("UPDATE trial SET reason = CAST(x'6f6bfffe' AS TEXT)")
    said = cli("report", path, "--out", tmp_path / "report")
    assert said.code == 1
    assert "its column reason holds bytes that are no text. Restore the file" in said.err


def test_the_title_of_a_table_is_one_line_whatever_its_width(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / ("far " * 20)
    folder.mkdir()
    path = with_everything(folder)
    assert cli("results", path).out.splitlines()[0] == f"Runs in {path}"

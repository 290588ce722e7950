"""A results file of each earlier schema has its report, and it is the same of all of them."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench.journal import schema, updates
from reports.findings.find import find
from reports.load import read_records
from reports.markdown import compose
from reports.plots.sweep import draw
from tests.bench.journal.test_updates import write_version_1
from tests.contracts.pins.fixture import MADE

VERSION_2 = MADE / "out" / "results.sqlite"
"""As the sizewise of then wrote it."""


def write(path: Path, first: int, version: int) -> Path:
    """A file of schema ``first``, updated to ``version``."""
    if first == 1:
        write_version_1(path)
    else:
        shutil.copy(VERSION_2, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        for step in range(first + 1, version + 1):
            with connection:
                updates._UPDATES[step](connection)
                connection.execute(f"PRAGMA user_version = {step}")
        assert tuple(connection.execute("PRAGMA user_version").fetchone()) == (version,)
    return path


def told(path: Path) -> str:
    records = read_records(path)
    return compose(records, find(records), draw(records.verdicts))


@pytest.mark.parametrize("first", range(1, schema.VERSION))
def test_a_file_of_each_schema_has_the_same_report(first: int, tmp_path: Path) -> None:
    texts = {
        told(write(tmp_path / f"{version}.sqlite", first, version))
        for version in range(first, schema.VERSION + 1)
    }
    (text,) = texts
    assert re.search(r"^1\. (Ship|No answer yet:) ", text, re.MULTILINE)
    assert "earlier harness" in text

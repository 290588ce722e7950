"""Files of schema 3 whose sums are of the first form, without numbers and without what belongs
together: they are read, and what is added is checked as in any other."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bench.journal.store import Store
from sizewise.core.errors import RecordError
from sizewise.pipeline.records.results import results
from tests.bench.factories import trial, waves
from tests.bench.journal.files import ACCURACY, SAMPLES, TIMEOUT, filed, read, with_everything

TABLES = ("run", "trial", "wave", "round", "block", "process", "accuracy")


def first_sum(table: str, row: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(table.encode())
    for name in sorted(row.keys() - {"id", "sum"}):
        value = row[name]
        held = value if isinstance(value, bytes) else repr(value).encode()
        digest.update(f"{name} {type(value).__name__} {len(held)} ".encode() + held)
    return digest.hexdigest()[:16]


def test_the_sums_of_this_test_are_those_of_then() -> None:
    row = {"id": 5, "cold": 2, "latency_ns": "[1,2,3]", "evidence": b"x", "memory": None}
    assert first_sum("block", row | {"load": 0.5}) == "243f1f48cb850ebb"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    path = with_everything(tmp_path)
    with closing(sqlite3.connect(path)) as hand, hand:
        hand.create_function("first_sum", -1, _of_cells)
        for table in TABLES:
            columns = hand.execute(f"SELECT name FROM pragma_table_info('{table}')").fetchall()
            cells = ", ".join(f"'{name}', {name}" for (name,) in columns)
            hand.execute(f"UPDATE {table} SET sum = first_sum('{table}', {cells})")
    return path


def _of_cells(table: str, *cells: Any) -> str:
    return first_sum(table, dict(zip(cells[::2], cells[1::2], strict=True)))


def test_it_is_read_as_it_is(first: Path, tmp_path: Path) -> None:
    today = tmp_path / "today"
    today.mkdir()
    before = first.read_bytes()
    assert read(first) == read(with_everything(today))
    assert first.read_bytes() == before


def test_a_sweep_goes_on_with_it_and_no_row_of_its_own_may_be_missing(first: Path) -> None:
    before = {one.trial.identity: one for one in read(first)}
    with Store.open(first) as store:
        store.note(2, trial(9), TIMEOUT)
        store.add_accuracy(2, trial(0), ACCURACY)
    filed(first.parent, *waves(SAMPLES, trial(1), trial(5)))
    after = {one.trial.identity: one for one in read(first)}
    assert len(after.pop(trial(5).identity).blocks) == 6
    grown = after.pop(trial(1).identity)
    assert grown.blocks[:6] == before.pop(trial(1).identity).blocks
    assert after == before
    with closing(sqlite3.connect(first)) as hand, hand:
        hand.execute("DELETE FROM process WHERE wave_id = 7")
        hand.execute("DELETE FROM block WHERE wave_id = 7")
        hand.execute("DELETE FROM round WHERE wave_id = 7")
        hand.execute("DELETE FROM wave WHERE id = 7")
    with pytest.raises(RecordError, match="of the table run is damaged"):
        read(first)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE block SET latency_ns = replace(latency_ns, '1', '2')",
        "UPDATE trial SET reason = 'Another.'",
        "UPDATE wave SET sum = '2:' || sum",
        "DELETE FROM trial WHERE id = 1",
        "DELETE FROM process WHERE wave_id = 1",
    ],
)
def test_damage_is_found_there_too(first: Path, statement: str) -> None:
    with closing(sqlite3.connect(first)) as hand, hand:
        hand.execute(statement)
    with pytest.raises(RecordError, match="damaged"):
        read(first)


def test_what_is_whole_of_it_is_saved(first: Path) -> None:
    before = read(first)
    with closing(sqlite3.connect(first)) as hand, hand:
        hand.execute("UPDATE block SET cpu_ns = cpu_ns + 1 WHERE wave_id = 3 AND round = 1")
    saved = first.with_name("saved.sqlite")
    assert results(first, salvage=saved).held.kept.lost["wave"] == (3,)
    for one, whole in zip(read(saved), before, strict=True):
        assert one.blocks == tuple(block for block in whole.blocks if block.wave != 3)

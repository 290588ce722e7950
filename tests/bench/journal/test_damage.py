"""Files that do not hold what was written: an error, and never another figure or a smaller
result."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.journal.store import Store
from sizewise.core.errors import RecordError, SizewiseError
from sizewise.core.trials import Result
from tests.bench.factories import trial, waves
from tests.bench.journal.files import SAMPLES, filed, read, with_everything


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_everything(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    copy = tmp_path / "results.sqlite"
    copy.write_bytes(whole.read_bytes())
    return copy


def by_hand(path: Path, *statements: str) -> None:
    """As another program changes a file: without a look at what belongs together."""
    with closing(sqlite3.connect(path)) as hand, hand:
        for statement in statements:
            hand.execute(statement)


@pytest.mark.parametrize(
    ("table", "these"), [("trial", (1, 2)), ("wave", (1, 3)), ("wave", (5, 6)), ("run", (1, 2))]
)
def test_rows_that_exchange_their_numbers_do_not_exchange_figures(
    path: Path, table: str, these: tuple[int, int]
) -> None:
    one, other = these
    moves = ((one, -1), (other, one), (-1, other))
    by_hand(path, *(f"UPDATE {table} SET id = {to} WHERE id = {at}" for at, to in moves))
    with pytest.raises(RecordError, match=f"of the table {table} is damaged"):
        read(path)


def rows(path: Path) -> Iterator[tuple[str, str]]:
    """A condition for each row of each table."""
    keys = "SELECT m.name, group_concat(c.name) FROM sqlite_master m, pragma_table_info(m.name) c"
    keys += " WHERE m.type = 'table' AND c.pk GROUP BY m.name"
    with closing(sqlite3.connect(path)) as connection:
        for table, columns in connection.execute(keys).fetchall():
            for row in connection.execute(f"SELECT {columns} FROM {table}").fetchall():
                pairs = zip(columns.split(","), row, strict=True)
                yield table, " AND ".join(f"{name} = {value!r}" for name, value in pairs)


def test_no_row_is_ever_missing_without_a_word(whole: Path, path: Path) -> None:
    """Each row of each table, one at a time. A failure that is lost costs another attempt alone."""
    tables = set()
    for table, condition in rows(whole):
        if table == "failure":
            continue
        path.write_bytes(whole.read_bytes())
        by_hand(path, f"DELETE FROM {table} WHERE {condition}")
        with pytest.raises(RecordError, match=r"damaged|missing"):
            read(path)
        tables.add(table)
    assert tables == {"run", "trial", "wave", "round", "block", "process", "accuracy"}


TOGETHER = {
    "a wave": ("wave WHERE id = 1", *(f"{t} WHERE wave_id = 1" for t in ("block", "round"))),
    "all of a wave": (
        "wave WHERE id = 1",
        *(f"{table} WHERE wave_id = 1" for table in ("block", "round", "process")),
    ),
    "all of a trial": (
        "trial WHERE id = 2",
        *(f"{table} WHERE trial_id = 2" for table in ("block", "process", "accuracy")),
    ),
    "a round": (
        "round WHERE wave_id = 1 AND number = 0",
        "block WHERE wave_id = 1 AND round = 0",
    ),
    "all accuracies": ("accuracy",),
    "all processes": ("process",),
    "all waves": ("wave", "round", "block", "process"),
    "all trials": ("trial", "block", "process", "accuracy"),
    "all runs": ("run",),
}


@pytest.mark.parametrize("what", TOGETHER)
def test_what_is_missing_together_is_no_smaller_result(path: Path, what: str) -> None:
    by_hand(path, *(f"DELETE FROM {which}" for which in TOGETHER[what]))
    with pytest.raises(RecordError, match=r"damaged|missing"):
        read(path)


@pytest.mark.parametrize("what", ["all of a wave", "all of a trial", "all accuracies"])
def test_nothing_is_added_to_a_run_that_is_not_whole(path: Path, what: str) -> None:
    """Its sum would count what is left, and what is missing would be missed no more."""
    by_hand(path, *(f"DELETE FROM {which}" for which in TOGETHER[what]))
    before = path.read_bytes()
    with Store.open(path) as store:
        for wave in waves(SAMPLES, trial(5)):
            with pytest.raises(RecordError, match="of the table run is damaged"):
                store.add_wave(1, wave)
    assert path.read_bytes() == before


def test_a_trial_that_an_index_lacks_is_not_added_twice(whole: Path, path: Path) -> None:
    """Its first waves would be lost from sight."""
    content, name = whole.read_bytes(), trial(0).identity.encode()
    places = [at for at in range(len(content)) if content.startswith(name, at)]
    assert len(places) == 2, "in the table and in its index"
    for at in places:
        path.write_bytes(content[:at] + b"x" + content[at + 1 :])
        with pytest.raises(RecordError, match="damaged"), Store.open(path) as store:
            store.results()


@pytest.mark.parametrize("kept", [1, 100, 511])
def test_a_file_of_which_a_few_bytes_are_left_is_not_begun_anew(path: Path, kept: int) -> None:
    """SQLite takes it for an empty one."""
    path.write_bytes(path.read_bytes()[:kept])
    for read_only in (False, True):
        with pytest.raises(RecordError):
            Store.open(path, read_only=read_only)
    assert path.stat().st_size == kept


damages = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=12)),
    min_size=1,
    max_size=3,
)


def damaged(content: bytes, at: list[tuple[float, bytes]], kept: float) -> bytes:
    """``content`` up to a share of it, with other bytes at some places."""
    found = bytearray(content)
    for share, wrong in at:
        place = int(share * len(found))
        found[place : place + len(wrong)] = wrong[: len(found) - place]
    return bytes(found[: max(1, round(kept * len(found)))])


@pytest.mark.parametrize("read_only", [True, False])
@given(damages, st.just(1.0) | st.floats(0, 1))
@settings(max_examples=100)
def test_damaged_bytes_never_give_another_figure_or_lose_a_wave(
    whole: Path,
    tmp_path_factory: pytest.TempPathFactory,
    read_only: bool,
    at: list[tuple[float, bytes]],
    kept: float,
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "results.sqlite"
    path.write_bytes(damaged(whole.read_bytes(), at, kept))
    with suppress(SizewiseError):
        assert after_one_more(path, read_only=read_only) == read(whole)


def after_one_more(path: Path, *, read_only: bool) -> tuple[Result, ...]:
    """What a file holds after a sweep that added a trial, without that trial."""
    if read_only:
        return read(path)
    with Store.open(path) as store:
        store.results()  # as every sweep begins
    filed(path.parent, *waves(SAMPLES, trial(8)))
    *before, last = read(path)
    assert (last.trial, len(last.blocks)) == (trial(8), 6)
    return tuple(before)

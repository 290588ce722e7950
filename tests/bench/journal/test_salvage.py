"""What is whole of a damaged results file is saved, and nothing else."""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from bench.journal.store import Store
from bench.planning.settings import SweepSettings
from bench.sweep import SweepOutcome, sweep
from sizewise.core import codec
from sizewise.core.errors import DamagedRecordError, OutputError, RecordError
from sizewise.core.exit_codes import ExitCode
from sizewise.core.options.declared import fill
from sizewise.core.trials import Result
from sizewise.pipeline.records.results import Results, results
from tests.bench.factories import launch_in_process, quietly, trial
from tests.bench.journal.damaging import PAGE, campaign, many_waves
from tests.bench.journal.files import filed, read
from tests.bench.models import colours
from tests.contracts.pins.fixture import MADE

INDEX_LEAF = 10
"""The first byte of a page with rows of a table WITHOUT ROWID."""


@pytest.mark.parametrize("cases", [30, pytest.param(1000, marks=pytest.mark.slow)])
def test_random_damage_gives_an_error_or_every_figure_right(tmp_path: Path, cases: int) -> None:
    found = campaign(cases, 20261126, tmp_path)
    assert found.violations == []
    assert found.cases == sum(found.counts.values()) == cases
    assert found.counts["a part was saved"] > cases / 10


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many_waves(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    copy = tmp_path / "results.sqlite"
    copy.write_bytes(whole.read_bytes())
    return copy


def by_hand(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as hand, hand:
        for statement in statements:
            hand.execute(statement)


def salvaged(path: Path) -> tuple[Results, tuple[Result, ...]]:
    """What is said of a file, and what its salvage holds."""
    saved = path.with_name("saved.sqlite")
    before = path.read_bytes()
    said = results(path, salvage=saved)
    assert path.read_bytes() == before
    return said, read(saved)


def test_a_whole_file_is_saved_whole(whole: Path, path: Path) -> None:
    said, saved = salvaged(path)
    assert saved == read(whole)
    assert (said.exit_code, said.held.damage) == (0, "")
    assert said.held.summary == "2 runs, 7 trials, 10 waves and 6 accuracies"


def test_a_file_of_an_older_sizewise_is_read_as_it_is(tmp_path: Path) -> None:
    made = tmp_path / "results.sqlite"
    made.write_bytes((MADE / "out" / "results.sqlite").read_bytes())
    said, saved = salvaged(made)
    assert said.held.damage == ""
    assert saved == read(made)


def test_a_lost_row_costs_its_wave_alone(whole: Path, path: Path) -> None:
    by_hand(path, "DELETE FROM block WHERE wave_id = 3 AND trial_id = 2 AND round = 1")
    said, saved = salvaged(path)
    assert said.exit_code == 3
    assert said.held.kept.lost == {"run": (), "trial": (), "wave": (3,)}
    assert said.held.summary == "2 runs, 7 trials, 9 of 10 waves and 6 accuracies"
    for found, before in zip(saved, read(whole), strict=True):
        assert found.blocks == tuple(one for one in before.blocks if one.wave != 3)
        assert found.accuracy == before.accuracy


def test_a_lost_trial_costs_the_others_of_its_waves_nothing(whole: Path, path: Path) -> None:
    by_hand(path, "UPDATE trial SET trial = replace(trial, '320', '352') WHERE id = 2")
    said, saved = salvaged(path)
    assert said.held.kept.lost == {"run": (), "trial": (2,), "wave": ()}
    assert dict(said.held.damaged_rows) == {"trial": 1}
    assert said.held.damage == "1 row is not as it was written"
    assert list(saved) == [one for one in read(whole) if one.trial != trial(1)]


def test_a_damaged_run_is_lost_with_what_it_measured(whole: Path, path: Path) -> None:
    """Without its environment, nothing says of which machine its figures are."""
    by_hand(path, "UPDATE run SET command = command || 'y' WHERE id = 2")
    said, saved = salvaged(path)
    assert said.held.kept.lost["wave"] == (9, 10)
    assert said.held.summary == "1 run, 7 trials, 8 waves and 6 accuracies"
    for found, before in zip(saved, read(whole), strict=True):
        assert found.blocks == tuple(one for one in before.blocks if one.wave < 9)


def test_a_lost_page_costs_the_waves_on_it(whole: Path, path: Path) -> None:
    """Those before it, behind it and beside it are still reached."""
    content, blocks = path.read_bytes(), [b for one in read(whole) for b in one.blocks]
    pages = 0
    for place in range(PAGE, len(content), PAGE):
        page = content[place : place + PAGE]
        on_it = {b.wave for b in blocks if codec.to_json(b.latency_ns).encode() in page}
        if page[0] != INDEX_LEAF or not on_it:
            continue
        path.write_bytes(content[:place] + bytes(PAGE) + content[place + PAGE :])
        held = results(path).held
        assert held.kept.lost == {"run": (), "trial": (), "wave": tuple(sorted(on_it))}
        assert len(held.kept.rows["trial"]) == 7
        pages += 1
    assert pages > 3


def test_a_file_that_was_cut_off_is_read_up_to_there(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // PAGE * 9 // 10 * PAGE])
    said, saved = salvaged(path)
    assert said.held.damage
    assert saved


def test_a_file_whose_index_is_damaged_loses_nothing(whole: Path, path: Path) -> None:
    identity = trial().identity.encode()
    content = path.read_bytes()
    at = content.index(identity)
    path.write_bytes(content[:at] + b"x" + content[at + 1 :])
    other = path.read_bytes().index(identity)
    for place in (at, other):  # in the table and in its index
        path.write_bytes(content[:place] + b"x" + content[place + 1 :])
        said, saved = salvaged(path)
        assert said.held.damage
        lost = len(read(whole)) - len(saved)
        assert lost == len(said.held.damaged_rows)
        path.with_name("saved.sqlite").unlink()


def ask(path: Path, *, read_only: bool) -> None:
    with Store.open(path, read_only=read_only) as store:
        store.results()


ASKED: dict[str, Callable[[Path], object]] = {
    "report": partial(ask, read_only=True),
    "bench": partial(ask, read_only=False),
}


@pytest.mark.parametrize("who", ASKED)
def test_the_error_of_a_damaged_file_says_what_can_be_saved(path: Path, who: str) -> None:
    by_hand(path, "DELETE FROM block WHERE wave_id = 3 AND round = 1")
    with pytest.raises(DamagedRecordError) as caught:
        ASKED[who](path)
    assert "9 of 10 waves" in caught.value.todo
    assert caught.value.todo.endswith(
        f"sizewise results {shlex.quote(str(path))} --salvage NEW.sqlite"
    )


@pytest.mark.parametrize("kept", [1, 99, 600, PAGE])
def test_a_file_of_which_nothing_can_be_read_says_so(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    saved = path.with_name("saved.sqlite")
    asked: tuple[Callable[[Path], object], ...] = (
        *ASKED.values(),
        partial(results, salvage=saved),
    )
    for question in asked:
        with pytest.raises(RecordError) as caught:
            question(path)
        assert "--salvage" not in caught.value.todo
    assert not saved.exists()


def test_no_file_is_written_over(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(OutputError, match="it is there already"):
        results(path, salvage=path)
    assert path.read_bytes() == before


def test_a_lock_is_no_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RecordError, match="is locked"):
            results(path)


def swept(model: Path, out: Path) -> SweepOutcome:
    options = {"backends": "fake", "strategies": "static", "sizes": "32,64", "processes": 2}
    settings = fill(SweepSettings, options | {"rounds": 2, "block_s": 0, "threads": 1})
    return sweep([colours(model)], settings, out, launch=launch_in_process, watch=quietly)


@pytest.mark.usefixtures("built_here")
def test_a_sweep_goes_on_with_what_was_saved(tmp_path: Path) -> None:
    model, out = tmp_path / "colours.onnx", tmp_path / "out"
    first = swept(model, out)
    before = read(first.results)
    (victim,) = {block.wave for block in before[0].blocks[:1]}
    by_hand(first.results, f"DELETE FROM block WHERE wave_id = {victim} AND round = 1")
    saved = tmp_path / "saved.sqlite"
    results(first.results, salvage=saved)
    saved.replace(first.results)
    again = swept(model, out)
    assert (again.measured, again.skipped) == (1, 1)
    mended, untouched = read(first.results)
    assert untouched == before[1]
    assert len(mended.blocks) == len(before[0].blocks)
    assert {one for one in before[0].blocks if one.wave != victim} <= set(mended.blocks)


def test_rows_out_of_order_are_an_error_and_are_saved_in_order(whole: Path, path: Path) -> None:
    """Two pages that exchanged their places: every row is there, and its sum is right."""
    content, exchanged = path.read_bytes(), 0
    leaves = [at for at in range(PAGE, len(content), PAGE) if content[at] == INDEX_LEAF]
    for one, other in pairwise(leaves):
        swapped = bytearray(content)
        swapped[one : one + PAGE] = content[other : other + PAGE]
        swapped[other : other + PAGE] = content[one : one + PAGE]
        path.write_bytes(swapped)
        path.with_name("saved.sqlite").unlink(missing_ok=True)
        with pytest.raises(RecordError) as caught:
            ask(path, read_only=True)
        exchanged += "out of order" in str(caught.value)
        if "out of order" in str(caught.value):
            assert salvaged(path)[1] == read(whole)
    assert exchanged


@pytest.mark.parametrize("table", ["accuracy", "round", "process"])
def test_a_table_that_is_missing_is_damage(tmp_path: Path, table: str) -> None:
    """Of which no row may have been lost."""
    path = filed(tmp_path)
    with closing(sqlite3.connect(path)) as hand, hand:
        hand.execute(f"DROP TABLE {table}")
    found = results(path, salvage=tmp_path / "saved.sqlite")
    assert table in found.held.damage
    assert found.exit_code == ExitCode.FAILED
    assert not read(tmp_path / "saved.sqlite")

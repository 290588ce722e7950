"""The history of a training: its state and its table."""

from __future__ import annotations

import csv
from math import isnan, nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netzoo.training.history import History, Row
from sizewise.core.specs import Size

SIZES = st.builds(Size, st.integers(1, 2000), st.integers(1, 2000))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.lists(
    st.builds(
        Row,
        step=st.integers(1, 10**6),
        size=SIZES,
        parts=st.dictionaries(st.sampled_from(["box", "class", "0.5x"]), NUMBERS, min_size=1),
        images=st.integers(1, 1000).map(float),
        learning_rate=NUMBERS,
        images_per_s=NUMBERS,
        memory_bytes=NUMBERS,
    ),
    max_size=8,
)


@given(ROWS)
def test_a_state_gives_back_every_row(rows: list[Row]) -> None:
    history, again = History(), History()
    for row in rows:
        history.add(row)
    again.restore(history.state())
    assert again.rows == history.rows


def test_a_state_of_before_there_were_figures_is_taken() -> None:
    history, again = History(), History()
    history.add(Row(step=1, size=Size(64, 64), parts={"box": 1.0}, images=3))
    state = {n: value for n, value in history.state().items() if not n.startswith("figure.")}
    again.restore(state)
    (row,) = again.rows
    assert (row.step, row.parts) == (1, {"box": 1.0})
    assert isnan(row.images)


def test_the_table_counts_epochs_and_leaves_what_is_not_known_empty(tmp_path: Path) -> None:
    history = History(epoch_images=8)
    known = {"learning_rate": 0.001, "images_per_s": 12.25, "memory_bytes": 2.5 * 2**20}
    history.add(Row(step=1, size=Size(64, 96), parts={"box": 0.5, "late": 0.25}, images=6, **known))
    history.add(Row(step=2, size=Size(96, 96), parts={"box": 0.125}, images=6, memory_bytes=nan))
    history.save(tmp_path / "net.metrics.csv")
    with (tmp_path / "net.metrics.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert first == {
        **{"step": "1", "epoch": "0.7500", "size": "64x96", "images": "6", "loss": "0.75"},
        **{"box": "0.5", "late": "0.25", "learning_rate": "0.001", "images_per_s": "12.25"},
        "memory_mib": "2.5",
    }
    assert second == {
        **{"step": "2", "epoch": "1.5000", "size": "96x96", "images": "6", "loss": "0.125"},
        **{"box": "0.125", "late": "", "learning_rate": "", "images_per_s": "", "memory_mib": ""},
    }


@pytest.mark.parametrize("epoch_images", [0, 8])
def test_without_images_there_is_no_epoch(tmp_path: Path, epoch_images: int) -> None:
    history = History(epoch_images)
    history.add(Row(step=1, size=Size(64, 64), parts={"box": 1.0}))
    history.save(tmp_path / "net.csv")
    with (tmp_path / "net.csv").open(newline="", encoding="utf-8") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == [""]

"""The assignment against a search over every anchor and cell."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from netzoo.losses._assignment import Assignment, assign_cells, nearest_only

ANCHORS = ((10.0, 14.0), (25.0, 40.0), (60.0, 30.0))
STRIDE, ROWS, COLUMNS = 8, 5, 9
Box = tuple[float, float, float, float]


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    centre_x = draw(st.floats(0.01, COLUMNS * STRIDE - 0.01))
    centre_y = draw(st.floats(0.01, ROWS * STRIDE - 0.01))
    width, height = draw(st.floats(1, 200)), draw(st.floats(1, 200))
    x, y = np.float32(centre_x - width / 2), np.float32(centre_y - height / 2)
    return float(x), float(y), float(np.float32(x + width)), float(np.float32(y + height))


def search(box: Box) -> set[tuple[int, int, int]]:
    """Anchor, row, column: fitting anchors in the own cell and the nearest two beside it."""
    width, height = (
        (np.float32(box[2]) - np.float32(box[0])),
        np.float32(box[3]) - np.float32(box[1]),
    )
    x, y = ((np.float32(box[i]) + np.float32(box[i + 2])) / 2 / STRIDE for i in (0, 1))
    column, row = int(np.floor(x)), int(np.floor(y))
    left = abs(column - 0.5 - x) < abs(column + 1.5 - x)
    upper = abs(row - 0.5 - y) < abs(row + 1.5 - y)
    cells = {
        (row, column),
        (row, column - 1 if left else column + 1),
        (row - 1 if upper else row + 1, column),
    }
    inside = {(r, c) for r, c in cells if 0 <= r < ROWS and 0 <= c < COLUMNS}
    fitting = [
        number
        for number, (w, h) in enumerate(ANCHORS)
        if max(width / w, w / width, height / h, h / height) < 4
    ]
    return {(anchor, r, c) for anchor in fitting for r, c in inside}


@given(st.lists(boxes(), max_size=6))
def test_assignment_finds_what_a_search_finds(truth: list[Box]) -> None:
    tensor = torch.tensor(truth).view(-1, 4)
    cells = assign_cells(tensor, torch.tensor(ANCHORS), STRIDE, (ROWS, COLUMNS), 4.0)
    rows = answers(cells)
    found = {tuple(row) for row in rows}
    assert len(found) == len(rows)
    assert found == {(k, *answer) for k, box in enumerate(truth) for answer in search(box)}


def test_boxes_without_extent_are_nobodys() -> None:
    flat = torch.tensor([[8.0, 8.0, 8.0, 20.0]])
    cells = assign_cells(flat, torch.tensor(ANCHORS), STRIDE, (ROWS, COLUMNS), 4.0)
    assert len(cells.box) == 0


@given(st.lists(boxes(), min_size=1, max_size=6))
def test_of_boxes_that_ask_for_one_answer_the_nearest_has_it(truth: list[Box]) -> None:
    tensor, images = torch.tensor(truth), torch.arange(len(truth)) % 2
    every = assign_cells(tensor, torch.tensor(ANCHORS), STRIDE, (ROWS, COLUMNS), 4.0)
    chosen = answers(nearest_only(every, images, tensor, STRIDE))
    asking: dict[tuple[int, ...], list[int]] = {}
    for box, *place in answers(every):
        asking.setdefault((box % 2, *place), []).append(box)
    assert {(box % 2, *place) for box, *place in chosen} == asking.keys()
    for box, anchor, row, column in chosen:
        nearest = min(apart(truth[k], row, column) for k in asking[box % 2, anchor, row, column])
        assert apart(truth[box], row, column) <= nearest + 1e-4


def answers(cells: Assignment) -> list[list[int]]:
    rows: list[list[int]] = torch.stack(
        (cells.box, cells.anchor, cells.row, cells.column), 1
    ).tolist()
    return rows


def apart(box: Box, row: int, column: int) -> float:
    """Squared distance of centres, in cells."""
    x, y = ((box[i] + box[i + 2]) / 2 / STRIDE for i in (0, 1))
    return (x - column - 0.5) ** 2 + (y - row - 0.5) ** 2


def test_a_box_without_a_rival_keeps_all_its_answers() -> None:
    box = torch.tensor([[20.0, 8.0, 44.0, 38.0]])
    every = assign_cells(box, torch.tensor(ANCHORS), STRIDE, (ROWS, COLUMNS), 4.0)
    kept = nearest_only(every, torch.zeros(1, dtype=torch.long), box, STRIDE)
    assert sorted(answers(kept)) == sorted(answers(every)) != []

"""TensorBoard's files, through a writer of our own: the package is an extra."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

from netzoo.training.history import History, Row
from netzoo.training.logs import tensorboard
from netzoo.training.logs.tensorboard import TensorBoardHistory, demand_tensorboard
from sizewise.core.errors import InputError
from sizewise.core.specs import Size

Written = list[tuple[str, float, int]]


class Writer:
    """Takes what a SummaryWriter takes."""

    made: ClassVar[list[Writer]] = []

    def __init__(self, folder: str, purge_step: int) -> None:
        self.folder, self.purge_step, self.closed = folder, purge_step, False
        self.written: Written = []
        Writer.made.append(self)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.written.append((name, value, step))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def writers(monkeypatch: pytest.MonkeyPatch) -> list[Writer]:
    module = ModuleType("tensorboardX")
    module.__spec__ = ModuleSpec("tensorboardX", None)
    module.__dict__["SummaryWriter"] = Writer
    monkeypatch.setitem(sys.modules, "tensorboardX", module)
    monkeypatch.setattr(tensorboard, "_WRITERS", {"tensorboardX": "tensorboardX"})
    Writer.made = []
    return Writer.made


def _validation(scores: dict[int, dict[str, float]]) -> Any:
    return SimpleNamespace(scores=scores)


def test_steps_and_scores_are_written_as_they_come(writers: list[Writer], tmp_path: Path) -> None:
    scores: dict[int, dict[str, float]] = {}
    history = TensorBoardHistory(tmp_path / "logs", _validation(scores))
    rows = (
        Row(step=1, size=Size(64, 96), parts={"box": 2.0, "class": 1.0}, learning_rate=0.5),
        Row(step=2, size=Size(96, 96), parts={"box": 1.0, "class": 0.5}, images_per_s=8.0),
    )
    history.add(rows[0])
    scores[1] = {"ap": 0.25}
    history.add(rows[1])
    scores[2] = {"ap": 0.5}
    history.close()
    (writer,) = writers
    assert writer.folder == str(tmp_path / "logs")
    assert writer.closed
    assert writer.written == [
        *(("loss/sum", 3.0, 1), ("loss/box", 2.0, 1), ("loss/class", 1.0, 1)),
        *(("size/height", 64, 1), ("size/width", 96, 1), ("training/learning_rate", 0.5, 1)),
        *(("loss/sum", 1.5, 2), ("loss/box", 1.0, 2), ("loss/class", 0.5, 2)),
        *(("size/height", 96, 2), ("size/width", 96, 2), ("training/images_per_s", 8.0, 2)),
        *(("validation/ap", 0.25, 1), ("validation/ap", 0.5, 2)),
    ]
    assert history.rows == rows


def test_a_training_that_goes_on_takes_back_what_came_after_its_state(
    writers: list[Writer], tmp_path: Path
) -> None:
    before = History()
    for step in (1, 2):
        before.add(Row(step=step, size=Size(64, 64), parts={"mask": 1.0}))
    scores = {1: {"miou": 0.1}, 2: {"miou": 0.2}}
    history = TensorBoardHistory(tmp_path / "logs", _validation(scores))
    history.restore(before.state())
    history.add(Row(step=3, size=Size(64, 64), parts={"mask": 0.5}))
    (writer,) = writers
    assert writer.purge_step == 3
    # The score of step 2 may have come after the last step was written.
    assert [one for one in writer.written if one[0] == "validation/miou"] == [
        ("validation/miou", 0.2, 2)
    ]


def test_nothing_is_written_where_nothing_is_trained(writers: list[Writer], tmp_path: Path) -> None:
    TensorBoardHistory(tmp_path / "logs").close()
    assert writers == []


def test_without_the_package_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"neither tensorboard nor tensorboardX is installed"):
        demand_tensorboard()
    with pytest.raises(InputError, match=r"pip install 'sizewise\[tensorboard\]'"):
        TensorBoardHistory(tmp_path)

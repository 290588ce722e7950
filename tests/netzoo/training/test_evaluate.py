from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from netzoo.config import NetworkConfig
from netzoo.data.coco import Dataset
from netzoo.data.relabelling import find_classes
from netzoo.network import Network
from netzoo.tasks.letterbox import Letterbox
from netzoo.training.evaluate import evaluate_network
from sizewise.errors import InputError
from sizewise.specs import Size
from tests.netzoo.factories import CLASSES, narrow_detector, squares


class Oracle(Network):
    """Knows the answers, image after image, and gives them ``error`` pixels beside."""

    output_names = ("boxes", "scores")

    def __init__(
        self,
        data: Dataset,
        size: Size,
        error: float,
        classes: tuple[str, ...] = CLASSES,
        name: str = "yolov3",
    ) -> None:
        super().__init__(NetworkConfig(name=name, classes=classes), (32,))
        self._data = data
        self._size = size
        self._error = error
        self._next = 0

    def __deepcopy__(self, memo: object) -> Oracle:
        return self

    def forward(self, images: Tensor) -> list[Tensor]:
        batch = self._data.images[self._next : self._next + len(images)]
        self._next += len(images)
        boxes, scores = [], []
        for image in batch:
            source = Size(image.height, image.width)
            keep_shape = self.config.name != "yolov4-tiny"
            fit = Letterbox.fit(source, self._size, keep_shape=keep_shape)
            boxes.append(torch.from_numpy(fit.boxes_to_input(image.boxes)) + self._error)
            known = find_classes("squares", CLASSES, self.config.classes)[image.labels]
            scores.append(torch.eye(len(self.config.classes))[known])
        return [torch.stack(boxes), torch.stack(scores)]

    def decode(self, heads: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(heads)


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return squares(tmp_path, 7)


@pytest.mark.parametrize("name", ["yolov3", "yolov4-tiny"])
@pytest.mark.parametrize("size", [Size(96, 128), Size(64, 160), Size(256, 96)])
def test_right_answers_score_one_at_every_size(data: Dataset, size: Size, name: str) -> None:
    scores = evaluate_network(Oracle(data, size, 0.0, name=name), data, size, batch_size=3)
    assert scores.ap > 0.99


def test_classes_that_the_network_alone_knows_do_not_count(data: Dataset) -> None:
    size = Size(96, 128)
    oracle = Oracle(data, size, error=0.0, classes=("blue", "green", "red"))
    assert evaluate_network(oracle, data, size).ap > 0.99
    with pytest.raises(InputError, match="blue are not among its 2 classes"):
        evaluate_network(Oracle(data, size, 0.0, classes=("green", "red")), data, size)


def test_answers_beside_the_boxes_score_less(data: Dataset) -> None:
    size = Size(96, 128)
    assert evaluate_network(Oracle(data, size, error=30.0), data, size).ap50 < 0.3


def test_a_random_network_scores_next_to_nothing(data: Dataset) -> None:
    assert evaluate_network(narrow_detector(), data, Size(96, 128)).ap < 0.2

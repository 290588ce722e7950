"""What every task has to be, whoever adds it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest

from netzoo.tasks.reading import ReadingOptions
from netzoo.tasks.registry import find_task, task_of_layout, tasks
from netzoo.tasks.task import Task
from netzoo.zoo.network import NetworkEntry, networks
from sizewise.core.errors import ExportError, InputError, UsageError
from sizewise.core.specs import ModelCard, Size
from sizewise.core.trials import Accuracy

ALL = tuple(tasks().values())
OUTPUTS: dict[str, dict[str, Any]] = {
    "detection": {"boxes": np.zeros((2, 7, 4)), "scores": np.zeros((2, 7, 3))},
    "segmentation": {"mask_logits": np.zeros((2, 1, 64, 96))},
    "classification": {"scores": np.zeros((2, 3))},
}


SIZE = Size(64, 96)


@dataclass(frozen=True)
class Images:
    batch_size: int = 2
    size: Size = SIZE


def card(task: Task) -> ModelCard:
    return ModelCard(network="net", task=task.name, layout="sizewise", classes=("a", "b", "c"))


@pytest.mark.parametrize("entry", networks().values(), ids=lambda entry: entry.name)
def test_every_network_has_a_task(entry: NetworkEntry) -> None:
    assert find_task(entry.task).name == entry.task


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.name)
def test_what_is_measured_can_be_stored(task: Task) -> None:
    stored = {field.name for field in fields(Accuracy)}
    assert task.metrics
    assert set(task.metrics) <= stored


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.name)
def test_outputs_of_our_networks_are_those_of_the_task(task: Task) -> None:
    outputs = OUTPUTS[task.name]
    assert tuple(outputs) == task.output_names
    task.check_outputs(card(task), outputs, Images())


def test_shapes_belong_to_one_task_at_most() -> None:
    for name, outputs in OUTPUTS.items():
        shapes = [array.shape for array in outputs.values()]
        taken = [task.name for task in ALL if task.recognises(shapes, Images())]
        assert taken == ([] if name == "classification" else [name])


def test_boxes_and_scores_are_of_the_same_candidates() -> None:
    assert not find_task("detection").recognises([(2, 7, 4), (2, 8, 3)], Images())


def test_other_outputs_are_refused() -> None:
    other = {"mask_logits": np.zeros((2, 1, 32, 48))}
    segmentation, detection = find_task("segmentation"), find_task("detection")
    with pytest.raises(ExportError, match="not those of a segmenter"):
        segmentation.check_outputs(card(segmentation), other, Images())
    with pytest.raises(InputError, match="do not have the layout sizewise"):
        detection.check_outputs(card(detection), other, Images())


@pytest.mark.parametrize(
    ("name", "layout", "good", "bad"),
    [
        ("segmentation", "b_c_h_w", (2, 4, 32, 48), (2, 4, 48, 32)),
        ("segmentation", "b_h_w_c", (2, 32, 48, 4), (2, 4, 32, 48)),
        ("segmentation", "b_h_w", (2, 16, 24), (2, 4, 16, 24)),
        ("segmentation", "b_1_h_w", (2, 1, 32, 48), (2, 4, 32, 48)),
        ("classification", "b_c", (2, 3, 1, 1), (2, 3, 4, 1)),
    ],
)
def test_outputs_of_others_are_those_of_their_layout(
    name: str, layout: str, good: tuple[int, ...], bad: tuple[int, ...]
) -> None:
    task = find_task(name)
    assert layout in task.layouts
    assert task.reads(layout)
    assert not task.reads("b_n_6")
    said = ModelCard(network="net", task=name, layout=layout)
    task.check_outputs(said, {"out": np.zeros(good)}, Images())
    with pytest.raises(InputError, match="out"):
        task.check_outputs(said, {"out": np.zeros(bad)}, Images())


ROWS = np.tile(np.array([8.0, 8.0, 24.0, 30.0, 0.5, 1.0]), (2, 7, 1))


@pytest.mark.parametrize(
    ("layout", "name", "good"),
    [
        ("b_4c_n", "out", np.full((2, 7, 9), 0.5)),
        ("b_n_5c", "out", np.full((2, 9, 8), 0.5)),
        ("b_n_6", "out", ROWS),
        ("sizewise_nms", "detections", ROWS),
    ],
)
def test_a_detector_of_another_layout_may_be_exported(layout: str, name: str, good: Any) -> None:
    task = find_task("detection")
    said = replace(card(task), layout=layout)
    task.check_outputs(said, {name: good}, Images())
    with pytest.raises(InputError, match=f"do not have the layout {layout}"):
        task.check_outputs(said, {name: good[..., :4, :4]}, Images())


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.name)
def test_every_task_reads_pictures_as_options_say(task: Task) -> None:
    names = {field.name for field in fields(ReadingOptions)}
    assert task.reading_options <= names
    predictor = task.predictor("net.onnx", card(task), SIZE, ReadingOptions())
    assert predictor.size == SIZE
    assert all(spec.dtype in ("float32", "int32", "int64") for spec in predictor.array_specs)


def test_a_layout_belongs_to_one_task() -> None:
    layouts = [layout for task in ALL for layout in task.layouts]
    assert len(set(layouts)) == len(layouts)
    assert task_of_layout("b_4c_n").name == "detection"
    assert task_of_layout("b_c").name == "classification"
    assert task_of_layout("b_c_h_w").name == "segmentation"
    with pytest.raises(UsageError, match="'rows'"):
        task_of_layout("rows")


def test_a_task_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="classification, detection, segmentation"):
        find_task("sorting")

"""A graph whose suppression is wrong in any way does not pass; one that is merely rounded does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.testing import assert_allclose
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from exporter.checks.parity import onnx_runner
from exporter.checks.probes import Probe, Reference
from exporter.checks.reference import references
from exporter.export import export
from exporter.graph.passes import run_pass
from exporter.suppression.check import check_suppression
from exporter.suppression.insert import Suppress
from exporter.suppression.subgraph import SUPPRESSION as SUPPRESSION_TEXT
from sizewise.core.errors import ExportError, ParityError, UsageError
from sizewise.core.specs import ExportedModel, ModelCard, Size, Suppression, TaskName
from tests.exporter.conftest import Exported
from tests.exporter.detectors import run, suppressed, write_cells
from tests.exporter.sample_modules import DETECTOR

EXAMPLE = Size(64, 96)
PROBES = (Probe(batch_size=1, size=Size(96, 128)), Probe(batch_size=3, size=Size(64, 88)))
SUPPRESSION = Suppression(max_detections=100)
P = "suppression."
Change = Callable[[onnx.GraphProto], None]


@pytest.fixture(scope="module")
def expected(detector: Exported) -> tuple[Reference, ...]:
    return references(detector.module, PROBES, ("boxes", "scores"), example=EXAMPLE)


def suppressing(detector: Exported, suppression: Suppression = SUPPRESSION) -> onnx.ModelProto:
    return run_pass(Suppress(suppression), onnx.load(detector.model.path))


def named(graph: onnx.GraphProto, output: str) -> onnx.NodeProto:
    return next(node for node in graph.node if f"{P}{output}" in node.output)


def behind(graph: onnx.GraphProto, value: str, op: str, *inputs: str, **attributes: Any) -> None:
    """Put a node between ``value`` and whoever uses it; its own input comes first."""
    node = next(node for node in graph.node if value in node.output)
    node.output[0] = "wrong"
    made = helper.make_node(op, ["wrong", *inputs], [value], **attributes)
    graph.node.insert(list(graph.node).index(node) + 1, made)


def constant(graph: onnx.GraphProto, name: str, value: object, dtype: str = "int64") -> str:
    """Of this name, in place of one that is there."""
    for tensor in [t for t in graph.initializer if t.name == name]:
        graph.initializer.remove(tensor)
    graph.initializer.append(numpy_helper.from_array(np.array(value, dtype), name))
    return name


def corners_in_another_order(graph: onnx.GraphProto) -> None:
    order = constant(graph, "order", [1, 0, 3, 2])
    behind(graph, f"{P}corners", "Gather", order, axis=2)


def corners_read_as_centres(graph: onnx.GraphProto) -> None:
    named(graph, "chosen").attribute.append(helper.make_attribute("center_point_box", 1))


def another_iou_threshold(graph: onnx.GraphProto) -> None:
    constant(graph, f"{P}iou_threshold", [0.5], "float32")


def a_slightly_different_iou_threshold(graph: onnx.GraphProto) -> None:
    constant(graph, f"{P}iou_threshold", [0.46], "float32")


def another_score_threshold(graph: onnx.GraphProto) -> None:
    constant(graph, f"{P}score_threshold", [0.6], "float32")


def classes_not_kept_apart(graph: onnx.GraphProto) -> None:
    """Every class gets the score of the best."""
    best = helper.make_node("ReduceMax", [f"{P}by_class", "class_axis"], ["best"])
    constant(graph, "class_axis", [1])
    every = helper.make_node("Max", ["best", f"{P}nothing"], ["every"])
    nothing = helper.make_node("Sub", [f"{P}by_class", f"{P}by_class"], [f"{P}nothing"])
    place = list(graph.node).index(named(graph, "chosen"))
    for made in (every, nothing, best):
        graph.node.insert(place, made)
    named(graph, "chosen").input[1] = "every"


def boxes_of_all_classes_suppress_each_other(graph: onnx.GraphProto) -> None:
    """Only the best class of each box is a candidate, and all of them are moved to class 0."""
    behind(graph, f"{P}by_class", "ReduceMax", constant(graph, "class_axis", [1]), keepdims=1)


def classes_counted_wrong(graph: onnx.GraphProto) -> None:
    behind(graph, f"{P}class", "Add", f"{P}one")


def box_and_class_confused(graph: onnx.GraphProto) -> None:
    box, of_class = named(graph, "box"), named(graph, "class")
    box.op_type, of_class.op_type = "Mod", "Div"


def images_mixed_up(graph: onnx.GraphProto) -> None:
    behind(graph, f"{P}chosen_image", "Mul", f"{P}zero")


def images_in_another_order(graph: onnx.GraphProto) -> None:
    steps = (constant(graph, name, [value]) for name, value in (("from", -1), ("to", -99)))
    behind(graph, f"{P}corners", "Slice", *steps, f"{P}zero", constant(graph, "step", [-1]))


def all_boxes_of_the_first_image(graph: onnx.GraphProto) -> None:
    corners = named(graph, "corners")
    place = list(graph.node).index(corners)
    steps = [f"{P}boxes", f"{P}zero", f"{P}one", f"{P}zero"]
    for made in (
        helper.make_node("Expand", ["first", "as_given"], ["of_the_first"]),
        helper.make_node("Shape", [f"{P}boxes"], ["as_given"]),
        helper.make_node("Slice", steps, ["first"]),
    ):
        graph.node.insert(place, made)
    corners.input[0] = "of_the_first"


def two_rows_changed_places(graph: onnx.GraphProto) -> None:
    order = constant(graph, "order", [1, 0, *range(2, SUPPRESSION.max_detections)])
    behind(graph, "detections", "Gather", order, axis=1)


def too_few_of_a_class(graph: onnx.GraphProto) -> None:
    named(graph, "chosen").input[2] = constant(graph, "few", [10])


def unused_rows_with_a_label(graph: onnx.GraphProto) -> None:
    constant(graph, f"{P}unused_row", [[[0, 0, 0, 0, 0, 0]]], "float32")


def nothing_suppressed(graph: onnx.GraphProto) -> None:
    constant(graph, f"{P}iou_threshold", [1], "float32")


def boxes_a_little_off(graph: onnx.GraphProto) -> None:
    behind(graph, f"{P}boxes", "Add", constant(graph, "off", [0.1], "float32"))


def not_run_for_batches(graph: onnx.GraphProto) -> None:
    constant(graph, f"{P}column", [1, -1, 1])


WRONG_ROWS = "Concat <axis = 2> (corners, label, score)"
WRONG: Sequence[Change] = (
    corners_in_another_order,
    corners_read_as_centres,
    another_iou_threshold,
    a_slightly_different_iou_threshold,
    another_score_threshold,
    classes_not_kept_apart,
    boxes_of_all_classes_suppress_each_other,
    classes_counted_wrong,
    box_and_class_confused,
    images_mixed_up,
    images_in_another_order,
    all_boxes_of_the_first_image,
    two_rows_changed_places,
    too_few_of_a_class,
    unused_rows_with_a_label,
    nothing_suppressed,
    boxes_a_little_off,
    not_run_for_batches,
)


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change.__name__)
def test_a_wrong_graph_does_not_pass(
    detector: Exported, expected: tuple[Reference, ...], change: Change
) -> None:
    proto = suppressing(detector)
    change(proto.graph)
    with pytest.raises(ParityError):
        check_suppression(proto, SUPPRESSION, expected)


def test_too_few_rows_do_not_pass(detector: Exported, expected: tuple[Reference, ...]) -> None:
    proto = suppressing(detector, replace(SUPPRESSION, max_detections=99))
    with pytest.raises(ParityError, match=r"\[1, 99, 6\] instead of \[1, 100, 6\]"):
        check_suppression(proto, SUPPRESSION, expected)


def test_the_right_graph_passes_with_one_check_for_each_probe(
    detector: Exported, expected: tuple[Reference, ...]
) -> None:
    proto = suppressing(detector)
    before = proto.SerializeToString()
    checks = check_suppression(proto, SUPPRESSION, expected)
    assert [(c.output, c.size, c.batch_size) for c in checks] == [
        ("detections", probe.size, probe.batch_size) for probe in PROBES
    ]
    assert all(check.passed and check.absmax > 10 for check in checks)
    assert 0 < max(check.max_abs_error for check in checks) < 1e-3
    assert proto.SerializeToString() == before


@pytest.mark.parametrize("seed", range(4))
def test_rounding_in_the_network_is_no_mistake(
    detector: Exported, expected: tuple[Reference, ...], seed: int
) -> None:
    """Other scores in the last digits: detections change places, and stay or go with them."""
    proto = suppressing(detector)
    random = np.random.default_rng(seed)
    for tensor in proto.graph.initializer:
        if len(tensor.dims) == 4:
            kernel = numpy_helper.to_array(tensor)
            noise = random.uniform(-1e-6, 1e-6, kernel.shape)
            changed = (kernel * (1 + noise)).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(changed, tensor.name))
    check_suppression(proto, SUPPRESSION, expected)


def test_how_far_the_module_is_off_itself_is_read_by_its_layout(folder: Path) -> None:
    """A graph further off than usual passes where the module's own kernels differ as much."""
    proto = onnx.load(write_cells(folder / "cells.onnx", "b_4c_n").path)
    rows = onnx_runner(proto.SerializeToString())(PROBES[1])["detections"]
    close = Reference(probe=PROBES[1], outputs={"detections": rows})
    proto = run_pass(Suppress(SUPPRESSION, "b_4c_n"), proto)
    boxes_a_little_off(proto.graph)
    with pytest.raises(ParityError, match=r"the error of boxes is 0\.1"):
        check_suppression(proto, SUPPRESSION, [close], layout="b_4c_n")
    far = replace(close, rerun=lambda: {"detections": rows + np.float32(0.1)})
    assert check_suppression(proto, SUPPRESSION, [far], layout="b_4c_n")


def test_where_nothing_is_ever_found_nothing_is_proven(
    detector: Exported, expected: tuple[Reference, ...]
) -> None:
    proto = suppressing(detector)
    behind(proto.graph, f"{P}scores", "Mul", f"{P}nought")
    blind = [
        replace(one, outputs={**one.outputs, "scores": one.outputs["scores"] * 0})
        for one in expected
    ]
    with pytest.raises(ExportError, match="no image has a detection"):
        check_suppression(proto, SUPPRESSION, blind)


class Cells(nn.Module):
    """Every 8×8 pixels are a box, scored by its colours: little to export."""

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        rows = functional.avg_pool2d(images, 8).flatten(2).transpose(1, 2)
        low = rows[..., 1:] * 80
        return torch.cat((low, low + 40), 2), rows


class CentredCells(Cells):
    """In the layout [B, 4 + C, N], under the name that suppression gives to its own output."""

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        boxes, scores = super().forward(images)
        low, high = boxes[..., :2], boxes[..., 2:]
        rows = torch.cat(((low + high) / 2, high - low, scores), 2)
        return (rows.transpose(1, 2),)


def exported(
    module: Cells,
    folder: Path,
    card: ModelCard = DETECTOR,
    names: Sequence[str] = ("boxes", "scores"),
) -> ExportedModel:
    return export(
        module,
        card,
        folder / "cells.onnx",
        output_names=tuple(names),
        example=EXAMPLE,
        suppression=SUPPRESSION,
    )


def test_an_export_with_suppression_is_one_file_that_says_so(folder: Path) -> None:
    (folder / "cells.pt2").write_bytes(b"of the export before")
    model = exported(Cells(), folder)
    assert list(folder.iterdir()) == [model.path]
    card = model.card
    assert (card.layout, card.suppression) == ("sizewise_nms", SUPPRESSION)
    assert (card.task, card.precision, card.program_sha256) == ("detection", "fp32", "")
    assert [(o.name, o.shape) for o in model.outputs] == [("detections", ("batch", 100, 6))]
    assert len(card.parity) >= 6
    assert {check.output for check in card.parity} == {"detections"}
    images = torch.rand(2, 3, 136, 72)
    boxes, scores = Cells()(images)
    wanted = suppressed(boxes.numpy(), scores.numpy(), SUPPRESSION)
    found = run(onnx.load(model.path), images=images.numpy())
    assert_allclose(found, wanted, atol=1e-4)


def test_an_export_whose_suppression_is_wrong_leaves_no_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cells.pt2").write_bytes(b"an earlier export")
    wrong = SUPPRESSION_TEXT.replace("Concat <axis = 2> (corners, score, label)", WRONG_ROWS)
    monkeypatch.setattr("exporter.suppression.insert.SUPPRESSION", wrong)
    with pytest.raises(ParityError, match="gives wrong detections"):
        exported(Cells(), folder)
    assert [path.name for path in folder.iterdir()] == ["cells.pt2"]


@pytest.mark.parametrize("task", ["segmentation", "classification", "unknown"])
def test_other_tasks_are_refused_before_anything_runs(folder: Path, task: TaskName) -> None:
    with pytest.raises(UsageError, match="only detectors find boxes"):
        exported(Cells(), folder, replace(DETECTOR, task=task))
    assert not list(folder.iterdir())


def test_a_module_of_another_layout_can_be_suppressed(folder: Path) -> None:
    card = replace(DETECTOR, layout="b_4c_n")
    model = exported(CentredCells(), folder, card, ["detections"])
    assert model.card.layout == "sizewise_nms"
    assert all(check.passed for check in model.card.parity)

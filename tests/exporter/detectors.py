"""Detectors as ONNX files, small enough to write down, and what suppression makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from netzoo.tasks.boxes.suppression import suppress
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import ExportedModel, ModelCard, Suppression

Floats = NDArray[np.float32]

CELLS = ModelCard(
    network="cells", task="detection", layout="sizewise", classes=("a", "b"), stride=8
)
_HEAD = '<ir_version: {ir}, opset_import: ["" : {opset}]>'
_CELLS = """
cells (float[{batch}, 3, height, width] pictures) => ({outputs})
<float[3, 4] corners = {{0, 0, 0, 0, 0, 80, 0, 80, 80, 0, 80, 0}}, float[4] side = {{0, 0, 40, 40}},
 int64[3] as_rows = {{0, 3, -1}}, int64[1] zero = {{0}}, int64[1] two = {{2}},
 float[4, 4] to_centres = {{0.5, 0, -1, 0, 0, 0.5, 0, -1, 0.5, 0, 1, 0, 0, 0.5, 0, 1}},
 float[1] half = {{0.5}}>
{{
    means = AveragePool <kernel_shape = [8, 8], strides = [8, 8]> (pictures)
    flat = Reshape (means, as_rows)
    rows = Transpose <perm = [0, 2, 1]> (flat)
    moved = MatMul (rows, corners)
    boxes = Add (moved, side)
    scores = Slice (rows, zero, two, two)
    {more}
}}
"""
_ENDS = {
    "sizewise": ("float[{batch}, n, 4] boxes, float[{batch}, n, 2] scores", ""),
    "b_4c_n": (
        "float[{batch}, 6, n] detections",
        """centres = MatMul (boxes, to_centres)
        all = Concat <axis = 2> (centres, scores)
        detections = Transpose <perm = [0, 2, 1]> (all)""",
    ),
    "b_n_5c": (
        "float[{batch}, n, 7] output",
        """centres = MatMul (boxes, to_centres)
        objectness = ReduceMax <axes = [2]> (rows)
        less = Mul (scores, half)
        output = Concat <axis = 2> (centres, objectness, less)""",
    ),
}


def write_cells(
    path: Path,
    layout: str = "sizewise",
    *,
    card: ModelCard | None = CELLS,
    batch: str = "batch",
    opset: int = 17,
    ir: int = 8,
) -> ExportedModel:
    """Every 8×8 pixels are a box of 40×40: red and green are the scores of its two classes, green
    and blue say where it is."""
    outputs, more = _ENDS[layout]
    text = _HEAD + _CELLS
    outputs = outputs.format(batch=batch)
    proto = onnx.parser.parse_model(
        text.format(ir=ir, opset=opset, batch=batch, outputs=outputs, more=more)
    )
    if card is not None:
        write_card(proto, card)
    onnx.save(proto, path)
    return read_model(path)


def suppressed(boxes: Floats, scores: Floats, suppression: Suppression) -> Floats:
    """``detections`` [B, K, 6] as the contract has it, out of NumPy's suppression."""
    rows = np.zeros((len(boxes), suppression.max_detections, 6), np.float32)
    rows[..., 5] = -1
    for image, one in enumerate(zip(boxes, scores, strict=True)):
        found = suppress(
            *one,
            score_threshold=suppression.score_threshold,
            iou_threshold=suppression.iou_threshold,
            max_detections=suppression.max_detections,
            max_candidates=scores[0].size,
        )
        count = len(found.scores)
        rows[image, :count, :4] = found.boxes
        rows[image, :count, 4] = found.scores
        rows[image, :count, 5] = found.labels
    return rows


def crowd(images: int, count: int, classes: int, seed: int) -> tuple[Floats, Floats]:
    """Boxes [B, N, 4] that overlap, and scores [B, N, C] of which no two are equal."""
    random = np.random.default_rng(seed)
    centres, sides = random.uniform(5, 60, (2, images, count, 2))
    boxes = np.concatenate([centres - sides / 2, centres + sides / 2], axis=2)
    ranks = random.permuted(np.arange(images * count * classes)).reshape(images, count, classes)
    return boxes.astype(np.float32), ((ranks + 1) / (ranks.size + 1)).astype(np.float32)


def run(proto: onnx.ModelProto, **inputs: Any) -> Floats:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: Floats = session.run(["detections"], inputs)[0]
    return found

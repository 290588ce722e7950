"""Check the NMS in a graph against NumPy's NMS of the module's own outputs.

Scores that differ by a rounding error change places, and one box less lets others stay: two correct
lists of detections may have little in common. So the graph is opened up: its boxes and scores are
compared with the module's like any output, and its detections, row by row, with NumPy's NMS of
those very boxes and scores.

A random network detects almost nothing above a usual threshold, so the opened graph takes one that
lets hundreds of candidates through. The graph as it is written runs at its own threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporter.checks.parity import check, onnx_runner, run_form
from exporter.checks.probes import Probe, Reference
from exporter.checks.tolerance import difference, finite_absmax, largest
from exporter.graph.serializing import to_bytes
from exporter.suppression.insert import BOXES, OUTPUT, SCORE_THRESHOLD, SCORES
from netzoo.tasks.boxes.suppression import suppress
from netzoo.tasks.layouts import read_detections
from sizewise.core.errors import ExportError, ParityError
from sizewise.core.specs import ParityCheck, Suppression

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]

_FORM = "graph with NMS"
_ROUNDING = 1e-6
"""Tolerance of an IoU, which NumPy and the engine may round differently."""
_MOST_CANDIDATES = 4000


def check_suppression(
    model: onnx.ModelProto,
    suppression: Suppression,
    references: Sequence[Reference],
    *,
    layout: str = "sizewise",
    channels_first: bool = True,
) -> tuple[ParityCheck, ...]:
    """Check ``detections`` once for each reference, by their boxes and scores.

    ``model`` is the result of the pass ``Suppress`` on a graph whose outputs have ``layout``, like
    those of ``references``. Raises ParityError, and ExportError where nothing is detected at any
    probe.
    """
    expected = [_as_boxes_and_scores(reference, layout) for reference in references]
    runs = _run_opened(model, suppression, expected, channels_first=channels_first)
    _demand_detections(runs)
    outputs = {run.probe: {"boxes": run.boxes, "scores": run.scores} for run in runs}
    checks = check(_FORM, outputs.__getitem__, expected)
    of_boxes, of_scores = ([c for c in checks if c.output == name] for name in ("boxes", "scores"))
    written = onnx_runner(to_bytes(model), channels_first=channels_first)
    for run, boxes, scores in zip(runs, of_boxes, of_scores, strict=True):
        _demand_right(run)
        found = run_form(_FORM, written, run.probe)[OUTPUT]
        _demand_same(run, found, suppression, boxes.tolerance, scores.tolerance)
    return tuple(_check_of(*pair) for pair in zip(runs, of_boxes, strict=True))


def _as_boxes_and_scores(reference: Reference, layout: str) -> Reference:
    def read(outputs: Mapping[str, Array]) -> Mapping[str, Array]:
        return dict(zip(("boxes", "scores"), read_detections(layout, outputs), strict=True))

    again = reference.rerun
    return replace(
        reference,
        outputs=read(reference.outputs),
        rerun=(lambda: read(again())) if again else None,
    )


@dataclass(frozen=True, kw_only=True)
class _Run:
    """The opened graph at one probe: boxes [B, N, 4], scores [B, N, C], detections [B, K, 6]."""

    reference: Reference
    suppression: Suppression
    boxes: Array
    scores: Array
    detections: Array

    @property
    def probe(self) -> Probe:
        return self.reference.probe

    def expected(self, suppression: Suppression, iou_shift: float = 0) -> Array:
        """NumPy's NMS of boxes and scores, in the form of the detections."""
        rows = np.zeros((len(self.boxes), suppression.max_detections, 6), np.float32)
        rows[..., 5] = -1
        for image, (boxes, scores) in enumerate(zip(self.boxes, self.scores, strict=True)):
            found = suppress(
                boxes,
                scores,
                score_threshold=suppression.score_threshold,
                iou_threshold=suppression.iou_threshold + iou_shift,
                max_detections=suppression.max_detections,
                max_candidates=scores.size,
            )
            columns = (found.boxes, found.scores[:, None], found.labels[:, None])
            rows[image, : len(found.scores)] = np.concatenate(columns, axis=1)
        return rows


def _run_opened(
    model: onnx.ModelProto,
    suppression: Suppression,
    references: Sequence[Reference],
    *,
    channels_first: bool,
) -> list[_Run]:
    run = onnx_runner(_opened(model), channels_first=channels_first)
    found = []
    for number, reference in enumerate(references):
        threshold = _low_threshold(reference.outputs["scores"][0], suppression, number)
        at_threshold = partial(run, further={SCORE_THRESHOLD: threshold})
        outputs = run_form(_FORM, at_threshold, reference.probe)
        found.append(
            _Run(
                reference=reference,
                suppression=replace(suppression, score_threshold=float(threshold[0])),
                boxes=outputs[BOXES],
                scores=outputs[SCORES],
                detections=outputs[OUTPUT],
            )
        )
    return found


def _opened(model: onnx.ModelProto) -> bytes:
    """The opened graph: boxes and scores are outputs, and the score threshold is an input."""
    from onnx import TensorProto, helper

    graph = model.graph
    for name in (BOXES, SCORES):
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 3))
    graph.input.append(helper.make_tensor_value_info(SCORE_THRESHOLD, TensorProto.FLOAT, [1]))
    try:
        return to_bytes(model)
    finally:
        del graph.output[-2:]
        del graph.input[-1:]


def _low_threshold(scores: Array, suppression: Suppression, number: int) -> Array:
    """A score threshold [1] that lets through more candidates than are kept, or (every other time)
    fewer."""
    wanted = suppression.max_detections * 4 if number % 2 else suppression.max_detections // 2
    place = min(max(wanted, 1), _MOST_CANDIDATES, scores.size - 1)
    descending = -np.partition(-scores.ravel(), place)
    return descending[place : place + 1].clip(0, np.nextafter(np.float32(1), 0))


def _demand_detections(runs: Sequence[_Run]) -> None:
    if not any((run.detections[..., 5:] >= 0).any() for run in runs):
        raise ExportError(
            "The NMS in the graph can't be checked",
            "no image has a detection, even at a very low threshold",
            "Load trained weights, or initialise the network so that its scores depend on its "
            "input.",
        )


def _demand_right(run: _Run) -> None:
    shifts = (0, _ROUNDING, -_ROUNDING)
    if not any(np.array_equal(run.detections, run.expected(run.suppression, s)) for s in shifts):
        raise _wrong(run.probe, run.detections, run.expected(run.suppression))


def _demand_same(
    run: _Run, found: Array, suppression: Suppression, of_boxes: float, of_scores: float
) -> None:
    """Compare ``found``, from the graph as it is written, whose numbers may be rounded
    differently."""
    expected = run.expected(suppression)
    allowed = np.array([of_boxes] * 4 + [of_scores, 0])
    if found.shape != expected.shape or not (difference(found, expected) <= allowed).all():
        raise _wrong(run.probe, found, expected)


def _wrong(probe: Probe, found: Array, expected: Array) -> ParityError:
    if found.shape != expected.shape:
        why = f"they are {list(found.shape)} instead of {list(expected.shape)}"
    else:
        image, row = np.argwhere((found != expected).any(2))[0]
        one, other = (", ".join(f"{x:g}" for x in rows[image, row]) for rows in (found, expected))
        why = f"in image {image}, row {row} is {one} instead of {other}"
    return ParityError(
        "The NMS in the graph gives wrong detections",
        f"at {probe}, {why}",
        "This is a bug in sizewise or in the engine: report it with the network.",
        reason_code="numerics",
    )


def _check_of(run: _Run, box_check: ParityCheck) -> ParityCheck:
    """Compare each detection with the module's own box and score of that place and class."""
    rows = list(_used_rows(run))
    found = np.array([row for row, _ in rows])
    expected = np.array([of_module for _, of_module in rows])
    return replace(
        box_check,
        output=OUTPUT,
        max_abs_error=largest(difference(found, expected)),
        absmax=finite_absmax(expected),
    )


def _used_rows(run: _Run) -> Iterator[tuple[Array, Array]]:
    """The box and score [5] of each detection, and the module's."""
    theirs = run.reference.outputs
    for image, place in np.argwhere(run.detections[..., 5] >= 0):
        row, label = run.detections[image, place, :5], int(run.detections[image, place, 5])
        same_score = np.flatnonzero(run.scores[image, :, label] == row[4])
        same_box = (run.boxes[image, same_score] == row[:4]).all(1)
        box = same_score[same_box][0]
        yield row, np.append(theirs["boxes"][image, box], theirs["scores"][image, box, label])

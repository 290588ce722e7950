"""Which NMS boxes go through: what a user says, what a graph does, and the usual one."""

from __future__ import annotations

import pytest

from netzoo.tasks.boxes.nms_settings import nms_to_evaluate, nms_to_predict, said_nms, usual_nms
from netzoo.tasks.reading import SuppressionOptions
from sizewise.core.errors import UsageError
from sizewise.core.specs import EVALUATION, FINAL_LAYOUT, NMS_LAYOUT, ModelCard, Suppression

PLAIN = ModelCard(network="n", task="detection", layout="sizewise")
OWN = Suppression(score_threshold=0.1, iou_threshold=0.5, max_detections=50)
INSIDE = ModelCard(network="n", task="detection", layout=NMS_LAYOUT, suppression=OWN)
FINAL = ModelCard(network="n", task="detection", layout=FINAL_LAYOUT)


def test_the_usual_ones_differ_as_they_always_did() -> None:
    nothing = SuppressionOptions()
    assert nms_to_predict("n", PLAIN, nothing) == Suppression(
        score_threshold=0.25, iou_threshold=0.45, max_detections=300
    )
    assert nms_to_evaluate("n", PLAIN, nothing) == usual_nms(PLAIN) == EVALUATION
    assert Suppression(score_threshold=0.001, iou_threshold=0.6, max_detections=300) == EVALUATION
    assert nms_to_predict("n", INSIDE, nothing) == OWN


@pytest.mark.parametrize("to", [nms_to_predict, nms_to_evaluate])
@pytest.mark.parametrize("value", [0.0, 0.3])
def test_what_is_said_holds(to: object, value: float) -> None:
    asked = SuppressionOptions(score_threshold=value, iou_threshold=0.7, max_detections=9)
    assert callable(to)
    assert to("n", PLAIN, asked) == Suppression(
        score_threshold=value, iou_threshold=0.7, max_detections=9
    )


@pytest.mark.parametrize("to", [nms_to_predict, nms_to_evaluate])
@pytest.mark.parametrize(
    ("card", "asked", "why"),
    [
        (INSIDE, SuppressionOptions(score_threshold=0.05), "scores above 0.1, IoU up to 0.5"),
        (INSIDE, SuppressionOptions(max_detections=51), "NMS is in its graph"),
        (INSIDE, SuppressionOptions(iou_threshold=0.6), "NMS is in its graph"),
        (FINAL, SuppressionOptions(iou_threshold=0.6), "its graph chooses boxes itself"),
    ],
)
def test_a_graph_gives_no_other_boxes(
    to: object, card: ModelCard, asked: SuppressionOptions, why: str
) -> None:
    assert callable(to)
    with pytest.raises(UsageError, match=why):
        to("net.onnx", card, asked)


def test_what_a_graph_chose_can_be_cut() -> None:
    asked = SuppressionOptions(score_threshold=0.5, max_detections=3)
    cut = nms_to_evaluate("n", INSIDE, asked)
    assert (cut.score_threshold, cut.iou_threshold, cut.max_detections) == (0.5, 0.5, 3)
    assert nms_to_evaluate("n", FINAL, asked).max_detections == 3
    assert said_nms(INSIDE, cut) == (
        "in the graph (scores above 0.1, IoU up to 0.5, 50 boxes at most); of its boxes, scores "
        "above 0.5, 3 at most"
    )
    assert said_nms(PLAIN, EVALUATION) == "scores above 0.001, IoU up to 0.6, 300 boxes at most"

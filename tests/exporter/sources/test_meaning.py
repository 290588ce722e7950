"""Outputs are taken for ours by their shapes, names and values together, and keep their keys."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor

from exporter.modules.meaning import Meaning, form_of, meaning_of
from sizewise.core.errors import UsageError
from sizewise.core.specs import Size

SIZE = Size(64, 96)
RANDOM = torch.Generator().manual_seed(0)
UNIT = torch.rand(2, 30, 4, generator=RANDOM)
SCORES = torch.rand(2, 30, 3, generator=RANDOM)
LOGITS = 8 * SCORES - 4
CORNERS = 90 * torch.cat([UNIT[..., :2] / 2, (1 + UNIT[..., 2:]) / 2], 2)
CENTRES = torch.cat([20 + 60 * UNIT[..., :2], 2 + 10 * UNIT[..., 2:]], 2)
MAP = torch.randn(2, 1, 64, 96, generator=RANDOM)


def meant(output: Any, layout: str = "", names: tuple[str, ...] = ()) -> Meaning:
    return meaning_of(output, SIZE, layout=layout, names=names)


@pytest.mark.parametrize(
    ("output", "names"),
    [
        ((CORNERS, SCORES), ("boxes", "scores")),
        ([CORNERS, SCORES], ("boxes", "scores")),
        ({"boxes": CORNERS, "scores": SCORES}, ("boxes", "scores")),
        ({"scores": SCORES, "boxes": CORNERS}, ("scores", "boxes")),
    ],
)
def test_boxes_in_pixels_and_scores_are_a_detector_s(output: Any, names: tuple[str, ...]) -> None:
    assert meant(output) == Meaning(names=names, task="detection", layout="sizewise")


@pytest.mark.parametrize(
    ("boxes", "scores", "why"),
    [
        (CORNERS, LOGITS, r"scores would reach from -3.\d+ to [34].*, beyond 0 to 1"),
        (UNIT.sort(2).values, SCORES, r"boxes in pixels of the input would reach to 0.99\d* alone"),
        (CENTRES, SCORES, "of most boxes, x1 and y1 would lie before x0 and y0"),
    ],
)
@pytest.mark.parametrize("keyed", [False, True])
def test_other_values_leave_the_meaning_open(
    boxes: Tensor, scores: Tensor, why: str, *, keyed: bool
) -> None:
    found = meant({"boxes": boxes, "scores": scores} if keyed else (boxes, scores))
    assert found.names == (("boxes", "scores") if keyed else ("output_0", "output_1"))
    assert (found.task, found.layout) == ("unknown", "unknown")
    (said,) = found.remarks
    assert re.search(why, said)
    assert "give layout sizewise" in said


@pytest.mark.parametrize(
    "output",
    [
        {"pred_boxes": UNIT, "pred_logits": LOGITS},
        {"pred_boxes": CORNERS, "pred_scores": SCORES},
        {"depth": MAP},
        {"out": MAP, "aux": MAP},
    ],
)
def test_keys_of_another_s_are_kept(output: dict[str, Tensor]) -> None:
    assert meant(output) == Meaning(names=tuple(output), task="unknown", layout="unknown")


def test_names_that_a_module_declares_are_kept() -> None:
    assert meant((CORNERS, SCORES), names=("loc", "conf")).names == ("loc", "conf")
    assert meant((CORNERS, SCORES), names=("loc", "conf")).task == "unknown"
    assert meant((CORNERS, SCORES), names=("boxes", "scores")).task == "detection"


def test_a_map_of_the_image_s_size_is_a_mask_of_logits() -> None:
    expected = Meaning(names=("mask_logits",), task="segmentation", layout="sizewise")
    assert meant(MAP) == meant({"mask_logits": MAP}) == expected
    (said,) = meant(MAP.sigmoid()).remarks
    assert "if they are probabilities, give layout b_1_h_w_prob" in said
    assert meant({"mask_logits": MAP.sigmoid()}) == expected


@pytest.mark.parametrize(
    ("layout", "output", "names", "task"),
    [
        ("unknown", (CORNERS, SCORES), ("output_0", "output_1"), "unknown"),
        ("unknown", {"mask_logits": MAP}, ("mask_logits",), "unknown"),
        ("sizewise", (UNIT, LOGITS), ("boxes", "scores"), "detection"),
        ("sizewise", MAP.sigmoid(), ("mask_logits",), "segmentation"),
        ("b_1_h_w_prob", MAP.sigmoid(), ("output_0",), "segmentation"),
        ("b_n_6", (CORNERS, SCORES), ("output_0", "output_1"), "detection"),
        ("b_c", {"logits": LOGITS[:, 0]}, ("logits",), "classification"),
    ],
)
def test_what_the_user_says_goes_before_values(
    layout: str, output: Any, names: tuple[str, ...], task: str
) -> None:
    assert meant(output, layout) == Meaning(names=names, task=task, layout=layout)


def test_a_layout_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="'b_x'"):
        meant(MAP, "b_x")


def test_the_form_goes_by_names_and_shapes() -> None:
    assert form_of({"depth": MAP}, SIZE) == form_of({"depth": MAP.sigmoid()}, SIZE)
    assert form_of({"depth": MAP}, SIZE) != form_of({"depth": MAP}, Size(60, 96))
    assert form_of((CORNERS, LOGITS), SIZE) == form_of((CORNERS, SCORES), SIZE)

"""The parts of outputs: every channel belongs to one, and those of readers are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from netzoo.tasks.chosen.parts import DIVIDED, parts_of_outputs
from netzoo.tasks.layouts import layout_names
from netzoo.tasks.parts import TABLES, are_shares, mixes_scales, parts_of, unseen
from sizewise.core.specs import FINAL_LAYOUT, RAW_LAYOUT, Part, divided

Array = NDArray[Any]
SLICES: dict[tuple[str, str], Any] = {
    ("b_4c_n", "boxes"): np.s_[:, :4],
    ("b_4c_n", "scores"): np.s_[:, 4:],
    ("b_n_5c", "boxes"): np.s_[..., :4],
    ("b_n_5c", "objectness"): np.s_[..., 4:5],
    ("b_n_5c", "scores"): np.s_[..., 5:],
    (FINAL_LAYOUT, "boxes"): np.s_[..., :4],
    (FINAL_LAYOUT, "scores"): np.s_[..., 4:5],
    (FINAL_LAYOUT, "classes"): np.s_[..., 5:],
}
SHAPES = {"b_4c_n": (2, 9, 30), "b_n_5c": (2, 30, 10), FINAL_LAYOUT: (2, 30, 6)}


def numbered(shape: tuple[int, ...]) -> Array:
    return np.arange(np.prod(shape)).reshape(shape)


def named(layout: str, outputs: dict[str, tuple[int, ...]], classes: int = 0) -> dict[str, Any]:
    """The names of parts and their channels, by output."""
    found = parts_of(layout, outputs, classes)
    return {
        output: {part.name: (part.start, part.stop) for part in parts}
        for output, parts in found.items()
    }


@pytest.mark.parametrize(("layout", "part"), SLICES)
def test_parts_are_the_channels_that_the_layout_says(layout: str, part: str) -> None:
    output = numbered(SHAPES[layout])
    parts = parts_of(layout, {"output0": output.shape})["output0"]
    values = dict(divided(output, parts))
    assert_array_equal(values[part], output[SLICES[layout, part]])
    assert [f"{one}" for one in values] == [name for of, name in SLICES if of == layout]


def test_every_layout_that_is_read_says_its_parts_or_has_one_an_output() -> None:
    assert set(DIVIDED) == set(layout_names()) - {"sizewise", "sizewise_nms"}
    outputs = {"boxes": (1, 9, 4), "scores": (1, 9, 80), "mask_logits": (1, 1, 9, 9)}
    for layout in ("sizewise", "sizewise_nms", "unknown"):
        assert parts_of_outputs(layout, outputs, 80) == {}


@given(
    layout=st.sampled_from(list(TABLES)),
    channels=st.integers(1, 40),
    rows=st.integers(1, 40),
    classes=st.integers(0, 20),
    prototypes=st.integers(0, 40),
)
def test_every_channel_is_in_one_part(
    layout: str, channels: int, rows: int, classes: int, prototypes: int
) -> None:
    shape = (1, channels, rows) if layout == "b_4c_n" else (1, rows, channels)
    outputs = {"output0": shape} | ({"output1": (1, prototypes, 8, 8)} if prototypes else {})
    found = parts_of(layout, outputs, classes)
    assert set(found) <= {"output0"}
    output = numbered(shape)
    values = [one for _, one in divided(output, found.get("output0", ()))]
    assert sorted(np.concatenate([one.ravel() for one in values])) == list(range(output.size))
    count = classes or 1
    if channels == {"b_4c_n": 4 + count, "b_n_5c": 5 + count, FINAL_LAYOUT: 6}[layout]:
        assert len(values) == len(TABLES[layout])


@pytest.mark.parametrize(
    ("layout", "outputs", "classes", "parts"),
    [
        ("b_4c_n", {"o": (1, 84, 8400)}, 80, {"boxes": (0, 4), "scores": (4, None)}),
        ("b_4c_n", {"o": (1, 84, 21)}, 80, {"boxes": (0, 4), "scores": (4, None)}),
        ("b_4c_n", {"o": ("b", 84, "n")}, 0, {"boxes": (0, 4), "scores": (4, None)}),
        ("b_4c_n", {"o": ("b", "c", "n")}, 80, {"boxes": (0, 4), "scores": (4, None)}),
        ("b_4c_n", {"o": (1, 8400, 84)}, 80, None),
        ("b_4c_n", {"o": (1, 80, 8400)}, 80, None),
        ("b_4c_n", {"o": (1, 4, 8400)}, 0, None),
        ("b_4c_n", {"o": (1, 84, 9), "p": (1, 84, 9)}, 80, None),
        (FINAL_LAYOUT, {"o": (1, 300, 7)}, 0, None),
    ],
)
def test_outputs_that_do_not_have_the_layout_have_no_parts(
    layout: str, outputs: dict[str, Any], classes: int, parts: dict[str, Any] | None
) -> None:
    assert named(layout, outputs, classes) == ({} if parts is None else {"o": parts})


@pytest.mark.parametrize("classes", [0, 80])
def test_beside_prototypes_the_last_channels_are_coefficients(classes: int) -> None:
    outputs = {"output0": (1, 116, 8400), "output1": (1, 32, 160, 160)}
    assert named("b_4c_n", outputs, classes)["output0"] == {
        "boxes": (0, 4),
        "scores": (4, 84),
        "mask coefficients": (84, None),
    }
    assert "mask coefficients" not in named("b_4c_n", outputs, 112)["output0"]
    features = {"output0": (1, 84, 8400), "map": (1, 256, 20, 20)}
    assert named("b_4c_n", features)["output0"]["scores"] == (4, None)


def test_what_classes_do_not_ask_for_is_apart_from_the_scores() -> None:
    """Keypoints of a pose, the angle of a turned box."""
    pose = named("b_4c_n", {"output0": (1, 56, 8400)}, 1)["output0"]
    assert pose == {"boxes": (0, 4), "scores": (4, 5), "other values": (5, None)}
    assert list(named("b_4c_n", {"output0": (1, 20, 8400)}, 15)["output0"]) == list(pose)


def test_a_raw_head_has_the_parts_of_each_anchor() -> None:
    anchors, classes = 3, 2
    head = numbered((1, anchors * (5 + classes), 4, 5))
    found = parts_of(RAW_LAYOUT, {"head_8": head.shape, "map": (1, 6, 4, 5)}, classes)
    assert set(found) == {"head_8"}
    values = dict(divided(head, found["head_8"]))
    by_anchor = head.reshape(1, anchors, 5 + classes, 4, 5)
    for name, slices in {
        "boxes": by_anchor[:, :, :4],
        "objectness": by_anchor[:, :, 4:5],
        "classes": by_anchor[:, :, 5:],
    }.items():
        assert_array_equal(values[name], slices.reshape(1, -1, 4, 5))
    assert parts_of(RAW_LAYOUT, {"head_8": head.shape}) == {}


def test_a_part_without_a_period_is_a_view() -> None:
    output = np.zeros((1, 9, 30))
    assert Part(name="scores", axis=1, start=4).of(output).base is output


def test_without_parts_an_output_is_a_whole() -> None:
    for output in (np.ones(()), np.ones(3), np.ones((1, 3, 9))):
        assert [name for name, _ in divided(output, ())] == [""]
        beyond = Part(name="scores", axis=1, start=4)
        ((name, whole),) = divided(output, [beyond])
        assert name == ""
        assert whole is output


def test_pixels_beside_shares_are_of_different_scales() -> None:
    assert mixes_scales({"boxes": 640.0, "scores": 0.9})
    assert mixes_scales({"boxes": 640.0, "scores": 0.0})
    assert not mixes_scales({"boxes": 1.0, "scores": 0.9})  # shares of a side
    assert not mixes_scales({"boxes": 640.0, "scores": 12.0})  # logits, say
    assert not mixes_scales({"": 640.0})
    assert are_shares(1.0)
    assert not are_shares(1.2)


def test_scores_that_nobody_would_be_shown_are_unseen() -> None:
    assert unseen("scores", 0.1)
    assert unseen("objectness", 0.1)
    assert not unseen("scores", 0.3)
    assert not unseen("boxes", 0.1)

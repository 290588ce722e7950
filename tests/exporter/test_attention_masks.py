"""Masks of attention that are computed of the sizes: no weight of the file shows their values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from exporter.convert import convert
from tests.exporter.chains import NOISE, saved
from tests.exporter.small_nets import parsed, pictures, run, types

pytest.importorskip("onnxruntime")
FLOAT = onnx.TensorProto.FLOAT
LEAST = float(np.finfo(np.float32).min)


def masked(lowest: float, *, throughout: bool = False) -> onnx.ModelProto:
    """Each row attends to its left half alone: ``lowest`` is added to the scores of the others.
    Where it is finite, rows may be masked ``throughout``, as those of padding are: all below the
    middle attend to nothing, so evenly to everything."""
    model = parsed(
        "(float[b, 3, h, w] images) => (float[b, 3, h, w] z) "
        "<float[3, 3, 1, 1] k = {0.5, 0.1, 0.2, 0.1, 0.4, 0.3, 0.1, 0.2, 0.7}, float nothing = {0},"
        " float lowest = {0}, int64 first = {0}, int64 one = {1}, int64 two = {2},"
        " int64[1] across = {1}> {"
        "  scores = Conv (images, k)"
        "  sides = Shape <start = 3, end = 4> (images)"
        "  width = Squeeze (sides)"
        "  columns = Range (first, width, one)"
        "  middle = Div (width, two)"
        "  left = Less (columns, middle)"
        "  heights = Shape <start = 2, end = 3> (images)"
        "  height = Squeeze (heights)"
        "  numbers = Range (first, height, one)"
        "  half = Div (height, two)"
        f"  end = {'Identity (half)' if throughout else 'Add (height, one)'}"
        "  seen = Less (numbers, end)"
        "  rows = Unsqueeze (seen, across)"
        "  near = And (rows, left)"
        "  mask = Where (near, nothing, lowest)"
        "  sums = Add (scores, mask)"
        "  shares = Softmax <axis = -1> (sums)"
        "  mixed = Mul (shares, scores)"
        "  z = Conv (mixed, k)"
        "}",
        opset=20,
    )
    (held,) = (one for one in model.graph.initializer if one.name == "lowest")
    held.CopyFrom(onnx.numpy_helper.from_array(np.array(lowest, np.float32), "lowest"))
    return model


@pytest.mark.parametrize(("lowest", "throughout"), [(LEAST, True), (-1e30, True), (-np.inf, False)])
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_mask_of_the_least_number_is_added_where_it_fits(
    precision: str, lowest: float, throughout: bool, tmp_path: Path
) -> None:
    """The parent's finite outputs within 1 %: `convert` compares them, bf16 files by emulation.

    Of a row that is masked throughout, softmax makes even shares, and NaN where the mask became
    minus infinity on its way.
    """
    parent = masked(lowest, throughout=throughout)
    made = convert(saved(parent, tmp_path), precision, tmp_path / "made.onnx", settings=NOISE)
    file = onnx.load(made.path)
    assert types(file)["scores"] != FLOAT  # the network as a whole is converted
    if precision == "fp16":
        assert types(file)["mask"] == types(file)["sums"] == FLOAT
        (ours,), (theirs,) = run(file, pictures()), run(parent, pictures())
        assert np.isfinite(ours).all()
        assert np.linalg.norm(ours - theirs) <= 0.01 * np.linalg.norm(theirs)

"""Declared shapes of outputs, and what inference makes of them."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from engines.graph.outputs import unconfirmed_shapes
from tests.engines.untrue_outputs import DECLARED, write_untrue


@pytest.mark.parametrize("kind", DECLARED)
def test_what_is_not_borne_out_is_found(kind: str, tmp_path: Path) -> None:
    model = write_untrue(tmp_path / "net.onnx", kind)
    found = unconfirmed_shapes(model.path)
    assert found == (frozenset() if kind == "true" else {"y"})


def test_an_output_without_a_shape_declares_nothing(tmp_path: Path) -> None:
    path = write_untrue(tmp_path / "net.onnx", "rank").path
    proto = onnx.load(path)
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(proto, path)
    assert not unconfirmed_shapes(path)

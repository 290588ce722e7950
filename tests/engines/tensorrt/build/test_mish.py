from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from engines.tensorrt.build.mish import widen_mish
from sizewise.core.onnxfiles.model import read_model
from tests.engines.tensorrt.build.builds import built, spec_of

_KINDS = {"bf16": TensorProto.BFLOAT16, "fp16": TensorProto.FLOAT16, "fp32": TensorProto.FLOAT}


def _two_in_a_row(kind: int) -> onnx.ModelProto:
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["images"], ["narrow"], to=kind),
            helper.make_node("Mish", ["narrow"], ["once"], name="first"),
            helper.make_node("Mish", ["once"], ["twice"], name="second"),
            helper.make_node("Cast", ["twice"], ["y"], to=TensorProto.FLOAT),
        ],
        "mish",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", 3, "h", "w"])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)


@pytest.mark.parametrize(("precision", "number"), [("bf16", 2), ("fp16", 0), ("fp32", 0)])
def test_mish_in_bf16_alone_is_widened_and_the_library_takes_it_then(
    tmp_path: Path, precision: str, number: int
) -> None:
    proto = _two_in_a_row(_KINDS[precision])
    onnx.save(proto, tmp_path / "mish.onnx")
    assert widen_mish(proto) == number
    onnx.checker.check_model(proto, full_check=True)
    model = read_model(tmp_path / "mish.onnx")
    built(model, spec_of("dynamic"), tmp_path / "plan")


def test_what_it_computes_stays_the_same() -> None:
    """Held against Mish as it is defined (Misra 2019), in float64, within what BF16 rounds off."""
    proto = _two_in_a_row(TensorProto.BFLOAT16)
    widen_mish(proto)
    images = np.linspace(-8, 8, 3 * 4 * 4, dtype=np.float32).reshape(1, 3, 4, 4)
    (found,) = ReferenceEvaluator(proto).run(None, {"images": images})
    expected: NDArray[np.float64] = images.astype(np.float64)
    for _ in range(2):
        expected = expected * np.tanh(np.log1p(np.exp(expected)))
    np.testing.assert_allclose(np.asarray(found), expected, rtol=0.03, atol=0.01)

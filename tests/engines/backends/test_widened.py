"""A file in 8 and 16 bits as OpenVINO is given it: the same numbers in float32."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from engines.backends._quantized.widened import widen
from exporter.calibration.observe import observe
from exporter.checks.emulation import emulated
from exporter.graph.passes import run_pass
from exporter.precisions._evidence import Evidence
from exporter.precisions._watched import layer_values, quantized_values
from exporter.registry import find_precision
from sizewise.core.specs import Size
from tests.exporter.small_nets import Chain, copied, pictures, run, types


@pytest.mark.parametrize("name", ["int8+fp16", "int8+bf16"])
def test_all_that_was_in_16_bits_is_in_float32_and_near_the_file(name: str) -> None:
    precision = find_precision(name)
    net = Chain(["leaky", "add", "concat", "resize", "softmax", "conv"])
    parent = net.prepared(name, precision.opset)
    names = (*quantized_values(parent), *layer_values(parent))
    batches = [(Size(32, 48), pictures())]
    seen = observe(parent, names, lambda: batches, histograms=False)
    reach = {one: found.absmax for one, found in seen.items()}
    made = run_pass(precision.make(Evidence(absmax=reach, thresholds=reach)), copied(parent))
    wide = copied(made)
    widen(wide)
    onnx.checker.check_model(wide, full_check=True)
    narrow = {TensorProto.FLOAT16, TensorProto.BFLOAT16}
    assert narrow.intersection(types(made).values())
    assert not narrow.intersection(types(wide).values())
    (ours,), (theirs,) = run(wide, pictures()), run(emulated(made), pictures())
    assert np.linalg.norm(ours - theirs) <= 0.05 * np.linalg.norm(theirs)

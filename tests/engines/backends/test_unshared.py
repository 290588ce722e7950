"""Two convolutions that share weights of all 8 bits, in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from engines.backends._quantized.unshared import unshare_weights
from engines.store.opening import open_engine
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size

Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
STEP = 0.3
SHARED = """
<ir_version: 10, opset_import: ["" : 20]>
shared (float[1, 3, 16, 16] images) => (float[1, 3, 16, 16] y)
<float s = {0.0157}, int8 z = {0}, float t = {0.3}>
{
    a = QuantizeLinear (images, s, z)
    b = DequantizeLinear (a, s, z)
    k = DequantizeLinear <axis = 0> (w, ws, wz)
    c = Conv <pads = [1, 1, 1, 1]> (b, k)
    d = QuantizeLinear (c, t, z)
    e = DequantizeLinear (d, t, z)
    f = Conv <pads = [1, 1, 1, 1]> (e, k)
    g = QuantizeLinear (f, t, z)
    y = DequantizeLinear (g, t, z)
}
"""


def shared() -> onnx.ModelProto:
    random = np.random.default_rng(0)
    model = onnx.parser.parse_model(SHARED)
    weights = random.integers(-127, 128, (3, 3, 3, 3)).astype(np.int8)
    weights[0, 0, 0, 0] = 127
    arrays: dict[str, NDArray[Any]] = {
        "w": weights,
        "ws": np.full(3, 0.002, np.float32),
        "wz": np.zeros(3, np.int8),
    }
    for name, array in arrays.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return model


def images() -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(-2, 2, (1, 3, 16, 16)).astype(np.float32)


def run(model: onnx.ModelProto) -> NDArray[np.float32]:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found: NDArray[np.float32] = session.run(None, {"images": images()})[0]
    return found


def test_every_reader_has_its_own_and_nothing_else_changes() -> None:
    model = shared()
    before = run(model)
    unshare_weights(model)
    onnx.checker.check_model(model, full_check=True)
    kernels = [node.input[1] for node in model.graph.node if node.op_type == "Conv"]
    assert len(set(kernels)) == 2
    np.testing.assert_array_equal(run(model), before)


def test_onnx_runtime_builds_it_and_gets_it_right(build: Build, tmp_path: Path) -> None:
    onnx.save(shared(), tmp_path / "shared.onnx")
    model = read_model(tmp_path / "shared.onnx")
    profile = Profile.fixed(Size(16, 16))
    spec = EngineSpec(backend="onnxruntime", strategy="static", profiles=(profile,))
    with open_engine(build(model, spec)) as session:
        given = session.infer({"images": images()})["y"]
    # A step of the last quantiser, where a sum lies between two.
    assert np.abs(given - run(shared())).max() <= STEP + 1e-6

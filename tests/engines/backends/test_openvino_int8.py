"""What OpenVINO gets wrong of int8 graphs, if it is given them as they stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from engines.backends._quantized.saturation import demand_room
from engines.registry import find_backend
from engines.store.opening import open_engine
from sizewise.core.errors import EngineMismatchError
from sizewise.core.machine import environment
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size
from tests.engines.typed_nets import write_quantized_net

pytest.importorskip("openvino")
Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
SIZE = Size(32, 32)
SPEC = EngineSpec(backend="openvino", strategy="static", profiles=(Profile.fixed(SIZE),))
MERGED = """
<ir_version: 10, opset_import: ["" : 20]>
merged (float[1, 3, 32, 32] images) => (float[1, 4, 32, 32] y)
<float s = {0.0157}, int8 z = {0}, float t = {0.02}>
{
    a = QuantizeLinear (images, s, z)
    b = DequantizeLinear (a, s, z)
    k0 = DequantizeLinear <axis = 0> (w0, s0, z0)
    c = Conv <pads = [1, 1, 1, 1]> (b, k0)
    d = Concat <axis = 1> (c, images)
    e = QuantizeLinear (d, t, z)
    f = DequantizeLinear (e, t, z)
    k1 = DequantizeLinear <axis = 0> (w1, s1, z1)
    y = Conv <pads = [1, 1, 1, 1]> (f, k1)
}
"""


def _merged(path: Path) -> ExportedModel:
    random = np.random.default_rng(0)
    model = onnx.parser.parse_model(MERGED)
    for place, (out, inside) in enumerate(((8, 3), (4, 11))):
        arrays: dict[str, NDArray[Any]] = {
            f"w{place}": random.integers(-63, 64, (out, inside, 3, 3), dtype=np.int8),
            f"s{place}": np.full(out, 0.002, np.float32),
            f"z{place}": np.zeros(out, np.int8),
        }
        for name, array in arrays.items():
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    onnx.save(model, path)
    return read_model(path)


def _images() -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(-2, 2, (1, 3, 32, 32)).astype(np.float32)


def _as_written(path: Path) -> NDArray[np.float32]:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    found: NDArray[np.float32] = session.run(None, {"images": _images()})[0]
    return found


def test_zero_points_are_not_lost_behind_a_concat(build: Build, tmp_path: Path) -> None:
    model = _merged(tmp_path / "merged.onnx")
    assert model.card.precision == "int8"
    expected = _as_written(model.path)
    with open_engine(build(model, SPEC)) as session:
        given = session.infer({"images": _images()})["y"]
    assert np.linalg.norm(given - expected) < 0.02 * np.linalg.norm(expected)


def test_weights_beside_the_file_are_moved_like_those_inside(build: Build, tmp_path: Path) -> None:
    inside = _merged(tmp_path / "merged.onnx")
    outside = tmp_path / "beside" / "merged.onnx"
    outside.parent.mkdir()
    onnx.save(
        onnx.load(inside.path), outside, save_as_external_data=True, location="w", size_threshold=64
    )
    found = []
    for model in (inside, read_model(outside)):
        with open_engine(build(model, SPEC)) as session:
            found.append(session.infer({"images": _images()})["y"])
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize(
    ("flags", "largest", "refused"),
    [
        (("avx2",), 127, True),
        (("avx2",), 63, False),
        (("avx2", "avx512_vnni"), 127, False),
        (("avx2", "avx_vnni"), 127, False),
        ((), 127, False),
    ],
)
def test_weights_of_8_bits_need_vnni(
    flags: tuple[str, ...],
    largest: int,
    refused: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(environment, "read_processor", lambda: SimpleNamespace(flags=flags))
    model = write_quantized_net(tmp_path / "net.onnx")
    proto = onnx.load(model.path)
    _stretch(proto, largest)
    if not refused:
        demand_room(proto, "openvino")
        return
    onnx.save(proto, model.path)
    with pytest.raises(EngineMismatchError, match="weight_bits 7") as caught:
        find_backend("openvino").build(read_model(model.path), SPEC, tmp_path)
    assert caught.value.reason_code == "unsupported_precision"


def _stretch(proto: onnx.ModelProto, largest: int) -> None:
    """One weight of every kernel at ``largest``."""
    for tensor in proto.graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4:
            array = np.clip(onnx.numpy_helper.to_array(tensor), -largest, largest)
            array[0, 0, 0, 0] = largest
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))

"""Models whose weights do not fit into one file, with that limit lowered to a few bytes.

The real limit is tried by the slow test at the end: a model of 2.2 GB, whose weights are a sparse
file.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from engines.backends.onnxruntime_gpu import OnnxRuntimeTensorRt
from engines.base import example_input
from engines.registry import find_backend
from engines.tensorrt.build.network import source_of
from sizewise.cli.front import run_command_line
from sizewise.core.errors import BuildError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import EngineSpec, ExportedModel, Profile, Size, Strategy
from tests.engines.nets import Array, reference, write_net
from tests.engines.typed_nets import write_quantized_net

pytest.importorskip("onnxruntime")
pytest.importorskip("openvino")
SMALL, LARGE = Size(64, 96), Size(128, 128)


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sizewise.core.onnxfiles.weights.MOST_BYTES", 1000)


def apart(model: ExportedModel, folder: Path) -> ExportedModel:
    """The same model, its weights in a file beside it."""
    folder.mkdir()
    path = folder / "apart.onnx"
    proto = onnx.load(model.path)
    onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=64)
    return read_model(path)


def spec(backend: str, strategy: Strategy, graph_fusion: str = "all") -> EngineSpec:
    profile = Profile.fixed(SMALL) if strategy == "static" else Profile.spanning([SMALL, LARGE])
    return EngineSpec(
        backend=backend, strategy=strategy, profiles=(profile,), graph_fusion=graph_fusion
    )


def outputs(model: ExportedModel, wanted: EngineSpec, folder: Path) -> tuple[Array, Array]:
    """What the engine gives for noise, and what the ONNX project's own evaluator does."""
    folder.mkdir()
    backend = find_backend(wanted.backend)
    built = backend.build(model, wanted, folder)
    images = example_input(built, (1, 3, 64, 96))
    expected = reference(model, images)["boxes"]
    for path in model.path.parent.iterdir():
        path.unlink()  # an engine stands by itself
    with backend.open(built) as session:
        return session.infer({"images": images})["boxes"], expected


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("graph_fusion", ["none", "all"])
@pytest.mark.parametrize("strategy", ["static", "dynamic"])
def test_onnxruntime_leaves_large_weights_beside_its_engine(
    strategy: Strategy, graph_fusion: str, tmp_path: Path
) -> None:
    model = apart(write_net(tmp_path / "net.onnx"), tmp_path / "model")
    wanted = spec("onnxruntime", strategy, graph_fusion)
    found, expected = outputs(model, wanted, tmp_path / "engine")
    np.testing.assert_allclose(found, expected, atol=1e-4)
    names = sorted(path.name for path in (tmp_path / "engine").iterdir())
    assert names == ["engine.onnx", "engine.weights"]


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_large_quantized_graph_is_adapted_with_its_weights_beside_it(
    backend: str, tmp_path: Path
) -> None:
    model = apart(write_quantized_net(tmp_path / "net.onnx"), tmp_path / "model")
    found, expected = outputs(model, spec(backend, "static"), tmp_path / "engine")
    assert np.linalg.norm(found - expected) < 0.05 * np.linalg.norm(expected)


@pytest.mark.usefixtures("small_limit")
def test_an_engine_that_is_one_file_can_not_hold_large_weights(tmp_path: Path) -> None:
    model = apart(write_net(tmp_path / "net.onnx"), tmp_path / "model")
    (tmp_path / "engine").mkdir()
    with pytest.raises(BuildError, match=r"GB.*Choose the back end tensorrt") as failure:
        OnnxRuntimeTensorRt()._build(
            model, spec("onnxruntime_tensorrt", "dynamic"), tmp_path / "engine"
        )
    assert failure.value.reason_code == "unsupported_weights"


@pytest.mark.usefixtures("small_limit")
def test_tensorrt_is_given_a_large_file_by_its_name_or_refuses_to_adapt_it(tmp_path: Path) -> None:
    plain = apart(write_net(tmp_path / "net.onnx"), tmp_path / "plain")
    assert source_of(plain) == plain.path
    quantized = apart(write_quantized_net(tmp_path / "int8.onnx"), tmp_path / "int8")
    with pytest.raises(BuildError, match="can't be adapted to TensorRT"):
        source_of(quantized)


SIDE = 23_400
"""A matrix of so many rows and columns takes 2.19 GB in float32, more than 2 GiB."""


def write_large(path: Path) -> None:
    """Images → the mean of a product with a matrix of zeros, which is a hole in a file."""
    matrix = TensorProto(name="matrix", data_type=TensorProto.FLOAT, dims=[SIDE, SIDE])
    matrix.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "zeros"), ("offset", "0"), ("length", str(4 * SIDE**2))):
        matrix.external_data.add(key=key, value=value)
    with (path.parent / "zeros").open("wb") as file:
        file.truncate(4 * SIDE**2)
    first = np.ones((3, SIDE), np.float32)
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])
    means = helper.make_tensor_value_info("means", TensorProto.FLOAT, ["b", 1])
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("MatMul", ["flat", "first"], ["wide"]),
            helper.make_node("MatMul", ["wide", "matrix"], ["product"]),
            helper.make_node("ReduceMean", ["product"], ["means"], axes=[1]),
        ],
        "large",
        [images],
        [means],
        [numpy_helper.from_array(first, "first"), matrix],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(proto.SerializeToString())


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_model_of_more_than_two_gibibytes_is_measured_and_not_converted(
    backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "large.onnx"
    write_large(path)
    code = run_command_line(
        [
            *("bench", str(path), "--sizes", "32", "--strategy", "static", "--backend", backend),
            *("--processes", "1", "--rounds", "1", "--out", str(tmp_path / "out"), "--json"),
        ]
    )
    assert json.loads(capsys.readouterr().out)["statuses"] == {"ok": 1}
    assert code == 0
    out = str(tmp_path / "converted")
    assert run_command_line(["export", str(path), "--precision", "fp16", "--out", out]) == 1
    assert "its weights take 2.19 GB" in capsys.readouterr().err

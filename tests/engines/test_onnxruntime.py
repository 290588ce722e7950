from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from engines.base import example_input
from engines.opening import open_engine
from engines.registry import find_backend
from sizewise.errors import BuildError, EngineMismatchError, InferenceError
from sizewise.onnxfile import read_model
from sizewise.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size, Strategy
from tests.engines.nets import write_net

ort = pytest.importorskip("onnxruntime")
Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
SMALL, LARGE = Size(64, 96), Size(128, 128)
LEVELS = find_backend("onnxruntime").graph_fusions


def spec(strategy: Strategy, graph_fusion: str = "all", threads: int = 1) -> EngineSpec:
    profile = Profile.fixed(SMALL) if strategy == "static" else Profile.spanning([SMALL, LARGE])
    return EngineSpec(
        backend="onnxruntime",
        strategy=strategy,
        profiles=(profile,),
        graph_fusion=graph_fusion,
        threads=threads,
    )


def plain_session(model: ExportedModel, level: str) -> Any:
    options = ort.SessionOptions()
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.path, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("graph_fusion", LEVELS)
@pytest.mark.parametrize("strategy", ["static", "dynamic"])
def test_the_saved_graph_gives_the_bits_of_a_plain_session(
    build: Build, net: ExportedModel, strategy: Strategy, graph_fusion: str
) -> None:
    artifact = build(net, spec(strategy, graph_fusion))
    images = example_input(artifact, (1, 3, 64, 96))
    (expected,) = plain_session(net, LEVELS[graph_fusion]).run(None, {"images": images})
    with open_engine(artifact) as session:
        np.testing.assert_array_equal(session.infer({"images": images})["boxes"], expected)


def test_the_levels_are_different_graphs(build: Build, net: ExportedModel) -> None:
    def operators(level: str) -> list[str]:
        engine = build(net, spec("dynamic", level)).path / "engine.onnx"
        return [f"{n.domain}:{n.op_type}" for n in onnx.load(engine).graph.node]

    assert operators("none") == [f":{n.op_type}" for n in onnx.load(net.path).graph.node]
    assert "com.microsoft:FusedConv" in operators("extended")


@pytest.mark.parametrize("sides", [("batch", "height", "width"), (None, None, None), (1, "s", "s")])
def test_a_static_engine_has_a_numeric_input(
    build: Build, tmp_path: Path, sides: tuple[int | str | None, ...]
) -> None:
    first, second, third = sides
    model = write_net(tmp_path / "net.onnx", sides=(first, second, third))
    engine = build(model, spec("static")).path / "engine.onnx"
    (tensor,) = onnx.load(engine).graph.input
    assert [d.dim_value for d in tensor.type.tensor_type.shape.dim] == [1, 3, 64, 96]


def test_threads_are_those_of_the_specification(build: Build, net: ExportedModel) -> None:
    artifact = build(net, spec("static", threads=2))
    assert artifact.spec.threads == 2
    session: Any = open_engine(artifact)
    options = session._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_an_operator_without_a_kernel_is_a_build_error_in_its_words(tmp_path: Path) -> None:
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])
    boxes = helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["b", 3, "h", "w"])
    node = helper.make_node("Warp", ["images"], ["boxes"], domain="elsewhere")
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("elsewhere", 1)]
    graph = helper.make_graph([node], "g", [images], [boxes])
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), tmp_path / "x.onnx")
    folder = tmp_path / "engine"
    folder.mkdir()
    with pytest.raises(BuildError, match="Warp"):
        find_backend("onnxruntime").build(read_model(tmp_path / "x.onnx"), spec("dynamic"), folder)


def test_a_graph_that_works_at_one_size_fails_in_its_own_words_at_another(
    build: Build, tmp_path: Path
) -> None:
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])
    boxes = helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["b", "n", 4])
    shape = numpy_helper.from_array(np.array([1, 3 * 64 * 96 // 4, 4]), "baked")
    node = helper.make_node("Reshape", ["images", "baked"], ["boxes"])
    graph = helper.make_graph([node], "g", [images], [boxes], [shape])
    opsets = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), tmp_path / "x.onnx")
    artifact = build(read_model(tmp_path / "x.onnx"), spec("dynamic"))
    with open_engine(artifact) as session:
        session.infer({"images": example_input(artifact, (1, 3, 64, 96))})
        with pytest.raises(InferenceError, match="reshape"):
            session.infer({"images": example_input(artifact, (1, 3, 128, 128))})


def test_an_engine_that_is_no_graph_is_a_mismatch(build: Build, net: ExportedModel) -> None:
    artifact = build(net, spec("static", "none"))
    (artifact.path / "engine.onnx").write_bytes(b"no graph")
    with pytest.raises(EngineMismatchError, match="could not open"):
        find_backend("onnxruntime").open(artifact)


def test_convolutions_that_run_in_int8_are_reported_so(
    build: Build, net: ExportedModel, tmp_path: Path
) -> None:
    quantization = pytest.importorskip("onnxruntime.quantization")

    class Noise:
        def __init__(self) -> None:
            random = np.random.default_rng(0)
            self._batches = iter([{"images": random.random((1, 3, 64, 96), dtype=np.float32)}])

        def get_next(self) -> Any:
            return next(self._batches, None)

    path = tmp_path / "int8.onnx"
    quantization.quantize_static(net.path, path, Noise(), op_types_to_quantize=["Conv"])
    achieved = build(read_model(path), spec("dynamic")).achieved
    found = {layer.kind: layer.precision for layer in achieved.layers}
    assert found["QLinearConv"] == "int8"
    assert "int8" in achieved.summary

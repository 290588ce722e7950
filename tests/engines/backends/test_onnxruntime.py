from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from engines.backends._ort.calls import OnnxRuntimeSession
from engines.backends._ort.profile import read_layers
from engines.base import example_input
from engines.registry import find_backend
from engines.store.building import build_engine
from engines.store.cache import obtain_engine
from engines.store.opening import open_engine
from sizewise.core import codec
from sizewise.core.children.child import Child
from sizewise.core.errors import BuildError, EngineMismatchError, InferenceError, OutputError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import (
    Achieved,
    EngineArtifact,
    EngineSpec,
    ExportedModel,
    Profile,
    Size,
    Strategy,
)
from tests.engines.nets import write_net
from tests.engines.typed_nets import write_quantized_net, write_typed_net
from tests.engines.untrue_outputs import DECLARED, write_untrue

ort = pytest.importorskip("onnxruntime")
Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
SMALL, LARGE = Size(64, 96), Size(128, 128)
LEVELS = find_backend("onnxruntime").graph_fusions
ROOT = Path(__file__).parents[2]


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


@pytest.mark.parametrize("kind", DECLARED)
@pytest.mark.parametrize("strategy", ["static", "dynamic"])
def test_outputs_of_other_shapes_than_declared_come_out_in_every_call(
    build: Build, tmp_path: Path, strategy: Strategy, kind: str
) -> None:
    """ONNX Runtime itself fails in the second call, where the first one's outputs are bound."""
    artifact = build(write_untrue(tmp_path / "net.onnx", kind), spec(strategy))
    images = example_input(artifact, (1, 3, 64, 96))
    with open_engine(artifact) as session:
        session.bind({"images": images})
        for _ in range(3):
            session.enqueue()
        np.testing.assert_array_equal(session.outputs()["y"], images.reshape(1, 3, -1))
    known = kind != "true" and (strategy, kind) != ("dynamic", "number")
    assert len(artifact.remarks) == known
    assert all("The file declares the output y as" in remark for remark in artifact.remarks)


def test_threads_are_those_of_the_specification(build: Build, net: ExportedModel) -> None:
    artifact = build(net, spec("static", threads=2))
    assert artifact.spec.threads == 2
    session: Any = open_engine(artifact)
    options = session._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)
    # They spin within a call, as they do by default, and not beyond it.
    assert options.get_session_config_entry("session.force_spinning_stop") == "1"
    with pytest.raises(RuntimeError, match="does not have"):
        options.get_session_config_entry("session.intra_op.allow_spinning")


def test_no_variable_of_openmp_is_set_for_engines(build: Build, net: ExportedModel) -> None:
    """Neither here, nor in a child: each library waits as it does by default."""
    build(net, spec("static", threads=2))
    with Child("tests.engines.backends.openmp:variables", {}) as child:
        assert child.call("read", {}, timeout_s=60) == {
            name: value for name, value in os.environ.items() if name.startswith(("OMP", "GOMP"))
        }


def test_an_operator_without_a_kernel_is_a_build_error_in_its_words(tmp_path: Path) -> None:
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])
    boxes = helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["b", 3, "h", "w"])
    node = helper.make_node("Warp", ["images"], ["boxes"], domain="com.microsoft")
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
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


def test_an_engine_that_is_no_graph_is_a_mismatch(
    build: Build, net: ExportedModel, tmp_path: Path
) -> None:
    artifact = build(net, spec("static", "none"))
    artifact = replace(artifact, path=shutil.copytree(artifact.path, tmp_path / "own"))
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


def test_a_session_on_another_provider_is_refused(
    build: Build, net: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = build(net, spec("static"))
    elsewhere = ["AzureExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(ort.InferenceSession, "get_providers", lambda self: elsewhere)
    with pytest.raises(EngineMismatchError, match=r"runs on .*Azure"):
        find_backend("onnxruntime").open(artifact)


def event(name: str, provider: str, kind: str = "Conv", dtype: str = "float") -> dict[str, Any]:
    """Of ONNX Runtime's profile."""
    given = {"op_name": kind, "provider": provider, "input_type_shape": [{dtype: [1, 3, 8, 8]}]}
    return {"name": f"{name}_kernel_time", "args": given}


def test_a_node_on_another_provider_is_refused_unless_it_is_allowed(tmp_path: Path) -> None:
    cuda, cpu = "CUDAExecutionProvider", "CPUExecutionProvider"
    events = [
        event("conv0", cuda, dtype="float16"),
        event("shape", cpu, "Gather", "int64"),
        event("conv1", cpu),
    ]
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps(events[:2]), encoding="utf-8")
    assert [layer.name for layer in read_layers(profile, cuda)] == ["conv0"]
    profile.write_text(json.dumps(events), encoding="utf-8")
    with pytest.raises(BuildError, match="conv1 runs on CPU, not on CUDA") as caught:
        read_layers(profile, cuda)
    assert caught.value.reason_code.startswith("unsupported")
    achieved = Achieved(layers=read_layers(profile, cuda, allow_fallback=True))
    assert achieved.summary == "fp16 1, fp32 on CPU 1"


@pytest.mark.parametrize("left", [b"", b'[{"cat": "Node", "name"', None])
def test_a_profile_that_could_not_be_written_is_no_crash(
    build: Build, net: ExportedModel, monkeypatch: pytest.MonkeyPatch, left: bytes | None
) -> None:
    """ONNX Runtime itself says nothing where a write of it fails, or where it makes no file."""
    artifact = build(net, spec("static", "none"))
    ended = OnnxRuntimeSession.profile

    def cut(session: OnnxRuntimeSession) -> Path:
        path = ended(session)
        path.unlink()
        if left is not None:
            path.write_bytes(left)
        return path

    monkeypatch.setattr(OnnxRuntimeSession, "profile", cut)
    with pytest.raises(OutputError, match="can't be written: a write of onnxruntime failed"):
        find_backend("onnxruntime").inspect(artifact)


def test_a_profile_that_moved_to_another_provider_fails_the_build(
    net: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def doctored(self: Any) -> Path:
        path = tmp_path / "profile.json"
        path.write_text(json.dumps([event("conv0", "XnnpackExecutionProvider")]), encoding="utf-8")
        return path

    monkeypatch.setattr(OnnxRuntimeSession, "profile", doctored)
    folder = tmp_path / "engine"
    folder.mkdir()
    with pytest.raises(BuildError, match="runs on Xnnpack, not on CPU"):
        build_engine(codec.to_plain(net), codec.to_plain(spec("static")), str(folder))


@pytest.mark.parametrize("precision", ["bf16", "fp8"])
def test_a_precision_without_kernels_is_unsupported(tmp_path: Path, precision: str) -> None:
    write = write_typed_net if precision == "bf16" else write_quantized_net
    model = write(tmp_path / "net.onnx", precision)
    with pytest.raises(EngineMismatchError, match=precision) as caught:
        obtain_engine(model, spec("static"), tmp_path / "engines")
    assert caught.value.reason_code == "unsupported_precision"


@pytest.mark.parametrize(
    "program",
    [
        "from engines.store.manifest import read_manifest; "
        "from engines.store.opening import open_engine; "
        "open_engine(read_manifest(engine)).close()",
        "from exporter.checks.parity import onnx_runner;"
        "onnx_runner((engine / 'engine.onnx').read_bytes())",
    ],
    ids=["engine", "export"],
)
def test_nothing_is_reported_to_anybody(
    build: Build, net: ExportedModel, tmp_path: Path, program: str
) -> None:
    """A plain ``import onnxruntime`` leaves an identifier and a queue of events in the home."""
    begin = "import sys; from pathlib import Path; engine = Path(sys.argv[1]);"
    end = "; assert 'onnxruntime' in sys.modules"
    unset = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    subprocess.run(
        [sys.executable, "-c", begin + program + end, str(build(net, spec("static")).path)],
        check=True,
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k not in unset} | {"HOME": str(tmp_path)},
    )
    assert list(tmp_path.iterdir()) == []

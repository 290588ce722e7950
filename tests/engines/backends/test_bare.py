"""Libraries by themselves: what they compute, and that nothing but threads and precision is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper

from bench.audit.models import write_pyramid
from engines.backends._bare.calls import BARE, bare_call, bare_source
from engines.backends._bare.chains import write_program
from engines.backends._bare.programs import cuda_call
from engines.registry import find_backend
from sizewise.core.errors import InputError, UsageError
from sizewise.core.specs import (
    BuiltEngine,
    EngineSpec,
    ExportedModel,
    Profile,
    Size,
)
from tests.engines.nets import reference

SIDE = 64


@pytest.fixture
def images() -> NDArray[np.float32]:
    return np.random.default_rng(1).random((1, 3, SIDE, SIDE), dtype=np.float32)


def need(module: str) -> Any:
    return pytest.importorskip(module)


@pytest.mark.parametrize("static", [True, False])
def test_onnxruntime_gives_what_the_reference_gives(
    net: ExportedModel, images: NDArray[np.float32], static: bool
) -> None:
    need("onnxruntime")
    given = bare_call("onnxruntime", net.path, images, 1, static=static)()
    (expected,) = reference(net, images).values()
    np.testing.assert_allclose(given[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("static", [True, False])
def test_openvino_gives_what_the_reference_gives(
    net: ExportedModel, images: NDArray[np.float32], static: bool
) -> None:
    need("openvino")
    given = bare_call("openvino", net.path, images, 1, static=static)()
    (expected,) = reference(net, images).values()
    np.testing.assert_allclose(given[0], expected, rtol=1e-4, atol=1e-5)


def test_of_onnxruntime_only_threads_are_set(
    net: ExportedModel, images: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    onnxruntime = need("onnxruntime")
    seen: list[Any] = []
    make = onnxruntime.InferenceSession

    def watched(path: Path, options: Any, **more: Any) -> Any:
        seen.append(options)
        return make(path, options, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", watched)
    bare_call("onnxruntime", net.path, images, 3, static=False)
    (options,), untouched = seen, onnxruntime.SessionOptions()
    assert options.intra_op_num_threads == 3
    options.intra_op_num_threads = untouched.intra_op_num_threads
    names = [name for name in dir(untouched) if not name.startswith("_")]
    plain = [n for n in names if not callable(getattr(untouched, n))]
    assert {n: getattr(options, n) for n in plain} == {n: getattr(untouched, n) for n in plain}
    for entry in ("session.force_spinning_stop", "session.intra_op.allow_spinning"):
        with pytest.raises(RuntimeError):
            options.get_session_config_entry(entry)


def test_of_openvino_only_threads_and_fp32_are_set(
    net: ExportedModel, images: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino = need("openvino")
    seen: list[Any] = []
    make = openvino.Core.compile_model

    def watched(core: Any, graph: Any, device: str, config: Any) -> Any:
        seen.append((device, config))
        return make(core, graph, device, config)

    monkeypatch.setattr(openvino.Core, "compile_model", watched)
    bare_call("openvino", net.path, images, 1, static=True)
    assert seen == [("CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"})]


def test_there_is_one_for_each_of_some_back_ends_and_none_for_others() -> None:
    for name in BARE:
        assert find_backend(name).name == name
    with pytest.raises(UsageError, match="no bare call of fake"):
        bare_call("fake", Path(), np.zeros((1, 3, 8, 8), np.float32), 1, static=False)


@pytest.mark.parametrize(
    ("backend", "source"),
    [
        ("onnxruntime", "models/net.onnx"),
        ("openvino", "models/net.onnx"),
        ("onnxruntime_cuda", "models/net.onnx"),
        ("torch_eager", "models/net.pt2"),
        ("torch_cuda", "models/net.pt2"),
        ("torch_compile", "engine/engine.pt2"),
    ],
)
def test_each_opens_the_file_that_its_library_reads(
    net: ExportedModel, backend: str, source: str
) -> None:
    model = ExportedModel(
        path=Path("models/net.onnx"),
        sha256="",
        card=net.card,
        opset_version=20,
        inputs=net.inputs,
        outputs=net.outputs,
    )
    profiles = (Profile.fixed(Size(SIDE, SIDE)),)
    engine = BuiltEngine(
        path=Path("engine"),
        model_sha256="",
        image=net.image,
        outputs=net.outputs,
        card=net.card,
        spec=EngineSpec(backend=backend, strategy="static", profiles=profiles),
    )
    assert bare_source(model, engine) == Path(source)


def test_the_program_of_a_chain_gives_what_its_file_gives(
    images: NDArray[np.float32], tmp_path: Path
) -> None:
    need("torch")
    model = write_pyramid(tmp_path / "pyramid.onnx")
    write_program(str(model.path), str(model.program_path))
    given = bare_call("torch_eager", model.program_path, images, 1, static=False)()
    (expected,) = reference(model, images).values()
    assert given.is_inference()
    np.testing.assert_allclose(given.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_the_call_on_a_gpu_gives_the_outputs_of_the_eager_one(
    images: NDArray[np.float32], tmp_path: Path
) -> None:
    """As far as it can be seen without a GPU: on the device ``cpu``."""
    torch = need("torch")
    model = write_pyramid(tmp_path / "pyramid.onnx")
    write_program(str(model.path), str(model.program_path))
    matmul, conv = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = matmul.fp32_precision, conv.fp32_precision
    try:
        call = cuda_call(model.program_path, images, 1, static=False, device="cpu")
        assert (matmul.fp32_precision, conv.fp32_precision) == ("ieee", "ieee")
    finally:
        matmul.fp32_precision, conv.fp32_precision = before
    (expected,) = reference(model, images).values()
    for _ in range(2):
        (given,) = call()
        np.testing.assert_allclose(given.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_another_graph_has_no_such_program(tmp_path: Path) -> None:
    need("torch")
    path = tmp_path / "net.onnx"
    image = helper.make_tensor_value_info("x", 1, [1])
    made = helper.make_tensor_value_info("y", 1, [1])
    graph = helper.make_graph([helper.make_node("Sin", ["x"], ["y"])], "sin", [image], [made])
    onnx.save(helper.make_model(graph), path)
    with pytest.raises(InputError, match="Sin"):
        write_program(str(path), str(tmp_path / "net.pt2"))

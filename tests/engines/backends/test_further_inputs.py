"""Engines with inputs beside the picture: what they are given changes what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from engines.base import Backend, example_inputs
from engines.comparing import compare_engine
from engines.store.cache import engine_name
from engines.store.manifest import read_manifest
from engines.store.opening import open_engine
from sizewise.core.errors import EngineMismatchError
from sizewise.core.further.reading import read_inputs
from sizewise.core.onnxfile import read_model, with_inputs
from sizewise.core.specs import ExportedModel, Size, Strategy
from tests.engines.backends.test_contract import SIZES, every_engine_of_onnx, spec_for
from tests.engines.conftest import Build


def write_sized(path: Path) -> ExportedModel:
    """Somebody's file: images and their mask, a size that comes first, and a threshold."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["images", "mask"], ["seen"]),
            helper.make_node("ReduceMean", ["seen", "axes"], ["means"], keepdims=0),
            helper.make_node("Cast", ["im_size"], ["size"], to=TensorProto.FLOAT),
            helper.make_node("Gemm", ["means", "w"], ["two"]),
            helper.make_node("Mul", ["two", "size"], ["scaled"]),
            helper.make_node("Add", ["scaled", "threshold"], ["points"]),
        ],
        "sized",
        [
            info("im_size", TensorProto.INT64, ["n", 2]),
            info("images", TensorProto.FLOAT, ["n", 3, "h", "w"]),
            info("mask", TensorProto.FLOAT, ["n", 1, "h", "w"]),
            info("threshold", TensorProto.FLOAT, []),
        ],
        [info("points", TensorProto.FLOAT, ["n", 2])],
        [
            helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
            helper.make_tensor("w", TensorProto.FLOAT, [3, 2], [1, 2, 3, 4, 5, 6]),
        ],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(proto, path)
    said = read_inputs(["mask=0.5", "threshold=-3"])
    return with_inputs(read_model(path), said)


@pytest.fixture(scope="module")
def sized(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    return write_sized(tmp_path_factory.mktemp("sized") / "sized.onnx")


@every_engine_of_onnx
@pytest.mark.parametrize("batch_size", [1, 2])
def test_an_engine_is_given_all_its_inputs(
    backend: Backend, strategy: Strategy, batch_size: int, sized: ExportedModel, build: Build
) -> None:
    artifact = build(sized, spec_for(backend, strategy, batch_size=batch_size))
    sizes = SIZES[:1] if strategy == "static" else SIZES
    with open_engine(artifact) as session:
        for size in sizes:
            inputs = example_inputs(artifact, batch_size, size)
            assert set(inputs) == {"images", "im_size", "mask", "threshold"}
            means = inputs["images"].mean(axis=(2, 3)) * np.float32(0.5)
            weights = np.arange(1, 7, dtype=np.float32).reshape(3, 2)
            wanted = means @ weights * np.array([size.height, size.width], np.float32) - 3
            np.testing.assert_allclose(session.infer(inputs)["points"], wanted, rtol=1e-4)


@every_engine_of_onnx
def test_an_input_of_another_shape_or_name_is_refused(
    backend: Backend, strategy: Strategy, sized: ExportedModel, build: Build
) -> None:
    artifact = build(sized, spec_for(backend, strategy))
    inputs = example_inputs(artifact, 1, SIZES[0])
    with open_engine(artifact) as session:
        for wrong, words in (
            ({"mask": inputs["mask"][:, :, :1]}, "mask takes the shape"),
            ({"im_size": inputs["im_size"].astype(np.int32)}, "takes int64, not int32"),
            ({"more": inputs["mask"]}, "it takes the inputs images, im_size, mask, threshold"),
        ):
            with pytest.raises(EngineMismatchError, match=words):
                session.bind({**inputs, **wrong})


@every_engine_of_onnx
def test_it_compares_with_its_parent(
    backend: Backend, strategy: Strategy, sized: ExportedModel, build: Build
) -> None:
    artifact = build(sized, spec_for(backend, strategy))
    found = compare_engine(str(artifact.path), str(sized.path))
    assert found
    assert all(one["max_abs_error"] < 1e-3 for one in found)


def test_a_manifest_keeps_them_and_the_key_tells_values_apart(
    sized: ExportedModel, build: Build
) -> None:
    from engines.registry import find_backend

    backend = find_backend("onnxruntime")
    spec = spec_for(backend, "static")
    artifact = build(sized, spec)
    assert [str(one) for one in read_manifest(artifact.path).further] == [
        "im_size = height, width [batch, 2]",
        "mask = 0.5 [batch, 1, height, width]",
        "threshold = -3 []",
    ]
    other = with_inputs(sized, read_inputs(["mask=1", "threshold=-3"]))
    assert engine_name(sized, spec, backend) != engine_name(other, spec, backend)
    assert Size(64, 96) == artifact.spec.profiles[0].opt

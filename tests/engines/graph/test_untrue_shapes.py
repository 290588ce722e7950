"""Shapes that files declare and that their graphs do not give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from engines.base import Backend, example_inputs
from engines.graph.outputs import unconfirmed_shapes
from engines.graph.sizes import with_stride
from engines.store.opening import open_engine
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import ExportedModel, Size, Strategy
from tests.engines.backends.test_contract import SIZES, every_engine_of_onnx, spec_for
from tests.engines.conftest import Build

_Shape = list[str | int]
FREE: _Shape = ["b", 3, "h", "w"]
TRUE: _Shape = ["b", 4, "rows"]
INSIDE: _Shape = ["b", 4, "h", "w"]
DECLARED: dict[str, tuple[_Shape, _Shape]] = {
    "an example's rows": (["b", 4, 1024], INSIDE),
    "an example's map inside": (TRUE, [1, 4, 64, 64]),
    "two dimensions for three": (["b", "rows"], INSIDE),
    "two dimensions for four inside": (TRUE, ["b", 4]),
    "other channels": (["b", 5, "rows"], INSIDE),
    "names that collide": (["h", "b", "w"], ["w", 4, "b", "h"]),
}


def write(path: Path, output: _Shape, inside: _Shape) -> ExportedModel:
    """Somebody's convolution and reshape, with these shapes declared."""
    info = helper.make_tensor_value_info
    weights = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["images", "w"], ["map"], pads=[1] * 4),
            helper.make_node("Relu", ["map"], ["positive"]),
            helper.make_node("Reshape", ["positive", "rows"], ["y"]),
        ],
        "declared",
        [info("images", TensorProto.FLOAT, FREE)],
        [info("y", TensorProto.FLOAT, output)],
        [
            onnx.numpy_helper.from_array(weights, "w"),
            onnx.numpy_helper.from_array(np.array([0, 4, -1]), "rows"),
        ],
        value_info=[info("map", TensorProto.FLOAT, inside)],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )
    return read_model(path)


@pytest.fixture(scope="module", params=DECLARED)
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> ExportedModel:
    folder = tmp_path_factory.mktemp("declared")
    return write(folder / "some.onnx", *DECLARED[request.param])


@every_engine_of_onnx
def test_an_engine_gives_what_the_graph_gives(
    backend: Backend, strategy: Strategy, model: ExportedModel, build: Build
) -> None:
    artifact = build(model, spec_for(backend, strategy))
    reference = ReferenceEvaluator(onnx.load(model.path))
    with open_engine(artifact) as session:
        for size in SIZES[:1] if strategy == "static" else SIZES:
            inputs = example_inputs(artifact, 1, size)
            outputs: Any = reference.run(None, inputs)
            np.testing.assert_allclose(session.infer(inputs)["y"], outputs[0], rtol=1e-4, atol=1e-5)


def test_what_is_not_confirmed_is_found_and_the_rest_is_left(tmp_path: Path) -> None:
    found = {
        name: unconfirmed_shapes(write(tmp_path / "some.onnx", *shapes).path)
        for name, shapes in DECLARED.items()
    }
    assert found == {
        "an example's rows": {"y"},
        "an example's map inside": {"map"},
        "two dimensions for three": {"y"},
        "two dimensions for four inside": {"map"},
        "other channels": {"y"},
        "names that collide": set(),
    }
    assert not unconfirmed_shapes(write(tmp_path / "some.onnx", TRUE, INSIDE).path)


def test_an_example_in_a_declared_output_refuses_no_size(tmp_path: Path) -> None:
    from engines.registry import find_backend

    model = write(tmp_path / "some.onnx", ["b", 4, 1024], INSIDE)
    spec = spec_for(find_backend("onnxruntime"), "static", sizes=(Size(60, 44),))
    assert with_stride(model, spec).card.stride == 1

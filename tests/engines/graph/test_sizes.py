"""Sizes that a graph can't take are found before a back end meets them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, save

from engines.graph.sizes import with_stride
from sizewise.core.errors import EngineMismatchError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import EngineSpec, ExportedModel, Profile, Size
from tests.engines.nets import reference, write_net, write_pyramid
from tests.sizewise.core.onnxfiles.growing import grown, grown_in_shapes


def spec(*sizes: Size) -> EngineSpec:
    return EngineSpec(backend="fake", strategy="dynamic", profiles=(Profile.spanning(sizes),))


@pytest.fixture(scope="module")
def pyramid(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    return write_pyramid(tmp_path_factory.mktemp("pyramid") / "pyramid.onnx")


@given(st.integers(8, 40), st.integers(8, 40), st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_the_stride_is_found_from_any_range(
    pyramid: ExportedModel, height: int, width: int, more: int
) -> None:
    sizes = (Size(height, width), Size(height + more + 16, width + more + 16))
    assert with_stride(pyramid, spec(*sizes)).card.stride == 4


@given(st.builds(Size, st.integers(4, 40), st.integers(4, 40)))
@settings(max_examples=25, deadline=None)
def test_a_single_size_is_refused_where_the_graph_itself_fails(
    pyramid: ExportedModel, size: Size
) -> None:
    """Against the ONNX project's evaluator, which runs the graph."""
    images = np.zeros((1, 3, size.height, size.width), np.float32)
    try:
        reference(pyramid, images)
    except TypeError:
        with pytest.raises(EngineMismatchError) as caught:
            with_stride(pyramid, spec(size))
        assert caught.value.reason_code == "unsupported_size"
        assert "Add" in str(caught.value)
    else:
        assert with_stride(pyramid, spec(size)).card.stride == 1


def test_a_stride_that_the_card_tells_is_taken(net: ExportedModel) -> None:
    assert with_stride(net, spec(Size(33, 33), Size(65, 65))) is net


def test_a_graph_of_any_size_has_no_stride(tmp_path: Path) -> None:
    model = write_net(tmp_path / "any.onnx", card=None)
    assert with_stride(model, spec(Size(31, 33), Size(65, 65))).card.stride == 1


def test_where_nothing_can_be_inferred_nothing_is_refused(tmp_path: Path) -> None:
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])
    boxes = helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["b", "n", 4])
    node = helper.make_node("Warp", ["images"], ["boxes"], domain="elsewhere")
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("elsewhere", 1)]
    graph = helper.make_graph([node], "g", [images], [boxes])
    save(helper.make_model(graph, opset_imports=opsets, ir_version=10), tmp_path / "x.onnx")
    model = read_model(tmp_path / "x.onnx")
    assert with_stride(model, spec(Size(31, 33), Size(65, 65))).card.stride == 1


def test_a_tensor_beyond_the_limit_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    """A few nodes may double their tensor until no memory holds it."""
    model = grown(tmp_path / "grown.onnx", doublings=40)
    with pytest.raises(
        EngineMismatchError, match=r"'x\d+': .* elements .*SIZEWISE_MAX_ONNX"
    ) as got:
        with_stride(model, spec(Size(32, 32)))
    assert got.value.reason_code == "unsupported_size"
    with pytest.raises(EngineMismatchError, match="elements"):
        with_stride(replace(model, card=replace(model.card, stride=32)), spec(Size(32, 32)))


def test_it_is_the_size_that_decides(tmp_path: Path) -> None:
    model = grown(tmp_path / "grown.onnx", doublings=16)
    assert with_stride(model, spec(Size(16, 32))).card.stride == 1
    with pytest.raises(EngineMismatchError, match="elements"):
        with_stride(model, spec(Size(16, 32), Size(512, 512)))


def test_shapes_that_outgrow_the_memory_are_refused_as_well(tmp_path: Path) -> None:
    model = grown_in_shapes(tmp_path / "grown.onnx", doublings=40)
    with pytest.raises(EngineMismatchError, match="elements"):
        with_stride(model, spec(Size(32, 32)))

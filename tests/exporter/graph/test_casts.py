from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from exporter.graph.casts import drop_redundant_casts, redundant_casts
from tests.exporter.small_nets import parsed, unread

KINDS = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.FLOAT, TensorProto.DOUBLE)
FLOAT = TensorProto.FLOAT


def casting(kinds: list[int]) -> onnx.ModelProto:
    """x → cast to each of ``kinds``, one after the other → y, in float32."""
    names = ["x", *(f"v{place}" for place in range(len(kinds)))]
    nodes = [
        helper.make_node("Cast", [one], [other], to=kind)
        for (one, other), kind in zip(pairwise(names), kinds, strict=True)
    ]
    last = helper.make_node("Cast", [names[-1]], ["y"], to=FLOAT)
    ends = [helper.make_tensor_value_info(name, FLOAT, ["n"]) for name in "xy"]
    graph = helper.make_graph([*nodes, last], "casts", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)


def values(model: onnx.ModelProto) -> bytes:
    random = np.random.default_rng(0)
    x = (random.standard_normal(64) * 10.0 ** random.integers(-6, 4, 64)).astype(np.float32)
    found = ReferenceEvaluator(model).run(None, {"x": x})
    assert isinstance(found, list)
    return np.asarray(found[0]).tobytes()


def rounds(kinds: list[int]) -> int:
    """How many of the casts change values: to a type that does not hold all of the last one's."""
    holds = {10: {1, 10, 11}, 16: {1, 16, 11}, 1: {1, 11}, 11: {11}}
    return sum(
        after not in holds[before] for before, after in zip([1, *kinds], [*kinds, 1], strict=True)
    )


@settings(max_examples=150, deadline=None)
@given(kinds=st.lists(st.sampled_from(KINDS), max_size=7))
def test_what_goes_changes_nothing_and_what_stays_is_needed(kinds: list[int]) -> None:
    model = casting(kinds)
    expected = values(model)
    drop_redundant_casts(model)
    onnx.checker.check_model(model, full_check=True)
    assert values(model) == expected
    assert not redundant_casts(model)
    assert not unread(model)
    left = [node for node in model.graph.node if node.op_type == "Cast"]
    if not rounds(kinds):
        assert not left
    targets = [int(FLOAT), *(node.attribute[0].i for node in left)]
    assert all(one != other for one, other in pairwise(targets))


@pytest.mark.parametrize("narrow", [TensorProto.FLOAT16, TensorProto.BFLOAT16])
def test_a_way_through_a_narrower_type_rounds(narrow: int) -> None:
    model = casting([narrow])
    assert redundant_casts(model) == {}
    drop_redundant_casts(model)
    assert len(model.graph.node) == 2


def test_a_branch_reads_what_the_cast_read() -> None:
    model = parsed(
        """(float[n] x) => (float[n] y) <bool c = {1}> {
        a = Cast <to = 1> (x)
        y = If (c) <then_branch = yes () => (float[n] v) { v = Neg (a) },
                    else_branch = no () => (float[n] u) { u = Abs (x) }>
        }"""
    )
    expected = values(model)
    drop_redundant_casts(model)
    assert [node.op_type for node in model.graph.node] == ["If"]
    assert values(model) == expected

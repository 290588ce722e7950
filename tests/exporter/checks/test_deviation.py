from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.checks.deviation import RelativeError, deviations
from exporter.graph.passes import run_pass
from exporter.precisions._evidence import Evidence
from exporter.precisions._typed import Typed
from sizewise.core.errors import ExportError
from sizewise.core.specs import Part, Size
from tests.exporter.conftest import Counted
from tests.exporter.small_nets import Array, Chain, copied, parsed, pictures, run

SIZES = (Size(32, 32), Size(64, 48), Size(48, 64))
ENDS = "(float[1, 3, h, w] images) => (float[1, 3, h, w] a, float[1, 3, h, w] b)"
PARENT = parsed(f"{ENDS} {{ a = Neg (images)  b = Add (images, images) }}", opset=17, ir=8)
WRONG_AT_64 = """{ENDS} <int64 side = {{SIDE}}, float more = {{MORE}}, int64 two = {{2}}> {
    shape = Shape (images)  height = Gather (shape, two)
    here = Equal (height, side)  share = Cast <to = 1> (here)  error = Mul (share, more)
    a = Neg (images)  twice = Add (images, images)  b = Add (twice, error)
}"""


def batches(sizes: tuple[Size, ...] = SIZES) -> list[tuple[Size, Array]]:
    return [(size, pictures(size.height, size.width)) for size in sizes]


def wrong(side: int, error: float) -> onnx.ModelProto:
    """``error`` more in b where images are ``side`` high."""
    text = WRONG_AT_64.replace("{ENDS}", ENDS).replace("{{SIDE}}", f"{{{side}}}")
    text = text.replace("{{MORE}}", f"{{{error:.6f}}}").replace("{{2}}", "{2}")
    return parsed(text, opset=17, ir=8)


@settings(max_examples=15, deadline=None)
@given(side=st.sampled_from([32, 64, 48]), error=st.floats(-2, 2).map(lambda v: round(v, 3)))
def test_an_error_is_found_at_its_size_and_output(side: int, error: float) -> None:
    found = deviations(PARENT, wrong(side, error), ["a", "b"], batches(), bound=0.1)
    assert [(check.size, check.output) for check in found] == [
        (size, name) for size in SIZES for name in "ab"
    ]
    for check in found:
        here = check.size.height == side and check.output == "b"
        assert check.max_abs_error == pytest.approx(abs(error) if here else 0, abs=1e-5)


def test_the_error_is_a_share_of_the_parent_s_root_mean_square() -> None:
    found = deviations(PARENT, wrong(64, 0.25), ["b"], batches(), bound=0.1)
    for check, (_, batch) in zip(found, batches(), strict=True):
        wrong_here = check.size.height == 64
        share = 0.25 / np.sqrt(np.mean(np.square(2.0 * batch))) if wrong_here else 0
        assert check.relative_error == pytest.approx(share, rel=1e-4)
        assert check.absmax == pytest.approx(2 * batch.max())
        assert (check.bound, check.within) == (0.1, not wrong_here)


def test_of_several_batches_of_a_size_all_count() -> None:
    size = Size(32, 32)
    dim, bright = (np.full((1, 3, 32, 32), value, np.float32) for value in (0.1, 1.0))
    made = parsed(f"{ENDS} {{ a = Neg (images)  b = Relu (images) }}", opset=17, ir=8)
    for order in ([dim, bright], [bright, dim]):
        (found,) = deviations(PARENT, made, ["b"], [(size, one) for one in order], bound=0.1)
        assert (found.max_abs_error, found.absmax) == (1.0, 2.0)
        assert found.relative_error == pytest.approx(0.5)


def test_every_batch_is_a_step() -> None:
    progress = Counted()
    deviations(PARENT, PARENT, ["a"], batches(), bound=0.1, progress=progress)
    assert (progress.totals, progress.steps) == ([3], 3)


@pytest.mark.parametrize("nothing", ["Log (zero)", "Div (zero, zero)"])
def test_what_is_not_finite_is_refused(nothing: str) -> None:
    made = parsed(
        f"{ENDS} {{ a = Neg (images)  zero = Sub (images, images)  b = {nothing} }}",
        opset=17,
        ir=8,
    )
    with pytest.raises(ExportError, match="at 32x32, b has values that are not finite") as hit:
        deviations(PARENT, made, ["a", "b"], batches(), bound=0.1)
    assert hit.value.reason_code == "numerics"


def test_what_was_not_finite_in_the_parent_is_not_held_against_it() -> None:
    parent = parsed(
        f"{ENDS} {{ a = Neg (images)  zero = Sub (images, images)  b = Log (zero) }}",
        opset=17,
        ir=8,
    )
    found = deviations(parent, parent, ["b"], batches(), bound=0.1)
    assert all(check.max_abs_error == 0 for check in found)


def test_another_number_of_values_is_told() -> None:
    made = parsed(
        "(float[1, 3, h, w] images) => (float[1, n, h, w] a) "
        "{ a = Concat <axis = 1> (images, images) }",
        opset=17,
        ir=8,
    )
    with pytest.raises(ExportError, match=r"a is \[1, 6, 32, 32\] and was \[1, 3, 32, 32\]"):
        deviations(PARENT, made, ["a"], batches(), bound=0.1)


@settings(max_examples=10, deadline=None)
@given(share=st.sampled_from([0.0, 0.01, 0.5, 2.0]))
def test_the_relative_error_is_the_worst_tensor_s_in_root_mean_square(share: float) -> None:
    made = parsed(
        f"{ENDS} <float more = {{{1 + share}}}> "
        "{ a = Neg (images)  twice = Add (images, images)  b = Mul (twice, more) }",
        opset=17,
        ir=8,
    )
    error = RelativeError(PARENT, ["a", "b"], batches())
    assert error(made) == pytest.approx(share, abs=1e-6)


def test_values_that_are_not_finite_are_infinitely_wrong() -> None:
    made = parsed(
        f"{ENDS} {{ a = Neg (images)  zero = Sub (images, images)  b = Div (zero, zero) }}",
        opset=17,
        ir=8,
    )
    assert RelativeError(PARENT, ["a", "b"], batches())(made) == np.inf


def test_of_zeros_any_error_is_large() -> None:
    zeros = parsed(f"{ENDS} {{ a = Neg (images)  b = Sub (images, images) }}", opset=17, ir=8)
    error = RelativeError(zeros, ["b"], batches())
    assert error(zeros) == 0
    assert 1e3 < error(PARENT) < np.inf
    (found,) = deviations(zeros, PARENT, ["b"], batches(SIZES[:1]), bound=0.1)
    assert 1e3 < found.relative_error < np.inf


def test_a_graph_in_16_bits_is_compared_as_what_it_computes() -> None:
    net = Chain(["leaky", "conv"])
    model = net.prepared("bf16", 22)
    made = run_pass(Typed("bf16", onnx.TensorProto.BFLOAT16, Evidence()), copied(model))
    found = deviations(model, made, net.heads, batches(), bound=0.1)
    assert len(found) == len(SIZES) * len(net.heads)
    for check in found:
        assert 2**-12 < check.relative_error < 0.05


CHANNELS = (Part(name="boxes", axis=1, stop=1), Part(name="scores", axis=1, start=1))
SCALED = """{ENDS} <float[1, 3, 1, 1] factors = {{{NUMBERS}}}>
{{ a = Neg (images)  b = Mul (images, factors) }}"""


def scaled(*factors: float) -> onnx.ModelProto:
    """b is each channel of the images times a factor."""
    numbers = ", ".join(f"{one:.6f}" for one in factors)
    return parsed(SCALED.format(ENDS=ENDS, NUMBERS=numbers), opset=17, ir=8)


def by_channel(shapes: Mapping[str, Sequence[int]]) -> dict[str, tuple[Part, ...]]:
    assert set(shapes) <= {"a", "b"}
    return {"b": CHANNELS}


factors = st.tuples(*[st.sampled_from([1e-3, 0.5, 1.0, 2.0, 300.0])] * 3)
errors = st.tuples(*[st.floats(0.5, 1.5)] * 3)


@settings(max_examples=15, deadline=None)
@given(factors=factors, errors=errors)
def test_parts_are_never_judged_more_leniently_than_the_whole(
    factors: tuple[float, ...], errors: tuple[float, ...]
) -> None:
    parent = scaled(*factors)
    made = scaled(*(one * error for one, error in zip(factors, errors, strict=True)))
    given = batches(SIZES[:1])
    (whole,) = deviations(parent, made, ["b"], given, bound=0.1)
    parts = deviations(parent, made, ["b"], given, bound=0.1, parts=by_channel)
    assert [one.part for one in parts] == ["boxes", "scores"]
    worst = max(one.relative_error for one in parts)
    assert worst >= whole.relative_error * (1 - 1e-6)
    assert max(one.max_abs_error for one in parts) == whole.max_abs_error
    assert max(one.absmax for one in parts) == whole.absmax
    assert RelativeError(parent, ["b"], given, by_channel)(made) == pytest.approx(worst, rel=1e-5)
    ((_, images),) = given
    ours, theirs = (
        images * np.reshape(one, (1, 3, 1, 1)) for one in (factors, np.multiply(factors, errors))
    )
    for one, place in zip(parts, (np.s_[:, :1], np.s_[:, 1:]), strict=True):
        share = np.linalg.norm((theirs - ours)[place]) / np.linalg.norm(ours[place])
        assert one.relative_error == pytest.approx(share, rel=1e-2, abs=2e-3)


def test_the_scores_of_an_output_are_not_swamped_by_its_boxes() -> None:
    parent, made = scaled(300, 0.5, 0.5), scaled(300, 0, 0)
    (whole,) = deviations(parent, made, ["b"], batches(SIZES[:1]), bound=0.1)
    assert whole.within
    boxes, scores = deviations(parent, made, ["b"], batches(SIZES[:1]), bound=0.1, parts=by_channel)
    assert boxes.relative_error == 0
    assert scores.relative_error == pytest.approx(1)
    assert boxes.within
    assert not scores.within


def test_a_tensor_that_is_known_to_have_no_parts_is_not_judged() -> None:
    found = deviations(
        PARENT, PARENT, ["a", "b"], batches(SIZES[:1]), bound=0.1, parts=lambda _: {"a": ()}
    )
    assert [one.output for one in found] == ["b"]
    wrong_a = parsed(f"{ENDS} {{ a = Abs (images)  b = Add (images, images) }}", opset=17, ir=8)
    assert RelativeError(PARENT, ["a", "b"], batches(), lambda _: {"a": ()})(wrong_a) == 0


RANKED = """(float[1, 3, h, w] images) => (float[1, 8] best, float[1, 8] places)
<int64[1] k = {8}, int64[2] rows = {1, -1}, float steps = {STEPS}> {
    grey = ReduceMean <axes = [1]> (images)  all = Reshape (grey, rows)
    more = Mul (all, steps)  whole = Round (more)  scores = Div (whole, steps)
    best, at = TopK (scores, k)  places = Cast <to = 1> (at)
}"""


def ranked(steps: int) -> onnx.ModelProto:
    """The eight brightest pixels and their places; brightness is rounded to ``steps`` in 0–1."""
    return parsed(RANKED.replace("STEPS", f"{steps:.1f}"), opset=17, ir=8)


def test_rows_that_a_precision_moves_are_no_error() -> None:
    """Against the values themselves: places differ, though all are among the brightest."""
    names, given = ["best", "places"], batches()
    fine, coarse = ranked(2**20), ranked(64)
    assert all(one.within for one in deviations(fine, coarse, names, given, bound=0.05))
    assert RelativeError(fine, names, given)(coarse) < 0.05
    (_, images) = given[0]
    ours, theirs = (run(one, images)[1] for one in (fine, coarse))
    assert np.linalg.norm(theirs - ours) > 0.2 * np.linalg.norm(ours)

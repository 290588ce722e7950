from __future__ import annotations

import onnx
import pytest
from numpy.testing import assert_allclose

from exporter.graph.opsets import opset_of, raise_opset
from sizewise.core.errors import ExportError
from tests.exporter.small_nets import Chain, copied, parsed, pictures, run


@pytest.mark.parametrize("least", [13, 19, 22])
def test_a_raised_model_computes_the_same(least: int) -> None:
    model = Chain(["leaky", "resize", "softmax", "concat", "norm"], opset=12).proto
    made = raise_opset(copied(model), least)
    assert opset_of(made) == least
    assert made.ir_version >= 10
    onnx.checker.check_model(made, full_check=True)
    images = pictures()
    assert_allclose(run(made, images)[0], run(model, images)[0], rtol=1e-4, atol=1e-3)


def test_a_newer_model_stays_as_it_is() -> None:
    model = Chain([], opset=20).proto
    made = raise_opset(copied(model), 13)
    assert opset_of(made) == 20
    assert made.graph == model.graph


def test_what_onnx_can_t_convert_is_told() -> None:
    model = parsed(
        "(float[n, 2] x) => (float[n, 2] y) { y = Scale <scale = 2.0> (x) }", opset=1, ir=3
    )
    with pytest.raises(
        ExportError, match=r"can't be converted from opset 1 to 13: .*Export it aga"
    ):
        raise_opset(model, 13)


def test_a_model_without_onnx_s_operators_has_none() -> None:
    model = parsed("(float[n] x) => (float[n] y) { y = Relu (x) }")
    model.opset_import[0].domain = "my"
    assert opset_of(model) == 0


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("opset", [7, 8, 9, 10])
def test_an_old_resize_looks_up_the_same_pixels(opset: int, mode: str) -> None:
    kind = "Upsample" if opset < 10 else "Resize"
    held = "<float[4] scales = {1.0, 1.0, 2.0, 2.0}>"
    how = f'{kind} <mode = "{mode}"> (images, scales)'
    if opset < 9:
        held, how = "", f'{kind} <mode = "{mode}", scales = [1.0, 1.0, 2.0, 2.0]> (images)'
    model = parsed(
        f"(float[n, 3, h, w] images) => (float[n, 3, H, W] y) {held} {{ y = {how} }}",
        opset=opset,
        ir=4,
    )
    made = raise_opset(copied(model), 19)
    images = pictures()
    assert_allclose(run(made, images)[0], run(model, images)[0], atol=1e-6)


@pytest.mark.parametrize("scales", ["0.4, 0.7", "0.5, 1.0", "1.5, 3.0"])
def test_an_old_resize_looks_up_the_same_pixels_where_it_shrinks(scales: str) -> None:
    model = parsed(
        f"""(float[n, 3, h, w] images) => (float[n, 3, H, W] y)
        <float[4] scales = {{1.0, 1.0, {scales}}}>
        {{ y = Resize <mode = "nearest"> (images, scales) }}""",
        opset=10,
        ir=4,
    )
    made = raise_opset(copied(model), 19)
    images = pictures(31, 45)
    assert_allclose(run(made, images)[0], run(model, images)[0], atol=1e-6)

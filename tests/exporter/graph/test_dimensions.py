from __future__ import annotations

import onnx
import pytest

from exporter.graph.dimensions import NameDimensions
from exporter.graph.passes import run_pass
from sizewise.core.errors import ExportError, ParityError


def model(batch: str, images: str = '"s7", 3, "32*s9", "32*s4"') -> onnx.ModelProto:
    return onnx.parser.parse_model(f"""
        <ir_version: 10, opset_import: ["" : 20]>
        g (float[{images}] images) => (float["{batch}", "4*s9*s4", "32*s9"] found)
        {{ found = Identity (images) }}
    """)


def dimensions(value: onnx.ValueInfoProto) -> list[str | int]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def test_expressions_are_put_into_height_and_width() -> None:
    graph = run_pass(NameDimensions(stride=32, dynamic=True), model("s7")).graph
    assert dimensions(graph.input[0]) == ["batch", 3, "height", "width"]
    assert dimensions(graph.output[0]) == ["batch", "4*(height//32)*(width//32)", "height"]


@pytest.mark.parametrize("swallowed", ["(s7*s9*s4)//4", "2*s7", "s9", "unk__0"])
def test_an_output_that_swallows_the_batch_is_caught(swallowed: str) -> None:
    with pytest.raises(ParityError, match="view or reshape with a fixed number"):
        run_pass(NameDimensions(stride=32, dynamic=True), model(swallowed))


@pytest.mark.parametrize(
    ("images", "axis"),
    [
        ('"s7", 3, "64", "64"', "height"),
        ('2, 3, "32*s9", "32*s4"', "batch"),
        ('"s7", 3, "32*s9", 96', "width"),
    ],
)
def test_an_input_that_torch_fixed_is_caught(images: str, axis: str) -> None:
    with pytest.raises(ExportError, match=f"takes one {axis} only"):
        run_pass(NameDimensions(stride=32, dynamic=True), model("s7", images))

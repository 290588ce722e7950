"""Plain names for the symbolic dimensions: ``batch``, ``height``, ``width``.

torch names them ``s77`` and ``32*s39``. The names are what ONNX Runtime's free-dimension
overrides go by, and what shows whether an output follows its input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from exporter.graph.passes import GraphPass
from sizewise.core.errors import ParityError

if TYPE_CHECKING:
    import onnx

_SYMBOL = re.compile(r"\bs\d+\b")


class NameDimensions(GraphPass):
    """Name the dimensions of the only input, [batch, 3, height, width].

    ``stride`` divides height and width.

    Other dimensions become expressions in these: ``5*s39*s94`` is ``5*(height//32)*(width//32)``.
    """

    name = "name-dimensions"

    def __init__(self, *, stride: int, dynamic: bool) -> None:
        self._stride = stride
        self._axes = {0: "batch", 2: "height", 3: "width"} if dynamic else {0: "batch"}

    def requires(self, model: onnx.ModelProto) -> None:
        dimensions = model.graph.input[0].type.tensor_type.shape.dim
        for axis, name in self._axes.items():
            if not _SYMBOL.search(dimensions[axis].dim_param):
                fixed = dimensions[axis].dim_param or dimensions[axis].dim_value
                raise ParityError(
                    f"The exported graph takes one {name} only",
                    f"torch fixed it to {fixed} while it traced the module",
                    "Look for a view, reshape or loop with a fixed number in the module.",
                    reason_code="numerics",
                )

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        dimensions = model.graph.input[0].type.tensor_type.shape.dim
        whole = {dimensions[axis].dim_param: name for axis, name in self._axes.items()}
        parts = {
            symbol: self._quotient(text, name)
            for text, name in whole.items()
            for symbol in _SYMBOL.findall(text)
        }
        for dimension in _symbolic(model.graph):
            text = dimension.dim_param
            dimension.dim_param = whole.get(text) or _SYMBOL.sub(
                lambda match: parts.get(match[0], match[0]), text
            )
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        """Raises ParityError where an output's first dimension is not the batch.

        A ``view(-1, 13, 13, …)`` turns one image of another size into several rows: the dimension
        is then an expression, such as ``batch*(height//32)*(width//32)//169``.
        """
        for output in model.graph.output:
            dimensions = output.type.tensor_type.shape.dim
            first = (dimensions[0].dim_param or dimensions[0].dim_value) if dimensions else "none"
            if first != "batch":
                raise ParityError(
                    f"The first dimension of the output {output.name} is not the batch",
                    f"it is {first}",
                    "Look for a view or reshape with a fixed number. Keep the batch as its own "
                    "dimension and derive the others from the input's shape.",
                )

    def _quotient(self, text: str, name: str) -> str:
        divided = name != "batch" and text != _SYMBOL.search(text)[0]  # type: ignore[index]
        return f"({name}//{self._stride})" if divided else name


def _symbolic(graph: onnx.GraphProto) -> Iterator[onnx.TensorShapeProto.Dimension]:
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param:
                yield dimension

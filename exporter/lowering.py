"""Lower an ExportedProgram to an ONNX graph that is folded, named and stripped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import torch
from torch.export import ExportedProgram

from exporter.diagnosis.places import Place
from exporter.failures import explained, quiet_torch
from exporter.graph.dimensions import NameDimensions
from exporter.graph.folding import FoldBatchNorm
from exporter.graph.naming import NameNodes
from exporter.graph.passes import run_pass
from exporter.graph.stripping import StripTraces
from exporter.translations import floors, pooling, remainders, splits

if TYPE_CHECKING:
    import onnx

INPUT_NAME = "images"


def lower(
    program: ExportedProgram,
    *,
    output_names: Sequence[str],
    stride: int,
    dynamic: bool,
    opset: int,
    input_names: Sequence[str] = (INPUT_NAME,),
    root: str = "",
    lines: Mapping[str, Place] | None = None,
) -> onnx.ModelProto:
    """The ONNX graph, with the inputs ``input_names``: images [batch, channels, height, width] and
    those behind them. Nodes go by the paths of their modules below ``root``.

    ``lines`` holds the user's line of each node. Raises ExportError.
    """
    what = "The module can't be converted to ONNX"
    splits.refuse(program, lines or {})
    with torch.no_grad(), quiet_torch(), _without_stacks(), explained(what, lines):
        exported = torch.onnx.export(
            program,
            dynamo=True,
            external_data=False,
            opset_version=opset,
            input_names=list(input_names),
            output_names=list(output_names),
            custom_translation_table=_translations(program, lines or {}),
            verbose=False,
        )
        model = cast("torch.onnx.ONNXProgram", exported).model_proto
    for graph_pass in (
        NameNodes(root),
        FoldBatchNorm(),
        NameDimensions(stride=stride, dynamic=dynamic),
        StripTraces(),
    ):
        model = run_pass(graph_pass, model)
    return model


@contextmanager
def _without_stacks() -> Iterator[None]:
    """Note no stack of Python with each node: it takes a third of the time. Here, stacks hold
    frames of torch alone; the user's lines are known."""
    config: Any = getattr(torch.fx, "config", None)
    before = getattr(config, "do_not_emit_stack_traces", None)
    if before is None:  # before torch 2.13
        yield
        return
    config.do_not_emit_stack_traces = True
    try:
        yield
    finally:
        config.do_not_emit_stack_traces = before


def _translations(
    program: ExportedProgram, lines: Mapping[str, Place]
) -> dict[Callable[..., Any], Callable[..., Any]]:
    """What torch's exporter does not translate right. Raises ExportError."""
    return pooling.needed(program, lines) | floors.needed(program) | remainders.needed(program)

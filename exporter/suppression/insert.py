"""Put NMS into the graph of a detector: ``detections`` [B, K, 6] replaces its outputs.

A row is x0, y0, x1, y1 in input pixels, score and label, best first in each image; an unused row is
zeros with the label -1. A box may be detected for several classes. Of equal scores the earlier box
comes first, as in ``netzoo.tasks.boxes.suppression``, where the engine's TopK follows ONNX
(OpenVINO's does not).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from exporter.graph.passes import GraphPass, all_nodes
from exporter.suppression.subgraph import (
    OLDEST_IR,
    OLDEST_OPSET,
    PREFIX,
    READINGS,
    SUPPRESSION,
    TELLING,
    add_constants,
    add_nodes,
    thresholds,
)
from netzoo.tasks.layouts import SUPPRESSED
from netzoo.tasks.registry import task_of
from sizewise.core.discover import choose
from sizewise.core.errors import ExportError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import ModelCard, Suppression

if TYPE_CHECKING:
    import onnx

OUTPUT = "detections"
BOXES, SCORES, SCORE_THRESHOLD = (f"{PREFIX}{n}" for n in ("boxes", "scores", "score_threshold"))
"""Values of the new graph: the inputs of NMS, [B, N, 4] and [B, N, C], and its threshold."""


class Suppress(GraphPass):
    """Put NMS into a detector whose outputs have ``layout``: ``sizewise``, ``b_4c_n`` or
    ``b_n_5c``."""

    name = "suppress"

    def __init__(self, suppression: Suppression, layout: str = "sizewise") -> None:
        """Raises UsageError for another layout."""
        self._layout = choose("NMS layout", layout, READINGS)
        self._suppression = suppression

    def requires(self, model: onnx.ModelProto) -> None:
        opset = max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        if opset < OLDEST_OPSET:
            raise _refusal(
                f"its opset is {opset}, and NMS needs {OLDEST_OPSET} or later",
                f"Export it again with opset {OLDEST_OPSET} or later.",
            )
        if any(name.startswith(PREFIX) for name in _values(model.graph)):
            raise _refusal("the graph has NMS already", "Start from the file without it.")
        self._sources(model.graph)

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        graph = model.graph
        if OUTPUT in _values(graph):
            _rename(graph, OUTPUT, f"{PREFIX}source")
        sources = self._sources(graph)
        output = _detections(graph, sources.values(), self._suppression.max_detections)
        add_constants(graph, self._suppression)
        add_nodes(graph, READINGS[self._layout], sources)
        add_nodes(graph, SUPPRESSION, {OUTPUT: OUTPUT})
        del graph.output[:]
        graph.output.append(output)
        # Files of the first versions list their constants as inputs; ours are not.
        model.ir_version = max(model.ir_version, OLDEST_IR)
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        from onnx import numpy_helper

        graph = model.graph
        held = {t.name: t for t in graph.initializer if t.name.startswith(PREFIX)}
        for name, value in thresholds(self._suppression).items():
            tensor = held.get(f"{PREFIX}{name}")
            if tensor is None or not np.array_equal(numpy_helper.to_array(tensor), value):
                raise _refusal(f"the graph holds another {name}", _OUR_FAULT)
        if [output.name for output in graph.output] != [OUTPUT]:
            raise _refusal(f"{OUTPUT} is not its only output", _OUR_FAULT)

    def _sources(self, graph: onnx.GraphProto) -> dict[str, str]:
        """The graph's output for each name in the reading. Raises ExportError."""
        found = [output.name for output in graph.output if _is_table(output)]
        if self._layout == "sizewise" and {"boxes", "scores"} <= set(found):
            return {"given_boxes": "boxes", "given_scores": "scores"}
        if self._layout != "sizewise" and len(found) == 1:
            return {"given": found[0]}
        raise _refusal(
            f"its outputs {', '.join(o.name for o in graph.output)} do not have the layout "
            f"{self._layout} in float32",
            f"Give {spelled('layout')}, one of {', '.join(READINGS)}.",
        )


def output_before(model: onnx.ModelProto) -> tuple[str, str] | None:
    """The layout and the name of the output that :class:`Suppress` put NMS behind, where it was a
    single one."""
    nodes = {node.output[0]: node for node in model.graph.node if node.output}
    found = ((layout, nodes.get(f"{PREFIX}{value}")) for layout, value in TELLING.items())
    return next(((layout, node.input[0]) for layout, node in found if node is not None), None)


def suppressed_card(card: ModelCard, suppression: Suppression) -> ModelCard:
    """The card of the graph with NMS.

    Raises UsageError unless ``card`` is that of a detector with a known layout and no class tree.
    """
    if card.suppression is not None:
        why, todo = "it has NMS in its graph already", f"Export it without {spelled('nms')} first."
    elif (task := task_of(card)) is None:
        why = "its task is unknown, and only detectors find boxes"
        todo = f"Give {spelled('layout')}, or leave {spelled('nms')} out."
    elif not task.finds_boxes:
        why = f"its task is {card.task}, and only detectors find boxes"
        todo = f"Leave {spelled('nms')} out."
    elif card.tree:
        why = "its classes form a tree, and the label of a box is found by walking down the tree"
        todo = f"Leave {spelled('nms')} out: predict walks down the tree after the network."
    else:
        choose("NMS layout", card.layout, READINGS)
        return replace(card, layout=SUPPRESSED, suppression=suppression)
    raise UsageError(f"NMS can't be put into the graph of {card.network}", why, todo)


_OUR_FAULT = "This is a bug in sizewise: report it with the model."


def _refusal(why: str, todo: str) -> ExportError:
    return ExportError("NMS can't be put into the graph", why, todo)


def _is_table(output: onnx.ValueInfoProto) -> bool:
    """Whether the output is float32 with three axes."""
    from onnx import TensorProto

    tensor = output.type.tensor_type
    return tensor.elem_type == TensorProto.FLOAT and len(tensor.shape.dim) == 3


def _detections(
    graph: onnx.GraphProto, sources: Collection[str], max_detections: int
) -> onnx.ValueInfoProto:
    """The new output, with the batch dimension of those that it replaces."""
    from onnx import TensorProto, helper

    source = next(output for output in graph.output if output.name in sources)
    batch = source.type.tensor_type.shape.dim[0]
    shape = [batch.dim_value or batch.dim_param or None, max_detections, 6]
    return helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, shape)


def _values(graph: onnx.GraphProto) -> set[str]:
    """The names of all inputs, constants and computed values of the graph."""
    names = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    return names.union(*(node.output for node in all_nodes(graph)))


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in all_nodes(graph):
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]
    for output in graph.output:
        output.name = new if output.name == old else output.name
    for value in graph.value_info:
        value.name = new if value.name == old else value.name

"""Splits along a free side, whose parts have computed sizes: torch's exporter fails at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from exporter.diagnosis.places import Place
from sizewise.core.errors import ExportError

_ATEN = torch.ops.aten
_SPLITS = (_ATEN.split.Tensor, _ATEN.chunk.default)


def refuse(program: ExportedProgram, lines: Mapping[str, Place]) -> None:
    """Raises ExportError for the first; ``lines`` holds each node's line."""
    node = next((one for one in program.graph.nodes if _is_free(one)), None)
    if node is not None:
        place = lines.get(str(node))
        raise ExportError(
            "The module can't be converted to ONNX",
            "chunk or split along a side of free size" + (f" in {place}" if place else ""),
            "Write slices: maps[:, :, : rows // 2] and maps[:, :, rows // 2 :].",
        )


def _is_free(node: fx.Node) -> bool:
    if node.target not in _SPLITS:
        return False
    axis: Any = node.args[2] if len(node.args) > 2 else 0
    return not isinstance(node.args[0].meta["val"].shape[axis], int)  # type: ignore[union-attr]

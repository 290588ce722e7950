"""Layers by the names that a user gives: those of layers, or of modules with layers in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from exporter.graph.constants import hoist_constants
from exporter.graph.regions import Graph, label
from sizewise.core.errors import UsageError
from sizewise.core.onnxfiles.model import load_onnx


def layers_of(path: Path) -> tuple[str, ...]:
    """The layers with learned weights in an ONNX file, by their names. Raises InputError."""
    return tuple(label(node) for node in Graph(hoist_constants(load_onnx(path))).layers())


def named_layers(layers: Sequence[str], requested: Iterable[str]) -> tuple[str, ...]:
    """The ``layers`` that a user means: a name is a layer's own, or that of a module, which means
    all layers in it. Raises UsageError for a name that means none."""
    found: dict[str, None] = {}
    for name in requested:
        meant = [layer for layer in layers if _is_in(layer, name)]
        if not meant:
            raise UsageError(
                f"There is no layer named {name!r}",
                f"the layers are {', '.join(layers)}",
                "Choose from these, or give a module: the beginning of their names up to a dot.",
            )
        found.update(dict.fromkeys(meant))
    return tuple(found)


def _is_in(layer: str, name: str) -> bool:
    return layer == name or (name != "" and layer.startswith((f"{name}.", f"{name}/")))

"""Names of nodes that a user knows: the paths of the modules that made them.

torch names nodes after its own tensors (``node_conv2d_3``), and notes with each of them which
modules were running (``pkg.torch.onnx.name_scopes``).
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from exporter.graph.passes import GraphPass, all_nodes
from exporter.graph.regions import WEIGHTED
from sizewise.core.errors import ExportError

if TYPE_CHECKING:
    import onnx

    Node = onnx.NodeProto

_SCOPES = "pkg.torch.onnx.name_scopes"
_NOWHERE = "_empty_nn_module_stack_from_metadata_hook"
"""Stands for a module where none was running."""
_CALL = re.compile(r"@\d+")
"""Behind the name of a module that is called more than once."""
_ODD = re.compile(r"[^\w.-]")
"""What stands between names in a list of them (``--keep``), or between the parts of one."""


class NameNodes(GraphPass):
    """Name every node after its module: ``backbone.0.conv`` for the layer of that module, or its
    only node; ``backbone.0.act/Sigmoid`` for others; ``/2``, ``/3`` behind a name that is taken.

    ``root`` is the child of the exported module that the user knows as the network: names start
    below it. What no module made goes by its operator.
    """

    name = "name-nodes"

    def __init__(self, root: str = "") -> None:
        self._root = root

    def requires(self, model: onnx.ModelProto) -> None:
        """No condition: a node without notes goes by its operator."""

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        nodes = list(all_nodes(model.graph))
        held = {tensor.name for tensor in model.graph.initializer}
        modules = [_below(self._root, _module_of(node, held)) for node in nodes]
        for node, name in zip(nodes, unique(_wanted(nodes, modules, held)), strict=True):
            node.name = name
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        names = Counter(node.name for node in all_nodes(model.graph))
        if twice := [name for name, count in names.items() if count > 1 or not name]:
            raise ExportError(
                "Nodes could not be named after their modules",
                f"{twice[0]!r} is the name of several",
                "This is a bug in sizewise: report it with the network.",
            )


def _module_of(node: Node, held: Collection[str]) -> str:
    """The path of the module that made a node; empty where there is none.

    A layer's is that of its weights: torch folds what follows into it, and notes it down as that.
    """
    owners = (name.rpartition(".")[0] for name in node.input if name in held)
    owner = next(filter(None, owners), "") if node.op_type in WEIGHTED else ""
    return owner or _noted(node)


def _noted(node: Node) -> str:
    text = next((one.value for one in node.metadata_props if one.key == _SCOPES), "")
    try:
        scopes = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return ""
    # Each is a whole path, the outermost first; the last one is the node's own name.
    found = str(scopes[-2]) if isinstance(scopes, list) and len(scopes) > 1 else ""
    return "" if found == _NOWHERE else _CALL.sub("", found)


def _below(root: str, module: str) -> str:
    """The path of ``module`` from ``root`` on, in characters that names may have."""
    inside = root and f"{module}.".startswith(f"{root}.")
    return _ODD.sub("_", module[len(root) + 1 :] if inside else module)


def _wanted(nodes: Sequence[Node], modules: Sequence[str], held: Collection[str]) -> Iterator[str]:
    """The name of each node, if nothing else had it."""
    counts = Counter(modules)
    for node, module in zip(nodes, modules, strict=True):
        is_layer = node.op_type in WEIGHTED and any(name in held for name in node.input)
        if module and (is_layer or counts[module] == 1):
            yield module
        else:
            yield f"{module}/{node.op_type}" if module else node.op_type


def unique(names: Iterable[str]) -> Iterator[str]:
    """``names``, each with a number behind it where it was there before."""
    taken: set[str] = set()
    for name in names:
        number, found = 1, name
        while found in taken:
            number += 1
            found = f"{name}/{number}"
        taken.add(found)
        yield found

"""A network as the layers of Darknet: what its ``.cfg`` file lists, and what ``.conv.N`` counts.

The layers are found by tracing the network, so that no second description of it can go astray. They
follow Darknet's order of convolutions; whatever one of them needs comes right before it. Darknet
feeds each layer with the one before it, so that ``[route]`` fetches any other.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.fx._symbolic_trace import Tracer
from torch.fx.graph import Graph
from torch.fx.node import Node
from torch.fx.proxy import TraceError

from netzoo.blocks import ConvBNAct, SameSizePool, upsampled
from netzoo.networks.darknet import Classifier
from netzoo.networks.yolov2 import passthrough
from netzoo.weights.darknet_heads import head_values
from netzoo.zoo.network import AnchorDetector, Network
from sizewise.core.errors import ExportError

_IMAGES = -1
"""The place of the input, before the first layer."""
_RESHAPING: Mapping[Any, str] = {upsampled: "upsample", passthrough: "reorg"}
_ACTIVATIONS: Mapping[type[nn.Module], str] = {nn.LeakyReLU: "leaky", nn.Mish: "mish"}


@dataclass(frozen=True)
class Layer:
    """A section of a ``.cfg`` file. ``name`` is that of the convolution in the network."""

    kind: str
    values: Mapping[str, object]
    name: str = ""


def darknet_layers(network: Network) -> tuple[Layer, ...]:
    """The layers of ``network`` in the order of Darknet's file. Raises ExportError for a network
    that has others than Darknet knows."""
    if not isinstance(network, AnchorDetector | Classifier):
        raise _refusal(network, "its outputs are neither boxes nor classes")
    try:
        graph = _Tracer(autowrap_functions=tuple(_RESHAPING)).trace(network)
    except (TraceError, TypeError) as error:
        raise _refusal(network, f"its layers depend on what is in the picture ({error})") from error
    layers = _Layers(network, graph)
    layers.add_all()
    return tuple(layers.found)


class _Tracer(Tracer):
    """Sees convolutions and poolings as one node each."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        is_own = isinstance(m, ConvBNAct | SameSizePool)
        return is_own or super().is_leaf_module(m, module_qualified_name)


@dataclass
class _Layers:
    """The layers found so far, and the place of each node's output among them."""

    network: AnchorDetector | Classifier
    graph: Graph
    found: list[Layer] = field(default_factory=list)
    places: dict[Node, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.modules = dict(self.network.named_modules())
        self.places |= {n: _IMAGES for n in self.graph.nodes if n.op == "placeholder"}
        (output,) = (node for node in self.graph.nodes if node.op == "output")
        self.outputs: list[Node] = list(output.args[0])

    def add_all(self) -> None:
        names = {module: name for name, module in self.modules.items()}
        nodes = {node.target: node for node in self.graph.nodes if node.op == "call_module"}
        order = [names[block] for block in self.network.convolutions()]
        for name in order:
            self.place(nodes[name])
        for node in self.outputs:
            self.place(node)
        if [layer.name for layer in self.found if layer.name] != order:
            raise _refusal(self.network, "it runs its convolutions in another order")
        if isinstance(self.network, Classifier):
            self._append("softmax", groups=1)

    def place(self, node: Node) -> int:
        """The place of the layer whose output is that of ``node``, which is added where it is
        missing, after all that it needs."""
        if node not in self.places:
            self.places[node] = self._add(node)
            for user in node.users:
                if user.target is upsampled:  # as the originals have it, though it is needed later
                    self.place(user)
        return self.places[node]

    def _add(self, node: Node) -> int:
        if node.op == "call_module":
            return self._module(node, self.modules[str(node.target)])
        if node.target == "flatten":  # Darknet's outputs are flat
            return self.place(_input(node))
        if node.target is torch.cat:
            return self._joined(node)
        if node.target is operator.add:
            return self._added(node)
        if node.target is operator.getitem:
            return self._part(node)
        if node.target in _RESHAPING:
            return self._after(_input(node), _RESHAPING[node.target], stride=2)
        raise _refusal(self.network, f"Darknet has no layer for {node.name}")

    def _module(self, node: Node, module: nn.Module) -> int:
        source = _input(node)
        match module:
            case ConvBNAct() | nn.Conv2d():
                return self._convolution(node, module)
            case nn.MaxPool2d():
                return self._after(source, "maxpool", size=module.kernel_size, stride=module.stride)
            case SameSizePool():
                return self._after(source, "maxpool", size=2, stride=1)
            case nn.AdaptiveAvgPool2d():
                return self._after(source, "avgpool")
        raise _refusal(self.network, f"Darknet has no layer for {type(module).__name__}")

    def _convolution(self, node: Node, module: ConvBNAct | nn.Conv2d) -> int:
        normalized = isinstance(module, ConvBNAct)
        convolution = module.conv if isinstance(module, ConvBNAct) else module
        head = self.outputs.index(node) if node in self.outputs else None
        values: dict[str, object] = {"batch_normalize": 1} if normalized else {}
        values |= {
            "filters": convolution.out_channels,
            "size": convolution.kernel_size[0],
            "stride": convolution.stride[0],
            "pad": 1,
            "activation": self._activation(module, is_head=head is not None),
        }
        place = self._after(_input(node), "convolutional", str(node.target), **values)
        if head is not None and isinstance(self.network, AnchorDetector):
            kind, of_head = head_values(self.network, head)
            self._append(kind, **of_head)
        return place

    def _activation(self, module: ConvBNAct | nn.Conv2d, *, is_head: bool) -> str:
        if isinstance(module, nn.Conv2d):
            is_scaled = isinstance(self.network, AnchorDetector) and (
                self.network.decoding == "scaled"
            )
            return "logistic" if is_head and is_scaled else "linear"
        if type(module.act) not in _ACTIVATIONS:
            raise _refusal(self.network, f"Darknet has no {type(module.act).__name__} like this")
        return _ACTIVATIONS[type(module.act)]

    def _joined(self, node: Node) -> int:
        """``torch.cat`` along the channels."""
        sources: Any = node.args[0]
        for source in reversed(sources):  # as the originals have the poolings of an SPP
            self.place(source)
        return self._append("route", layers=self._relative(*map(self.place, sources)))

    def _added(self, node: Node) -> int:
        one, other = map(self.place, node.args)  # type: ignore[arg-type]
        if one == len(self.found) - 1:
            one, other = other, one
        if other != len(self.found) - 1:
            other = self._append("route", layers=self._relative(other))
        return self._append("shortcut", **{"from": self._relative(one), "activation": "linear"})

    def _part(self, node: Node) -> int:
        """An item of ``x.chunk(groups, 1)``."""
        chunk, number = node.args
        if not (isinstance(chunk, Node) and chunk.target == "chunk" and chunk.args[2:] == (1,)):
            raise _refusal(self.network, f"Darknet has no layer for {node.name}")
        source, groups, _ = chunk.args
        place = self.place(source)  # type: ignore[arg-type]
        layers = self._relative(place)
        return self._append("route", layers=layers, groups=groups, group_id=number)

    def _after(self, source: Node, kind: str, name: str = "", /, **values: object) -> int:
        """Add a layer that takes the output of ``source``."""
        place = self.place(source)
        if place != len(self.found) - 1:
            self._append("route", layers=self._relative(place))
        return self._append(kind, name, **values)

    def _append(self, kind: str, name: str = "", /, **values: object) -> int:
        self.found.append(Layer(kind, values, name))
        return len(self.found) - 1

    def _relative(self, *places: int) -> str:
        return ",".join(str(place - len(self.found)) for place in places)


def _input(node: Node) -> Node:
    (source,) = node.all_input_nodes
    return source


def _refusal(network: Network, why: str) -> ExportError:
    return ExportError(
        f"{network.config.name} can't be written as a Darknet file",
        why,
        "Export it to ONNX, or choose a network after a Darknet configuration: Darknet-19 and -53, "
        "YOLOv2 to YOLOv4, YOLO9000 and Scaled-YOLOv4.",
    )

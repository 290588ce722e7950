"""Networks for quantization: one for each way in which a layer's values are read, and others drawn
by seeds, of operators as trained networks have them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.exporter.small_nets import CHANNELS, Net

Made = Callable[["Drawn", str, str], str]
_FAR = 2**31


class Drawn(Net):
    """``more`` holds what is an output of the graph beside the head."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.more: list[str] = []

    def several(self, kind: str, value: str, *inputs: str, outputs: int, axis: int) -> list[str]:
        made = [f"{kind.lower()}{len(self.nodes)}_{place}" for place in range(outputs)]
        self.nodes.append(helper.make_node(kind, [value, *inputs], made, f"n_{made[0]}", axis=axis))
        return made

    def numbers(self, *values: int) -> str:
        return self.hold(np.array(values))

    def pointwise(self, value: str, inputs: int = CHANNELS) -> str:
        return self.conv(value, (CHANNELS, inputs, 1, 1))

    def finished(self, value: str) -> onnx.ModelProto:
        """A hidden layer, and a head with a decode."""
        head = self.conv(self.add("Relu", self.conv(value)), (6, CHANNELS, 1, 1))
        last = self.add("Sigmoid", self.add("Transpose", head, perm=[0, 2, 3, 1]))
        return self.model({last: 4} | dict.fromkeys(self.more, 4))


def _bare(net: Drawn, value: str, _: str) -> str:
    """A layer without a bias."""
    net.conv(value)
    del net.nodes[-1].input[2:]
    return net.layers[-1]


def _split(net: Drawn, value: str, _: str) -> str:
    first, second = net.several("Split", value, net.numbers(3, 5), outputs=2, axis=1)
    one = net.add("Relu", net.conv(first, (3, 3, 3, 3)))
    return net.conv(net.add("Concat", second, one, axis=1))


def _slice(net: Drawn, value: str, _: str) -> str:
    return net.conv(
        net.add("Slice", value, net.numbers(1), net.numbers(7), net.numbers(1)), (8, 6, 3, 3)
    )


def _focus(net: Drawn, value: str, _: str) -> str:
    axes, steps, ends = net.numbers(2, 3), net.numbers(2, 2), net.numbers(_FAR, _FAR)
    starts = [net.numbers(top, left) for top in (0, 1) for left in (0, 1)]
    parts = [net.add("Slice", value, start, ends, axes, steps) for start in starts]
    return larger(net, net.pointwise(net.add("Concat", *parts, axis=1), 4 * CHANNELS))


def larger(net: Drawn, value: str, mode: str = "nearest") -> str:
    return net.add("Resize", value, "", net.hold([1.0, 1, 2, 2]), mode=mode)


def smaller(net: Drawn, value: str) -> str:
    return net.add("MaxPool", value, kernel_shape=[2, 2], strides=[2, 2])


def _blocks(net: Drawn, value: str, _: str) -> str:
    return net.conv(
        net.add("DepthToSpace", net.add("SpaceToDepth", value, blocksize=2), blocksize=2)
    )


def _shuffled(net: Drawn, value: str, _: str) -> str:
    shape = net.add("Shape", value)
    parts = [net.add("Slice", shape, net.numbers(a), net.numbers(b)) for a, b in ((0, 1), (2, 4))]
    apart = net.add("Concat", parts[0], net.numbers(2, 4), parts[1], axis=0)
    turned = net.add("Transpose", net.add("Reshape", value, apart), perm=[0, 2, 1, 3, 4])
    return net.conv(net.add("Reshape", turned, shape))


def _gate(net: Drawn, value: str, _: str) -> str:
    inner = net.add("Relu", net.pointwise(net.add("GlobalAveragePool", value)))
    return net.add("Mul", value, net.add("Sigmoid", net.pointwise(inner)))


def _dead(net: Drawn, value: str, _: str) -> str:
    """A layer that gives nothing but zeros on any picture."""
    below = net.add("Sub", net.add("Neg", net.add("Abs", value)), net.hold([1.0]))
    zeros = _bare(net, net.add("Relu", below), "")
    return net.add("Add", net.add("LeakyRelu", zeros, alpha=0.1), value)


def _read_by_a_branch(net: Drawn, value: str, _: str) -> str:
    layer = net.conv(value)
    branches = [
        helper.make_graph(
            [helper.make_node(kind, [layer], [f"{layer}.{kind}"])],
            kind,
            [],
            [helper.make_tensor_value_info(f"{layer}.{kind}", TensorProto.FLOAT, None)],
        )
        for kind in ("Neg", "Abs")
    ]
    always = net.hold(np.array(True))
    made = net.add("If", always, then_branch=branches[0], else_branch=branches[1])
    return net.add("Add", net.add("LeakyRelu", layer, alpha=0.1), made)


PARTS: dict[str, Made] = {
    "conv": lambda net, value, _: net.conv(value),
    "pointwise": lambda net, value, _: net.pointwise(value),
    "depthwise": lambda net, value, _: net.conv(value, (8, 1, 3, 3), group=CHANNELS),
    "grouped": lambda net, value, _: net.conv(value, (8, 4, 3, 3), group=2),
    "dilated": lambda net, value, _: net.conv(value, pads=[2] * 4, dilations=[2, 2]),
    "bare": _bare,
    "sigmoid": lambda net, value, _: net.add("Sigmoid", value),
    "add": lambda net, value, earlier: net.add("Add", value, earlier),
    "subtract": lambda net, value, earlier: net.add("Sub", value, earlier),
    "maximum": lambda net, value, earlier: net.add("Max", value, earlier),
    "product": lambda net, value, earlier: net.add("Mul", value, net.add("Sigmoid", earlier)),
    "gate": _gate,
    "concat": lambda net, value, earlier: net.concat(value, earlier),
    "split": _split,
    "slice": _slice,
    "focus": _focus,
    "blocks": _blocks,
    "shuffled": _shuffled,
    "nearest": lambda net, value, _: smaller(net, larger(net, value)),
    "linear": lambda net, value, _: smaller(net, larger(net, value, "linear")),
    "pool": lambda net, value, _: net.add("MaxPool", value, kernel_shape=[3, 3], pads=[1] * 4),
    "mean": lambda net, value, _: net.add("AveragePool", value, kernel_shape=[3, 3], pads=[1] * 4),
    "identity": lambda net, value, _: net.add("Identity", value),
    "softmax": lambda net, value, _: net.add("Softmax", value, axis=1),
    "dead": _dead,
    "branch": _read_by_a_branch,
}
ACTIVATIONS: dict[str, Made] = {
    "relu": lambda net, value, _: net.add("Relu", value),
    "leaky": lambda net, value, _: net.add("LeakyRelu", value, alpha=0.1),
    "relu6": lambda net, value, _: net.add(
        "Clip", value, net.hold(np.array(0.0)), net.hold(np.array(6.0))
    ),
    "silu": lambda net, value, _: net.add("Mul", value, net.add("Sigmoid", value)),
    "mish": lambda net, value, _: net.add(
        "Mul", value, net.add("Tanh", net.add("Softplus", value))
    ),
}


def network(parts: Sequence[str], net: Drawn | None = None) -> onnx.ModelProto:
    """A stem, these parts and a head; a part ``output`` gives the caller what was before it."""
    net = net or Drawn()
    value = earlier = net.add("LeakyRelu", net.conv("images", (CHANNELS, 3, 3, 3)), alpha=0.1)
    for part in parts:
        if part == "output":
            net.more.append(value)
        else:
            value, earlier = (PARTS | ACTIVATIONS)[part](net, value, earlier), value
    return net.finished(value)


def drawn(seed: int) -> tuple[list[str], onnx.ModelProto]:
    """Between two and eight parts, most of them with an activation behind, and the network."""
    random = np.random.default_rng(seed)
    parts: list[str] = []
    for _ in range(random.integers(2, 9)):
        parts.append(str(random.choice([*PARTS])))
        if random.random() < 0.6:
            parts.append(str(random.choice([*ACTIVATIONS])))
        if random.random() < 0.15:
            parts.append("output")
    unique = [one for place, one in enumerate(parts) if parts[place - 1 : place] != [one]]
    return unique, network(unique, Drawn(seed))

"""Ten small models of different forms, to make mutants of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
from onnx.external_data_helper import convert_model_to_external_data

from tests.engines.nets import write_net, write_pyramid, write_sized, write_stored_integers
from tests.engines.typed_nets import write_quantized_net, write_typed_net

SIDE = 32
_HEAD = '<ir_version: 10, opset_import: ["": 17, "ours": 1]>\n'
_TEXTS = {
    "branch": """branch (float[b, 3, h, w] images) => (float[b, 1, h, w] maps) {
    mean = ReduceMean <axes = [1]> (images)
    all = ReduceMean <keepdims = 0> (images)
    half = Constant <value = float {0.5}> ()
    bright = Greater (all, half)
    maps = If (bright) <
        then_branch = dark () => (float[b, 1, h, w] one) { one = Sub (half, mean) },
        else_branch = light () => (float[b, 1, h, w] two) { two = Add (half, mean) } >
}""",
    "loop": """loop (float[b, 3, h, w] images) => (float[b, 3, h, w] sums) {
    count = Constant <value = int64 {3}> ()
    yes = Constant <value = bool {1}> ()
    sums = Loop (count, yes, images) <body = step (int64 i, bool on, float[b, 3, h, w] before)
        => (bool still, float[b, 3, h, w] after) {
        still = Identity (on)
        after = Mul (before, before)
    }>
}""",
    "functions": """functions (float[b, 3, h, w] images) => (float[b, 3, h, w] maps) {
    once = ours.twice (images)
    maps = ours.twice (once)
}
<domain: "ours", opset_import: ["": 17]>
twice (x) => (y) { doubled = Add (x, x)  y = Sigmoid (doubled) }""",
}


def _write_text(name: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        onnx.save(onnx.parser.parse_model(_HEAD + _TEXTS[name]), path)

    return write


def _write_outside(path: Path) -> None:
    """The small network, whose weights stand beside it."""
    write_net(path, card=None)
    proto = onnx.load(path)
    convert_model_to_external_data(proto, location="weights.bin", size_threshold=0)
    onnx.save(proto, path)


SEEDS: dict[str, Callable[[Path], object]] = {
    "net": write_net,
    "last": lambda path: write_net(path, sides=(1, SIDE, SIDE), channels_last=True, card=None),
    "pyramid": write_pyramid,
    "sized": write_sized,
    "stored": write_stored_integers,
    "int8": write_quantized_net,
    "fp16": lambda path: write_typed_net(path, "fp16"),
    "outside": _write_outside,
    **{name: _write_text(name) for name in _TEXTS},
}
"""Name → what writes the model, alone in its folder."""

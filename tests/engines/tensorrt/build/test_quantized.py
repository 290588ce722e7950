from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.backends._quantized.carrying import add_pairs
from engines.tensorrt.build.quantized import drop_output_pairs
from exporter.graph.passes import run_pass
from exporter.precisions._quantized import Grid, Quantized
from exporter.precisions._watched import quantized_values
from exporter.precisions.fp8 import FP8
from exporter.precisions.int8 import INT8
from sizewise.core.onnxfiles.moving import moved_inputs
from sizewise.core.specs import computes
from tests.engines.typed_nets import write_quantized_net
from tests.exporter.small_nets import (
    CHANNELS,
    Array,
    Chain,
    Net,
    array,
    chains,
    copied,
    parsed,
    pictures,
    producers,
    run,
    types,
)

GRIDS = {"int8": (INT8, 13), "fp8": (FP8, 19)}
PARTS = ["conv", "leaky", "norm", "add", "concat", "sigmoid", "pointwise"]


def quantized(model: onnx.ModelProto, grid: Grid = INT8) -> onnx.ModelProto:
    """By what two pictures need, with pairs before activations too, as files of before have."""
    from exporter.calibration.observe import observe
    from exporter.precisions._evidence import Evidence
    from sizewise.core.specs import Size

    batches = [(Size(*shape), pictures(*shape)) for shape in ((32, 48), (64, 32))]
    found = observe(model, quantized_values(model), lambda: batches, histograms=False)
    evidence = Evidence(thresholds={name: one.absmax for name, one in found.items()})
    made = run_pass(Quantized(grid, evidence), copied(model))
    add_pairs(made)
    return made


def without_pairs(model: onnx.ModelProto) -> tuple[onnx.ModelProto, int]:
    made = copied(model)
    return made, drop_output_pairs(made)


def readers(model: onnx.ModelProto, name: str) -> Iterator[onnx.NodeProto]:
    return (node for node in model.graph.node if name in node.input)


def behind(model: onnx.ModelProto, name: str) -> Iterator[onnx.NodeProto]:
    """What reads a quantized tensor, dequantized and moved as it may be."""
    for node in readers(model, name):
        yield node
        if node.op_type in ("QuantizeLinear", "DequantizeLinear") or moved_inputs(node):
            for output in node.output:
                yield from behind(model, output)


def behind_layers(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """The QuantizeLinear that read what a convolution or a product gives."""
    made_by = producers(model)
    for node in model.graph.node:
        maker = made_by.get(node.input[0]) if node.op_type == "QuantizeLinear" else None
        if maker is not None and computes(maker.op_type):
            yield node


@settings(max_examples=30, deadline=None)
@given(net=chains(), grid=st.sampled_from(sorted(GRIDS)))
def test_no_layer_is_followed_by_a_pair_unless_another_reads_it(net: Chain, grid: str) -> None:
    form, opset = GRIDS[grid]
    before = quantized(net.prepared(grid, opset), form)
    after, number = without_pairs(before)
    onnx.checker.check_model(after, full_check=True)
    for quantizer in behind_layers(after):
        assert any(computes(node.op_type) for node in behind(after, quantizer.output[0]))
    assert number == len(list(behind_layers(before))) - len(list(behind_layers(after)))
    assert drop_output_pairs(after) == 0


@settings(max_examples=15, deadline=None)
@given(net=chains(), grid=st.sampled_from(sorted(GRIDS)))
def test_all_else_stays_as_it_was(net: Chain, grid: str) -> None:
    form, opset = GRIDS[grid]
    before = quantized(net.prepared(grid, opset), form)
    after, number = without_pairs(before)
    kept = {node.name for node in after.graph.node}
    gone = [node.op_type for node in before.graph.node if node.name not in kept]
    assert sorted(gone) == ["DequantizeLinear"] * number + ["QuantizeLinear"] * number
    dropped = [node for node in before.graph.node if node.name not in kept]
    source = {node.output[0]: node.input[0] for node in dropped}
    for node in (n for n in before.graph.node if n.name in kept):
        read = [source.get(source.get(name, name), name) for name in node.input]
        del node.input[:]
        node.input.extend(read)
    assert [n for n in before.graph.node if n.name in kept] == list(after.graph.node)
    assert before.graph.initializer == after.graph.initializer
    assert types(after).items() <= types(before).items()


@pytest.mark.parametrize("branches", [1, 3])
def test_outputs_move_by_no_more_than_the_rounding_that_was_dropped(branches: int) -> None:
    """Half a step of each pair through a function that stretches nothing and the head's weights."""
    net = Net(seed=branches)
    shape = (CHANNELS, 3, 3, 3)
    made = [net.add("LeakyRelu", net.conv("images", shape), alpha=0.1) for _ in range(branches)]
    both = net.add("Concat", *made, axis=1)
    head = net.conv(both, (6, CHANNELS * branches, 1, 1))
    model = net.model({head: 4})
    before = quantized(model)
    after, number = without_pairs(before)
    assert number == branches
    weights = np.abs(array(after, producers(after)[head].input[1])).reshape(6, branches, CHANNELS)
    steps = np.array([float(array(before, n.input[1])) for n in behind_layers(before)])
    bound = (weights.sum(axis=2) @ steps / 2)[None, :, None, None]
    (one,), (other,) = run(before, pictures()), run(after, pictures())
    moved = np.abs(one - other)
    assert moved.max() > 0
    assert (moved <= bound + 1e-5).all()


def test_outputs_are_nearer_to_those_in_float() -> None:
    def error(model: onnx.ModelProto, wanted: Array) -> float:
        (found,) = run(model, pictures(64, 64))
        return float(np.sqrt(np.mean((found - wanted) ** 2)))

    before, after = [], []
    for seed in range(6):
        parent = Chain(PARTS, seed).prepared("int8", 13)
        (wanted,) = run(parent, pictures(64, 64))
        made = quantized(parent)
        fitted, number = without_pairs(made)
        assert number > 0
        before.append(error(made, wanted))
        after.append(error(fitted, wanted))
    assert np.mean(np.log(after)) < np.mean(np.log(before))


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_a_small_net_loses_the_pair_behind_each_of_its_convolutions(
    tmp_path: Path, precision: str
) -> None:
    model = onnx.load(write_quantized_net(tmp_path / "net.onnx", precision).path)
    after, number = without_pairs(model)
    assert number == 3
    assert not list(behind_layers(after))
    onnx.checker.check_model(after, full_check=True)


HEAD = """(float[1,3,8,8] images) => ({outputs})
<float[3,3,1,1] w = {{0.3,-0.4,0.5, 0.1,0.2,-0.6, 0.7,0.1,-0.2}},
 float s = {{0.01}}, float other = {{0.02}}, int8 z = {{0}}, bool yes = {{1}}>
{{
  c = Conv(images, w)
  q = QuantizeLinear(c, s, z)
  {body}
}}"""
MAP = "float[1,3,8,8]"
PAIR = "d = DequantizeLinear(q, s, z)"


def graph(body: str, outputs: str = f"{MAP} out") -> onnx.ModelProto:
    model = parsed(HEAD.format(body=body, outputs=outputs), opset=17, ir=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def within(made: str) -> str:
    branch = f"branch () => ({MAP} inner) {{ inner = {made} }}"
    return f"out = If (yes) <then_branch = {branch}, else_branch = {branch}>"


DROPPED = {
    "one reader": graph(f"{PAIR}\n out = Relu(d)"),
    "two readers": graph(f"{PAIR}\n a = Relu(d)\n b = Sigmoid(d)\n out = Add(a, b)"),
    "one that reads it twice": graph(f"{PAIR}\n out = Mul(d, d)"),
    "two dequantizers": graph(
        f"{PAIR}\n e = DequantizeLinear(q, s, z)\n a = Relu(d)\n out = Add(a, e)"
    ),
    "a layer's output read as it is, too": graph(f"{PAIR}\n a = Relu(d)\n out = Add(a, c)"),
    "one that nobody reads": graph(f"{PAIR}\n out = Relu(c)"),
}
KEPT = {
    "another layer reads it": graph(f"{PAIR}\n out = Conv(d, w)"),
    "another layer reads it, and an activation": graph(
        f"{PAIR}\n a = Conv(d, w)\n b = Relu(d)\n out = Add(a, b)"
    ),
    "another layer reads the second dequantizer": graph(
        f"{PAIR}\n e = DequantizeLinear(q, s, z)\n a = Relu(d)\n b = Conv(e, w)\n out = Add(a, b)"
    ),
    "it is an output": graph(PAIR, f"{MAP} d"),
    "its numbers are an output": graph(f"{PAIR}\n out = Relu(d)", f"{MAP} out, int8[1,3,8,8] q"),
    "its numbers are read": graph(f"{PAIR}\n a = Cast <to = 1> (q)\n out = Add(a, d)"),
    "there is no dequantizer": graph("out = Cast <to = 1> (q)"),
    "nobody reads its numbers": graph("out = Relu(c)"),
    "it scales": graph("d = DequantizeLinear(q, other, z)\n out = Relu(d)"),
    "one of two scales": graph(
        f"{PAIR}\n e = DequantizeLinear(q, other, z)\n a = Relu(d)\n out = Add(a, e)"
    ),
    "a graph within reads it": graph(f"{PAIR}\n {within('Relu(d)')}"),
    "a graph within reads its numbers": graph(f"{PAIR}\n {within('Cast <to = 1> (q)')}"),
    "it is behind an activation": graph(
        "r = Relu(c)\n p = QuantizeLinear(r, s, z)\n e = DequantizeLinear(p, s, z)\n"
        "f = DequantizeLinear(q, s, z)\n a = Conv(f, w)\n out = Add(a, e)"
    ),
}


@pytest.mark.parametrize("case", DROPPED)
def test_a_pair_that_only_rounds_is_dropped(case: str) -> None:
    before = DROPPED[case]
    after, number = without_pairs(before)
    assert number == 1
    assert not {"QuantizeLinear", "DequantizeLinear"} & {n.op_type for n in after.graph.node}
    onnx.checker.check_model(after, full_check=True)
    (one,), (other,) = run(before, _images()), run(after, _images())
    assert np.abs(one - other).max() <= 0.01 + 1e-6  # half a step, at most twice


@pytest.mark.parametrize("case", KEPT)
def test_a_pair_that_does_more_stays(case: str) -> None:
    after, number = without_pairs(KEPT[case])
    assert number == 0
    assert after == KEPT[case]


def test_a_product_is_a_layer() -> None:
    text = """(float[4,3] images) => (float[4,2] out)
    <float[3,2] w = {1,2,3,4,5,6}, float s = {0.1}, int8 z = {0}>
    { c = MatMul(images, w)
      q = QuantizeLinear(c, s, z)
      d = DequantizeLinear(q, s, z)
      out = Relu(d) }"""
    assert without_pairs(parsed(text, opset=17, ir=8))[1] == 1


def _images() -> Array:
    return pictures(8, 8) - np.float32(0.5)

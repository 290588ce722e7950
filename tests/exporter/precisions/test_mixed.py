"""Files in 8 and 16 bits: what is quantized is what the 8-bit file quantizes, and what else may be
in 16 bits is what the 16-bit file has so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from exporter.calibration.observe import observe
from exporter.checks.emulation import emulated
from exporter.conversion.settings import ConversionSettings
from exporter.convert import Conversion
from exporter.graph.passes import NothingNarrowedError, run_pass
from exporter.precisions._evidence import Evidence
from exporter.precisions._watched import layer_values, quantized_values
from exporter.registry import find_precision, precisions
from exporter.sensitivity import layer_errors
from sizewise.core.errors import ExportError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import Size
from tests.exporter.small_nets import (
    Chain,
    Net,
    array,
    chains,
    copied,
    parsed,
    picture_set,
    pictures,
    producers,
    run,
    types,
    unread,
)

FLOAT = TensorProto.FLOAT
TYPES = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
MIXED = sorted(name for name in precisions() if "+" in name)
mixed_names = st.sampled_from(MIXED)


def prepared(net: Chain, name: str) -> onnx.ModelProto:
    return net.prepared(name, find_precision(name).opset)


def seen(model: onnx.ModelProto) -> Evidence:
    batches = [(Size(*shape), pictures(*shape)) for shape in ((32, 48), (64, 32))]
    names = (*quantized_values(model), *layer_values(model))
    found = observe(model, names, lambda: batches, histograms=False)
    reach = {name: one.absmax for name, one in found.items()}
    layers = {n.output[0]: n for n in model.graph.node if n.op_type == "Conv"}
    shifts = {name: np.full(len(array(model, n.input[1])), 1e-3) for name, n in layers.items()}
    return Evidence(absmax=reach, thresholds=reach, shifts=shifts)


def made_of(model: onnx.ModelProto, name: str, evidence: Evidence) -> onnx.ModelProto:
    return run_pass(find_precision(name).make(evidence), copied(model))


def quantized_layers(made: onnx.ModelProto) -> set[str]:
    by_name = producers(made)
    return {n.output[0] for n in made.graph.node if n.op_type == "Conv" and n.input[1] in by_name}


@settings(max_examples=40, deadline=None)
@given(net=chains(), name=mixed_names, data=st.data())
def test_it_is_both_files_in_one(net: Chain, name: str, data: st.DataObject) -> None:
    parent = prepared(net, name)
    inner = sorted(set(net.layers) - set(net.heads))
    chosen = data.draw(st.sets(st.sampled_from(inner), max_size=len(inner) - 1))
    labels = frozenset(producers(parent)[one].name for one in chosen)
    evidence = replace(seen(parent), excluded=labels)
    made = made_of(parent, name, evidence)
    onnx.checker.check_model(made, full_check=True)
    eight, sixteen = name.split("+")
    by_8 = made_of(parent, eight, evidence)
    by_16 = made_of(parent, sixteen, replace(evidence, excluded=frozenset()))
    assert quantized_layers(made) == quantized_layers(by_8)
    narrow, found = types(by_16), types(made)
    for node in parent.graph.node:
        kind = narrow.get(node.output[0])
        assert kind is None or found[node.output[0]] == kind, node.name
    assert {found[layer] for layer in net.layers} == {TYPES[sixteen]}
    assert {found[one] for one in net.wide if one in found} == {FLOAT}
    assert {found[end.name] for end in (*made.graph.input, *made.graph.output)} == {FLOAT}
    assert not unread(made)


@settings(max_examples=20, deadline=None)
@given(net=chains(), name=mixed_names)
def test_nothing_is_cast_between_a_layer_and_its_quantizers(net: Chain, name: str) -> None:
    parent = prepared(net, name)
    made = made_of(parent, name, seen(parent))
    by_name = producers(made)
    for node in (node for node in made.graph.node if node.op_type == "Cast"):
        readers = {n.op_type for n in made.graph.node if node.output[0] in n.input}
        assert "QuantizeLinear" not in readers
        given_by = by_name.get(node.input[0])
        assert given_by is None or given_by.op_type != "DequantizeLinear"


@settings(max_examples=20, deadline=None)
@given(net=chains(), name=mixed_names)
def test_it_is_near_its_parent(net: Chain, name: str) -> None:
    parent = prepared(net, name)
    made = made_of(parent, name, seen(parent))
    for size in ((32, 48), (64, 32)):
        (ours,), (theirs,) = run(emulated(made), pictures(*size)), run(parent, pictures(*size))
        error = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
        assert error <= find_precision(name).bound


@settings(max_examples=20, deadline=None)
@given(net=chains(), name=mixed_names, exponent=st.integers(-9, 0))
def test_scales_are_numbers_of_the_16_bit_type_and_none_is_zero(
    net: Chain, name: str, exponent: int
) -> None:
    """However small a channel's weights are: TensorRT refuses a scale of 0, and what is clipped by
    a scale too small is lost."""
    parent = prepared(net, name)
    evidence = seen(parent)
    first = producers(parent)[net.layers[0]].input[1]
    (held,) = (tensor for tensor in parent.graph.initializer if tensor.name == first)
    weights = onnx.numpy_helper.to_array(held).copy()
    weights[0] *= 10.0**exponent
    held.CopyFrom(onnx.numpy_helper.from_array(weights, first))
    made = made_of(parent, name, evidence)
    found = {tensor.name: tensor.data_type for tensor in made.graph.initializer}
    scales = {n.input[1] for n in made.graph.node if n.op_type.endswith("quantizeLinear")}
    assert scales
    for scale in scales:
        values = array(made, scale).astype(np.float32)
        assert (values > 0).all()
        assert np.isfinite(values).all()
        assert found[scale] in (FLOAT, TYPES[name.split("+")[1]])
    conv = producers(made)[net.layers[0]]
    steps = array(made, producers(made)[conv.input[1]].input[1]).astype(np.float64)
    largest = np.abs(weights).reshape(len(weights), -1).max(1)
    assert (steps * (63 if name.startswith("int8") else 448) >= largest * (1 - 1e-6)).all()


def test_ranges_that_16_bits_do_not_hold_keep_float32() -> None:
    net = Chain(["conv", "leaky", "conv", "conv"])
    parent = prepared(net, "int8+fp16")
    evidence = seen(parent)
    large = {net.layers[2]: 2e7}
    made = made_of(
        parent,
        "int8+fp16",
        replace(
            evidence,
            absmax={**evidence.absmax, **large},
            thresholds={**evidence.thresholds, **large},
        ),
    )
    onnx.checker.check_model(made, full_check=True)
    found = types(made)
    assert found[net.layers[2]] == FLOAT
    assert found[net.layers[0]] == TYPES["fp16"]
    assert np.isfinite(run(emulated(made), pictures())[0]).all()


@pytest.mark.parametrize("name", MIXED)
def test_a_layer_without_a_bias_is_corrected_in_16_bits(name: str) -> None:
    net = Chain(["leaky", "bare", "leaky"])
    parent = prepared(net, name)
    made = made_of(parent, name, seen(parent))
    onnx.checker.check_model(made, full_check=True)
    bias = producers(made)[net.layers[1]].input[2]
    assert types(made)[bias] == TYPES[name.split("+")[1]]
    assert run(emulated(made), pictures())


def test_layers_in_8_bits_read_no_cast_where_one_of_them_is_too_loud() -> None:
    """Its values are not those of float16; the sibling's are."""
    net = Net()
    active = net.add("Relu", net.conv("images", (8, 3, 3, 3)))
    quiet, loud = net.conv(active), net.conv(active)
    (weights,) = (one for one in net.constants if one.name == net.nodes[-1].input[1])
    louder = 1e5 * onnx.numpy_helper.to_array(weights)
    weights.CopyFrom(onnx.numpy_helper.from_array(louder.astype(np.float32), weights.name))
    mixed = net.add("Add", quiet, net.add("Mul", loud, net.hold([1e-5])))
    last = net.conv(net.conv(net.add("Relu", mixed)))
    model = net.model({last: 4}, opset=19)
    made = made_of(model, "int8+fp16", seen(model))
    onnx.checker.check_model(made, full_check=True)
    found, by_name = types(made), producers(made)
    assert [found[one] for one in (quiet, loud)] == [TYPES["fp16"], FLOAT]
    for layer in (quiet, loud):
        read = [by_name[name].op_type for name in by_name[layer].input[:2]]
        assert read == ["DequantizeLinear", "DequantizeLinear"]


@pytest.mark.parametrize("name", MIXED)
def test_what_it_can_not_be_made_of_is_told(name: str) -> None:
    net = Chain(["conv"])
    parent = prepared(net, name)
    labels = frozenset(producers(parent)[layer].name for layer in net.layers)
    with pytest.raises(NothingNarrowedError, match="every convolution is excluded"):
        made_of(parent, name, replace(seen(parent), excluded=labels))
    with pytest.raises(ExportError, match=r"its graph is .* already"):
        made_of(made_of(parent, name, seen(parent)), name, Evidence())
    none = parsed("(float[n, 3] images) => (float[n, 3] y) { y = Relu (images) }")
    with pytest.raises(ExportError, match="no convolution with constant weights"):
        made_of(none, name, Evidence())


def test_a_layer_is_judged_in_8_bits_alone(tmp_path: Path) -> None:
    """The error of the others in bfloat16 would hide it."""
    onnx.save(Chain(["leaky", "conv"]).proto, tmp_path / "net.onnx")
    images = picture_set(tmp_path / "pictures")
    given = ConversionSettings(images=images, sizes=(Size(32, 32), Size(64, 32)))
    mixed, eight = (
        {
            one.layer: one.error
            for one in layer_errors(Conversion(read_model(tmp_path / "net.onnx"), name, given))
        }
        for name in ("int8+bf16", "int8")
    )
    assert mixed == pytest.approx(eight, rel=1e-3)

"""Int8 engines compute what their file says, whatever reads the values of a layer."""

from __future__ import annotations

import pytest

from exporter.graph.passes import run_pass
from exporter.precisions._prepare import Prepare
from tests.engines.backends.int8_engines import ENGINES, assert_right
from tests.engines.backends.int8_nets import PARTS, Drawn, drawn, larger, network, smaller
from tests.exporter.small_nets import copied, pictures

both = pytest.mark.parametrize("engine", ENGINES)
READ = [
    *(["conv", "output"], ["conv", "relu", "output"], ["conv", "output", "relu"]),
    *(["pool", "output"], ["branch"], ["dead"]),
    *(["conv", "relu", "shuffled"], ["conv", "shuffled"], ["conv", "relu6", "shuffled"]),
    *(["blocks"], ["conv", "relu", "blocks"], ["relu", "conv", "leaky", "concat", "relu"]),
    *(["conv", "relu", "split", "relu"], ["conv", "silu", "gate"]),
]
DRAWN = [pytest.param(seed, marks=[pytest.mark.slow] * (seed >= 4)) for seed in range(100)]


@both
@pytest.mark.parametrize("parts", READ, ids=" ".join)
def test_whatever_reads_its_values_a_layer_runs_rightly_in_8_bits(
    parts: list[str], engine: str
) -> None:
    parent = run_pass(Prepare("int8", 13), copied(network(parts)))
    assert_right(engine, parent, pictures())


@both
@pytest.mark.parametrize("second", ["Relu", "LeakyRelu", ""])
def test_so_do_layers_that_meet_in_a_concat_with_other_activations(
    second: str, engine: str
) -> None:
    """As in a U-Net."""
    net = Drawn()
    stem = net.add("Relu", net.conv("images", (8, 3, 3, 3)))
    one, other = net.add("Relu", net.conv(stem)), net.conv(stem)
    both = net.add("Concat", one, net.add(second, other) if second else other, axis=1)
    layer = net.conv(both, (8, 16, 3, 3))
    assert_right(engine, net.finished(net.add("Relu", layer)), pictures())


@both
@pytest.mark.parametrize("kind", ["Concat", "Resize", "MaxPool"])
def test_so_does_one_behind_values_that_moved_and_are_an_output(kind: str, engine: str) -> None:
    net = Drawn()
    value = net.add("LeakyRelu", net.conv("images", (8, 3, 3, 3)), alpha=0.1)
    value = {
        "Concat": lambda: net.add("Concat", value, net.add("Relu", net.conv(value)), axis=1),
        "Resize": lambda: larger(net, value),
        "MaxPool": lambda: smaller(net, value),
    }[kind]()
    net.more.append(value)
    layer = net.conv(value, (8, 16 if kind == "Concat" else 8, 3, 3))
    assert_right(engine, net.finished(net.add("Relu", layer)), pictures())


@both
@pytest.mark.parametrize("decode", ["Sigmoid", "Transpose", "Identity"])
def test_so_does_one_that_a_decode_reads_as_well(decode: str, engine: str) -> None:
    net = Drawn()
    layer = net.conv(net.add("LeakyRelu", net.conv("images", (8, 3, 3, 3)), alpha=0.1))
    net.more.append(net.add(decode, layer))
    assert_right(engine, net.finished(layer), pictures())


@both
@pytest.mark.parametrize("seed", DRAWN)
def test_networks_of_any_parts_run_as_their_file_says(seed: int, engine: str) -> None:
    parts, proto = drawn(seed)
    assert set(parts) - {"output"}
    assert_right(engine, run_pass(Prepare("int8", 13), copied(proto)), pictures())


def test_all_parts_are_drawn() -> None:
    assert {part for seed in range(100) for part in drawn(seed)[0]} >= set(PARTS)

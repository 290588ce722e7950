"""Times of layers from the runtimes' profiles: never of another layer."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.backends._openvino.profile import made_of, times_of
from engines.backends._ort.origins import origins
from engines.backends._ort.profile import read_times
from engines.explaining import by_layer, profile_engine
from engines.graph.owners import owners
from engines.planning.axes import EngineAxes
from engines.planning.specs import engine_specs
from engines.profiles import CALLS, FIRST_CALLS, ProfiledNode
from sizewise.core import codec
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import EngineSpec, ExportedModel, ModelCard, Size, Sizes, computes
from tests.engines.test_comparing import Build
from tests.exporter.small_nets import Chain, Net

SIZE = Size(32, 32)
WIDTHS = (16, 32, 48, 64, 80)


def spec(backend: str, graph_fusion: str = "all") -> EngineSpec:
    axes = EngineAxes(
        backends=(backend,),
        strategies=("static",),
        sizes=Sizes((SIZE,)),
        graph_fusion=(graph_fusion,),
        threads=1,
    )
    return engine_specs((axes,))[0]


def saved(proto: onnx.ModelProto, path: Path) -> ExportedModel:
    write_card(proto, ModelCard(network="chain", stride=2))
    onnx.save(proto, path)
    return read_model(path)


def widening(path: Path) -> tuple[ExportedModel, dict[str, int]]:
    """A network whose layers all have another number of channels, and that number by layer."""
    net, value, before = Net(), "images", 3
    for width in WIDTHS:
        value = net.conv(value, (width, before, 3, 3))
        value, before = net.add("LeakyRelu", value, alpha=0.1), width
    skip = net.conv(value, (before, before, 1, 1))
    summed = net.add("Relu", net.add("Add", skip, value))
    net.conv(summed, (96, before, 1, 1))
    last = net.layers[-1]
    widths = (*WIDTHS, WIDTHS[-1], 96)
    known = {f"n_{layer}": width for layer, width in zip(net.layers, widths, strict=True)}
    return saved(net.model({last: 4}), path), known


@pytest.mark.parametrize("fusion", ["none", "basic", "extended", "all"])
def test_onnxruntimes_nodes_are_the_layers_whose_weights_they_hold(
    fusion: str, build: Build, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    model, widths = widening(tmp_path / "wide.onnx")
    engine = build(model, spec("onnxruntime", fusion)).files / "engine.onnx"
    graph = onnx.load(engine).graph
    held = {tensor.name: tensor.dims[0] for tensor in graph.initializer}
    known = origins(engine, model.path)
    found = {}
    for node in graph.node:
        if computes(node.op_type):
            (layer,) = {name for name in known[node.name] if name in widths}
            found[layer] = held[node.input[1]]
    assert found == widths


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_every_layer_has_its_time_and_precision(backend: str, build: Build, tmp_path: Path) -> None:
    pytest.importorskip(backend)
    model, widths = widening(tmp_path / "wide.onnx")
    artifact = build(model, spec(backend))
    plain = profile_engine(str(artifact.path), str(model.path), codec.to_plain(SIZE))
    nodes = [codec.from_plain(node, ProfiledNode) for node in json.loads(json.dumps(plain))]
    found = by_layer(nodes, widths, owners(model.path, widths, "images"))
    assert set(found.layers) == set(widths)
    assert {one.precision for one in found.layers.values()} == {"fp32"}
    assert 0 < sum(one.ms for one in found.layers.values()) <= found.total_ms
    # What is not part of a layer is no layer's.
    assert {n.kind for n in nodes if computes(n.kind)} <= {"Conv", "FusedConv", "Convolution"}


def test_a_picture_may_be_declared_behind_the_weights(tmp_path: Path) -> None:
    """As files of before 2018 do it."""
    net = Chain(["conv", "leaky"])
    declared = [
        onnx.helper.make_tensor_value_info(one.name, one.data_type, list(one.dims))
        for one in net.proto.graph.initializer
    ]
    (image,) = net.proto.graph.input
    del net.proto.graph.input[:]
    net.proto.graph.input.extend([*declared, image])
    onnx.save(net.proto, tmp_path / "old.onnx")
    layers = [f"n_{name}" for name in net.layers]
    owned = owners(tmp_path / "old.onnx", layers, "images")
    assert set(owned.values()) == set(layers)


def test_a_layer_owns_its_activation_and_nothing_that_has_two_layers(tmp_path: Path) -> None:
    net = Chain(["conv", "leaky", "conv", "add", "sigmoid", "pool"])
    model = saved(net.proto, tmp_path / "chain.onnx")
    layers = [f"n_{name}" for name in net.layers]
    owned = owners(model.path, layers, "images")
    kinds = {node.name: node.op_type for node in net.proto.graph.node}
    assert {owned[name] for name in layers} == set(layers)
    assert all(owned[name] == name for name in layers)
    others = {kinds[name] for name in owned if name not in layers}
    assert others == {"LeakyRelu"}
    (before,) = [name for name, kind in kinds.items() if kind == "Add"]
    assert before not in owned


NAMES = st.lists(st.sampled_from(["a", "b", "a.act", "b.act", "x"]), max_size=3)
NODES = st.lists(st.tuples(NAMES, st.integers(0, 99), st.sampled_from(["Conv", "Relu"])))


@given(NODES)
def test_a_node_that_may_be_of_two_layers_is_of_none(several: list[Any]) -> None:
    nodes = [
        ProfiledNode(name=str(k), kind=kind, precision="int8", made_of=tuple(names), us=us)
        for k, (names, us, kind) in enumerate(several)
    ]
    found = by_layer(nodes, ("a", "b"), {"a": "a", "b": "b", "a.act": "a", "b.act": "b"})
    assert found.total_ms == pytest.approx(sum(us for _, us, _ in several) / 1000)
    for layer, other in (("a", "b"), ("b", "a")):
        sure = [
            (us, kind)
            for names, us, kind in several
            if (layer in names and other not in names)
            or (names and {layer, other}.isdisjoint(names) and set(names) == {f"{layer}.act"})
        ]
        assert (layer in found.layers) == any(kind == "Conv" for _, kind in sure)
        if layer in found.layers:
            assert found.layers[layer].ms == pytest.approx(sum(us for us, _ in sure) / 1000)


def event(name: str, us: int) -> dict[str, Any]:
    args = {"op_name": "Conv", "provider": "P", "input_type_shape": [{"uint8": [1]}]}
    return {"name": f"{name}_kernel_time", "dur": us, "args": args}


def test_onnxruntimes_first_calls_are_left_out_and_one_slow_call_does_not_count(
    tmp_path: Path,
) -> None:
    profile = tmp_path / "profile.json"
    events: list[dict[str, Any]] = []
    for us in (9000, 10, 14, 8000, 12, 11):
        events += [event("one", us), event("looped", 1), event("looped", 2)]
        events.append({"name": "model_run", "dur": us, "args": {}})
    profile.write_text(json.dumps(events))
    one, looped = read_times(profile, first=1, made_of={"one": ("conv",)})
    assert (one.name, one.us, one.made_of, one.precision) == ("one", 12.0, ("conv",), "int8")
    assert (looped.us, looped.made_of) == (3.0, ())


class Counted:
    """A compiled model as OpenVINO has it: its counter holds the mean of all calls so far."""

    def __init__(self, us: list[int]) -> None:
        self._us, self._done = us, 0

    def create_infer_request(self) -> Counted:
        return self

    def infer(self) -> None:
        self._done += 1

    @property
    def profiling_info(self) -> list[Any]:
        us = np.mean(self._us[: self._done])
        time = SimpleNamespace(total_seconds=lambda: us / 1e6)
        return [SimpleNamespace(node_name="conv", real_time=time)]


def test_openvinos_first_calls_are_left_out_and_a_disturbed_model_does_not_count() -> None:
    later = [10, 20] * CALLS
    models = [Counted([5000] * FIRST_CALLS + later[k:][:CALLS]) for k in range(3)]
    models[2] = Counted([0] * FIRST_CALLS + [900] * CALLS)  # it was disturbed
    expected = min(np.mean(later[k:][:CALLS]) for k in range(2))
    assert times_of(models, {})["conv"] == pytest.approx(expected)


def test_openvinos_list_of_names_is_read() -> None:
    listed = "stem.conv/WithoutBiases,Multiply_7,stem.conv,stem.act"
    assert made_of({"originalLayersNames": listed}) == ("stem.conv", "Multiply_7", "stem.act")
    assert made_of({}) == ()

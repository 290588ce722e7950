"""Names of nodes are the paths of the modules that made them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from torch import Tensor, nn

from exporter.capture import capture
from exporter.graph.choosing import layers_of, named_layers
from exporter.graph.naming import NameNodes, unique
from exporter.graph.passes import all_nodes, run_pass
from exporter.graph.regions import WEIGHTED
from exporter.lowering import lower
from exporter.modules.outputs import Flat, wrapped_as
from netzoo.deploy import deployable
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.cost import build_without_weights
from sizewise.core.errors import UsageError
from sizewise.core.specs import Size
from tests.exporter.conftest import Exported

Scopes = list[str]
parts = st.text("abc_.0", min_size=1, max_size=6).map(lambda text: text.strip(".") or "a")
modules = st.one_of(st.just(""), parts, st.sampled_from(["a.b", "a.b/c", "a,b", "shared@1.conv"]))
kinds = st.sampled_from(["Conv", "MatMul", "Relu", "Sigmoid"])


def graph_of(nodes: list[tuple[str, str, bool]]) -> onnx.ModelProto:
    """Nodes by operator, module, and whether they hold weights of it."""
    made, held = [], []
    for number, (kind, module, weighted) in enumerate(nodes):
        inputs = ["x"]
        if weighted:
            inputs.append(f"{module}.weight" if module else f"w{number}")
            held.append(inputs[1])
        node = helper.make_node(kind, inputs, [f"t{number}"], name=f"node_{number % 2}")
        scopes = ["", *([module] if module else []), f"fx_{number}"]
        node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=repr(scopes))
        made.append(node)
    constants = [numpy_helper.from_array(np.ones(1, np.float32), name) for name in set(held)]
    return helper.make_model(helper.make_graph(made, "g", [], [], constants))


def names(model: onnx.ModelProto) -> list[str]:
    return [node.name for node in all_nodes(model.graph)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(kinds, modules, st.booleans()), min_size=1, max_size=12))
def test_every_node_has_a_name_of_its_own_that_begins_with_its_module(
    nodes: list[tuple[str, str, bool]],
) -> None:
    made = run_pass(NameNodes(), graph_of(nodes))
    found = names(made)
    assert len(set(found)) == len(found)
    assert names(run_pass(NameNodes(), graph_of(nodes))) == found
    for name, (kind, module, weighted) in zip(found, nodes, strict=True):
        path = module.replace("@1", "") if not (weighted and kind in WEIGHTED) else module
        path = path.replace("/", "_").replace(",", "_").replace("@", "_")
        assert name.startswith(path or kind)
        assert "," not in name
        if weighted and kind in WEIGHTED and module:
            assert name == path or name.startswith(f"{path}/")


@given(st.lists(st.sampled_from(["a", "a/2", "b", "a/3", "b/2/2"]), max_size=12))
def test_a_name_that_is_taken_gets_a_number(wanted: list[str]) -> None:
    found = list(unique(wanted))
    assert len(set(found)) == len(found)
    for name, before in zip(found, wanted, strict=True):
        assert name == before or name.startswith(f"{before}/")
    first = {name: wanted.index(name) for name in set(wanted)}
    for name, place in first.items():
        if name not in found[:place]:
            assert found[place] == name


@pytest.mark.parametrize("noted", ["", "no list", "['a'", "[]", "['a']", "{1: 2}", "3"])
def test_a_node_without_usable_notes_goes_by_its_operator(noted: str) -> None:
    node = helper.make_node("Relu", ["x"], ["y"], name="node_0")
    node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=noted)
    made = run_pass(NameNodes("root"), helper.make_model(helper.make_graph([node], "g", [], [])))
    assert names(made) == ["Relu"]


def layers(model: Any) -> tuple[str, ...]:
    return layers_of(model.path)


def test_an_export_goes_by_the_modules_of_its_author(
    detector: Exported, segmenter: Exported
) -> None:
    """Calls of one module are told apart; a convolution with a BatchNorm in it is itself."""
    assert layers(detector.model) == ("stem.0.0", "stem.1.0", "deep.0", "head", "head/2")
    assert layers(segmenter.model) == (
        *("backbone.0.0", "backbone.1", "backbone.0.0/2", "backbone.1/2"),
        *("backbone.0.0/3", "backbone.1/3", "head"),
    )
    for one in (detector, segmenter):
        weighted = {n for n, m in one.module.named_modules() if isinstance(m, nn.Conv2d)}
        assert {name.partition("/")[0] for name in layers(one.model)} == weighted
        found = names(onnx.load(one.model.path))
        assert max(Counter(found).values()) == 1
        known = {n for n, _ in one.module.named_modules()}
        kinds = {n.op_type for n in onnx.load(one.model.path).graph.node}
        assert {name.partition("/")[0] for name in found} <= known | kinds


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, 8)
        self.norm = nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.mlp = nn.ModuleDict({"up": nn.Linear(8, 16), "down": nn.Linear(16, 8)})

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        tokens = self.norm(self.patches(images).flatten(2).transpose(1, 2))
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return {"tokens": tokens + self.mlp["down"](self.mlp["up"](tokens).relu())}


def test_a_wrapper_of_ours_is_in_no_name() -> None:
    """Layers without a convolution too, whatever torch makes of them."""
    module = Flat(Attention()).eval()
    program = capture(module, example=Size(32, 48), stride=8, dynamic=True)
    model = lower(
        program,
        output_names=("tokens",),
        stride=8,
        dynamic=True,
        opset=20,
        root=wrapped_as(module),
    )
    found = names(model)
    expected = {"patches", "attention", "attention.out_proj", "mlp.up", "mlp.down"}
    layers = {n.name for n in model.graph.node if n.op_type in WEIGHTED}
    assert expected <= layers
    assert not any(name.startswith("module") for name in found)


def test_wrappers_say_what_they_wrap() -> None:
    network = build_without_weights(NetworkConfig(name="yolov3-tiny", classes=("a",), width=0.05))
    assert wrapped_as(deployable(network)) == "network"
    assert wrapped_as(Flat(network)) == "module"
    assert wrapped_as(network) == ""
    for wrapper in (deployable(network), Flat(network)):
        assert isinstance(getattr(wrapper, wrapped_as(wrapper)), nn.Module)


LAYERS = ("stem.conv", "stem.conv/2", "stem.1", "stem2.conv", "head", "head.fc", "/model.0/Conv")


@pytest.mark.parametrize(
    ("requested", "meant"),
    [
        (["stem2.conv"], ["stem2.conv"]),
        (["stem"], ["stem.conv", "stem.conv/2", "stem.1"]),
        (["stem.conv"], ["stem.conv", "stem.conv/2"]),
        (["stem.conv/2"], ["stem.conv/2"]),
        (["head", "stem.1"], ["head", "head.fc", "stem.1"]),
        (["head.fc", "head"], ["head.fc", "head"]),
        (["/model.0"], ["/model.0/Conv"]),
        ([], []),
    ],
)
def test_a_module_means_all_its_layers(requested: list[str], meant: list[str]) -> None:
    assert named_layers(LAYERS, requested) == tuple(meant)


@pytest.mark.parametrize("name", ["ste", "stem.", "stem.con", "conv", "", "fc"])
def test_a_name_that_means_none_lists_the_layers(name: str) -> None:
    with pytest.raises(UsageError, match="There is no layer named") as caught:
        named_layers(LAYERS, ["head", name])
    assert "stem.conv, stem.conv/2" in str(caught.value)


@given(st.lists(st.sampled_from(LAYERS), unique=True))
def test_names_of_layers_that_are_no_modules_mean_themselves(requested: list[str]) -> None:
    found = named_layers(LAYERS, requested)
    assert set(requested) <= set(found)
    extra = {"stem.conv": "stem.conv/2", "head": "head.fc"}
    assert set(found) - set(requested) <= {extra[one] for one in requested if one in extra}
    assert named_layers(LAYERS, found) == found

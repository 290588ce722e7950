"""An engine in another precision than its graph asks is refused, unless that is allowed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from engines.attestation import attest, mismatch, precision_mismatch
from engines.backends import openvino as openvino_backend
from engines.graph.precision_names import WIDTHS
from engines.graph.requested import requested_precisions
from engines.store import cache
from engines.store.cache import obtain_engine
from sizewise.core.errors import EngineMismatchError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import (
    Achieved,
    BackendOptions,
    EngineArtifact,
    EngineSpec,
    ExportedModel,
    LayerPrecision,
    Profile,
    Size,
    computes,
)
from tests.engines.nets import write_net
from tests.engines.typed_nets import write_quantized_net, write_typed_net

Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
PRECISIONS = ("int8", "fp8", "fp16", "bf16", "fp32")
Counts = dict[str, int]
counts = st.dictionaries(st.sampled_from(PRECISIONS), st.integers(1, 5), min_size=1)


def spec(backend: str, graph_fusion: str = "all", *, allow_fallback: bool = False) -> EngineSpec:
    return EngineSpec(
        backend=backend,
        strategy="static",
        profiles=(Profile.fixed(Size(64, 96)),),
        graph_fusion=graph_fusion,
        options=BackendOptions(allow_fallback=allow_fallback),
    )


def achieved(found: Counts) -> Achieved:
    layers = [p for precision, number in found.items() for p in [precision] * number]
    return Achieved(
        layers=tuple(LayerPrecision(name="", kind="Convolution", precision=p) for p in layers)
    )


@given(counts, st.data())
def test_an_engine_that_merges_layers_passes(asked: Counts, data: st.DataObject) -> None:
    """Of the narrowest at least one is left, of the others any number."""
    narrow = min(asked, key=WIDTHS.__getitem__)
    kept = {p: data.draw(st.integers(int(p == narrow), n)) for p, n in asked.items()}
    assert mismatch({False: asked}, achieved(kept)) == ""


@given(counts)
def test_one_layer_that_runs_wider_than_it_is_meant_is_told(asked: Counts) -> None:
    narrow = min(asked, key=WIDTHS.__getitem__)
    widened = Counter(asked) + Counter({"fp32": 1})
    widened[narrow] -= 1
    told = mismatch({False: asked}, achieved(+widened))
    assert (told == "") == (narrow == "fp32")
    assert narrow == "fp32" or f"of its {asked[narrow]} {narrow} layers" in told


@given(counts, st.sampled_from(PRECISIONS[:-1]))
def test_one_layer_in_a_precision_that_the_graph_has_nowhere_is_told(
    asked: Counts, strange: str
) -> None:
    told = mismatch({False: asked}, achieved(asked | {strange: 1}))
    assert (told == "") == (strange in asked)


@given(
    st.sampled_from(["int8", "fp8"]),
    st.sampled_from(["fp16", "bf16"]),
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(0, 5)),
)
def test_a_rest_that_runs_wider_than_it_is_meant_is_told(
    eight: str, half: str, numbers: tuple[int, int, int]
) -> None:
    quantized, rest, wide = numbers
    asked = {eight: quantized, half: rest} | ({"fp32": wide} if wide else {})
    told = mismatch({False: asked}, achieved({eight: quantized, half: rest - 1, "fp32": wide + 1}))
    assert told == f"1 of its {rest} {half} layers run in fp32 here"
    assert mismatch({False: asked}, achieved({eight: quantized, half: rest, "fp32": wide})) == ""


@pytest.mark.parametrize(
    ("rest", "between", "said"),
    [
        ("bf16", ("bf16", "fp32"), ""),
        (
            "fp16",
            ("bf16", "fp32"),
            "its layers outside int8 run in bf16 here, and the file asks for fp16",
        ),
        ("bf16", ("int8", "fp32"), ""),
    ],
)
def test_where_all_that_computes_is_quantized_no_other_type_of_16_bits_may_be_there(
    tmp_path: Path, rest: str, between: tuple[str, ...], said: str
) -> None:
    model = write_quantized_net(tmp_path / "net.onnx", "int8", wide=0)
    model = replace(model, card=replace(model.card, precision=f"int8+{rest}"))
    layers = [("Convolution", "int8")] * 3 + [("Eltwise", one) for one in between]
    found = Achieved(
        layers=tuple(LayerPrecision(name="", kind=kind, precision=p) for kind, p in layers)
    )
    artifact: Any = SimpleNamespace(achieved=found)
    assert precision_mismatch(model, artifact) == said
    assert precision_mismatch(model, SimpleNamespace(achieved=replace(found, vouched=True))) == ""  # type: ignore[arg-type]
    assert found.summary == ("int8, bf16 between" if "bf16" in between else "int8")


def test_a_product_that_is_folded_away_makes_no_room() -> None:
    asked = {False: {"int8": 2}, True: {"fp32": 2}}
    assert "1 of its 2 int8 layers" in mismatch(asked, achieved({"int8": 1, "fp32": 1}))


def test_what_is_not_known_counts_against_a_narrow_graph_alone() -> None:
    unknown = Achieved(reason="no driver here")
    assert mismatch({False: {"fp32": 3}}, unknown) == ""
    assert "no driver here" in mismatch({False: {"int8": 3, "fp32": 1}}, unknown)


def test_the_sentence_counts_the_layers() -> None:
    told = mismatch({False: {"int8": 20, "fp32": 2}}, achieved({"int8": 2, "fp32": 20}))
    assert told == "18 of its 20 int8 layers run in fp32 here"


@pytest.mark.parametrize(
    "kind", ["Convert", "QuantizeLinear", "Reorder", "Relu", "aten.add.Tensor"]
)
def test_what_moves_or_converts_does_not_compute(kind: str) -> None:
    assert not computes(kind)


@pytest.mark.parametrize("wide", [0, 1])
@pytest.mark.parametrize("precision", ["fp16", "bf16", "int8", "fp8"])
def test_a_graph_asks_for_what_its_convolutions_are_given(
    tmp_path: Path, precision: str, wide: int
) -> None:
    typed = precision in ("fp16", "bf16")
    write = write_typed_net if typed else write_quantized_net
    asked = requested_precisions(write(tmp_path / "net.onnx", precision, wide=wide))
    assert asked == {False: {precision: 3 - wide} | ({"fp32": wide} if wide else {})}


def test_types_are_found_in_fixed_sizes_and_in_functions(tmp_path: Path) -> None:
    model = write_net(tmp_path / "fixed.onnx", sides=(1, 64, 96))
    assert requested_precisions(model) == {False: {"fp32": 3}}
    proto = onnx.load(model.path)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("here", 1)]
    body = helper.make_node("MatMul", ["a", "b"], ["c"])
    proto.functions.append(helper.make_function("here", "F", ["a", "b"], ["c"], [body], opsets[:1]))
    call = helper.make_node("F", ["boxes", "square"], ["more"], domain="here")
    proto.graph.node.append(call)
    proto.graph.output.append(helper.make_tensor_value_info("more", 1, ["b", "n", 4]))
    proto.graph.initializer.append(helper.make_tensor("square", 1, [4, 4], [0.0] * 16))
    del proto.opset_import[:]
    proto.opset_import.extend(opsets)
    onnx.save(proto, tmp_path / "called.onnx")
    called = requested_precisions(read_model(tmp_path / "called.onnx"))
    assert called == {False: {"fp32": 3}, True: {"fp32": 1}}


def test_a_quantized_graph_that_runs_in_fp32_is_refused_without_building_it_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    model = write_quantized_net(tmp_path / "int8.onnx")
    for again in (False, True):
        if again:
            monkeypatch.setattr(cache, "run_in_child", pytest.fail)
        with pytest.raises(EngineMismatchError, match="none of its 3 int8 layers") as caught:
            obtain_engine(model, spec("onnxruntime", "none"), tmp_path / "engines")
        assert caught.value.reason_code == "unsupported_precision"
        assert "allow_fallback" in caught.value.todo


def test_what_is_allowed_is_built_and_says_what_it_runs_in(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = write_quantized_net(tmp_path / "int8.onnx")
    wanted = spec("onnxruntime", "none", allow_fallback=True)
    assert obtain_engine(model, wanted, tmp_path / "engines").achieved.summary == "fp32"


@pytest.mark.parametrize("wide", [0, 1])
@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_quantized_graph_runs_in_int8(
    build: Build, tmp_path: Path, backend: str, wide: int
) -> None:
    pytest.importorskip(backend)
    model = write_quantized_net(tmp_path / "int8.onnx", wide=wide)
    artifact = build(model, spec(backend))
    attest(model, artifact)
    found = Counter(x.precision for x in artifact.achieved.layers if computes(x.kind))
    assert found == {"int8": 3 - wide} | ({"fp32": wide} if wide else {})


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_narrow_graph_runs_so_or_is_refused(
    build: Build, tmp_path: Path, backend: str, precision: str
) -> None:
    """Which of the two depends on the processor."""
    pytest.importorskip(backend)
    model = write_typed_net(tmp_path / "net.onnx", precision)
    told = ""
    try:
        artifact = build(model, spec(backend))
        attest(model, artifact)
    except EngineMismatchError as error:
        told = error.reason_code
    runs_so = not told and {x.precision for x in artifact.achieved.layers if computes(x.kind)} == {
        precision
    }
    assert runs_so or told == "unsupported_precision"


class _Node:
    """Of OpenVINO's runtime model."""

    def __init__(self, kind: str, precision: str) -> None:
        info = {"layerType": kind, "runtimePrecision": precision}
        self._info = {key: SimpleNamespace(value=value) for key, value in info.items()}

    def get_rt_info(self) -> dict[str, Any]:
        return self._info

    def get_friendly_name(self) -> str:
        return "node"


def test_an_fp32_graph_that_openvino_runs_in_bf16_is_refused(
    build: Build, net: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino")
    artifact = build(net, spec("openvino"))
    nodes = [_Node("Input", "f32"), _Node("Convolution", "f32"), _Node("Convolution", "bf16")]
    runtime_model = SimpleNamespace(get_ordered_ops=lambda: nodes)
    compiled = SimpleNamespace(get_runtime_model=lambda: runtime_model)
    monkeypatch.setattr(openvino_backend, "_imported", lambda artifact: compiled)
    reread = replace(artifact, achieved=openvino_backend.OpenVino().inspect(artifact))
    attest(net, artifact)
    with pytest.raises(EngineMismatchError, match="1 layer runs in bf16 here"):
        attest(net, reread)

"""Documents as TensorRT's engine inspector writes them with detailed verbosity: in the form of 10.x
(``Format/Datatype``) and of 11 (``Datatype`` and ``Format``)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.attestation import mismatch
from engines.graph.requested import requested_precisions
from engines.tensorrt.inspection import inspect, read_layers
from sizewise.core.specs import Achieved, ExportedModel, computes
from tests.engines.tensorrt.build.builds import trt
from tests.engines.typed_nets import write_quantized_net, write_typed_net

Layer = dict[str, Any]
FORMATS = {
    "fp32": ["Float", "Row major linear FP32", "Channel major FP32 format where channel % 4 == 0"],
    "fp16": [
        "Half",
        "Row major linear FP16 format",
        "Channel major FP16 format where channel % 8 == 0",
        "Two wide channel vectorized row major FP16 format",
    ],
    "bf16": [
        "BFloat16",
        "Row major linear BFloat16 format",
        "Channel major BFloat16 format where channel % 8 == 0",
    ],
    "int8": [
        "Int8",
        "Row major Int8 format",
        "Thirty-two wide channel vectorized row major Int8 format.",
        "Channel major INT8 format where channel == 4 and column stride % 32 == 0",
    ],
    "fp8": ["FP8", "Row major linear FP8 format"],
}
WEIGHTS = {precision: formats[0] for precision, formats in FORMATS.items()}
UNKNOWN = "N/A due to dynamic shapes"
CONVOLUTIONS = ("CaskConvolution", "CaskGemmConvolution", "CaskDeconvolutionV2", "CaskConvActPool")
precisions = st.sampled_from(sorted(FORMATS))


def tensor(told: str, name: str = "t") -> Layer:
    place = {"Name": name, "Location": "Device", "Dimensions": [1, 8, 32, 32]}
    return place | {"Format/Datatype": told}


def convolution(
    precision: str, *, told: str = "", kind: str = "CaskConvolution", name: str = "conv0 + relu0"
) -> Layer:
    """``told`` of its input and output, where that is not of the precision's formats."""
    ends = [tensor(told or WEIGHTS[precision])]
    return {
        "Name": name,
        "LayerType": kind,
        "Inputs": ends,
        "Outputs": ends,
        "ParameterType": "Convolution",
        "Kernel": [3, 3],
        "Weights": {"Type": WEIGHTS[precision], "Count": 1728},
        "Bias": {"Type": "Float", "Count": 8},
        "Activation": "RELU",
        "TacticName": "sm80_xmma_fprop_implicit_gemm_f16f16_f16f32_f32_nhwckrsc_nhwc",
        "TacticValue": "0x9dece0dc37e90462",
        "StreamId": 0,
        "Metadata": "[ONNX Layer: conv0]\u001e[ONNX Layer: relu0]",
    }


def reformat(before: str, after: str) -> Layer:
    return {
        "Name": "Reformatting CopyNode for Input Tensor 0 to conv0",
        "LayerType": "Reformat",
        "Inputs": [tensor(before)],
        "Outputs": [tensor(after)],
        "ParameterType": "Reformat",
        "Origin": "REFORMAT",
    }


def product(told: str, kind: str = "MatrixMultiply") -> Layer:
    ends = [tensor(told, "a"), tensor(told, "b")]
    return {"Name": "scores", "LayerType": kind, "Inputs": ends, "Outputs": ends[:1]}


def foreign(told: str) -> Layer:
    ends = [tensor(told)]
    name = "{ForeignNode[conv0...transpose]}"
    return {"Name": name, "LayerType": "Myelin", "Inputs": ends, "Outputs": ends}


def document(layers: Sequence[Any]) -> dict[str, Any]:
    return {"Layers": list(layers), "Bindings": ["images", "boxes"]}


def computing(achieved: Achieved) -> Counter[str]:
    return Counter(layer.precision for layer in achieved.layers if computes(layer.kind))


def in_the_form_of_11(layer: Layer) -> Layer:
    """Type and format apart."""
    changed = dict(layer)
    for ends in ("Inputs", "Outputs"):
        changed[ends] = [
            {k: v for k, v in end.items() if k != "Format/Datatype"}
            | {"Datatype": end["Format/Datatype"], "Format": "Row major linear"}
            for end in layer[ends]
        ]
    return changed


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(
    ("precision", "told"), [(p, told) for p, formats in FORMATS.items() for told in formats]
)
def test_formats_tell_types(precision: str, told: str, split: bool) -> None:
    layer = product(told)
    found = read_layers(document([in_the_form_of_11(layer) if split else layer]))
    assert [(layer.kind, layer.precision) for layer in found.layers] == [("MatMul", precision)]


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@given(st.lists(precisions, min_size=1, max_size=6))
def test_convolutions_are_counted_in_the_type_of_their_weights(kind: str, found: list[str]) -> None:
    layers = [convolution(precision, kind=kind) for precision in found]
    assert computing(read_layers(document(layers))) == Counter(found)


@given(precisions)
def test_weights_tell_what_an_engine_of_many_sizes_does_not(precision: str) -> None:
    layers = [reformat(UNKNOWN, UNKNOWN), convolution(precision, told=UNKNOWN), product(UNKNOWN)]
    assert computing(read_layers(document(layers))) == Counter([precision])


@given(precisions, precisions)
def test_what_a_layer_reads_beside_does_not_narrow_what_it_computes_in(
    precision: str, beside: str
) -> None:
    layer = convolution(precision)
    layer["Inputs"] = [*layer["Inputs"], tensor(FORMATS[beside][-1], "added")]
    assert computing(read_layers(document([layer]))) == Counter([precision])


def test_weights_that_are_an_input_tell_nothing() -> None:
    layer = convolution("fp32", told="Half") | {"Weights": {"Type": "Float", "Count": 0}}
    assert computing(read_layers(document([layer]))) == Counter(["fp16"])


def test_layers_that_reformat_do_not_compute() -> None:
    layers = [reformat("Row major linear FP32", "Half"), convolution("fp16"), reformat("Half", "X")]
    achieved = read_layers(document(layers))
    assert [layer.kind for layer in achieved.layers] == ["Reformat", "CaskConvolution", "Reformat"]
    assert achieved.summary == "fp16"


def test_arithmetic_on_shapes_has_no_precision() -> None:
    layers = [convolution("fp16"), product("Int32"), product("Row major linear Int64 format")]
    assert len(read_layers(document(layers)).layers) == 1


HIDING = {
    "one node for all": document([reformat("Float", "Half"), foreign("Half")]),
    "names alone": document(["conv0 + relu0", "conv1"]),
    "nothing": document([]),
    "no list": {},
}


@pytest.mark.parametrize("case", HIDING)
def test_an_engine_that_hides_what_it_computes_says_so(case: str) -> None:
    achieved = read_layers(HIDING[case])
    assert not achieved.layers
    assert "hide what they compute" in achieved.summary
    assert mismatch({False: {"fp16": 3}}, achieved) == ""


@pytest.fixture
def half(tmp_path: Path) -> ExportedModel:
    return write_typed_net(tmp_path / "half.onnx", "fp16")


def test_an_engine_that_runs_layers_in_fp32_is_told_so(half: ExportedModel) -> None:
    achieved = read_layers(document([convolution("fp32")] * 3))
    assert "none of its 3 fp16 layers runs in fp16" in mismatch(
        requested_precisions(half), achieved
    )
    assert achieved.summary == "fp32"


def test_one_layer_that_runs_in_fp32_is_told(half: ExportedModel) -> None:
    layers = [convolution("fp16"), convolution("fp32"), convolution("fp16")]
    achieved = read_layers(document(layers))
    told = mismatch(requested_precisions(half), achieved)
    assert told == "1 of its 3 fp16 layers run in fp32 here"
    assert achieved.summary == "fp16 2, fp32 1"


def test_it_is_told_though_the_rest_is_hidden(half: ExportedModel) -> None:
    achieved = read_layers(document([convolution("fp32"), foreign("Half")]))
    assert "fp16 layers runs in fp16" in mismatch(requested_precisions(half), achieved)


@pytest.mark.parametrize("precision", ["int8", "fp8", "fp16", "bf16"])
@pytest.mark.parametrize("wide", [0, 1])
def test_an_engine_in_the_types_of_its_graph_passes(
    tmp_path: Path, precision: str, wide: int
) -> None:
    write = write_quantized_net if precision in ("int8", "fp8") else write_typed_net
    asked = requested_precisions(write(tmp_path / "net.onnx", precision, wide=wide))
    layers = [convolution(precision)] * (3 - wide) + [convolution("fp32")] * wide
    assert mismatch(asked, read_layers(document(layers))) == ""
    assert mismatch(asked, read_layers(document([*layers[:2], foreign("Float")]))) == ""
    assert mismatch(asked, read_layers(document([*layers, convolution("fp32")]))) != ""


@pytest.mark.parametrize("hidden", [foreign("Half"), product(UNKNOWN)])
def test_a_product_that_is_not_shown_is_vouched_for(hidden: Layer) -> None:
    """By strong typing; on a back end that is not bound to the graph's types, it is not."""
    asked = {False: {"fp16": 1}, True: {"fp16": 1}}
    achieved = read_layers(document([convolution("fp16"), hidden]))
    assert mismatch(asked, achieved) == ""
    assert "none of its 1 fp16 layers" in mismatch(asked, Achieved(layers=achieved.layers))


def test_one_that_is_shown_is_not() -> None:
    asked = {False: {"fp16": 1}, True: {"fp16": 1}}
    achieved = read_layers(document([convolution("fp16"), product("Float", "gemm")]))
    assert "they run in fp32" in mismatch(asked, achieved)


def test_the_inspector_is_asked_for_json_and_may_part_names_with_control_characters() -> None:
    """As older versions do, which JSON does not allow."""
    text = json.dumps(document([convolution("fp16")])).replace("\\u001e", "\u001e")
    asked: list[object] = []

    def information(form: object) -> str:
        asked.append(form)
        return text

    inspector = SimpleNamespace(get_engine_information=information)
    engine = SimpleNamespace(create_engine_inspector=lambda: inspector)
    assert inspect(trt, engine).summary == "fp16"
    assert asked == [trt.LayerInformationFormat.JSON]
    assert hasattr(trt.ICudaEngine, "create_engine_inspector")
    assert hasattr(trt.EngineInspector, "get_engine_information")


@pytest.mark.parametrize("told", ["", "{", "[]", "null", '{"Layers": null}', '{"Layers": [1]}'])
def test_what_an_inspector_says_amiss_costs_no_engine(told: str) -> None:
    inspector = SimpleNamespace(get_engine_information=lambda _: told)
    engine = SimpleNamespace(create_engine_inspector=lambda: inspector)
    found = inspect(trt, engine)
    assert (found.layers, found.vouched) == ((), True)
    assert found.reason


@pytest.mark.parametrize("amiss", [{"Weights": []}, {"Inputs": None}, {"Inputs": ["x"]}])
def test_a_layer_told_amiss_hides_what_it_runs_in(amiss: dict[str, Any]) -> None:
    layer = {"Name": "conv", "LayerType": "CaskConvolution"} | amiss
    assert read_layers({"Layers": [layer]}).layers == ()

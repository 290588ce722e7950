from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from exporter.conversion.settings import ConversionSettings
from exporter.convert import Conversion, convert
from exporter.registry import precisions
from exporter.suppression.convert import with_suppression
from sizewise.core.errors import ExportError, OutputError, UsageError
from sizewise.core.further.reading import read_inputs
from sizewise.core.onnxfiles.cards import CARD_KEY
from sizewise.core.onnxfiles.model import read_model, sha256_of, with_inputs, write_card
from sizewise.core.specs import ExportedModel, Preprocessing, Size, Suppression
from tests.exporter.chains import CARD, NET, NOISE, OUTSIDE, SIZES, quantized_layers, saved
from tests.exporter.conftest import Exported
from tests.exporter.small_nets import Chain, Net, copied, pictures, run
from tests.sizewise.core.onnxfiles.growing import grown, grown_in_shapes


def turned(proto: onnx.ModelProto, kind: str) -> onnx.ModelProto:
    """The same network, taking channels last, bytes, or both."""
    made = copied(proto)
    nodes, value = [], "given"
    if "bytes" in kind:
        nodes.append(helper.make_node("Cast", [value], ["floats"], to=TensorProto.FLOAT))
        made.graph.initializer.add().CopyFrom(helper.make_tensor("byte", 1, [], [255.0]))
        nodes.append(helper.make_node("Div", ["floats", "byte"], ["shares"]))
        made.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
        value = "shares"
    if "last" in kind:
        nodes.append(helper.make_node("Transpose", [value], ["planes"], perm=[0, 3, 1, 2]))
        value = "planes"
        sides = made.graph.input[0].type.tensor_type.shape.dim
        for side, name in zip(sides, ("batch", "height", "width"), strict=False):
            side.dim_param = name
        sides[3].dim_value = 3
    made.graph.input[0].name = "given"
    made.graph.node[0].input[0] = value
    for node in reversed(nodes):
        made.graph.node.insert(0, node)
    return made


def fixed(proto: onnx.ModelProto, batch: int, height: int, width: int) -> onnx.ModelProto:
    made = copied(proto)
    sides = made.graph.input[0].type.tensor_type.shape.dim
    for side, value in zip(sides, (batch, 3, height, width), strict=True):
        side.dim_value = value
    return made


def test_nothing_of_it_needs_torch() -> None:
    said = (
        "import sys; from exporter import convert, registry; registry.precisions(); "
        "print({'torch', 'onnx', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_pass_goes_by_the_name_it_is_found_under() -> None:
    assert "fp32" in precisions()
    assert all(name == found.name for name, found in precisions().items())


def test_fp32_is_the_same_graph_with_its_parent_named(detector: Exported, folder: Path) -> None:
    made = convert(detector.model, "fp32", folder / "fp32.onnx")
    assert made.card.parent_sha256 == detector.model.sha256
    assert (made.card.precision, made.card.task) == ("fp32", "detection")
    assert made.card.parity == ()
    images = np.random.default_rng(0).random((1, 3, 64, 128), dtype=np.float32)
    ours, theirs = (
        ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"images": images})
        for path in (made.path, detector.model.path)
    )
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_of_anybody_can_be_converted(detector: Exported, folder: Path) -> None:
    foreign = onnx.load(detector.model.path)
    del foreign.metadata_props[:]
    onnx.save(foreign, folder / "foreign.onnx")
    made = convert(read_model(folder / "foreign.onnx"), "fp32", folder / "made.onnx")
    assert (made.card.network, made.card.task) == ("foreign", "unknown")


def test_an_unknown_precision_lists_those_there_are(detector: Exported, folder: Path) -> None:
    with pytest.raises(UsageError, match=r"no precision named 'fp12'.*fp32"):
        convert(detector.model, "fp12", folder / "a.onnx")


def test_weights_above_one_file_are_refused_before_they_are_read(
    detector: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sizewise.core.onnxfiles.weights.MOST_BYTES", 400)
    monkeypatch.setattr("exporter.convert.load_onnx", None)
    with pytest.raises(ExportError, match=r"can't be converted: its weights take .* GB"):
        Conversion(detector.model, "fp16", NOISE)


def test_the_source_is_never_overwritten(detector: Exported) -> None:
    with pytest.raises(OutputError, match="it is the model to convert"):
        convert(detector.model, "fp32", detector.model.path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("float16[n, 3] x) => (float16[n, 3] y) { y = Relu (x) }", "float16"),
        (
            "float[n, 3] x) => (float[n, 3] y) <float s = {0.1}, int8 z = {0}> "
            "{ q = QuantizeLinear (x, s, z)  y = DequantizeLinear (q, s, z) }",
            "quantized",
        ),
    ],
)
def test_a_graph_of_another_precision_is_refused(folder: Path, text: str, said: str) -> None:
    head = '<ir_version: 10, opset_import: ["" : 20]> g ('
    path = folder / "other.onnx"
    onnx.save(onnx.parser.parse_model(head + text), path)
    with pytest.raises(ExportError, match=f"its graph is {said} already"):
        convert(read_model(path), "fp32", folder / "made.onnx")
    assert list(folder.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_refused(detector: Exported, folder: Path) -> None:
    (folder / "taken").write_bytes(b"")
    with pytest.raises(OutputError, match="can't be written"):
        convert(detector.model, "fp32", folder / "taken" / "a.onnx")


def test_half_precision_constants_count_too(folder: Path) -> None:
    half = onnx.helper.make_tensor("h", TensorProto.FLOAT16, [1], [1.0])
    node = onnx.helper.make_node("Constant", [], ["h"], value=half)
    graph = onnx.helper.make_graph(
        [node, onnx.helper.make_node("Cast", ["h"], ["y"], to=TensorProto.FLOAT)],
        "g",
        [],
        [onnx.helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    onnx.save(onnx.helper.make_model(graph), folder / "half.onnx")
    with pytest.raises(ExportError, match="float16"):
        convert(read_model(folder / "half.onnx"), "fp32", folder / "made.onnx")


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_what_goes_by_images_says_by_which(
    chain: ExportedModel, seen: ConversionSettings, folder: Path, precision: str
) -> None:
    made = convert(chain, precision, folder / "made.onnx", settings=seen)
    card = made.card
    assert (card.network, card.task, card.stride) == ("chain", "detection", 32)
    assert (card.precision, card.parent_sha256) == (precision, sha256_of(chain.path))
    assert card.calibration is not None
    assert seen.images is not None
    assert (card.calibration.data, card.calibration.images) == ("pictures", 3)
    assert card.calibration.data_sha256 == seen.images.sha256
    assert (card.calibration.sizes, card.calibration.weight_bits) == (SIZES, 7)
    output = chain.outputs[0].name
    assert [(one.size, one.output) for one in card.deviations] == [(s, output) for s in OUTSIDE]
    for one in card.deviations:
        assert one.within
        assert one.max_abs_error > 0
    assert (card.kept, card.parity, card.program_sha256) == ((), (), "")


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_without_images_noise_is_looked_at(
    chain: ExportedModel, folder: Path, precision: str
) -> None:
    card = convert(chain, precision, folder / "made.onnx", settings=NOISE).card
    assert card.calibration is None
    assert {one.size for one in card.deviations} == set(OUTSIDE)
    assert all(one.within and one.relative_error > 2**-14 for one in card.deviations)


def test_the_error_in_the_card_is_what_onnx_runtime_finds(
    chain: ExportedModel, seen: ConversionSettings, folder: Path
) -> None:
    made = convert(chain, "int8", folder / "made.onnx", settings=seen)
    batches = list(Conversion(chain, "int8", seen).batches(OUTSIDE[-1:]))
    errors = [
        np.abs(run(onnx.load(made.path), fed["images"])[0] - run(NET.proto, fed["images"])[0]).max()
        for _, fed in batches
    ]
    assert made.card.deviations[-1].max_abs_error == pytest.approx(max(errors), rel=1e-3)


def test_layers_are_kept_and_named_however_they_are_given(
    chain: ExportedModel, seen: ConversionSettings, folder: Path
) -> None:
    layers = Conversion(chain, "int8", seen).layers
    chosen = (layers[2], layers[0])
    made = convert(chain, "int8", folder / "made.onnx", settings=seen, excluded=(n for n in chosen))
    assert made.card.kept == chosen
    assert set(chosen) == set(layers) - quantized_layers(made)


def test_a_raised_graph_is_held_against_its_parent_without_sizes_to_check(
    folder: Path, seen: ConversionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []
    monkeypatch.setattr("exporter.convert.demand_same", lambda *given: checked.append(given[3]))
    model = saved(Chain(["leaky"], opset=12).proto, folder)
    Conversion(model, "int8", replace(seen, check_sizes=()))
    assert [len(batches) > 0 for batches in checked] == [True]


def test_a_layer_that_is_not_there_is_told_with_those_that_are(
    chain: ExportedModel, folder: Path
) -> None:
    with pytest.raises(UsageError, match=r"no layer named 'stem': the layers are n_conv1, n_"):
        convert(chain, "fp16", folder / "made.onnx", settings=NOISE, excluded=["n_conv1", "stem"])


_AGAIN = """
import sys
from pathlib import Path
from exporter.calibration.images import read_calibration
from exporter.conversion.settings import ConversionSettings
from exporter.convert import convert
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import Size
folder = Path(sys.argv[1])
sizes = (Size(32, 32), Size(64, 32))
settings = ConversionSettings(images=read_calibration(sys.argv[2]), sizes=sizes, check_sizes=sizes)
for name in ("fp16", "int8"):
    convert(read_model(folder / "net.onnx"), name, folder / f"{name}.onnx", settings=settings)
    print((folder / f"{name}.onnx").read_bytes().hex())
"""


def test_a_file_made_again_is_the_same_to_the_byte(
    chain: ExportedModel, seen: ConversionSettings, tmp_path: Path
) -> None:
    """Nor does it go by the order of sets, which is another in each process."""
    given = [sys.executable, "-c", _AGAIN, str(chain.path.parent), str(tmp_path / "pictures")]
    first, second = (
        subprocess.run(
            given,
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": n},
        ).stdout
        for n in ("1", "2")
    )
    assert first == second != ""


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize("kind", ["last", "bytes", "bytes last"])
def test_images_may_be_bytes_and_channels_last(
    folder: Path, seen: ConversionSettings, kind: str, precision: str
) -> None:
    model = saved(turned(NET.proto, kind), folder)
    settings = seen if precision == "int8" else NOISE
    made = convert(model, precision, folder / "made.onnx", settings=settings)
    assert [str(one) for one in made.inputs] == [str(one) for one in model.inputs]
    assert all(one.within for one in made.card.deviations)
    planes = pictures(32, 64)
    given = np.rint(planes * 255).astype(np.uint8) if "bytes" in kind else planes
    given = np.ascontiguousarray(given.transpose(0, 2, 3, 1)) if "last" in kind else given
    (ours,), (theirs,) = run(onnx.load(made.path), given), run(NET.proto, planes)
    assert np.abs(ours - theirs).mean() < 0.05 * np.abs(theirs).max()


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize("batch", [1, 2])
def test_sizes_may_be_fixed(
    folder: Path, seen: ConversionSettings, precision: str, batch: int
) -> None:
    model = saved(fixed(NET.proto, batch, 64, 32), folder)
    settings = replace(seen, sizes=(Size(64, 32),), check_sizes=(Size(64, 32),))
    made = convert(model, precision, folder / "made.onnx", settings=settings)
    assert made.inputs[0].shape == (batch, 3, 64, 32)
    assert all(one.within for one in made.card.deviations)


@pytest.mark.parametrize("images", [True, False])
@pytest.mark.parametrize("early", [True, False])
def test_a_size_that_the_model_does_not_take_is_told_before_anything_is_done(
    folder: Path, seen: ConversionSettings, early: bool, images: bool
) -> None:
    model = saved(fixed(NET.proto, 1, 64, 32), folder)
    settings = replace(
        seen if images else NOISE, sizes=(Size(64, 32),), check_sizes=(Size(64, 32),)
    )
    sizes = (Size(64, 32), Size(64, 64))
    settings = replace(settings, sizes=sizes) if early else replace(settings, check_sizes=sizes)
    with pytest.raises(
        UsageError, match=r"can't be run at 64x64: its width is fixed to 32, not 64"
    ):
        convert(model, "fp16", folder / "made.onnx", settings=settings)
    assert list(folder.iterdir()) == [model.path]


@pytest.mark.parametrize("make", [grown, grown_in_shapes])
def test_a_tensor_beyond_the_limit_is_told_before_anything_is_run(
    make: Callable[..., ExportedModel], folder: Path
) -> None:
    """The graph runs in this process, which such a tensor would take all memory from."""
    model = make(folder / "grown.onnx", doublings=40)
    said = r"can't be run at \d+x\d+: its tensor 'x\d+': .* elements .*SIZEWISE_MAX_ONNX_ELEMENTS"
    with pytest.raises(UsageError, match=said):
        convert(model, "fp16", folder / "made.onnx", settings=NOISE)


def test_a_size_off_the_stride_is_told(chain: ExportedModel, folder: Path) -> None:
    settings = replace(NOISE, check_sizes=(Size(48, 32),))
    with pytest.raises(UsageError, match="must be multiples of its stride 32"):
        convert(chain, "bf16", folder / "made.onnx", settings=settings)


def test_a_model_of_two_inputs_is_converted_with_both(folder: Path) -> None:
    """The second is added to what comes out, so the same values come out only where it is given."""
    proto = copied(NET.proto)
    (output,) = proto.graph.output
    inner = f"{output.name}_before"
    for node in proto.graph.node:
        node.output[:] = [inner if name == output.name else name for name in node.output]
    proto.graph.node.append(helper.make_node("Add", [inner, "more"], [output.name]))
    proto.graph.input.insert(0, helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    two = with_inputs(saved(proto, folder), read_inputs(["more=3"]))
    made = convert(two, "fp16", folder / "made.onnx", settings=NOISE)
    assert [one.name for one in made.inputs] == ["more", NET.proto.graph.input[0].name]
    assert {one.dtype for one in made.inputs} == {"float32"}
    assert all(one.within and one.absmax > 2 for one in made.card.deviations)
    assert [str(one) for one in read_model(made.path).card.inputs] == ["more=3"]


def test_an_older_model_is_raised_to_what_the_precision_needs(
    folder: Path, seen: ConversionSettings
) -> None:
    model = saved(Chain(["leaky", "norm", "resize"], opset=12).proto, folder)
    for precision, opset in {"int8": 13, "fp8": 19, "fp16": 13, "bf16": 22}.items():
        made = convert(model, precision, folder / f"{precision}.onnx", settings=seen)
        assert made.opset_version == opset
        assert all(one.within for one in made.card.deviations), precision


def loud(times: float) -> onnx.ModelProto:
    """A network whose every value is ``times`` what it should be."""
    net = Net()
    made = net.conv(net.add("Mul", "images", net.hold([times])), (8, 3, 3, 3))
    return net.model({net.conv(net.add("Relu", net.conv(made))): 4})


def test_a_network_that_overflows_is_found_out_on_what_it_sees(folder: Path) -> None:
    model = saved(loud(1e6), folder)
    with pytest.raises(ExportError, match=r"3 layers must stay in float32: values reach .*e\+0"):
        convert(model, "fp16", folder / "made.onnx", settings=NOISE)
    assert not (folder / "made.onnx").exists()
    made = convert(model, "bf16", folder / "made.onnx", settings=NOISE)
    assert all(one.within for one in made.card.deviations)


def test_what_overflows_at_another_size_than_was_looked_at_is_refused(folder: Path) -> None:
    """Its values grow with the image: by its width to the fourth."""
    net = Net()
    shape = net.add("Cast", net.add("Shape", "images"), to=TensorProto.FLOAT)
    width = net.add("Gather", shape, net.hold(np.array([3])))
    most = net.add("Pow", net.add("Div", width, net.hold([16.0])), net.hold([4.0]))
    first = net.add("Mul", net.conv("images", (8, 3, 3, 3)), most)
    model = saved(net.model({net.conv(first): 4}), folder)
    settings = ConversionSettings(sizes=(Size(32, 32),), check_sizes=(Size(32, 32), Size(32, 512)))
    with pytest.raises(ExportError, match=r"at 32x512, .* has values that are not finite") as hit:
        convert(model, "fp16", folder / "made.onnx", settings=settings)
    assert hit.value.reason_code == "numerics"
    assert not (folder / "made.onnx").exists()


@pytest.mark.parametrize("ours", [True, False])
def test_a_file_with_suppression_is_compared_at_its_heads(
    detector: Exported, folder: Path, ours: bool
) -> None:
    """Which rows there are after it is another matter."""
    kept = with_suppression(detector.model, Suppression(max_detections=20), folder / "nms.onnx")
    proto = onnx.load(kept.path)
    if not ours:
        left = [one for one in proto.metadata_props if one.key != CARD_KEY]
        del proto.metadata_props[:]
        proto.metadata_props.extend(left)
    sizes = (Size(64, 64), Size(64, 96))
    settings = ConversionSettings(sizes=sizes[:1], check_sizes=sizes)
    made = convert(saved(proto, folder), "fp16", folder / "made.onnx", settings=settings)
    outputs = {one.name for one in made.outputs}
    heads = {n.output[0] for n in onnx.load(made.path).graph.node if n.op_type == "Conv"}
    compared = {one.output for one in made.card.deviations}
    assert len(compared) == 2
    assert compared <= heads - outputs
    assert all(one.within for one in made.card.deviations)
    assert (made.card.suppression is not None) == ours


LOUD = """<ir_version: 10, opset_import: ["": 20]>
loud (float[batch, 3, height, width] images) => (float[batch, 3, height, width] map)
<float[3, 3, 1, 1] w0 = {A}, float[3, 3, 1, 1] w1 = {B}, float[3, 3, 1, 1] w2 = {C}> {
    large = Conv (images, w0)  small = Conv (large, w1)  map = Conv (small, w2)
}"""


@pytest.mark.parametrize("last", [False, True])
def test_what_overflows_at_the_range_of_the_card_stays_in_fp32(
    folder: Path, tmp_path: Path, *, last: bool
) -> None:
    """Sums of 200 times the picture: up to 600 at 0-1, and 153,000 at 0-255."""
    text = LOUD
    for letter, weight in (("A", 200.3), ("B", 1e-4), ("C", 0.9)):
        text = text.replace(f"{{{letter}}}", "{" + ", ".join([f"{weight:f}"] * 9) + "}")
    proto = onnx.parser.parse_model(text)
    card = replace(CARD, layout="unknown", task="unknown", classes=())
    write_card(proto, replace(card, preprocessing=Preprocessing(most=255)))
    model = saved(turned(proto, "last") if last else proto, folder)
    made = convert(model, "fp16", tmp_path / "narrow.onnx", settings=NOISE)
    assert max(one.absmax for one in made.card.deviations) > 10
    images = np.random.default_rng(0).uniform(200, 255, (1, 3, 32, 32)).astype(np.float32)
    given = images.transpose(0, 2, 3, 1) if last else images
    graph = onnx.load(made.path)
    evaluated: Any = ReferenceEvaluator(graph).run(None, {graph.graph.input[0].name: given})
    assert np.isfinite(evaluated[0]).all()
    assert {t.data_type for t in graph.graph.initializer} == {
        TensorProto.FLOAT,
        TensorProto.FLOAT16,
    }

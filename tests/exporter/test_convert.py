from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto

from exporter.convert import convert, precisions
from sizewise.errors import ExportError, OutputError, UsageError
from sizewise.onnxfile import read_model
from tests.exporter.conftest import Exported


def test_nothing_of_it_needs_torch() -> None:
    said = (
        "import sys; from exporter.convert import precisions; precisions(); "
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


def test_the_source_is_never_overwritten(detector: Exported) -> None:
    with pytest.raises(UsageError, match="it is the model to convert"):
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

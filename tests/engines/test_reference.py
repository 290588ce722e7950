"""Files whose own outputs are not finite, which a back end may hide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from engines import reference
from engines.reference import Reference, demand_finite, outputs_not_finite
from exporter.calibration.observe import observe
from exporter.graph.passes import run_pass
from exporter.precisions._evidence import Evidence
from exporter.precisions._watched import layer_values, quantized_values
from exporter.registry import find_precision
from sizewise.core import codec
from sizewise.core.errors import BuildError, InferenceError
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import ExportedModel, ModelCard, Size
from tests.engines.nets import write_net
from tests.exporter.small_nets import Chain, copied, pictures, run

pytest.importorskip("onnxruntime")
SIZE = Size(64, 64)


def write_not_finite(path: Path, value: float = np.nan) -> ExportedModel:
    """The small network, of which one bias is ``value``."""
    write_net(path)
    proto = onnx.load(path)
    (bias,) = (t for t in proto.graph.initializer if t.name == "b2")
    broken = numpy_helper.to_array(bias).copy()
    broken[0] = value
    bias.CopyFrom(numpy_helper.from_array(broken, "b2"))
    onnx.save(proto, path)
    return read_model(path)


@pytest.mark.parametrize(("value", "named"), [(np.nan, ["boxes"]), (-np.inf, ["boxes"]), (1.0, [])])
def test_outputs_that_are_not_finite_are_named(
    value: float, named: list[str], tmp_path: Path
) -> None:
    model = write_not_finite(tmp_path / "net.onnx", value)
    assert outputs_not_finite(codec.to_plain(model), 1, str(SIZE)) == named


def test_a_model_whose_outputs_are_not_finite_is_refused_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_not_finite(tmp_path / "net.onnx")
    with pytest.raises(InferenceError, match=r"net\.onnx gives no finite numbers.*boxes") as caught:
        demand_finite(model, 1, SIZE, timeout_s=60)
    assert caught.value.reason_code == "numerics"

    def fails(*_: object, **__: object) -> None:
        raise BuildError("No", "not implemented", "Look.")

    monkeypatch.setattr(reference, "run_in_child", fails)
    demand_finite(model, 1, SIZE, timeout_s=60)


def test_a_shape_that_stands_beside_the_file_is_known_to_the_reference(tmp_path: Path) -> None:
    """ONNX Runtime, which reads it there itself, infers no shapes by it."""
    write_net(tmp_path / "net.onnx")
    proto = onnx.load(tmp_path / "net.onnx")
    onnx.save(proto, tmp_path / "net.onnx", save_as_external_data=True, size_threshold=0)
    model = read_model(tmp_path / "net.onnx")
    assert outputs_not_finite(codec.to_plain(model), 1, str(SIZE)) == []


@pytest.mark.parametrize("name", ["bf16", "int8+fp16", "int8+bf16"])
def test_a_file_in_16_bits_is_run_in_float32(name: str, tmp_path: Path) -> None:
    """ONNX Runtime has no convolution and no DequantizeLinear in bfloat16."""
    precision, net = find_precision(name), Chain(["leaky", "add", "softmax", "conv"])
    parent = net.prepared(name, precision.opset)
    names = (*quantized_values(parent), *layer_values(parent))
    found = observe(parent, names, lambda: [(Size(32, 48), pictures())], histograms=False)
    reach = {one: seen.absmax for one, seen in found.items()}
    made = run_pass(precision.make(Evidence(absmax=reach, thresholds=reach)), copied(parent))
    write_card(made, ModelCard(network="net", precision=name))
    onnx.save(made, tmp_path / "net.onnx")
    given = Reference(tmp_path / "net.onnx", 1).run({"images": pictures()}, 1, Size(32, 48))
    (values,) = given.values()
    (expected,) = run(parent, pictures())
    assert np.linalg.norm(values - expected) <= 0.2 * np.linalg.norm(expected)

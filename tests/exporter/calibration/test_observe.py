from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from exporter.calibration import observe as observing
from exporter.calibration.distribution import BINS
from exporter.calibration.observe import observe
from sizewise.core.errors import ExportError
from sizewise.core.specs import Size
from tests.engines.nets import write_net
from tests.exporter.conftest import Counted

Batch = tuple[Size, NDArray[Any]]

SIZES = (Size(32, 64), Size(64, 32), Size(32, 32))
_HEAD = '<ir_version: 8, opset_import: ["" : 17]> g '
EXACT = onnx.parser.parse_model(
    _HEAD
    + """(float[batch, 3, height, width] images) => (float[batch, 3, height, width] y)
    <float half = {0.5}, float two = {2}>
    {
        centred = Sub (images, half)
        kept = Relu (centred)
        y = Mul (kept, two)
        negative = Neg (images)
        nothing = Relu (negative)
    }"""
)
"""Its values have no rounding, so that one implementation's are another's to the last bit."""
TENSORS = ("images", "centred", "kept", "y", "nothing")


def batches() -> list[Batch]:
    """Of multiples of 1/256, from 0 to 1 (the first batch does not reach that)."""
    random = np.random.default_rng(0)
    made = []
    for place, size in enumerate(SIZES):
        steps = random.integers(0, 256, (1, 3, size.height, size.width))
        steps[0, 0, 0, 0] = 256 if place else 200
        made.append((size, (steps / 256).astype(np.float32)))
    return made


def by_reference(model: onnx.ModelProto, fed: list[Batch]) -> dict[str, NDArray[Any]]:
    """Every tensor's values over all batches, by the interpreter of ``onnx``."""
    runs: list[Any] = [
        ReferenceEvaluator(model).run(None, {"images": batch}, intermediate=True)
        for _, batch in fed
    ]
    return {name: np.concatenate([np.ravel(run[name]) for run in runs]) for name in runs[0] if name}


def test_importing_it_needs_nothing_heavy() -> None:
    said = (
        "import sys, exporter.calibration.observe, exporter.calibration.feeding; "
        "from exporter.calibration.method import methods; methods(); "
        "print({'torch', 'onnx', 'onnxruntime', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_distributions_are_those_of_all_values() -> None:
    found = observe(EXACT, TENSORS, batches, histograms=True)
    reference = by_reference(EXACT, batches())
    assert tuple(found) == TENSORS
    for name in TENSORS[:-1]:
        values, one = np.abs(reference[name]), found[name]
        assert one.absmax == values.max()
        assert one.least == min(reference[name].min(), 0)
        counts, _ = np.histogram(values, BINS, range=(0, one.absmax))
        np.testing.assert_array_equal(one.counts, counts)
        assert one.zeros == (values == 0).sum()
    assert found["kept"].zeros > 1000


def test_a_tensor_of_zeros_has_the_range_0() -> None:
    found = observe(EXACT, ["nothing"], batches, histograms=True)
    assert found["nothing"].absmax == 0


def test_without_histograms_the_ranges_are_the_same_and_nothing_is_counted() -> None:
    counted = observe(EXACT, TENSORS, batches, histograms=True)
    found = observe(EXACT, TENSORS, batches, histograms=False)
    assert {name: one.absmax for name, one in found.items()} == {
        name: one.absmax for name, one in counted.items()
    }
    assert not any(one.counts.size for one in found.values())


def test_convolutions_reach_as_far_as_the_reference_says(tmp_path: Path) -> None:
    model = onnx.load(write_net(tmp_path / "net.onnx").path)
    names = [name for node in model.graph.node if node.op_type == "Conv" for name in node.output]
    found = observe(model, names, batches, histograms=False)
    reference = by_reference(model, batches())
    assert len(names) == 3
    for name in names:
        assert found[name].absmax == pytest.approx(np.abs(reference[name]).max(), rel=1e-5)


def test_in_groups_that_fit_the_counts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, progress = observe(EXACT, TENSORS, batches, histograms=True), Counted()
    most = max(batch.nbytes for _, batch in batches())
    monkeypatch.setattr(observing, "MOST_BYTES", 2 * most)
    found = observe(EXACT, TENSORS, batches, histograms=True, progress=progress)
    for name in TENSORS[:-1]:
        np.testing.assert_array_equal(found[name].counts, whole[name].counts)
    # The ranges, and twice two tensors: "nothing" needs no counting.
    assert (progress.totals, progress.steps) == ([3, 3, 3], 9)


def test_a_tensor_larger_than_that_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "MOST_BYTES", 1)
    progress = Counted()
    observe(EXACT, ["images", "y"], batches, histograms=True, progress=progress)
    assert progress.totals == [3, 3, 3]


def test_the_model_is_left_as_it_was() -> None:
    before = EXACT.SerializeToString(deterministic=True)
    observe(EXACT, TENSORS, batches, histograms=True)
    assert EXACT.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(
    "body",
    ["bad = Log (images)  y = Relu (bad)", "less = Sub (images, one)  bad = Sqrt (less)"],
    ids=["infinite", "nan"],
)
def test_a_value_that_is_not_finite_is_refused_by_name(body: str) -> None:
    result = "y" if "y =" in body else "bad"
    model = onnx.parser.parse_model(
        f"{_HEAD} (float[b, 3, h, w] images) => (float[b, 3, h, w] {result}) "
        f"<float one = {{1}}> {{ {body} }}"
    )
    said = r"The tensor bad can't be calibrated: at 32x64, some of its values are not finite"
    with pytest.raises(ExportError, match=said) as raised:
        observe(model, ["images", "bad"], batches, histograms=False)
    assert raised.value.reason_code == "numerics"


def test_an_infinite_value_is_seen_where_it_may_be() -> None:
    """A mask of attention holds minus infinity."""
    model = onnx.parser.parse_model(
        f"{_HEAD} (float[b, 3, h, w] images) => (float[b, 3, h, w] y) "
        "{ bad = Log (images)  y = Relu (bad) }"
    )
    found = observe(model, ["bad", "y"], batches, histograms=False, infinite=True)
    assert math.isinf(found["bad"].absmax)
    assert math.isfinite(found["y"].absmax)


def test_a_size_at_which_the_graph_does_not_run_is_named() -> None:
    model = onnx.parser.parse_model(
        f"{_HEAD} (float[b, 3, h, w] images) => (float[b, 3, h, w] y) "
        "<int64[4] square = {1, 3, 32, 32}> { y = Reshape (images, square) }"
    )
    said = r"can't be run at 32x64: ONNX Runtime says: .*[Rr]eshape.*calibration_sizes"
    with pytest.raises(ExportError, match=said):
        observe(model, ["y"], batches, histograms=False)


def test_a_graph_that_onnxruntime_does_not_take_is_refused() -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17, "elsewhere" : 1]> '
        "g (float[b, 3, h, w] images) => (float[b, 3, h, w] y) { y = elsewhere.Twist (images) }"
    )
    with pytest.raises(ExportError, match=r"ONNX Runtime refuses the graph .*Twist"):
        observe(model, ["y"], batches, histograms=False)


def test_a_tensor_that_is_not_there_is_an_error_of_the_program() -> None:
    with pytest.raises(KeyError, match="no tensor 'elsewhere'"):
        observe(EXACT, ["y", "elsewhere"], batches, histograms=False)


def test_nothing_is_known_of_no_batches() -> None:
    with pytest.raises(ValueError, match="no batches"):
        observe(EXACT, ["y"], list, histograms=False)


def test_an_empty_tensor_has_no_range() -> None:
    """The largest of nothing is -inf."""
    model = onnx.parser.parse_model(
        _HEAD
        + """(float[batch, 3, height, width] images) => (float[batch, 3, height, width] y)
        <int64[1] none = {0}, int64[1] axis = {1}> {
            empty = Slice (images, none, none, axis)
            y = Concat <axis = 1> (images, empty)
        }"""
    )
    found = observe(model, ["empty", "y"], batches, histograms=True)
    assert (found["empty"].absmax, found["y"].absmax) == (0, 1)

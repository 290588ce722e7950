"""How far an engine is from its FP32 parent: at all corners, and never a silent blank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engines import comparing
from engines.base import example_input
from engines.comparing import compare, compare_engine, probe_sizes
from engines.differences import Comparison, Difference, difference, differences
from engines.reference import probe_images
from engines.store.parents import check_parent, find_parent
from sizewise.core import codec
from sizewise.core.errors import InferenceError, InputError
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import (
    EngineArtifact,
    EngineSpec,
    ExportedModel,
    Part,
    Preprocessing,
    Profile,
    Size,
    Suppression,
)
from tests.engines.nets import write_net, write_pyramid
from tests.engines.typed_nets import write_quantized_net

pytest.importorskip("onnxruntime")
Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
SIZES = (Size(64, 96), Size(128, 128))
SPEC = EngineSpec(
    backend="onnxruntime", strategy="dynamic", profiles=(Profile.spanning(SIZES),), batch_size=2
)


def compared(artifact: EngineArtifact, parent: Path) -> list[Difference]:
    found = compare_engine(str(artifact.path), str(parent))
    return [codec.from_plain(each, Difference) for each in found]


def with_parent(path: Path, sha256: str) -> ExportedModel:
    """A quantized file that names its parent."""
    model = write_quantized_net(path)
    proto = onnx.load(path)
    write_card(proto, replace(model.card, parent_sha256=sha256))
    onnx.save(proto, path)
    return read_model(path)


def test_every_corner_of_a_range_is_compared(build: Build, net: ExportedModel) -> None:
    found = compared(build(net, SPEC), net.path)
    corners = {Size(64, 96), Size(128, 128), Size(64, 128), Size(128, 96)}
    assert {d.size for d in found} == corners == set(probe_sizes(SPEC))
    assert all(d.max_abs_error is not None and 0 < d.max_abs_error < 1e-4 for d in found)


def test_an_engine_whose_last_bias_moved_by_an_eighth_is_an_eighth_off(
    build: Build, tmp_path: Path
) -> None:
    parent = write_net(tmp_path / "parent.onnx")
    proto = onnx.load(parent.path)
    (bias,) = (t for t in proto.graph.initializer if t.name == "b2")
    moved = onnx.numpy_helper.to_array(bias) + np.float32(0.125)
    bias.CopyFrom(onnx.numpy_helper.from_array(moved, "b2"))
    onnx.save(proto, tmp_path / "moved.onnx")
    for found in compared(build(read_model(tmp_path / "moved.onnx"), SPEC), parent.path):
        assert found.max_abs_error == pytest.approx(0.125, abs=1e-5)


def test_a_size_that_the_parent_does_not_take_is_told(build: Build, tmp_path: Path) -> None:
    artifact = build(write_net(tmp_path / "free.onnx"), SPEC)
    parent = write_net(tmp_path / "fixed.onnx", sides=(2, 64, 64))
    with pytest.raises(InputError, match="width is fixed to 64"):
        compared(artifact, parent.path)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_probes_have_the_form_of_the_input(net: ExportedModel, dtype: str, last: bool) -> None:
    image = net.image
    shape = ("b", "h", "w", 3) if last else image.tensor.shape
    image = replace(
        image, channels_first=not last, tensor=replace(image.tensor, dtype=dtype, shape=shape)
    )
    images = probe_images(image, 2, Size(32, 48))
    assert images.shape == ((2, 32, 48, 3) if last else (2, 3, 32, 48))
    assert images.dtype == dtype
    assert images.max() > (100 if dtype == "uint8" else 0.5)


@given(
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=6),
    st.floats(0, 10, width=32),
    st.data(),
)
def test_the_difference_is_the_largest_of_all(
    values: list[float], error: float, data: st.DataObject
) -> None:
    expected = np.array(values, np.float64)
    found = expected.copy()
    found[data.draw(st.integers(0, len(values) - 1))] += error
    told = difference(Size(1, 1), "boxes", found, expected)
    assert told.absmax == np.abs(expected).max()
    assert told.max_abs_error == pytest.approx(error, abs=1e-9)


@pytest.mark.parametrize(
    ("found", "expected", "why"),
    [
        (np.array([1.0, np.nan]), np.array([1.0, 2.0]), "not finite where"),
        (np.array([1.0, np.inf]), np.array([1.0, 2.0]), "not finite where"),
        (np.array([1.0, 2.0]), np.array([1.0, np.nan]), "not finite in the FP32 file"),
        (np.array([np.inf]), np.array([np.inf]), "not finite in the FP32 file"),
        (np.zeros(2), np.full(2, np.nan), "not finite in the FP32 file"),
        (np.zeros((1, 5, 6)), np.zeros((1, 4, 6)), "[1, 5, 6], the FP32 file's is [1, 4, 6]"),
    ],
)
def test_what_can_not_be_compared_says_why(
    found: NDArray[Any], expected: NDArray[Any], why: str
) -> None:
    told = difference(Size(1, 1), "boxes", found, expected)
    assert told.max_abs_error is None
    assert told.reason_code == ("shape" if "shape" in told.reason else "numerics")
    assert why in told.reason


def test_the_worst_of_an_output_is_over_all_sizes() -> None:
    def at(side: int, error: float | None, absmax: float) -> Difference:
        size = Size(side, side)
        return Difference(size=size, output="boxes", max_abs_error=error, absmax=absmax)

    (worst,) = Comparison(differences=(at(1, 0.5, 9), at(2, 0.25, 10))).worst()
    assert (worst.size, worst.max_abs_error, worst.absmax) == (Size(1, 1), 0.5, 10)
    (worst,) = Comparison(differences=(at(1, 0.5, 9), at(2, None, 10))).worst()
    assert worst.max_abs_error is None


RANKED = """<ir_version: 10, opset_import: ["": 17]>
ranked (float[b, 3, h, w] images) => (float[b, 8] best, float[b, 8] places)
<int64[1] k = {8}, int64[2] rows = {0, -1}, float steps = {STEPS}> {
    grey = ReduceMean <axes = [1]> (images)  all = Reshape (grey, rows)
    more = Mul (all, steps)  whole = Round (more)  scores = Div (whole, steps)
    best, at = TopK (scores, k)  places = Cast <to = 1> (at)
}"""


def test_rows_that_a_precision_moves_are_no_difference(build: Build, tmp_path: Path) -> None:
    """The eight brightest pixels, and those by a brightness that is rounded."""
    for name, steps in (("fine", 2.0**20), ("coarse", 256.0)):
        text = RANKED.replace("STEPS", f"{steps:.1f}")
        onnx.save(onnx.parser.parse_model(text), tmp_path / f"{name}.onnx")
    artifact = build(read_model(tmp_path / "coarse.onnx"), SPEC)
    for found in compared(artifact, tmp_path / "fine.onnx"):
        assert found.relative_error is not None
        assert found.relative_error < 0.05


CORNERS = (Part(name="first", axis=2, stop=2), Part(name="last", axis=2, start=2))


def test_parts_are_compared_each_by_itself(build: Build, net: ExportedModel) -> None:
    artifact = build(net, SPEC)
    plain = {"boxes": codec.to_plain(CORNERS)}
    parts = [
        codec.from_plain(one, Difference)
        for one in compare_engine(str(artifact.path), str(net.path), plain)
    ]
    wholes = compared(artifact, net.path)
    assert [(d.size, d.part) for d in parts] == [
        (d.size, part) for d in wholes for part in ("first", "last")
    ]
    for whole, first, last in zip(wholes, parts[::2], parts[1::2], strict=True):
        assert whole.max_abs_error == max(first.max_abs_error or 0, last.max_abs_error or 0)
        assert whole.absmax == max(first.absmax, last.absmax)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 1.0, 640.0]))
def test_the_worst_part_is_never_better_than_the_whole(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    expected, found = random.normal(size=(2, 2, 5, 4)) * (scale, scale, 1, 1)
    size = Size(1, 1)
    whole = difference(size, "boxes", found, expected)
    parts = differences(size, "boxes", found, expected, CORNERS)
    assert [d.name for d in parts] == ["boxes first", "boxes last"]
    for one, place in zip(parts, (np.s_[..., :2], np.s_[..., 2:]), strict=True):
        share = np.linalg.norm((found - expected)[place]) / np.linalg.norm(expected[place])
        assert one.relative_error == pytest.approx(share)
    assert whole.relative_error is not None
    assert max(d.relative_error or 0 for d in parts) >= whole.relative_error * (1 - 1e-9)


def test_outputs_of_another_shape_are_told_as_wholes() -> None:
    (told,) = differences(Size(1, 1), "boxes", np.zeros((1, 5, 6)), np.zeros((1, 4, 6)), CORNERS)
    assert (told.part, told.relative_error) == ("", None)
    assert "[1, 5, 6]" in told.reason


def test_the_worst_of_a_part_is_judged_at_the_size_where_it_is_furthest_off() -> None:
    def at(side: int, part: str, share: float, error: float) -> Difference:
        return Difference(
            size=Size(side, side),
            output="output0",
            part=part,
            max_abs_error=error,
            absmax=1.0,
            relative_error=share,
            bound=0.2,
        )

    several = (at(1, "boxes", 0.01, 9), at(1, "scores", 0.1, 0.5), at(2, "scores", 0.3, 0.25))
    boxes, scores = Comparison(differences=several).worst()
    assert (boxes.name, boxes.within) == ("output0 boxes", True)
    assert (scores.max_abs_error, scores.relative_error, scores.within) == (0.5, 0.3, False)


def test_an_odd_file_beside_a_model_is_nobody_s_parent(tmp_path: Path) -> None:
    odd = onnx.load(write_net(tmp_path / "odd.onnx").path)
    odd.graph.initializer[0].data_type = 99
    onnx.save(odd, tmp_path / "odd.onnx")
    assert find_parent(with_parent(tmp_path / "int8.onnx", "0" * 64)) is None


def test_the_parent_is_found_by_the_hash_in_the_card(net: ExportedModel, tmp_path: Path) -> None:
    assert find_parent(net) == net.path
    write_pyramid(tmp_path / "another.onnx")
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "gone.onnx").symlink_to(tmp_path / "nowhere")
    parent = write_net(tmp_path / "parent.onnx")
    assert find_parent(with_parent(tmp_path / "int8.onnx", parent.sha256)) == parent.path
    assert find_parent(with_parent(tmp_path / "int8.onnx", "0" * 64)) is None
    assert find_parent(write_quantized_net(tmp_path / "theirs.onnx")) is None


def test_a_parent_that_is_none_is_refused(net: ExportedModel, tmp_path: Path) -> None:
    quantized = write_quantized_net(tmp_path / "int8.onnx")
    assert check_parent(quantized, net.path) == net.path
    with pytest.raises(InputError, match="it is in int8"):
        check_parent(net, quantized.path)
    with pytest.raises(InputError, match="no output boxes"):
        check_parent(net, write_pyramid(tmp_path / "masks.onnx").path)
    with pytest.raises(InputError, match="no such file"):
        check_parent(net, tmp_path / "absent.onnx")


def test_without_figures_there_is_a_reason(
    build: Build, net: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = build(net, SPEC)
    assert "(parent FILE)" in compare(artifact, None, timeout_s=60).reason
    card = replace(artifact.card, suppression=Suppression())
    suppressed = replace(artifact, card=card)
    assert "NMS" in compare(suppressed, net.path, timeout_s=60).reason

    def crash(*_: object, **__: object) -> None:
        raise InputError("No", "the process ended with SIGSEGV", "Try again.")

    monkeypatch.setattr(comparing, "run_in_child", crash)
    assert "SIGSEGV" in compare(artifact, net.path, timeout_s=60).reason


def test_a_file_without_a_parent_is_held_against_itself(build: Build, net: ExportedModel) -> None:
    found = compare(build(net, SPEC), None, timeout_s=60, itself=net.path)
    assert found.reason.startswith("held against itself: FP32 file not found")
    assert {one.reason_code for one in found.differences} == {""}
    assert len(found.differences) == 4


RANDOM = """<ir_version: 10, opset_import: ["": 17]>
random (float[b, 3, h, w] images) => (float[b, 3, h, w] sums) {
    noise = RandomUniformLike (images)  sums = Add (images, noise)
}"""


def test_a_file_that_gives_other_outputs_each_time_is_no_reference(
    build: Build, net: ExportedModel, tmp_path: Path
) -> None:
    onnx.save(onnx.parser.parse_model(RANDOM), tmp_path / "random.onnx")
    with pytest.raises(InferenceError, match=r"sums is .* each time .*RandomUniformLike"):
        compared(build(net, SPEC), tmp_path / "random.onnx")


def test_an_engine_is_compared_on_what_its_card_says_of_pictures(
    build: Build, net: ExportedModel
) -> None:
    """Its values grow with those that it is given; and so do those that calls are timed with."""
    loud = replace(net, card=replace(net.card, preprocessing=Preprocessing(most=255)))
    quiet, artifact = build(net, SPEC), build(loud, replace(SPEC, graph_fusion="basic"))
    noise = example_input(quiet, (1, 3, 64, 96))
    np.testing.assert_array_equal(example_input(artifact, (1, 3, 64, 96)), noise * 255)
    found = compared(artifact, net.path)
    for before, after in zip(compared(quiet, net.path), found, strict=True):
        assert after.absmax > 20 * before.absmax


def test_an_engine_is_held_against_its_8_bit_file_part_by_part() -> None:
    expected = np.full((1, 4, 2), 2.0)
    file, found = expected * 1.01, expected * 1.01
    found[:, 2:] += 1.0
    parts = (Part(name="a", axis=1, stop=2), Part(name="b", axis=1, start=2))
    first, second = differences(SIZES[0], "o", found, expected, parts, file=file)
    assert first.own_error == 0
    assert second.own_error == pytest.approx(0.5)
    assert first.file_error == second.file_error == pytest.approx(0.01)
    (unheld,) = differences(SIZES[0], "o", found, expected, (), file=np.full((1, 4, 2), np.nan))
    assert unheld.own_error is None


def test_only_engines_in_8_bits_are_held_against_their_file(
    build: Build, net: ExportedModel, tmp_path: Path
) -> None:
    model = with_parent(tmp_path / "net.int8.onnx", net.sha256)
    artifact = build(model, SPEC)
    found = compare(artifact, net.path, timeout_s=60, itself=model.path).worst()
    assert all(one.own_error is not None and one.file_error is not None for one in found)
    plain = compare(build(net, SPEC), net.path, timeout_s=60, itself=net.path).worst()
    assert [one.own_error for one in plain] == [None]


def test_an_engine_of_another_bias_than_its_file_strays(
    build: Build, net: ExportedModel, tmp_path: Path
) -> None:
    model = with_parent(tmp_path / "net.int8.onnx", net.sha256)
    artifact = build(model, SPEC)
    proto = onnx.load(model.path)
    output = proto.graph.output[0].name
    last = next(node for node in proto.graph.node if output in node.output)
    last.output[0] = "before"
    more = onnx.numpy_helper.from_array(np.array(9, np.float32), "more")
    proto.graph.initializer.append(more)
    proto.graph.node.append(onnx.helper.make_node("Add", ["before", "more"], [output]))
    moved = tmp_path / "moved.onnx"
    onnx.save(proto, moved)
    fine, far = (
        compare(artifact, net.path, timeout_s=60, itself=file).worst()[0]
        for file in (model.path, moved)
    )
    assert (fine.own_error or 0) < 0.1 * (far.own_error or 0)


def test_the_worst_of_an_output_is_the_one_that_strays_most() -> None:
    one = difference(SIZES[0], "o", np.ones(4) + 0.3, np.ones(4))
    near = replace(one, own_error=0.2, file_error=0.2, own_bound=0.4, bound=0.5)
    far = replace(one, own_error=0.1, file_error=0.01, own_bound=0.02, bound=0.5)
    (found,) = Comparison(differences=(near, far)).worst()
    assert (found.own_error, found.file_error, found.own_bound) == (0.1, 0.01, 0.02)
    assert found.strays
    assert not found.within
    assert near.within
    assert not near.strays

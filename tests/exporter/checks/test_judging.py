"""A detector whose scores int8 destroys, though its output as a whole is within the bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from exporter.calibration.batches import Inputs
from exporter.calibration.images import CalibrationSet
from exporter.checks.judging import Meaning
from exporter.conversion.settings import ConversionSettings
from exporter.convert import Conversion, convert
from exporter.graph.passes import run_pass
from exporter.sensitivity import layer_errors
from exporter.suppression.insert import Suppress, suppressed_card
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import Deviation, ExportedModel, Suppression
from tests.exporter.mixed_nets import (
    MIXED,
    SIZES,
    mixed_detector,
    separate_detector,
    shared_layer,
)
from tests.exporter.small_nets import Array, picture_set, run
from tests.sizewise.cli.colour_nets import DETECTOR, colour_detector

BOUND = 0.2


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> CalibrationSet:
    return picture_set(tmp_path_factory.mktemp("calibration") / "pictures")


@pytest.fixture(scope="module")
def settings(images: CalibrationSet) -> ConversionSettings:
    return ConversionSettings(images=images, sizes=SIZES, check_sizes=SIZES)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    return mixed_detector(tmp_path_factory.mktemp("mixed") / "net.onnx")


def values(model: ExportedModel, conversion: Conversion) -> Iterator[Array]:
    """[pictures, channels, N] at each size, as ONNX Runtime gives them."""
    for size in SIZES:
        batches = [_images(fed) for _, fed in conversion.batches([size])]
        yield np.concatenate([run(onnx.load(model.path), batch)[0] for batch in batches])


def _images(fed: Inputs) -> Array:
    """Those of a model whose only input they are."""
    (images,) = fed.values() if isinstance(fed, Mapping) else (fed,)
    return images


def by_name(deviations: tuple[Deviation, ...]) -> dict[str, list[Deviation]]:
    found: dict[str, list[Deviation]] = {}
    for one in deviations:
        found.setdefault(one.name, []).append(one)
    return found


def test_scores_are_judged_by_themselves(
    mixed: ExportedModel, settings: ConversionSettings, tmp_path: Path
) -> None:
    """Against NumPy's norms of rows and columns of the files' outputs."""
    made = convert(mixed, "int8", tmp_path / "int8.onnx", settings=settings)
    found = by_name(made.card.deviations)
    assert list(found) == ["found boxes", "found scores"]
    conversion = Conversion(mixed, "int8", settings)
    both = zip(values(mixed, conversion), values(made, conversion), strict=True)
    for place, (exact, ours) in enumerate(both):
        whole = np.linalg.norm(ours - exact) / np.linalg.norm(exact)
        assert whole < BOUND / 10  # so that nothing was marked
        rows, others = (one.transpose(0, 2, 1).reshape(-1, 6) for one in (exact, ours))
        for name, of in (("found boxes", [0, 1, 2, 3]), ("found scores", [4, 5])):
            one, off = found[name][place], others[:, of] - rows[:, of]
            assert one.size == SIZES[place]
            share = np.linalg.norm(off) / np.linalg.norm(rows[:, of])
            assert one.relative_error == pytest.approx(share, rel=1e-3)
            assert one.max_abs_error == pytest.approx(np.abs(off).max(), rel=1e-3)
            assert one.absmax == pytest.approx(np.abs(rows[:, of]).max(), rel=1e-5)
        assert found["found boxes"][place].within
        assert not found["found scores"][place].within


def test_what_leaves_scores_in_place_stays_within_its_bound(
    mixed: ExportedModel, settings: ConversionSettings, tmp_path: Path
) -> None:
    made = convert(mixed, "fp16", tmp_path / "made.onnx", settings=settings)
    assert len(made.card.deviations) == 2 * len(SIZES)
    assert all(one.within for one in made.card.deviations)


def test_the_layer_that_harms_the_scores_is_the_worst(
    mixed: ExportedModel, settings: ConversionSettings, tmp_path: Path
) -> None:
    worst, *others = layer_errors(Conversion(mixed, "int8", settings))
    assert worst.layer == shared_layer(mixed)
    assert worst.error > 0.9
    assert all(one.error < BOUND for one in others)
    made = convert(mixed, "int8", tmp_path / "int8.onnx", settings=settings, excluded=[worst.layer])
    assert all(one.within for one in made.card.deviations)


def test_the_parts_of_an_objectness_layout(settings: ConversionSettings, tmp_path: Path) -> None:
    model = mixed_detector(tmp_path / "net.onnx", replace(MIXED, layout="b_n_5c"))
    found = by_name(
        convert(model, "int8", tmp_path / "int8.onnx", settings=settings).card.deviations
    )
    assert list(found) == ["found boxes", "found objectness", "found scores"]
    assert all(one.within for one in found["found boxes"])
    assert not any(one.within for one in found["found scores"])


def test_chosen_rows_are_judged_by_their_scores_in_order(
    settings: ConversionSettings, tmp_path: Path
) -> None:
    """And at the heads: the boxes of another order are other objects'."""
    model = mixed_detector(tmp_path / "net.onnx", replace(MIXED, layout="b_n_6"))
    found = by_name(
        convert(model, "int8", tmp_path / "int8.onnx", settings=settings).card.deviations
    )
    head, scores = found
    assert head.startswith("conv")
    assert scores == "found scores"
    assert not any(one.within for one in found[scores])


def test_chosen_boxes_in_outputs_of_their_own_are_judged_by_their_scores_too(
    settings: ConversionSettings, tmp_path: Path
) -> None:
    card = replace(MIXED, layout="boxes_scores_labels")
    model = separate_detector(tmp_path / "net.onnx", card)
    conversion = Conversion(model, "int8", settings)
    found = conversion.deviations(conversion.graph())
    head, scores = by_name(found).items()
    assert head[0].startswith("conv")
    assert scores[0] == "scores"
    assert {(one.part, one.within) for one in scores[1]} == {("scores", False)}
    assert conversion.doubts(found) == ()


def test_of_unknown_chosen_boxes_the_layout_is_proposed(
    settings: ConversionSettings, tmp_path: Path
) -> None:
    conversion = Conversion(separate_detector(tmp_path / "net.onnx", None), "int8", settings)
    found = conversion.deviations(conversion.graph())
    assert set(by_name(found)) == {"boxes", "scores", "labels"}
    (said,) = conversion.doubts(found)
    assert "layout boxes_scores_labels to judge the scores in their order" in said


def test_what_nms_of_ours_is_given_is_judged_by_its_parts(
    mixed: ExportedModel, settings: ConversionSettings, tmp_path: Path
) -> None:
    suppression = Suppression(max_detections=5)
    proto = run_pass(Suppress(suppression, "b_4c_n"), onnx.load(mixed.path))
    write_card(proto, suppressed_card(mixed.card, suppression))
    onnx.save(proto, tmp_path / "nms.onnx")
    kept = read_model(tmp_path / "nms.onnx")
    made = convert(kept, "int8", tmp_path / "int8.onnx", settings=settings)
    found = by_name(made.card.deviations)
    assert [name for name in found if name.startswith("found")] == ["found boxes", "found scores"]
    assert all(one.within for one in found["found boxes"])
    assert not any(one.within for one in found["found scores"])


@pytest.mark.parametrize("declared", [True, False])
def test_of_an_unknown_layout_the_output_is_a_whole_and_the_layout_is_proposed(
    settings: ConversionSettings, tmp_path: Path, *, declared: bool
) -> None:
    model = mixed_detector(tmp_path / "net.onnx", None, declared=declared)
    conversion = Conversion(model, "int8", settings)
    found = conversion.deviations(conversion.graph())
    assert [(one.name, one.within) for one in found] == [("found", True)] * len(SIZES)
    (said,) = conversion.doubts(found)
    assert "found was judged as a whole" in said
    assert "layout b_4c_n" in said


def test_a_layout_that_the_outputs_do_not_have_is_said(
    settings: ConversionSettings, tmp_path: Path
) -> None:
    model = mixed_detector(tmp_path / "net.onnx", replace(MIXED, classes=("a", "b", "c")))
    conversion = Conversion(model, "fp16", settings)
    found = conversion.deviations(conversion.graph())
    assert {one.part for one in found} == {""}
    (said,) = conversion.doubts(found)
    assert "the outputs do not have the layout b_4c_n of 3 classes" in said
    assert "found float32[batch, 6, 3]" in said


@pytest.mark.parametrize(("largest", "doubted"), [(0.9, False), (1.005, False), (640.0, True)])
def test_scores_beyond_1_are_said_to_be_none(
    mixed: ExportedModel, largest: float, *, doubted: bool
) -> None:
    """Keypoints in pixels stand where scores are, say."""
    numbers = {"max_abs_error": 0.0, "relative_error": 0.0, "bound": BOUND, "absmax": largest}
    found = Deviation(size=SIZES[0], output="found", part="scores", **numbers)
    said = Meaning(onnx.load(mixed.path), mixed).doubts([found], [])
    assert bool(said) == doubted
    assert all("would reach 640, beyond 1: check that b_4c_n is the layout" in one for one in said)


def test_outputs_of_one_part_are_judged_as_before(
    settings: ConversionSettings, tmp_path: Path
) -> None:
    model = colour_detector(tmp_path / "net.onnx", card=DETECTOR)
    conversion = Conversion(model, "int8", settings)
    found = conversion.deviations(conversion.graph())
    assert [one.name for one in found] == ["boxes", "scores"] * len(SIZES)
    assert {one.part for one in found} == {""}
    assert conversion.doubts(found) == ()

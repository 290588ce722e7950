"""What is judged of an engine, and what is said of it; engines are stand-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import engines.comparing
from engines.differences import Comparison, Difference
from sizewise.core.specs import (
    Deviation,
    ExportedModel,
    ModelCard,
    Part,
    Size,
    TensorSpec,
)
from sizewise.pipeline.accuracy.comparing import Judge

SIZE = Size(64, 64)
CARD = ModelCard(network="net", task="detection", layout="b_4c_n", precision="int8")
UNKNOWN = ModelCard(network="net", precision="int8")
LABELS = TensorSpec(name="output0", dtype="int64", shape=("batch", 6, "n"))
LARGEST = {"boxes": 64.0, "scores": 0.9, "objectness": 0.9, "classes": 1.0, "": 64.0}


def model(card: ModelCard, *shape: int | str, nms: bool = False) -> ExportedModel:
    output = TensorSpec(name="output0", dtype="float32", shape=shape or ("batch", 6, "n"))
    return ExportedModel(
        path=Path("net.int8.onnx"),
        sha256="",
        card=card,
        opset_version=20,
        inputs=(),
        outputs=(output,),
        nms=nms,
    )


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The relative errors of a stand-in's parts, which a test may change; its largest values are
    ``LARGEST``, or what a test adds as ``largest PART``."""
    errors = {"boxes": 0.01, "scores": 1.0, "objectness": 0.01, "classes": 0.5, "": 0.01}

    def compare(
        artifact: object, parent: object, *, parts: Mapping[str, Sequence[Part]], **_: object
    ) -> Comparison:
        names = [part.name for part in parts.get("output0", ())] or [""]
        found = (
            Difference(
                size=SIZE,
                output="output0",
                part=name,
                max_abs_error=errors[name],
                absmax=errors.get(f"largest {name}", LARGEST[name]),
                relative_error=errors[name],
            )
            for name in names
        )
        return Comparison(differences=tuple(found))

    monkeypatch.setattr(engines.comparing, "compare", compare)
    return errors


def judged(
    judge: Judge, *, backend: str = "onnxruntime", parent: Path | None = Path("parent.onnx")
) -> dict[str, bool]:
    """Whether each part is within its bound; those without one are left out."""
    artifact: Any = SimpleNamespace(spec=SimpleNamespace(backend=backend))
    found = judge.compare(artifact, parent, timeout_s=1.0).differences
    return {one.part: one.within for one in found if one.bound is not None}


@pytest.mark.usefixtures("engine")
def test_each_part_is_judged_by_the_bound_of_the_precision() -> None:
    judge = Judge(model(CARD), "")
    assert judged(judge) == {"boxes": True, "scores": False}
    (said,) = judge.remarks()
    assert said.startswith("The error of int8 against FP32 exceeds the 20% allowed")


def test_in_fp32_an_engine_may_be_as_far_off_as_in_fp16(engine: dict[str, float]) -> None:
    judge = Judge(model(replace(CARD, precision="fp32")), "")
    assert judged(judge) == {"boxes": True, "scores": False}
    assert judge.remarks()[0].startswith("The error of fp32 against FP32 exceeds the 1% allowed")
    engine[""] = 0.011
    unknown = Judge(model(replace(UNKNOWN, precision="fp32")), "")
    assert judged(unknown) == {"": False}
    engine[""] = 1e-7  # the remains of sums, of which any share is chance
    assert judged(unknown) == {}
    labels = replace(model(replace(UNKNOWN, precision="fp32")), outputs=(LABELS,))
    engine[""] = 0.5
    assert judged(Judge(labels, "")) == {}


@pytest.mark.usefixtures("engine")
def test_without_an_fp32_file_and_of_invented_figures_nothing_is_judged() -> None:
    half = Judge(model(replace(CARD, precision="fp16")), "")
    assert judged(half, parent=None) == {}
    assert judged(Judge(model(CARD), ""), backend="fake") == {}


@pytest.mark.usefixtures("engine")
def test_without_an_fp32_file_an_engine_in_8_bits_is_judged_by_its_own() -> None:
    judge = Judge(model(CARD), "")
    assert judged(judge, parent=None) == {"boxes": True, "scores": False}
    assert judge.remarks() == ()


def test_scores_are_not_judged_where_the_parent_finds_nothing(engine: dict[str, float]) -> None:
    """Of made-up images, a good detector's scores are those of background."""
    engine["largest scores"] = 0.01
    judge = Judge(model(CARD), "")
    assert judged(judge) == {"boxes": True}
    assert judge.remarks() == ()


@pytest.mark.usefixtures("engine")
def test_of_rows_that_a_graph_chose_the_scores_are_judged() -> None:
    chosen = replace(CARD, layout="b_n_6")
    assert judged(Judge(model(chosen, 1, 300, 6), "")) == {"scores": False}
    assert judged(Judge(model(chosen, 1, 300, 6, nms=True), "")) == {}


def several(card: ModelCard) -> ExportedModel:
    """Boxes, scores and labels that a graph chose, in outputs of their own."""
    shapes = {"boxes": ("b", 300, 4), "scores": ("b", 300), "labels": ("b", 300)}
    dtypes = {"labels": "int64"}
    outputs = (
        TensorSpec(name=name, dtype=dtypes.get(name, "float32"), shape=shape)
        for name, shape in shapes.items()
    )
    return replace(model(card), outputs=tuple(outputs))


def test_of_boxes_in_outputs_of_their_own_the_scores_are_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def compare(
        artifact: object, parent: object, *, parts: Mapping[str, Sequence[Part]], **_: object
    ) -> Comparison:
        numbers: dict[str, Any] = {"max_abs_error": 0.9, "absmax": 0.9, "relative_error": 0.9}
        return Comparison(
            differences=tuple(
                Difference(size=SIZE, output=output, part=part, **numbers)
                for output in ("boxes", "scores", "labels")
                for part in [one.name for one in parts.get(output, ())] or [""]
            )
        )

    monkeypatch.setattr(engines.comparing, "compare", compare)
    assert judged(Judge(several(replace(CARD, layout="boxes_scores_labels")), "")) == {
        "scores": False
    }
    unknown = Judge(several(UNKNOWN), "")
    assert judged(unknown) == {"": False}
    assert "layout boxes_scores_labels to judge the scores in their order" in unknown.remarks()[0]
    wrong = Judge(model(replace(CARD, layout="dets_labels")), "")
    judged(wrong)
    assert "do not have the layout dets_labels" in wrong.remarks()[0]


def test_a_layout_is_proposed_by_shapes_and_values(engine: dict[str, float]) -> None:
    judge = Judge(model(UNKNOWN), "")
    assert judged(judge) == {"": True}
    (said,) = judge.remarks()
    assert "output0 was judged as a whole" in said
    assert "layout b_4c_n" in said
    told = Judge(model(UNKNOWN), "b_4c_n")
    assert judged(told) == {"boxes": True, "scores": False}
    engine["largest scores"] = 12.0  # logits
    others = Judge(model(UNKNOWN), "")
    assert judged(others) == {"": True}
    assert others.remarks() == ()


@pytest.mark.usefixtures("engine")
def test_a_layout_that_the_outputs_do_not_have_is_said() -> None:
    judge = Judge(model(replace(CARD, classes=("a", "b", "c"))), "")
    assert judged(judge) == {"": True}
    (said,) = judge.remarks()
    assert "do not have the layout b_4c_n of 3 classes" in said


def test_what_was_found_at_its_conversion_is_said_again(engine: dict[str, float]) -> None:
    engine["scores"] = 0.01
    far = Deviation(
        size=SIZE,
        output="output0",
        part="scores",
        max_abs_error=0.9,
        absmax=0.9,
        relative_error=0.96,
        bound=0.2,
    )
    judge = Judge(model(replace(CARD, deviations=(far,))), "")
    assert judged(judge) == {"boxes": True, "scores": True}
    assert judge.remarks() == (
        "net.int8.onnx exceeded the 20% allowed for int8 when it was converted: output0 scores is "
        "96% off at 64x64.",
    )


@pytest.mark.parametrize(
    ("precision", "own", "file", "within"),
    [
        ("int8", 0.73, 0.009, False),  # a bias that was cut off
        ("int8", 0.0081, 0.0048, True),  # a rounding more in every layer
        ("int8", 0.019, 0.0001, True),
        ("int8", 0.021, 0.0001, False),
        ("int8", 0.19, 0.1, True),
        ("int8", 0.21, 0.1, False),
        ("fp8", 0.029, 0.001, True),
        ("fp8", 0.031, 0.001, False),
    ],
)
def test_an_engine_may_be_twice_as_far_from_its_file_as_that_is_from_fp32(
    precision: str, own: float, file: float, within: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Difference(
        size=SIZE,
        output="output0",
        max_abs_error=0.1,
        absmax=1.0,
        relative_error=0.1,
        own_error=own,
        file_error=file,
    )
    monkeypatch.setattr(
        engines.comparing, "compare", lambda *_, **__: Comparison(differences=(one,))
    )
    judge = Judge(model(ModelCard(network="net", precision=precision)), "")
    assert judged(judge) == {"": within}

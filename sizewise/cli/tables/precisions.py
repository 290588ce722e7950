"""Tables of a converted file: its error against the source file, and its accuracy loss."""

from __future__ import annotations

from typing import Any

from netzoo.tasks.registry import find_task
from sizewise.cli import console
from sizewise.core import codec
from sizewise.core.specs import (
    FINAL_LAYOUTS,
    Deviation,
    ExportedModel,
    ModelCard,
    ParityCheck,
    Size,
    excluded_in,
)
from sizewise.core.trials import Accuracy
from sizewise.pipeline.accuracy.scoring import Score
from sizewise.pipeline.convert import Converted


def show_converted(converted: Converted) -> None:
    """Show a line on the file, its error against the source, and its accuracy."""
    model, card = converted.model, converted.model.card
    console.remark(
        f"{model.path}  {model.path.stat().st_size / 2**20:.1f} MiB, opset {model.opset_version}, "
        f"{card.task}, stride {card.stride}, {_precision(card)}{_drop(card)}"
    )
    if card.parity:
        _show_parity(card)
    if card.deviations:
        _show_deviations(card)
    if converted.scores:
        _show_scores(model, converted.scores)


def plain_converted(converted: Converted) -> dict[str, Any]:
    """The model for ``--json``, with its scores, and what was left out of its calibration pictures,
    where there are some."""
    scores = [codec.to_plain(score) | {"drop_points": score.drop} for score in converted.scores]
    plain: dict[str, Any] = codec.to_plain(converted.model)
    skipped = [codec.to_plain(one) for one in converted.skipped]
    return (
        plain | ({"scores": scores} if scores else {}) | ({"skipped": skipped} if skipped else {})
    )


def _precision(card: ModelCard) -> str:
    if not card.kept:
        return card.precision
    few = ", ".join(card.kept[:3]) + (", …" if len(card.kept) > 3 else "")
    layers = "1 layer" if len(card.kept) == 1 else f"{len(card.kept)} layers"
    return f"{card.precision}, with {layers} in {excluded_in(card.precision)} ({few})"


def _drop(card: ModelCard) -> str:
    return "" if card.drop is None else f", accuracy loss at most {card.drop:z.2f} points"


def _show_parity(card: ModelCard) -> None:
    origin = "the source file" if card.parent_sha256 else "eager PyTorch"
    console.show_table(
        f"Parity with {origin} (largest absolute error)",
        ("input (B, H×W)", "output", "error", "allowed", "largest value"),
        [_parity_row(check) for check in card.parity],
    )


def _parity_row(check: ParityCheck) -> tuple[str, ...]:
    return (
        f"{check.batch_size}, {_size(check.size)}",
        check.output,
        f"{check.max_abs_error:.2g}",
        f"{check.tolerance:.2g}",
        f"{check.absmax:.3g}",
    )


def _show_deviations(card: ModelCard) -> None:
    console.show_table(
        f"Error of {card.precision} against FP32{_where(card)}",
        (
            "size (H×W)",
            *(["calibrated there"] if card.calibration else []),
            *("output", "relative error", "allowed", "largest error", "largest value"),
        ),
        [_deviation_row(one, card) for one in card.deviations],
    )


def _where(card: ModelCard) -> str:
    images = "on calibration pictures" if card.calibration else "on random noise"
    if card.layout not in FINAL_LAYOUTS and not card.suppression:
        return f", {images}"
    # Rows that a graph chooses are not the parent's rows, so what comes before them is compared.
    by_parts = any(one.part for one in card.deviations)
    beside = " and by scores in order" if card.layout in FINAL_LAYOUTS else " and before NMS"
    return f", {images}, at the heads{beside if by_parts else ''}"


def _deviation_row(one: Deviation, card: ModelCard) -> tuple[str, ...]:
    return (
        _size(one.size),
        *([_calibrated(one.size, card)] if card.calibration else []),
        one.name,
        f"{one.relative_error:.2%}{'' if one.within else ' !'}",
        f"{100 * one.bound:g}%",
        f"{one.max_abs_error:.2g}",
        f"{one.absmax:.3g}",
    )


def _size(size: Size) -> str:
    return f"{size.height}×{size.width}"


def _calibrated(size: Size, card: ModelCard) -> str:
    return "yes" if card.calibration and size in card.calibration.sizes else "no"


def _show_scores(model: ExportedModel, scores: tuple[Score, ...]) -> None:
    card = model.card
    metrics = find_task(card.task).metrics.items()
    measured = [one for score in scores for one in (score.parent, score.made)]
    names = {
        key: name
        for key, name in metrics
        if key != "f_measure" and any(getattr(one, key) is not None for one in measured)
    }
    console.show_table(
        f"Accuracy in {card.precision} and FP32, on {scores[0].made.images} images (0–1)",
        (
            "size (H×W)",
            *(["calibrated there"] if card.calibration else []),
            *(f"{name} {which}" for name in names.values() for which in ("fp32", card.precision)),
            "loss in points",
        ),
        [
            (
                _size(score.size),
                *([_calibrated(score.size, card)] if card.calibration else []),
                *(_score(one, key) for key in names for one in (score.parent, score.made)),
                f"{score.drop:z.2f}",
            )
            for score in scores
        ],
    )


def _score(accuracy: Accuracy, name: str) -> str:
    value = getattr(accuracy, name)
    return "–" if value is None else f"{value:.4f}"

"""What ``predict`` runs: an engine, made of an ONNX file or built before, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from netzoo.tasks.detector import Detector
from netzoo.tasks.segmenter import Segmenter
from sizewise.core.errors import UsageError
from sizewise.core.specs import EngineArtifact, ExportedModel, ImageInput, ModelCard, Size
from sizewise.pipeline.one_engine import build_engine, read_engine
from sizewise.pipeline.prediction.predictor import Predictor
from sizewise.pipeline.prediction.reading import ReadingOptions, demand_masks, readable_card

_USUAL_SIDE = 416
"""Pixels of height and width, where neither the model nor the user says them."""


def obtain_predictor(
    path: Path, options: ReadingOptions, engines: Path, *, backend: str = "", size: str = ""
) -> Predictor[Any]:
    """``path`` is an ONNX file, whose engine is built into ``engines`` or found there, or the
    folder of an engine. Raises UsageError, InputError, EngineError and OutputError."""
    asked = Size.parse(size) if size else None
    if path.is_dir():
        artifact = read_engine(path, backend)
        make = _reader(path.name, artifact.card, artifact.image, options)
        return make(artifact=artifact, size=_admitted(artifact, asked))
    if path.suffix == ".safetensors":
        raise UsageError(
            f"{path} can't predict by itself",
            "it is a checkpoint, and pictures go through an engine",
            f"Export it first: sizewise export {path} --dynamic",
        )
    from sizewise.core.onnxfile import read_model

    model = read_model(path)
    make = _reader(path.name, model.card, model.image, options)
    chosen = asked or _usual_size(model)
    return make(artifact=build_engine(model, backend, (chosen,), engines), size=chosen)


def _reader(
    name: str, card: ModelCard, image: ImageInput, options: ReadingOptions
) -> Callable[..., Predictor[Any]]:
    if card.task == "segmentation":
        demand_masks(name, image, options)
        return partial(Segmenter, card=card)
    readable = readable_card(name, card, image, options)
    return partial(Detector, card=readable, tree_threshold=options.tree_threshold)


def _admitted(artifact: EngineArtifact, asked: Size | None) -> Size:
    """``asked``, or what the engine was tuned for."""
    from engines.inputs import check_size

    size = asked or artifact.spec.profiles[0].opt
    check_size(artifact, size)
    return size


def _usual_size(model: ExportedModel) -> Size:
    """The file's own height and width, and where it leaves them open the usual ones, or its
    smallest, rounded up to its stride."""
    image, card = model.image, model.card
    usual = card.round_up(max(_USUAL_SIDE, card.smallest))
    sides = (image.tensor.shape[axis] for axis in (image.height_axis, image.width_axis))
    return Size(*(side if isinstance(side, int) else usual for side in sides))

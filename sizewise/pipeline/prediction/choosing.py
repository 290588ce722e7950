"""What ``predict`` runs: an engine, made of an ONNX file or built before, and how it is read."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netzoo.tasks.task import Predictor
from sizewise.core.errors import UsageError
from sizewise.core.progress import Reporter
from sizewise.core.specs import EngineArtifact, ExportedModel, Size
from sizewise.pipeline.one_engine import build_engine, read_engine
from sizewise.pipeline.prediction.options import PredictOptions
from sizewise.pipeline.prediction.reading import find_predictor

_USUAL_SIDE = 416
"""Pixels of height and width, where neither the model nor the user says them."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """An engine, and how its outputs are read."""

    artifact: EngineArtifact
    predictor: Predictor[Any]


def choose_engine(path: Path, options: PredictOptions, engines: Path, reporter: Reporter) -> Chosen:
    """The engine at ``path``; that of an ONNX file is built into ``engines`` unless it is there.

    Raises UsageError, InputError, EngineError and OutputError.
    """
    if path.is_dir():
        return _built(path, options)
    if path.suffix == ".safetensors":
        raise UsageError(
            f"{path} can't be used for prediction",
            "it is a checkpoint, and predict runs an ONNX file or an engine",
            f"Export it first: sizewise export {shlex.quote(str(path))} --dynamic",
        )
    from sizewise.core.onnxfile import read_model

    model = read_model(path)
    size = options.size or _usual_size(model)
    card = options.shown_to(model.card)
    predictor = find_predictor(path.name, card, model, size, options)
    artifact = build_engine(model, options.backend, (size,), engines, reporter=reporter)
    return Chosen(artifact=artifact, predictor=predictor)


def _built(folder: Path, options: PredictOptions) -> Chosen:
    """An engine at the size requested, or at what it was tuned for."""
    from engines.inputs import check_size

    artifact = read_engine(folder, options.backend)
    size = options.size or artifact.spec.profiles[0].opt
    card = options.shown_to(artifact.card)
    predictor = find_predictor(folder.name, card, artifact, size, options)
    check_size(artifact, size)
    return Chosen(artifact=artifact, predictor=predictor)


def _usual_size(model: ExportedModel) -> Size:
    """The file's own height and width; where it leaves them open, the usual ones or its smallest,
    rounded up to its stride."""
    image, card = model.image, model.card
    usual = card.round_up(max(_USUAL_SIDE, card.smallest))
    sides = (image.tensor.shape[axis] for axis in (image.height_axis, image.width_axis))
    return Size(*(side if isinstance(side, int) else usual for side in sides))

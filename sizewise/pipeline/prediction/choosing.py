"""What ``predict`` runs: an engine, made of an ONNX file or built before, and how it is read."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netzoo.tasks.task import Predictor
from sizewise.core.errors import EngineMismatchError, InputError, UsageError
from sizewise.core.files import demand_file
from sizewise.core.further.resolving import further_of, said_again, why_unknown
from sizewise.core.progress import Reporter
from sizewise.core.specs import EngineArtifact, ExportedModel, FurtherInput, Size
from sizewise.pipeline.models.cards import demand_sizes
from sizewise.pipeline.models.one_engine import build_engine, read_engine
from sizewise.pipeline.prediction.options import PredictOptions, RunOptions
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
        demand_file(path)
        raise InputError(
            f"{path} can't be used for prediction",
            "it is a checkpoint, and predict runs an ONNX file or an engine",
            f"Export it first: sizewise export {shlex.quote(str(path))} --dynamic",
        )
    from sizewise.core.onnxfiles.model import read_model

    model = read_model(path)
    size = options.size or _usual_size(model)
    demand_sizes(model, (size,))
    card = options.shown_to(model.card)
    predictor = find_predictor(path.name, card, model, size, options)
    model = replace(model, card=replace(model.card, inputs=card.inputs))
    _demand_known(path.name, further_of(model), size)
    if model.image.assumption:
        reporter.remark(model.image.assumption)
    artifact = build_engine(
        model, options.backend, (size,), engines, limits=options.limits, reporter=reporter
    )
    return Chosen(artifact=artifact, predictor=predictor)


def _built(folder: Path, options: PredictOptions) -> Chosen:
    """An engine at the size requested, or at what it was tuned for."""
    from engines.inputs import check_size

    artifact = read_engine(folder, options.backend, options.trusted(folder))
    artifact = replace(artifact, further=said_again(artifact.further, options.input))
    size = options.size or artifact.spec.profiles[0].opt
    predictor = predictor_at(artifact, size, options)
    try:
        check_size(artifact, size)
    except EngineMismatchError as error:  # the option is wrong: the engine takes its own size
        raise UsageError(error.what, error.why, error.todo) from error
    return Chosen(artifact=artifact, predictor=predictor)


def predictor_at(
    artifact: EngineArtifact, size: Size, options: RunOptions, *, to_draw: bool = True
) -> Predictor[Any]:
    """How the outputs of an engine are read at an input size; ``to_draw`` as for
    :func:`find_predictor`. Raises UsageError and InputError."""
    name = artifact.path.name
    _demand_known(name, artifact.further, size)
    card = options.shown_to(artifact.card)
    return find_predictor(name, card, artifact, size, options, to_draw=to_draw)


def _demand_known(name: str, further: Sequence[FurtherInput], size: Size) -> None:
    if why := why_unknown(further, (size,)):
        raise UsageError(
            f"{name} can't predict",
            why,
            "Say it; a value, a shape of zeros or a .npy file.",
        )


def _usual_size(model: ExportedModel) -> Size:
    """The file's own height and width; where it leaves them open, the usual ones or its smallest,
    rounded up to its stride."""
    image, card = model.image, model.card
    usual = card.round_up(max(_USUAL_SIDE, card.smallest))
    sides = (image.tensor.shape[axis] for axis in (image.height_axis, image.width_axis))
    return Size(*(side if isinstance(side, int) else usual for side in sides))

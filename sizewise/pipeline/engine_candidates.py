"""Models that ``evaluate`` runs in an engine: ONNX files, and engines built before."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netzoo.tasks.showing import PictureOptions
from sizewise.core.errors import EngineError, EngineMismatchError, InputError, UsageError
from sizewise.core.further.resolving import further_of, said_again, why_unknown
from sizewise.core.options import spelled
from sizewise.core.progress import SILENT, Progress, Reporter
from sizewise.core.specs import (
    EngineArtifact,
    FurtherInput,
    ImageInput,
    ModelCard,
    Size,
    TensorSpec,
)
from sizewise.pipeline.models import card_as, read_as, usual_sizes
from sizewise.pipeline.one_engine import USUAL_BACKEND, build_engine, read_engine

if TYPE_CHECKING:
    from engines.base import Session
    from netzoo.data.coco import Dataset
    from sizewise.core.trials import Accuracy
    from sizewise.pipeline.candidates import Scores


class OnnxFile:
    """An ONNX file: one dynamic engine for all sizes, deleted after the evaluation."""

    def __init__(self, path: Path, backend: str, layout: str, pictures: PictureOptions) -> None:
        from engines.registry import find_backend

        model = read_as(path, layout)
        self.card = pictures.shown_to(model.card)
        self._model = replace(model, card=replace(model.card, inputs=self.card.inputs))
        _demand_meaning(path.name, self.card, self._model.outputs)
        self.runs_in = find_backend(backend or USUAL_BACKEND).name
        self.sizes = usual_sizes(self.card, self._model.image)

    def refusal(self, size: Size) -> str:
        return self._model.refusal(size)

    def scores(
        self, data: Dataset, sizes: Sequence[Size], reporter: Reporter
    ) -> Iterator[tuple[Size, Scores | EngineError]]:
        model, further = self._model, further_of(self._model)
        _demand_fit(model.path.name, self.card, model.image, further, data)
        with tempfile.TemporaryDirectory() as folder:
            artifact = build_engine(
                self._model, self.runs_in, sizes, Path(folder), reporter=reporter
            )
            outcomes = evaluate_engine(artifact, self.card, data, sizes, reporter)
            yield from _scores(self.card, outcomes)


class EngineFolder:
    """An engine of ``sizewise build``, at the sizes that it was built for.

    ``trusted`` are hashes of engines that others built.
    """

    def __init__(
        self,
        folder: Path,
        backend: str,
        layout: str,
        pictures: PictureOptions,
        trusted: Collection[str],
    ) -> None:
        artifact = read_engine(folder, backend)
        further = said_again(artifact.further, pictures.input)
        self._artifact = replace(artifact, further=further)
        self._trusted = trusted
        card = self._artifact.card
        read_as_said = card_as(folder.name, card, layout) if layout else card
        self.card = pictures.shown_to(read_as_said)
        _demand_meaning(folder.name, self.card, self._artifact.outputs)
        self.runs_in = self._artifact.spec.backend
        self.sizes = self._artifact.spec.sizes

    def refusal(self, size: Size) -> str:
        from engines.inputs import check_size

        try:
            check_size(self._artifact, size)
        except EngineMismatchError as error:
            return error.why
        return ""

    def scores(
        self, data: Dataset, sizes: Sequence[Size], reporter: Reporter
    ) -> Iterator[tuple[Size, Scores | EngineError]]:
        artifact = self._artifact
        _demand_fit(artifact.path.name, self.card, artifact.image, artifact.further, data)
        outcomes = evaluate_engine(
            self._artifact, self.card, data, sizes, reporter, trusted=self._trusted
        )
        yield from _scores(self.card, outcomes)


def _demand_meaning(name: str, card: ModelCard, outputs: Sequence[TensorSpec]) -> None:
    from netzoo.tasks.layouts import fitting_layouts, layout_names
    from netzoo.tasks.registry import tasks

    task = tasks().get(card.task)
    if task is None and card.layout == "unknown":
        raise UsageError(
            f"The outputs of {name} can't be read",
            "the file does not say what they mean",
            f"If it is a detector, name their layout with {spelled('layout')}: "
            f"{', '.join(layout_names())}.{_proposal(fitting_layouts(outputs))}",
        )
    if task is None:
        raise InputError(
            f"The outputs of {name} can't be read",
            f"their layout is {card.layout}, and that is none of {', '.join(layout_names())}",
            "Give a model with boxes, masks or classes as outputs.",
        )
    if not task.evaluates_engines:
        raise InputError(
            f"{name} can't be evaluated in an engine",
            f"its task is {task.name}, whose {' and '.join(task.metrics.values())} are measured in "
            "PyTorch",
            "Give its checkpoint (.safetensors).",
        )


def _proposal(layouts: Sequence[str]) -> str:
    return f" By their shapes they may be {' or '.join(layouts)}." if layouts else ""


def _demand_fit(
    name: str,
    card: ModelCard,
    image: ImageInput,
    further: Sequence[FurtherInput],
    data: Dataset,
) -> None:
    from bench.accuracy import misfit

    if why := misfit(card, image, data) or why_unknown(further):
        raise InputError(
            f"{name} can't be evaluated on {data.name}", why, "Give a model and data that fit."
        )


def evaluate_engine(
    artifact: EngineArtifact,
    card: ModelCard,
    data: Dataset,
    sizes: Sequence[Size],
    progress: Progress = SILENT,
    *,
    trusted: Collection[str] = (),
) -> Iterator[tuple[Size, Accuracy | EngineError]]:
    """The accuracy at each size, or the error that it ended in."""
    from engines.store.opening import open_engine

    with open_engine(artifact, trusted) as session:
        for size in sizes:
            try:
                yield size, _accuracy(session, card, data, size, progress)
            except EngineError as error:
                yield size, error


def _accuracy(
    session: Session, card: ModelCard, data: Dataset, size: Size, progress: Progress
) -> Accuracy:
    from bench.accuracy import accuracy_of, evaluate_images, find_evaluator

    evaluator = find_evaluator(card, data)
    step = session.artifact.spec.batch_size
    with progress.stage(f"Evaluating at {size}", len(data.images)) as stage:
        for start in range(0, len(data.images), step):
            images = data.images[start : start + step]
            evaluate_images(session, size, images, evaluator)
            stage.advance(len(images))
    return accuracy_of(evaluator, data)


def _scores(
    card: ModelCard, outcomes: Iterable[tuple[Size, Accuracy | EngineError]]
) -> Iterator[tuple[Size, Scores | EngineError]]:
    from netzoo.tasks.registry import find_task

    names = find_task(card.task).metrics
    for size, outcome in outcomes:
        if isinstance(outcome, EngineError):
            yield size, outcome
        else:
            yield size, {name: getattr(outcome, name) for name in names}

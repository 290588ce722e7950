"""Models that ``evaluate`` runs in an engine: ONNX files, and engines built before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import EngineError, EngineMismatchError, InputError, UsageError
from sizewise.core.further.resolving import further_of, said_again, why_unknown
from sizewise.core.holding.temporary import naming_tmpdir, temporary_folder
from sizewise.core.progress import SILENT, Progress, Reporter
from sizewise.core.specs import (
    EngineArtifact,
    ExportedModel,
    FurtherInput,
    ImageInput,
    ModelCard,
    Size,
    Suppression,
)
from sizewise.pipeline.accuracy.candidates import Scores
from sizewise.pipeline.models.cards import usual_sizes
from sizewise.pipeline.models.one_engine import USUAL_BACKEND, build_engine, read_engine

if TYPE_CHECKING:
    from engines.apart import RunLimits
    from engines.base import Inferring
    from netzoo.tasks.task import Data, Evaluator
    from sizewise.core.trials import Accuracy

ReadAs = Callable[[str, ModelCard], ModelCard]
"""The card of the model of this name, with what the user says of its inputs and outputs."""


class OnnxFile:
    """An ONNX file: one dynamic engine for all sizes, deleted after the evaluation.

    The engine runs in a process of its own, within ``limits``.
    """

    def __init__(self, path: Path, backend: str, read_as: ReadAs, limits: RunLimits) -> None:
        from engines.registry import find_backend
        from sizewise.core.onnxfiles.model import read_model

        model = read_model(path)
        self.card = read_as(path.name, model.card)
        self._limits = limits
        self._model = replace(model, card=replace(model.card, inputs=self.card.inputs))
        _demand_meaning(path.name, self.card, self._model)
        self.runs_in = find_backend(backend or USUAL_BACKEND).name
        self.sizes = usual_sizes(self.card, self._model.image)

    def refusal(self, size: Size) -> str:
        return self._model.refusal(size)

    def scores(
        self, data: Data, sizes: Sequence[Size], suppression: Suppression | None, reporter: Reporter
    ) -> Iterator[tuple[Size, Scores | EngineError]]:
        from engines.apart import EngineApart

        model, further = self._model, further_of(self._model)
        _demand_fit(model.path.name, self.card, model.image, further, data, sizes=sizes)
        if model.image.assumption:
            reporter.remark(model.image.assumption)
        with temporary_folder() as folder:
            with naming_tmpdir():
                artifact = build_engine(
                    model, self.runs_in, sizes, folder, limits=self._limits, reporter=reporter
                )
            with EngineApart(artifact, self._limits, name=model.path.name) as engine:
                outcomes = _evaluated(
                    engine, self.card, data, sizes, reporter, suppression=suppression
                )
                yield from _scores(self.card, outcomes)


class EngineFolder:
    """An engine of ``sizewise build``, at the sizes that it was built for.

    ``trusted`` are hashes of manifests of engines that others built. The engine runs in a process
    of its own, within ``limits``.
    """

    def __init__(
        self,
        folder: Path,
        backend: str,
        read_as: ReadAs,
        trusted: Collection[str],
        limits: RunLimits,
    ) -> None:
        artifact = read_engine(folder, backend, trusted)
        self.card = read_as(folder.name, artifact.card)
        further = said_again(artifact.further, self.card.inputs)
        self._artifact = replace(artifact, further=further)
        self._trusted, self._limits = trusted, limits
        _demand_meaning(folder.name, self.card, self._artifact)
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
        self, data: Data, sizes: Sequence[Size], suppression: Suppression | None, reporter: Reporter
    ) -> Iterator[tuple[Size, Scores | EngineError]]:
        from engines.apart import EngineApart

        artifact = self._artifact
        _demand_fit(
            artifact.path.name, self.card, artifact.image, artifact.further, data, sizes=sizes
        )
        name = artifact.path.name
        with EngineApart(artifact, self._limits, name=name, trusted=self._trusted) as engine:
            outcomes = _evaluated(engine, self.card, data, sizes, reporter, suppression=suppression)
            yield from _scores(self.card, outcomes)


def _demand_meaning(name: str, card: ModelCard, model: ExportedModel | EngineArtifact) -> None:
    from netzoo.tasks.registry import name_a_layout, task_of

    if task_of(card) is not None:
        return
    if card.layout != "unknown":
        raise InputError(
            f"The outputs of {name} can't be read",
            f"their layout is {card.layout}, and that is none that is known here",
            "Give a model with boxes, masks or classes as outputs.",
        )
    raise UsageError(
        f"The outputs of {name} can't be read",
        "the file does not say what they mean",
        name_a_layout(model.outputs, model.image),
    )


def _demand_fit(
    name: str,
    card: ModelCard,
    image: ImageInput,
    further: Sequence[FurtherInput],
    data: Data,
    *,
    sizes: Sequence[Size],
) -> None:
    from bench.accuracy.engine import misfit

    if why := misfit(card, image, data) or why_unknown(further, sizes):
        raise InputError(
            f"{name} can't be evaluated on {data.name}", why, "Give a model and data that fit."
        )


def evaluate_engine(
    engine: Inferring,
    card: ModelCard,
    data: Data,
    sizes: Sequence[Size],
    progress: Progress = SILENT,
    *,
    suppression: Suppression | None = None,
) -> Iterator[tuple[Size, Accuracy | EngineError]]:
    """The accuracy at each size, or the error that it ended in. After a call that did not end in
    time, no other size is tried: it would not end, either."""
    outcomes = _evaluated(
        engine, card, data, sizes, progress, suppression=suppression, figures=False
    )
    for size, outcome in outcomes:
        yield size, outcome if isinstance(outcome, EngineError) else outcome.accuracy


@dataclass(frozen=True, kw_only=True)
class _Evaluated:
    """An accuracy, and the evaluator that knows more of it."""

    accuracy: Accuracy
    evaluator: Evaluator


def _evaluated(
    engine: Inferring,
    card: ModelCard,
    data: Data,
    sizes: Sequence[Size],
    progress: Progress,
    *,
    suppression: Suppression | None,
    figures: bool = True,
) -> Iterator[tuple[Size, _Evaluated | EngineError]]:
    from bench.accuracy.engine import find_evaluator

    for place, size in enumerate(sizes):
        evaluator = find_evaluator(card, data, suppression)
        evaluator.measures_figures = figures
        try:
            accuracy = _accuracy(engine, evaluator, data, size, progress)
        except EngineError as error:
            yield size, error
            if error.reason_code == "timeout":
                yield from ((later, _not_tried(size, error)) for later in sizes[place + 1 :])
                return
        else:
            yield size, _Evaluated(accuracy=accuracy, evaluator=evaluator)


def _not_tried(size: Size, error: EngineError) -> EngineError:
    why = f"at {size}, {error.what[:1].lower()}{error.what[1:]}"
    return EngineError("This size was not tried", why, error.todo, reason_code="timeout")


def _accuracy(
    engine: Inferring, evaluator: Evaluator, data: Data, size: Size, progress: Progress
) -> Accuracy:
    from bench.accuracy.engine import accuracy_of, evaluate_images

    step = engine.artifact.spec.batch_size
    with progress.stage(f"Evaluating at {size}", len(data.images)) as stage:
        for start in range(0, len(data.images), step):
            images = data.images[start : start + step]
            evaluate_images(engine, size, images, evaluator)
            stage.advance(len(images))
    return accuracy_of(evaluator, data)


def _scores(
    card: ModelCard, outcomes: Iterable[tuple[Size, _Evaluated | EngineError]]
) -> Iterator[tuple[Size, Scores | EngineError]]:
    from netzoo.tasks.registry import find_task

    names = find_task(card.task).metrics
    for size, outcome in outcomes:
        if isinstance(outcome, EngineError):
            yield size, outcome
            continue
        known = {name: getattr(outcome.accuracy, name) for name in names}
        yield (
            size,
            Scores(
                scores={name: value for name, value in known.items() if value is not None},
                by_class=outcome.accuracy.iou_by_class,
                figures=outcome.evaluator.figures,
            ),
        )

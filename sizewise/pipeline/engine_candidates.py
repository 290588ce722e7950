"""Models that ``evaluate`` judges through an engine: an ONNX file, or an engine built before."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import EngineError, EngineMismatchError, InputError, UsageError
from sizewise.core.progress import Progress
from sizewise.core.specs import EngineArtifact, ImageInput, ModelCard, Size
from sizewise.pipeline.models import card_as, read_as, usual_sizes
from sizewise.pipeline.one_engine import USUAL_BACKEND, build_engine, read_engine

if TYPE_CHECKING:
    from engines.base import Session
    from netzoo.data.coco import Dataset
    from sizewise.core.trials import Accuracy


class OnnxFile:
    """One dynamic engine for all sizes, gone when they are evaluated."""

    def __init__(self, path: Path, backend: str, layout: str) -> None:
        from engines.registry import find_backend

        self._model = read_as(path, layout)
        self.card = self._model.card
        _demand_meaning(path.name, self.card)
        self.runs_in = find_backend(backend or USUAL_BACKEND).name
        self.sizes = usual_sizes(self.card, self._model.image)

    def refusal(self, size: Size) -> str:
        return self._model.refusal(size)

    def judged(
        self, data: Dataset, sizes: Sequence[Size], progress: Progress
    ) -> Iterator[tuple[Size, Accuracy | EngineError]]:
        _demand_fit(self._model.path.name, self.card, self._model.image, data)
        with tempfile.TemporaryDirectory() as folder:
            artifact = build_engine(self._model, self.runs_in, sizes, Path(folder))
            yield from judge_engine(artifact, self.card, data, sizes, progress)


class Built:
    """An engine of ``sizewise build``, at the sizes that it was built for. ``trusted`` are hashes
    of engines that others built."""

    def __init__(self, folder: Path, backend: str, layout: str, trusted: Collection[str]) -> None:
        self._artifact = read_engine(folder, backend)
        self._trusted = trusted
        card = self._artifact.card
        self.card = card_as(folder.name, card, layout) if layout else card
        _demand_meaning(folder.name, self.card)
        self.runs_in = self._artifact.spec.backend
        self.sizes = self._artifact.spec.sizes.text

    def refusal(self, size: Size) -> str:
        from engines.inputs import check_size

        try:
            check_size(self._artifact, size)
        except EngineMismatchError as error:
            return error.why
        return ""

    def judged(
        self, data: Dataset, sizes: Sequence[Size], progress: Progress
    ) -> Iterator[tuple[Size, Accuracy | EngineError]]:
        _demand_fit(self._artifact.path.name, self.card, self._artifact.image, data)
        yield from judge_engine(
            self._artifact, self.card, data, sizes, progress, trusted=self._trusted
        )


def _demand_meaning(name: str, card: ModelCard) -> None:
    from netzoo.tasks.layouts import layout_names

    if card.task == "classification":
        raise UsageError(
            f"{name} can't be evaluated through an engine",
            "it is a classifier, whose top-1 and top-5 are measured in PyTorch",
            "Give its checkpoint (.safetensors).",
        )
    if card.task == "unknown":
        raise UsageError(
            f"The outputs of {name} can't be read",
            "the file does not say what they mean",
            f"Where it is a detector, say it with --layout, one of {', '.join(layout_names())}.",
        )


def _demand_fit(name: str, card: ModelCard, image: ImageInput, data: Dataset) -> None:
    from bench.accuracy import misfit

    if why := misfit(card, image, data):
        raise InputError(
            f"{name} can't be evaluated on {data.name}", why, "Give a model and data that fit."
        )


def judge_engine(
    artifact: EngineArtifact,
    card: ModelCard,
    data: Dataset,
    sizes: Sequence[Size],
    progress: Progress,
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
    from bench.accuracy import find_judge, judge_images

    judge = find_judge(card, data)
    step = session.artifact.spec.batch_size
    with progress.stage(f"evaluate at {size}", len(data.images)) as stage:
        for start in range(0, len(data.images), step):
            images = data.images[start : start + step]
            judge_images(session, size, images, judge)
            stage.advance(len(images))
    return judge.accuracy()

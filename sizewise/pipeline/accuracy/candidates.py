"""The models that ``evaluate`` takes: a checkpoint (in PyTorch), an ONNX file or an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from netzoo.tasks.figures import Figures
from netzoo.tasks.showing import AS_THE_CARD_SAYS, PictureOptions
from sizewise.core.errors import EngineError
from sizewise.core.progress import Reporter
from sizewise.core.specs import ModelCard, Size, Sizes, Suppression
from sizewise.pipeline.models.cards import usual_sizes

if TYPE_CHECKING:
    from netzoo.data.classified import ClassifiedSet
    from netzoo.data.coco.dataset import Dataset
    from netzoo.tasks.task import Evaluator

    Data = Dataset | ClassifiedSet


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The metrics of the task (0–1), by name, and the IoU of each class where they are means over
    classes. ``figures`` measures further ones (``Evaluator.figures``)."""

    scores: Mapping[str, float]
    by_class: Mapping[str, float] = field(default_factory=dict)
    figures: Callable[[str], Figures] = lambda _: Figures()


def scores_of(evaluator: Evaluator) -> Scores:
    """What an evaluator that has seen all images says."""
    return Scores(
        scores=evaluator.scores(), by_class=evaluator.by_class(), figures=evaluator.figures
    )


class Candidate(Protocol):
    """A model to evaluate: ``runs_in`` is PyTorch or a back end, ``sizes`` are its usual ones."""

    card: ModelCard
    runs_in: str
    sizes: Sizes

    def refusal(self, size: Size) -> str:
        """Why it does not take ``size``; empty where it does."""

    def scores(
        self, data: Any, sizes: Sequence[Size], suppression: Suppression | None, reporter: Reporter
    ) -> Iterator[tuple[Size, Scores | EngineError]]:
        """Each size with its scores, or with the EngineError that it ended in. ``suppression`` is
        the NMS of boxes (None: there are none).

        Raises InputError where the data does not fit.
        """


class Checkpoint:
    """A checkpoint in PyTorch, its pictures fitted as ``options`` say. Raises InputError where
    ``path`` is none."""

    runs_in = "PyTorch"

    def __init__(self, path: Path, options: PictureOptions = AS_THE_CARD_SAYS) -> None:
        from netzoo.weights.checkpoint import load_checkpoint
        from netzoo.zoo.card import card_of

        self._network = load_checkpoint(path)
        self.card = options.shown_to(card_of(self._network))
        self.sizes = usual_sizes(self.card)

    def refusal(self, size: Size) -> str:
        return self.card.refusal(size)

    def scores(
        self, data: Data, sizes: Sequence[Size], suppression: Suppression | None, reporter: Reporter
    ) -> Iterator[tuple[Size, Scores | EngineError]]:
        from netzoo.training.evaluate import evaluated

        for size in sizes:
            try:
                found = evaluated(
                    self._network,
                    data,
                    size,
                    reporter,
                    suppression=suppression,
                    letterbox=self.card.letterbox,
                    figures=True,
                )
                yield size, scores_of(found)
            except EngineError as error:  # outputs that are no numbers
                yield size, error

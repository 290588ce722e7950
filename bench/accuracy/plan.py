"""What the accuracy of trials is measured on, and how outputs are read for it.

Data sets and tasks are not imported before they are needed: a worker that times calls holds this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netzoo.tasks.reading import NMS_FIELDS, NamesOption, SuppressionOptions
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import changed, spelled
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import ExportedModel, ModelCard, Suppression
from sizewise.core.trials import Accuracy

if TYPE_CHECKING:
    from netzoo.tasks.task import Data, Task


@dataclass(frozen=True, kw_only=True)
class DataKey:
    """Images to evaluate on: of the ``source``, whose pictures lie in ``folder`` where that is
    given, so many (0: all); as whole images of one class, or annotated."""

    source: str
    folder: Path | None
    images: int
    classified: bool


@dataclass(frozen=True, kw_only=True)
class AccuracyPlan(SuppressionOptions, NamesOption):
    """``data`` is a source that ``open_dataset`` takes, or empty for no accuracy; ``images`` of it
    are taken (0: all). Names and NMS are those that the user gave."""

    data: str = ""
    folder: Path | None = None
    images: int = 0

    def key(self, card: ModelCard) -> DataKey:
        """The images for a model of this card."""
        task = _task(card)
        classified = task is not None and task.learns_images
        return DataKey(
            source=self.data, folder=self.folder, images=self.images, classified=classified
        )

    def open(self, card: ModelCard, reporter: Reporter = SILENT) -> Data:
        """The whole validation part of the data, for a model of this card. Raises UsageError and
        InputError."""
        from netzoo.data.sources import open_dataset

        task = _task(card)
        if task is None:  # which is said where model and data have to fit
            return open_dataset(self.data, "val", images=self.folder, progress=reporter)
        return task.open_data(self.data, "val", reporter, images=self.folder)

    def suppression(self, name: str, card: ModelCard) -> Suppression | None:
        """The NMS that the user asks for; None where it is the usual one. Raises UsageError where
        the graph of the model ``name`` can't give it."""
        from netzoo.tasks.boxes.nms_settings import nms_to_evaluate, usual_nms

        if not finds_boxes(card) or not changed(self, *NMS_FIELDS):
            return None
        asked = nms_to_evaluate(name, card, self)
        return None if asked == usual_nms(card) else asked

    def nothing(self, model: ExportedModel, data: Data) -> Accuracy:
        """An accuracy without figures, measured as this says."""
        names = "\n".join(self.names).encode()
        return Accuracy(
            images=0,
            data_sha256=data.sha256,
            chosen=data.chosen,
            suppression=self.suppression(model.path.name, model.card),
            names_sha256=hashlib.sha256(names).hexdigest() if names else "",
        )


AS_USUAL = AccuracyPlan()
"""No data, and nothing said of names and boxes."""


def finds_boxes(card: ModelCard) -> bool:
    """Whether it is a detector's."""
    task = _task(card)
    return task is not None and task.finds_boxes


def _task(card: ModelCard) -> Task | None:
    """None where the file does not say what its outputs mean."""
    from netzoo.tasks.registry import task_of

    return task_of(card)


def demand_use(plans: Iterable[AccuracyPlan], cards: Iterable[ModelCard]) -> None:
    """Raises UsageError for settings that are given and change nothing: without data, or of boxes
    where no model is a detector."""
    known = list(plans)
    given = {name for plan in known for name in changed(plan, *NMS_FIELDS, "names")}
    given |= {"images" for plan in known if plan.folder}
    if given and not any(plan.data for plan in known):
        raise UsageError(
            f"{', '.join(map(spelled, sorted(given)))} can't be given alone",
            "it says how accuracy is measured, and there are no annotated images",
            f"Give {spelled('data')} too, or leave it out.",
        )
    boxes = sorted(given & set(NMS_FIELDS))
    if boxes and not any(map(finds_boxes, cards)):
        raise UsageError(
            f"{', '.join(map(spelled, boxes))} can't be given here",
            "it is for boxes of detectors, and no model is one",
            "Leave it out.",
        )

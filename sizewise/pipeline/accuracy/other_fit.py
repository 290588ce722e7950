"""Whether a model was trained on pictures that were fitted the other way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from netzoo.tasks.showing import other_fit
from sizewise.core.errors import EngineError, SizewiseError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import Size, Suppression

if TYPE_CHECKING:
    from netzoo.tasks.task import Data
    from sizewise.pipeline.accuracy.candidates import Candidate

IMAGES = 100
"""Pictures with boxes that both fits are tried on: enough to see a loss of many points."""
POINTS = 0.02
"""What the other fit must give more to be told of, of AP50 (0–1)."""
METRIC = "ap50"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """The size at which both fits are tried, and the NMS of boxes (None: there are none)."""

    size: Size
    suppression: Suppression | None


def remark_on_fit(
    candidate: Candidate,
    find_other: Callable[[], Candidate],
    data: Data,
    tried: Tried,
    reporter: Reporter,
) -> None:
    """Say so where the other candidate, which has pictures fitted the other way, is better by more
    than ``POINTS``, on some of the images with boxes. Whatever fails here is a remark, too."""
    from netzoo.data.choosing import chosen
    from netzoo.data.coco.dataset import Dataset

    if not isinstance(data, Dataset):
        return
    # Others say little of AP50, and alone nothing at all.
    boxed = tuple(image for image in data.images if len(image.boxes))
    some, size = chosen(replace(data, images=boxed), IMAGES), tried.size
    if not any(_differ(size, image) for image in some.images):
        return
    other = f"{spelled('fit')} {other_fit(candidate.card)}"
    try:
        with reporter.stage("Trying the other fit of pictures", 2) as stage:
            own = _score(candidate, some, tried)
            stage.advance()
            others = _score(find_other(), some, tried)
            stage.advance()
    except SizewiseError as error:
        reporter.remark(f"Whether {other} gives more is not known. {error}")
        return
    if own is None or others is None or others <= own + POINTS:
        return
    reporter.remark(
        f"With {other}, AP50 is {others:.3f} in place of {own:.3f} ({len(some.images)} images with "
        f"boxes, {size}): the model may have been trained so."
    )


def _score(candidate: Candidate, data: Data, tried: Tried) -> float | None:
    """AP50; None where there is none."""
    for _, outcome in candidate.scores(data, (tried.size,), tried.suppression, SILENT):
        if not isinstance(outcome, EngineError):
            return outcome.scores.get(METRIC)
    return None


def _differ(size: Size, image: object) -> bool:
    """Whether letterboxed and stretched are two things for a picture."""
    height, width = getattr(image, "height", 0), getattr(image, "width", 0)
    return bool(height * size.width != width * size.height)

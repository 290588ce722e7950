"""Accuracy of a plan: each picture of a data set at the place that its size is run at.

:func:`evaluate_plan` runs in a child, because it opens the engines.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.accuracy.engine import accuracy_of, evaluate_images, find_evaluator
from bench.accuracy.plan import AccuracyPlan
from engines.store.opening import open_engine
from engines.store.trust import read_trusted
from netzoo.data.choosing import chosen
from netzoo.data.coco.dataset import AnnotatedImage
from sizewise.core import codec
from sizewise.core.specs import Size
from sizewise.core.specs.plan import Place, Plan
from sizewise.core.specs.stored_plan import read_plan

if TYPE_CHECKING:
    from netzoo.data.classified import ClassifiedImage

    Image = AnnotatedImage | ClassifiedImage


def evaluate_plan(folder: str, plan: str, data: str, images: int) -> dict[str, Any]:
    """The accuracy of the plan in the file ``plan``, whose engines lie below ``folder``, on so many
    images of ``data`` (0: all).

    Gives a plain Accuracy, and what the plan expects: the mean of its accuracies over these
    pictures, None where the traffic had not all of their sizes. Raises UsageError, InputError and
    EngineError.
    """
    planned = read_plan(Path(plan))
    artifacts = {one.name: read_trusted(Path(folder) / one.artifact) for one in planned.engines}
    card = artifacts[planned.engines[0].name].card
    found = chosen(AccuracyPlan(data=data).open(card), images)
    evaluator = find_evaluator(card, found)
    by_place: dict[Place, list[Image]] = {}
    sizes = []
    for image in found.images:
        sizes.append(_size(image))
        by_place.setdefault(planned.place_of(sizes[-1]), []).append(image)
    for name, artifact in artifacts.items():
        own = {place: all_of for place, all_of in by_place.items() if place.engine == name}
        if own:
            with open_engine(artifact) as session:
                for place, all_of in own.items():
                    evaluate_images(session, place.input, all_of, evaluator)
    return {
        "accuracy": codec.to_plain(accuracy_of(evaluator, found)),
        "expected": _expected(planned, sizes),
    }


def _size(image: Image) -> Size:
    if isinstance(image, AnnotatedImage):
        return Size(image.height, image.width)
    return Size(*image.size) if image.size else Size(*image.read().shape[:2])


def _expected(plan: Plan, sizes: list[Size]) -> float | None:
    known = {route.picture: route.accuracy for route in plan.routes}
    found = [known.get(size) for size in sizes]
    scored = [one for one in found if one is not None]
    return sum(scored) / len(scored) if scored and len(scored) == len(found) else None

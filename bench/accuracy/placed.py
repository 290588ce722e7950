"""Accuracy of a plan: each picture of a data set at the place that its size is run at.

:func:`evaluate_plan` runs in a child, because it opens the engines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.accuracy.engine import accuracy_of, evaluate_images, find_evaluator, misfit
from bench.accuracy.evaluations import IMAGES_PER_CALL
from bench.accuracy.plan import AccuracyPlan
from engines.store.opening import open_engine
from engines.store.trust import read_trusted
from netzoo.data.choosing import chosen
from netzoo.data.coco.dataset import AnnotatedImage
from sizewise.core import codec
from sizewise.core.errors import InputError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import report
from sizewise.core.specs import EngineArtifact, ModelCard, Size
from sizewise.core.specs.plan import Place, Plan
from sizewise.core.specs.stored_plan import read_plan

if TYPE_CHECKING:
    from engines.base import Inferring
    from netzoo.data.classified import ClassifiedImage
    from netzoo.tasks.task import Data, Evaluator

    Image = AnnotatedImage | ClassifiedImage


def evaluate_plan(
    folder: str, plan: str, data: str, images: int, card: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The accuracy of the plan in the file ``plan``, whose engines lie below ``folder``, on so many
    images of ``data`` (0: all). A plain ModelCard says how the models are read, else the engines.

    Gives a plain Accuracy, the name of the data, how many pictures there are of each size, and what
    the plan expects: the mean of its accuracies over these pictures, None where the traffic had not
    all of their sizes. Raises UsageError, InputError and EngineError.
    """
    planned = read_plan(Path(plan))
    artifacts = {one.name: read_trusted(Path(folder) / one.artifact) for one in planned.engines}
    first = artifacts[planned.engines[0].name]
    read_as = first.card if card is None else codec.from_plain(card, ModelCard)
    found = chosen(AccuracyPlan(data=data).open(read_as), images)
    _demand_fit(first, read_as, found)
    evaluator = find_evaluator(read_as, found)
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
                    _evaluate(session, place, all_of, evaluator, len(sizes))
    return {
        "accuracy": codec.to_plain(accuracy_of(evaluator, found)),
        "name": found.name,
        "sizes": {str(size): count for size, count in Counter(sizes).items()},
        "expected": _expected(planned, sizes),
    }


def _demand_fit(engine: EngineArtifact, card: ModelCard, data: Data) -> None:
    if why := misfit(card, engine.image, data):
        raise InputError(
            f"The accuracy of the plan on {data.name} can't be measured",
            why,
            f"Leave {spelled('data')} out, or give data that fit the plan's models.",
        )


def _evaluate(
    session: Inferring, place: Place, images: Sequence[Image], evaluator: Evaluator, total: int
) -> None:
    """Run ``images`` at their place, and report how many of the ``total`` are done."""
    batch_size = session.artifact.spec.batch_size
    step = batch_size * max(1, IMAGES_PER_CALL // batch_size)
    for start in range(0, len(images), step):
        evaluate_images(session, place.input, images[start : start + step], evaluator)
        report(evaluator.images / total, f"{place.engine} at {place.input}")


def _size(image: Image) -> Size:
    if isinstance(image, AnnotatedImage):
        return Size(image.height, image.width)
    return Size(*image.size) if image.size else Size(*image.read().shape[:2])


def _expected(plan: Plan, sizes: list[Size]) -> float | None:
    known = {route.picture: route.accuracy for route in plan.routes}
    found = [known.get(size) for size in sizes]
    scored = [one for one in found if one is not None]
    return sum(scored) / len(scored) if scored and len(scored) == len(found) else None

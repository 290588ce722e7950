"""The contract of a task: how the outputs of its models are read, evaluated and drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar

from netzoo.data.faults import STOP, Faults
from netzoo.tasks.figures import Figures
from netzoo.tasks.reading import ReadingOptions
from sizewise.core.errors import InputError
from sizewise.core.specs import ImageInput, ModelCard, Size, Suppression, TensorSpec
from sizewise.core.trials import METRICS

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from netzoo.data.classified import ClassifiedSet
    from netzoo.data.coco.dataset import Dataset
    from netzoo.data.coco.folders import Split
    from netzoo.tasks.letterbox import Letterbox
    from sizewise.core.evidence import Evidence
    from sizewise.core.progress import Reporter

    Pixels = NDArray[np.uint8]
    Outputs = Mapping[str, NDArray[Any]]
    Data = Dataset | ClassifiedSet

Found = TypeVar("Found")
Shape = tuple[int, ...]


class Batch(Protocol):
    """The images that outputs are for."""

    @property
    def batch_size(self) -> int: ...

    @property
    def size(self) -> Size: ...


@dataclass(frozen=True, kw_only=True)
class Predictor(ABC, Generic[Found]):
    """Reads and shows the outputs of one model for pictures fitted into ``size``."""

    array_specs: ClassVar[tuple[TensorSpec, ...]]
    """The arrays of what is found in a picture; a dimension that differs has a name."""

    size: Size
    card: ModelCard

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes of results, in order: empty where nobody said them, None where
        all results are of one."""
        return self.card.classes

    def of_classes(self, classes: tuple[str, ...]) -> Self:
        """The same for a model that knows these classes."""
        return replace(self, card=replace(self.card, classes=classes))

    def fit(self, picture: Pixels) -> Letterbox:
        """How ``picture``, RGB [H, W, 3], goes into the input."""
        from netzoo.tasks.letterbox import Letterbox

        height, width, _ = picture.shape
        return Letterbox.fit(Size(height, width), self.size, keep_shape=self.card.letterbox)

    @abstractmethod
    def read(self, fitted: Letterbox, outputs: Outputs) -> Found:
        """What is in a picture, in its own pixels; ``outputs`` are for a batch of one.

        Raises InputError where the outputs are not as expected, InferenceError (numerics) for NaN.
        """

    @abstractmethod
    def draw(self, picture: Pixels, found: Found) -> Image.Image:
        """A copy of ``picture``, RGB [H, W, 3], with ``found`` on it."""

    @abstractmethod
    def describe(self, found: Found) -> str:
        """``found`` in a few words; empty where it is nothing."""

    @abstractmethod
    def results(self, found: Found) -> list[dict[str, Any]]:
        """``found`` as COCO results, without the keys of the picture."""

    @abstractmethod
    def arrays(self, found: Found) -> dict[str, NDArray[Any]]:
        """``found`` as arrays by name: of the types and shapes that ``array_specs`` says."""


class Evaluator(ABC):
    """Takes the outputs for one image after another, and gives the metrics at the end.

    ``card`` is of the model that is evaluated, ``images`` counts the images so far. With
    ``measures_figures``, said before the first image, it gives :meth:`figures` as well, where they
    take time of their own.
    """

    measures_figures = False

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self.images = 0

    def add(self, image: Any, fitted: Letterbox, outputs: Outputs) -> None:
        """Take the outputs for ``image`` of the task's data, which are for a batch of one.

        Raises InputError where they are not as expected, InferenceError (numerics) for NaN.
        """
        self._take(image, fitted, outputs)
        self.images += 1

    @abstractmethod
    def _take(self, image: Any, fitted: Letterbox, outputs: Outputs) -> None: ...

    def leave_out(self, images: Sequence[Any]) -> None:
        """Take the data as without ``images`` of theirs, which were not added: nothing of them
        counts. Metrics that are means over what was added have nothing to do."""
        del images

    @abstractmethod
    def scores(self) -> dict[str, float]:
        """The metrics of the task (0–1), by name, over the images so far."""

    def by_class(self) -> dict[str, float]:
        """IoU of each class (0–1), by its name, where the metrics are means over classes."""
        return {}

    def figures(self, metric: str) -> Figures:
        """Further figures: of boxes as ``metric`` measures them (``BOX_METRICS``), of masks the
        S-measure and the E-measure. They may take as long again as :meth:`scores`."""
        del metric
        return Figures()

    @abstractmethod
    def evidence(self) -> Evidence:
        """What the metrics need to know of each image so far: enough for the metrics of any choice
        of them, without the data."""


_OURS = ("sizewise", "unknown")
"""The layouts that cards of our own networks name."""


class Task(ABC):
    """One task. A new one is a file of ``netzoo.tasks.kinds`` with a subclass in ``TASKS``; its
    metrics stand in ``sizewise.core.trials.METRICS``, which reports read, and what is noted of each
    image for their intervals in ``sizewise.core.evidence``.

    The attributes that a subclass may leave as they are have a value here.
    """

    name: ClassVar[str]
    learns: ClassVar[str]
    """What training data show, in words: boxes, say."""
    output_names: ClassVar[tuple[str, ...]]
    """The outputs of our own networks, in order."""
    layouts: tuple[str, ...] = ()
    """The layouts that others' outputs may have (``--layout``)."""
    reading_options: ClassVar[frozenset[str]] = frozenset()
    """Which fields of ReadingOptions its predictor takes."""
    predicts: ClassVar[bool] = False
    """Whether ``predict`` can draw what its models find."""
    finds_boxes: ClassVar[bool] = False
    """Whether NMS can go into the graph."""
    learns_masks: ClassVar[bool] = False
    learns_images: ClassVar[bool] = False
    """Whether its data are whole images of one class (ClassifiedSet)."""
    images_at_once: ClassVar[int] = 8
    """Batch size of an evaluation in PyTorch."""

    @property
    def metrics(self) -> dict[str, str]:
        """Name → title of each metric (0–1), as ``sizewise.core.trials.METRICS`` declares them."""
        return {metric.name: metric.title for metric in METRICS if metric.task == self.name}

    def open_data(
        self,
        source: str,
        split: Split,
        progress: Reporter,
        *,
        images: Path | None = None,
        faults: Faults = STOP,
    ) -> Data:
        """The data that ``source`` names; their pictures lie in ``images`` where that is given.
        Raises UsageError and InputError; ``faults`` may skip parts that can't be used instead."""
        from netzoo.data.sources import open_dataset

        boxes = self.finds_boxes
        return open_dataset(
            source, split, images=images, progress=progress, boxes=boxes, faults=faults
        )

    def classes(self, data: Data) -> tuple[str, ...]:
        """The classes that a network learns from ``data``."""
        return data.classes

    def reads(self, layout: str) -> bool:
        """Whether it reads outputs of ``layout``: one of ``layouts``, or our own."""
        return layout in self.layouts or layout in _OURS

    def fitting_layouts(
        self, outputs: Sequence[TensorSpec], image: ImageInput | None = None
    ) -> tuple[str, ...]:
        """Those of ``layouts`` that outputs of these shapes may have for an input of the shape of
        ``image``, the likeliest first."""
        del outputs, image
        return ()

    def recognises(self, shapes: Sequence[Shape], batch: Batch) -> bool:
        """Whether a module whose outputs for ``batch`` have these shapes is taken for one of this
        task, with outputs called ``output_names``."""
        del shapes, batch
        return False

    def contradiction(self, values: Sequence[NDArray[Any]]) -> str:
        """Why outputs of these ``values``, though of shapes that it recognises, are none of its
        own; empty where they may be. They are of images of noise, in the order of
        ``output_names``."""
        del values
        return ""

    def doubt(self, values: Sequence[NDArray[Any]]) -> str:
        """A sentence for the user where the ``values`` that it takes for its own may be others."""
        del values
        return ""

    def check_outputs(self, card: ModelCard, outputs: Outputs, batch: Batch) -> None:
        """Raises InputError, UsageError or ExportError where the outputs for ``batch`` are not
        those of a model with ``card``."""
        del card, outputs, batch

    @abstractmethod
    def evaluator(
        self, card: ModelCard, data: Any, suppression: Suppression | None = None
    ) -> Evaluator:
        """Measures a model with ``card`` on ``data``; ``suppression`` is the NMS of boxes, None for
        the usual one. Raises InputError where the data's classes are not among the model's."""

    def misfit(self, card: ModelCard, data: Data) -> str:
        """Why a model with ``card`` can't be evaluated on ``data``; empty where it can."""
        del card
        return "" if data.images else "there are no images in the data"

    def predictor(
        self, name: str, card: ModelCard, size: Size, options: ReadingOptions
    ) -> Predictor[Any]:
        """Reads outputs of the model ``name``. Raises UsageError and InputError where it can't be
        read as ``options`` say."""
        del card, size, options
        raise InputError(
            f"{name} can't predict",
            f"nothing is drawn for its task, {self.name}",
            "Give a model of another task.",
        )

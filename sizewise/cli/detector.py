"""What ``predict`` runs: an engine that finds boxes, made of an ONNX file or built before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sizewise.cli.engine import build_engine, read_engine
from sizewise.cli.readable import ReadingOptions, readable_card
from sizewise.specs import EngineArtifact, ExportedModel, ModelCard, Size, Suppression

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netzoo.tasks.letterbox import Letterbox
    from netzoo.tasks.suppression import Detections
    from netzoo.tasks.wordtree import WordTree

_USUAL_SIDE = 416
"""Pixels of height and width, where neither the model nor the user says them."""


@dataclass(frozen=True, kw_only=True)
class Detector:
    """An engine, the size of its input, and how its outputs are read."""

    artifact: EngineArtifact
    size: Size
    card: ModelCard
    tree_threshold: float

    def fit(self, picture: NDArray[np.uint8]) -> Letterbox:
        """How ``picture``, RGB [H, W, 3], goes into the input."""
        from netzoo.tasks.letterbox import Letterbox

        height, width, _ = picture.shape
        return Letterbox.fit(Size(height, width), self.size, keep_shape=self.card.letterbox)

    def read(self, fitted: Letterbox, outputs: dict[str, NDArray[Any]]) -> Detections:
        """What is in a picture, boxes in its pixels; ``outputs`` are for a batch of one. Raises
        InputError where they do not have the layout, InferenceError for what is no number."""
        from netzoo.tasks.detecting import detect

        (found,) = detect(
            self.card.layout,
            outputs,
            self.card.suppression or Suppression(),
            class_count=len(self.card.classes) or None,
            tree=self._tree,
            tree_threshold=self.tree_threshold,
        )
        return replace(found, boxes=fitted.clip(fitted.boxes_to_source(found.boxes)))

    @cached_property
    def _tree(self) -> WordTree | None:
        from netzoo.tasks.wordtree import WordTree

        return WordTree(self.card.tree) if self.card.tree else None


def obtain_detector(
    path: Path, options: ReadingOptions, engines: Path, *, backend: str = "", size: str = ""
) -> Detector:
    """``path`` is an ONNX file, whose engine is built into ``engines`` or found there, or the
    folder of an engine. Raises UsageError, InputError, EngineError and OutputError."""
    asked = Size.parse(size) if size else None
    if path.is_dir():
        artifact = read_engine(path, backend)
        card = readable_card(path.name, artifact.card, artifact.image, options)
        chosen = _admitted(artifact, asked)
    else:
        from sizewise.onnxfile import read_model

        model = read_model(path)
        card = readable_card(path.name, model.card, model.image, options)
        chosen = asked or _usual_size(model)
        artifact = build_engine(model, backend, (chosen,), engines)
    return Detector(
        artifact=artifact, size=chosen, card=card, tree_threshold=options.tree_threshold
    )


def _admitted(artifact: EngineArtifact, asked: Size | None) -> Size:
    """``asked``, or what the engine was tuned for."""
    from engines.gate import check_size

    size = asked or artifact.spec.profiles[0].opt
    check_size(artifact, size)
    return size


def _usual_size(model: ExportedModel) -> Size:
    """The file's own height and width, and where it leaves them open the usual ones, rounded up to
    its stride."""
    image, stride = model.image, model.card.stride
    usual = -(-_USUAL_SIDE // stride) * stride
    sides = (image.tensor.shape[axis] for axis in (image.height_axis, image.width_axis))
    return Size(*(side if isinstance(side, int) else usual for side in sides))

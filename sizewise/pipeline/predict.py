"""Find objects in pictures with an engine, and draw them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sizewise.core.errors import SizewiseError
from sizewise.core.files import output_folder
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import ModelCard
from sizewise.pipeline.prediction.ids import Ids, find_ids
from sizewise.pipeline.prediction.options import PredictOptions
from sizewise.pipeline.prediction.predictor import Finding


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """The outcome of each picture: it is in ``found``, or in ``failed`` with the reason.

    ``drawings`` maps each picture, in the order given, to the file that it is drawn into. ``ids``
    are those of the results, ``card`` says how the model was given pictures.
    """

    ids: Ids
    card: ModelCard
    drawings: Mapping[Path, Path]
    found: Mapping[Path, Finding]
    failed: Mapping[Path, SizewiseError]

    def results(self) -> list[dict[str, Any]]:
        """The findings as COCO results, which pycocotools' ``loadRes`` takes.

        ``image_id`` and ``category_id`` are those of the COCO JSON that was given; without one, see
        :func:`sizewise.pipeline.prediction.ids.find_ids`, and ``ids.remarks`` for what was taken
        for granted. ``file_name`` is the picture's path as it was given; ``bbox`` is left, top,
        width and height in the pixels of the picture as it is seen, upright, or as it is stored
        where the JSON's height and width are those.

        A segmenter tells objects from background and no more. It gives one result for a picture
        with objects in it, of its first category, with the mask of them all as ``segmentation``
        (compressed run-length encoding), its ``area`` in pixels, and the mean probability within it
        as ``score``.
        """
        return [
            {"image_id": number, "file_name": str(path)} | result | {"category_id": category}
            for path, number in self.ids.pictures.items()
            if path in self.found
            for result in self.found[path].results
            if (category := self.ids.category(result["category_id"])) is not None
        ]


def predict(
    model: Path,
    pictures: Sequence[Path],
    options: PredictOptions,
    *,
    out: Path,
    reporter: Reporter = SILENT,
) -> Predictions:
    """Find objects in ``pictures`` and draw them into ``out``.

    A folder stands for the pictures in it. ``model`` is an ONNX file or the folder of an engine. A
    picture that can't be used fails alone. The engine runs in a process of its own.

    Raises UsageError, InputError, EngineError and OutputError for everything else.
    """
    from engines.apart import EngineApart
    from netzoo.data.pictures.files import find_pictures
    from sizewise.pipeline.prediction.choosing import choose_engine
    from sizewise.pipeline.prediction.drawings import name_drawings
    from sizewise.pipeline.prediction.predictor import predict_all

    trusted = options.trusted(model)
    found = find_pictures(pictures)
    drawings = dict(zip(found, name_drawings(found, out), strict=True))
    chosen = choose_engine(model, options, output_folder(out) / "engines", reporter)
    predictor = chosen.predictor
    ids = find_ids(found, predictor.classes, options.annotations)
    if predictor.classes is not None:
        predictor = predictor.of_classes(ids.classes)
    bars = reporter if len(drawings) > 1 else SILENT
    with (
        EngineApart(chosen.artifact, options.limits, name=model.name, trusted=trusted) as engine,
        bars.stage("Predicting", len(drawings)) as stage,
    ):
        outcome = predict_all(predictor, engine, drawings, stage, ids.frames)
    return Predictions(
        ids=ids,
        card=predictor.card,
        drawings=drawings,
        found=outcome.found,
        failed=outcome.failed,
    )

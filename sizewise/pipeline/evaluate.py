"""The accuracy of a checkpoint, an ONNX file or an engine at every size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from netzoo.data.pictures.folder import PictureFolder
from netzoo.tasks.figures import BOX_METRICS, Figures
from netzoo.tasks.reading import NMS_FIELDS, LayoutOption, NamesOption, SuppressionOptions
from netzoo.tasks.showing import PictureOptions, other_fit
from sizewise.core.errors import EngineError, InputError, UsageError
from sizewise.core.files import demand_file
from sizewise.core.options.declared import changed, option, options_of, spelled
from sizewise.core.options.reading import SIZES, TEXT, choice, optional
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import ModelCard, Size, Sizes, Suppression
from sizewise.pipeline.accuracy.nothing import main_score, what_to_check
from sizewise.pipeline.accuracy.other_fit import METRIC, Tried, remark_on_fit
from sizewise.pipeline.models.cards import card_as
from sizewise.pipeline.models.trust import LIMITS, EngineOptions

if TYPE_CHECKING:
    from sizewise.pipeline.accuracy.candidates import Candidate, Scores


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(
    EngineOptions, PictureOptions, PictureFolder, SuppressionOptions, NamesOption, LayoutOption
):
    """The options of ``sizewise evaluate`` beside the model."""

    data: str = option(
        TEXT,
        help="Annotated images: a data set's name, a COCO JSON file, a data.yaml, or a folder. Its "
        "layout is that of COCO, Pascal VOC or YOLO, of masks, or val/CLASS/ for classifiers. "
        "The validation part is used.",
        group="Data",
    )
    sizes: Sizes | None = option(
        optional(SIZES),
        None,
        help="Input sizes in pixels, height x width: 416, 384x640, or FIRST:LAST:STEP with both "
        "ends included (comma list).",
        group="Evaluation",
        shown="what the model suggests",
    )
    metric: str = option(
        choice(*BOX_METRICS),
        BOX_METRICS[0],
        help="Figures of boxes beside AP and AP50: COCO's twelve, or Pascal VOC's mAP. That is the "
        "precision at 11 recalls (voc07) or the area below it (voc), at an IoU of 0.5.",
        group="Evaluation",
    )


@dataclass(frozen=True, kw_only=True)
class SizeScores:
    """The metrics (0–1) at a size by name, or the reason why there are none. ``by_class`` is the
    IoU of each class, of a segmenter of classes; ``figures`` are further ones of boxes or masks."""

    size: Size
    scores: Mapping[str, float] = field(default_factory=dict)
    by_class: Mapping[str, float] = field(default_factory=dict)
    figures: Figures = field(default_factory=Figures)
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The accuracy of a model at every size, on ``images`` images of the data set ``data``.

    ``metrics`` has the label of each metric, by name; ``runs_in`` is PyTorch or a back end.
    ``suppression`` is the NMS that boxes went through (None: there are no boxes), ``metric`` what
    their figures are measured by (empty: there are none).
    """

    source: Path
    card: ModelCard
    runs_in: str
    data: str
    data_sha256: str
    images: int
    metrics: Mapping[str, str]
    rows: tuple[SizeScores, ...]
    suppression: Suppression | None = None
    metric: str = ""

    @property
    def nms(self) -> str:
        """``suppression`` in words, empty where there is none."""
        from netzoo.tasks.boxes.nms_settings import said_nms

        return "" if self.suppression is None else said_nms(self.card, self.suppression)

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The sizes that the model takes."""
        return tuple(row.size for row in self.rows if not self.card.refusal(row.size))


def evaluate(source: Path, options: EvaluateOptions, *, reporter: Reporter = SILENT) -> Evaluation:
    """Measure accuracy on the validation part of the data.

    ``source`` is a checkpoint, an ONNX file or the folder of an engine. A size that is not taken,
    or at which the engine fails, has a row with the reason. Raises UsageError, InputError, and
    EngineError where nothing could be measured.
    """
    from netzoo.tasks.registry import find_task

    candidate = _candidate(source, options)
    task = find_task(candidate.card.task)
    suppression = _suppression(source, candidate.card, options)
    requested = options.sizes or candidate.sizes
    refused = {size: why for size in requested if (why := candidate.refusal(size))}
    taken = _taken(source, requested, refused)
    data = task.open_data(options.data, "val", reporter, images=options.images)
    metric = options.metric if task.finds_boxes else ""
    rows = {size: SizeScores(size=size, reason=why) for size, why in refused.items()}
    outcomes = candidate.scores(data, taken, suppression, reporter)
    rows |= {row.size: row for row in _rows(outcomes, len(taken), metric)}
    scores = [row.scores for row in rows.values()]
    known = {name for one in scores for name in one}
    if METRIC in known and source.suffix != ".safetensors":
        other = partial(_candidate, source, replace(options, fit=other_fit(candidate.card)))
        best = max(taken, key=lambda size: rows[size].scores.get(METRIC, 0.0))
        tried = Tried(size=best, suppression=suppression)
        remark_on_fit(candidate, other, data, tried, reporter)
    if source.suffix != ".safetensors" and all(main_score(one) == 0 for one in scores if one):
        outputs = what_to_check("layout", "names")
        reporter.remark(f"Nothing right was found at any size. {outputs}")
    return Evaluation(
        source=source,
        card=candidate.card,
        runs_in=candidate.runs_in,
        data=data.name,
        data_sha256=data.sha256,
        images=len(data.images),
        metrics={name: title for name, title in task.metrics.items() if name in known},
        rows=tuple(rows[size] for size in requested),
        suppression=suppression,
        metric=metric,
    )


def _suppression(source: Path, card: ModelCard, options: EvaluateOptions) -> Suppression | None:
    """The NMS of boxes. Raises UsageError where it is said for a model that has none, or that can't
    do it."""
    from netzoo.tasks.boxes.nms_settings import nms_to_evaluate
    from netzoo.tasks.registry import find_task

    if find_task(card.task).finds_boxes:
        return nms_to_evaluate(source.name, card, options)
    if given := changed(options, *NMS_FIELDS, "metric"):
        raise UsageError(
            f"{', '.join(map(spelled, given))} can't be given for {source.name}",
            f"its task is {card.task}, and this is for boxes of detectors",
            "Leave it out.",
        )
    return None


def _taken(
    source: Path, requested: Sequence[Size], refused: Mapping[Size, str]
) -> tuple[Size, ...]:
    """The sizes that the model takes. Raises UsageError where it takes none."""
    taken = tuple(size for size in requested if size not in refused)
    if not taken:
        reasons = "; ".join(f"{size}: {why}" for size, why in refused.items())
        raise UsageError(
            f"{source.name} takes none of the requested sizes",
            reasons,
            f"Choose others with {spelled('sizes')}.",
        )
    return taken


def _rows(
    outcomes: Iterable[tuple[Size, Scores | EngineError]], count: int, metric: str
) -> Iterator[SizeScores]:
    """A row for each of ``count`` sizes. Raises EngineError where every one ends in that."""
    failed: list[EngineError] = []
    for size, outcome in outcomes:
        if isinstance(outcome, EngineError):
            failed.append(outcome)
            yield SizeScores(size=size, reason=str(outcome))
        else:
            yield SizeScores(
                size=size,
                scores=outcome.scores,
                by_class=outcome.by_class,
                figures=outcome.figures(metric),
            )
    if len(failed) == count:
        raise failed[0]


def _candidate(source: Path, options: EvaluateOptions) -> Candidate:
    """The model at ``source``. Raises UsageError and InputError where it can't be evaluated."""
    from sizewise.pipeline.accuracy.candidates import Checkpoint
    from sizewise.pipeline.accuracy.engine_candidates import EngineFolder, OnnxFile

    if source.suffix == ".safetensors":
        _demand_empty(source, options)
        return Checkpoint(source, options)
    trusted = options.trusted(source)
    read_as = partial(_read_as, options)
    if source.is_dir():
        return EngineFolder(source, options.backend, read_as, trusted, options.limits)
    if source.suffix == ".onnx":
        return OnnxFile(source, options.backend, read_as, options.limits)
    demand_file(source)
    raise InputError(
        f"{source} can't be evaluated",
        "it isn't a checkpoint (.safetensors), an ONNX file or the folder of an engine",
        "Give a file of sizewise train or export, or a folder of sizewise build.",
    )


def _read_as(options: EvaluateOptions, name: str, card: ModelCard) -> ModelCard:
    """``card``, of the model ``name``, with what the user says of inputs and outputs."""
    read = card_as(name, card, options.layout) if options.layout else card
    return options.named(name, options.shown_to(read))


def _demand_empty(source: Path, options: EvaluateOptions) -> None:
    of_inputs = (name for name in options_of(PictureOptions) if name != "fit")
    for name in changed(options, "backend", "layout", "names", *LIMITS, *of_inputs):
        raise UsageError(
            f"{spelled(name)} can't be given for {source}",
            "a checkpoint runs in PyTorch, and holds what its inputs and outputs mean",
            "Leave it out, or give the exported ONNX file.",
        )

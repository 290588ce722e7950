"""Export PyTorch (or ONNX) to ONNX, gated on parity, and convert it to other precisions."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.request import PrecisionOptions
from netzoo.tasks.showing import AS_THE_CARD_SAYS, PictureOptions
from sizewise.core.errors import ExportError, InputError, UsageError
from sizewise.core.files import output_folder
from sizewise.core.holding.drafts import clear_drafts
from sizewise.core.holding.temporary import naming_tmpdir, temporary_folder
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.options.declared import changed, option, spelled
from sizewise.core.options.reading import SIZE, SWITCH, number, optional, whole
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import ExportedModel, ModelCard, Size, Suppression
from sizewise.pipeline.convert import Converted, Failed, convert_all
from sizewise.pipeline.models.cards import read_as
from sizewise.pipeline.models.sources import SourceOptions, check_options, resolve

if TYPE_CHECKING:
    from torch import nn

    from exporter.modules.factory import Source

_USUAL_SIDE = 320
"""Height and width of an example, in pixels."""

_INPUT, _NMS = "Input", "NMS in the graph (detectors)"
_WRITTEN = (".onnx", ".pt2")


@dataclass(frozen=True, kw_only=True)
class ExportOptions(SourceOptions):
    """The options of ``sizewise export`` beside SOURCE and the precisions."""

    dynamic: bool = option(
        SWITCH,
        True,
        help="Leave batch, height and width open, or fix them.",
        group=_INPUT,
        shown="dynamic",
    )
    size: Size | None = option(
        optional(SIZE),
        None,
        help="Input size in pixels of the example; the only size where shapes are fixed.",
        group=_INPUT,
        shown="320, or the next that the network takes",
    )
    nms: bool = option(
        SWITCH, False, help="Put NMS into a detector's graph; there is no .pt2 then.", group=_NMS
    )
    nms_score: float | None = option(
        optional(number()),
        None,
        help="Score threshold (0-1): boxes below it are dropped; use 0.001 to measure AP.",
        group=_NMS,
        shown="0.25",
    )
    nms_iou: float | None = option(
        optional(number()),
        None,
        help="IoU threshold (0-1): of boxes of one class that overlap more, only the best stays.",
        group=_NMS,
        shown="0.45",
    )
    nms_max: int | None = option(
        optional(whole()),
        None,
        help="Largest number of detections per image.",
        group=_NMS,
        shown="300",
    )

    @property
    def suppression(self) -> Suppression | None:
        """The NMS that goes into the graph, if any. Raises UsageError."""
        values = {
            "score_threshold": self.nms_score,
            "iou_threshold": self.nms_iou,
            "max_detections": self.nms_max,
        }
        given = {name: value for name, value in values.items() if value is not None}
        if given and not self.nms:
            raise UsageError(
                f"{', '.join(map(spelled, changed(self, *_OF_NMS)))} can't be given alone",
                f"this is a setting of the NMS that {spelled('nms')} puts into the graph",
                f"Add {spelled('nms')}, or leave it out.",
            )
        if self.raw and self.nms:
            raise UsageError(
                f"{spelled('nms')} and {spelled('raw')} can't be given together",
                "NMS selects boxes, and raw heads have none",
                "Leave one of them out.",
            )
        return Suppression(**given) if self.nms else None  # type: ignore[arg-type]


_OF_NMS = ("nms_score", "nms_iou", "nms_max")


def export(
    source: str | nn.Module,
    options: ExportOptions,
    precisions: PrecisionOptions,
    *,
    out: Path,
    reporter: Reporter = SILENT,
    failed: Failed | None = None,
) -> tuple[Converted, ...]:
    """A file in ``out`` for each fusion and precision, each proven equal to eager PyTorch.

    ``source`` is a network's name, a checkpoint, ``FILE.py:FUNCTION``, ``PACKAGE.MODULE:FUNCTION``,
    an ONNX file, or a module. What exports left in ``out`` that were killed is removed.

    Raises UsageError, InputError, ExportError, EngineError, OutputError; ``failed`` may be told of
    precisions that fail instead (:func:`convert_all`).
    """
    _ = options.suppression
    precisions.check()
    clear_drafts(out, _WRITTEN)
    each = [replace(options, fusion=one.fusions) for one in options.scaling.each(str(source))]
    return tuple(
        converted
        for one in each
        for converted in convert_all(
            export_source(source, one, output_folder(out), reporter, pictures=precisions),
            precisions,
            out,
            reporter,
            failed=failed,
        )
    )


def export_source(
    source: str | nn.Module,
    options: ExportOptions,
    out: Path,
    reporter: Reporter = SILENT,
    *,
    pictures: PictureOptions = AS_THE_CARD_SAYS,
) -> ExportedModel:
    """The model that the precision passes start from, with a card that says how it is shown
    ``pictures``.

    For an ONNX file it is that file, or the one with NMS put into its graph.
    """
    if isinstance(source, str) and source.endswith(".onnx"):
        if given := changed(options, "size", "dynamic"):
            raise UsageError(
                f"{' and '.join(map(spelled, given))} can't be given for {source}",
                "an ONNX file keeps the sizes that it was exported with",
                "Leave it out, or export the network again.",
            )
        return _from_onnx(Path(source), options, pictures, out, reporter)
    found = resolve(
        source,
        options,
        options.size or Size(_USUAL_SIDE, _USUAL_SIDE),
        out,
        reporter,
        dynamic=options.dynamic,
        inputs=pictures.input,
        preprocessing=pictures.shown_to(_NO_CARD).preprocessing,
    )
    found = replace(found, card=pictures.shown_to(found.card))
    for remark in found.remarks:
        reporter.remark(remark)
    try:
        made = _exported(found, options, out, reporter)
    except ExportError as error:
        wider = _in_wider_steps(found, options, out, reporter, error)
        if wider is None:
            raise
        made = wider
    said = options.layout or options.raw or any(spelled("layout") in one for one in found.remarks)
    if made.card.layout == "unknown" and not said:
        _propose_a_layout(made, reporter)
    return made


def _propose_a_layout(made: ExportedModel, reporter: Reporter) -> None:
    from netzoo.tasks.registry import propose_a_layout

    if remark := propose_a_layout(made.path.name, made.outputs, made.image):
        reporter.remark(remark)


_NO_CARD = ModelCard(network="")


def _in_wider_steps(
    found: Source, options: ExportOptions, out: Path, reporter: Reporter, error: ExportError
) -> ExportedModel | None:
    """The export in the least steps in which torch can make one, where ``error`` says that it can't
    in the module's own; None where there are none. Modules that pad their input to a multiple need
    that. Raises ExportError with the stride, where a user said another one."""
    from exporter.modules.strides import in_wider_steps

    if not options.dynamic:
        return None
    for wider in in_wider_steps(found, error, lambda card: options.size or _usual_size(card)):
        stride = wider.card.stride
        if not found.stride_found and _can_export(wider, options):
            todo = f"Give {spelled('stride')} {stride}: with that, it can be exported."
            raise ExportError(error.what, error.why, todo) from error
        if not found.stride_found:
            continue
        try:
            made = _exported(wider, options, out, reporter)
        except ExportError:
            continue
        reporter.remark(
            f"{found.card.network} takes sides in steps of {found.card.stride}, but can't be "
            f"exported so ({error.what}: {error.why}). It was exported in steps of {stride}."
        )
        return made
    return None


def _can_export(source: Source, options: ExportOptions) -> bool:
    """Whether an export succeeds: what torch captures may still compute other values."""
    with temporary_folder() as scratch, naming_tmpdir(), suppress(ExportError):
        _exported(source, options, scratch, SILENT)
        return True
    return False


def _exported(
    found: Source, options: ExportOptions, out: Path, reporter: Reporter
) -> ExportedModel:
    from exporter.export import export as export_module

    path = out / f"{found.card.stem}.onnx"
    before = sha256_before(path)
    made = export_module(
        found.module,
        found.card,
        path,
        output_names=found.output_names,
        example=options.size or _usual_size(found.card),
        dynamic=options.dynamic,
        smallest_unknown=found.smallest_found,
        further=found.further,
        channels=found.channels,
        images_name=found.images_name,
        suppression=options.suppression,
        progress=reporter,
    )
    if before and before != made.sha256:
        reporter.remark(
            f"{replaced(path)}, and so does a {spelled('name')} for a module of your own."
        )
    return made


def replaced(path: Path) -> str:
    """A sentence, without its end, on a file that an export replaced by another."""
    return (
        f"{path} was replaced. It held something else: another network of this name, or other "
        f"weights. Another {spelled('out')} keeps both"
    )


def sha256_before(path: Path) -> str:
    """The hash of the file that an export replaces; empty where there is none to be read."""
    with suppress(OSError):
        return sha256_of(path)
    return ""


def _usual_size(card: ModelCard) -> Size:
    side = card.round_up(max(_USUAL_SIDE, card.smallest))
    return Size(side, side)


def _from_onnx(
    source: Path,
    options: ExportOptions,
    pictures: PictureOptions,
    out: Path,
    reporter: Reporter,
) -> ExportedModel:
    check_options(str(source), "an ONNX file", options)
    model = read_as(source, options.layout)
    if model.image.assumption:
        reporter.remark(model.image.assumption)
    if model.card.precision != "fp32":
        raise InputError(
            f"{source} can't be exported",
            f"it is in {model.card.precision}, and an export starts from FP32",
            "Give the FP32 file that it was converted from.",
        )
    if model.card.stride == 1 and options.stride:
        model = replace(model, card=replace(model.card, stride=options.stride))
    model = replace(model, card=pictures.shown_to(model.card))
    suppression = options.suppression
    if suppression is None:
        return model
    from exporter.suppression.convert import with_suppression

    path = out / f"{source.stem}.nms.onnx"
    return with_suppression(model, suppression, path, progress=reporter)

"""``sizewise export``: PyTorch (or ONNX) → ONNX, gated on parity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sizewise import codec
from sizewise.cli import console
from sizewise.cli.classes import read_classes
from sizewise.cli.models import read_as, usual_sizes
from sizewise.cli.options import Json, Out, comma_list
from sizewise.cli.scaling import BackboneList, Fusion, ScaleList
from sizewise.cli.sources import SourceOptions, check_options, resolve
from sizewise.errors import UsageError
from sizewise.files import output_folder
from sizewise.specs import ExportedModel, ModelCard, ParityCheck, Size, Suppression

_USUAL_SIDE = 320
"""Pixels of an example's sides."""


def export(
    source: Annotated[
        str,
        typer.Argument(
            help="A network's name, a .safetensors checkpoint, file.py:factory, "
            "package.module:factory, or an .onnx file (then only suppression and the precision "
            "passes run)."
        ),
    ],
    *,
    out: Out = Path("runs/export"),
    dynamic: Annotated[
        bool, typer.Option("--dynamic/--fixed", help="Leave batch, height and width open.")
    ] = True,
    size: Annotated[
        str, typer.Option(help="The example's size, or the fixed one (default: 320 or just above).")
    ] = "",
    precision: Annotated[str, typer.Option(help="Precisions (comma list).")] = "fp32",
    weights: Annotated[
        Path | None, typer.Option(help="A .safetensors or .pt state dict, or Darknet's .weights.")
    ] = None,
    names: Annotated[Path | None, typer.Option(help="Class names, one a line.")] = None,
    classes: Annotated[
        int | None,
        typer.Option(min=1, help="Their number, where there are no names (default: its own)."),
    ] = None,
    tree: Annotated[
        Path | None, typer.Option(help="A .tree file: classes that are kinds of one another.")
    ] = None,
    width: Annotated[float, typer.Option(min=0.01, help="Width multiplier.")] = 1.0,
    depth: Annotated[float, typer.Option(min=0.01, help="Depth multiplier.")] = 1.0,
    raw: Annotated[bool, typer.Option(help="The head convolutions' outputs, no decode.")] = False,
    fusion: Fusion = "",
    scales: ScaleList = "",
    backbone: BackboneList = "",
    layout: Annotated[str, typer.Option(help="How the outputs of a foreign module are read.")] = "",
    stride: Annotated[int, typer.Option(help="Of a foreign module (0: it says so, or 32).")] = 0,
    nms: Annotated[
        bool, typer.Option("--nms", help="Put suppression into a detector's graph (then no .pt2).")
    ] = False,
    nms_score: Annotated[
        float | None,
        typer.Option(help="Scores above it are candidates (default 0.25; to measure AP: 0.001)."),
    ] = None,
    nms_iou: Annotated[
        float | None, typer.Option(help="Boxes of a class that overlap more go (default 0.45).")
    ] = None,
    nms_max: Annotated[
        int | None, typer.Option(help="Detections of an image, at most (default 300).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write ONNX and .pt2 files, each proven equal to eager PyTorch at sizes not exported at."""
    class_names, parents = read_classes(names, tree)
    options = SourceOptions(
        weights=weights,
        names=class_names,
        classes=classes,
        tree=parents,
        width=width,
        depth=depth,
        raw=raw,
        layout=layout,
        stride=stride,
        scales=scales,
        backbone=backbone,
        fusion=fusion,
    )
    if raw and nms:
        raise UsageError(
            "--nms and --raw can't be given together",
            "raw heads hold no boxes, and suppression is of boxes",
            "Leave one of them out.",
        )
    suppression = _suppression(nms, nms_score, nms_iou, nms_max)
    each = [replace(options, fusion=one.fusion) for one in options.scaling.each(source)]
    models = tuple(
        model
        for one in each
        for model in convert_all(
            export_source(
                source,
                one,
                size,
                output_folder(out),
                dynamic=dynamic,
                suppression=suppression,
            ),
            comma_list(precision),
            out,
        )
    )
    if as_json:
        console.show_json(codec.to_plain(models))
        return
    for model in models:
        show_model(model)
    sizes = usual_sizes(models[0].card, models[0].image)
    files = " ".join(str(model.path) for model in models)
    console.next_step(f"sizewise bench {files} --sizes {sizes}")


def _suppression(
    nms: bool, score: float | None, iou: float | None, most: int | None
) -> Suppression | None:
    values = {"score_threshold": score, "iou_threshold": iou, "max_detections": most}
    given = {name: value for name, value in values.items() if value is not None}
    if given and not nms:
        raise UsageError(
            "--nms-score, --nms-iou and --nms-max can't be given by themselves",
            "they are of the suppression that --nms puts into the graph",
            "Give --nms, too, or leave them out.",
        )
    return Suppression(**given) if nms else None  # type: ignore[arg-type]


def export_source(
    source: str,
    options: SourceOptions,
    size: str,
    out: Path,
    *,
    dynamic: bool = True,
    suppression: Suppression | None = None,
) -> ExportedModel:
    """The model that the precision passes start from; of an ONNX file it is that file, or the one
    with ``suppression`` in its graph. ``size`` is the example's, as users write it, or empty."""
    asked = Size.parse(size) if size else None
    if source.endswith(".onnx"):
        return _from_onnx(Path(source), options, out, suppression)
    from exporter.export import export as export_module

    found = resolve(source, options, asked or Size(_USUAL_SIDE, _USUAL_SIDE), out)
    return export_module(
        found.module,
        found.card,
        out / f"{found.card.stem}.onnx",
        output_names=found.output_names,
        example=asked or _usual_size(found.card),
        dynamic=dynamic,
        suppression=suppression,
        progress=console.progress(),
    )


def _usual_size(card: ModelCard) -> Size:
    side = -(-max(_USUAL_SIDE, card.smallest) // card.stride) * card.stride
    return Size(side, side)


def _from_onnx(
    source: Path, options: SourceOptions, out: Path, suppression: Suppression | None
) -> ExportedModel:
    check_options(str(source), "an ONNX file", options)
    model = read_as(source, options.layout)
    if model.card.stride == 1 and options.stride:
        model = replace(model, card=replace(model.card, stride=options.stride))
    if suppression is None:
        return model
    from exporter.with_suppression import with_suppression

    path = out / f"{source.stem}.nms.onnx"
    return with_suppression(model, suppression, path, progress=console.progress())


def convert_all(
    parent: ExportedModel, precisions: Sequence[str], out: Path
) -> tuple[ExportedModel, ...]:
    """One ONNX file per precision; FP32 is the parent itself, where we made it."""
    from exporter.convert import convert

    if not precisions:
        raise UsageError("No precision was given", "the list is empty", "Give --precision fp32.")
    return tuple(
        parent
        if precision == parent.card.precision and parent.path.parent == out.resolve()
        else convert(parent, precision, out / f"{parent.path.stem}.{precision}.onnx")
        for precision in precisions
    )


def show_model(model: ExportedModel) -> None:
    """A line on the file, and how far it is from eager PyTorch."""
    card = model.card
    console.remark(
        f"{model.path}  {model.path.stat().st_size / 2**20:.1f} MiB, opset {model.opset_version}, "
        f"{card.task}, stride {card.stride}, {card.precision}"
    )
    if card.parity:
        console.show_table(
            f"Parity with {_origin(card)} (largest absolute error)",
            ("input (B, H×W)", "output", "error", "allowed", "largest value"),
            [_parity_row(check) for check in card.parity],
        )


def _origin(card: ModelCard) -> str:
    return "the file that it was made from" if card.parent_sha256 else "eager PyTorch"


def _parity_row(check: ParityCheck) -> tuple[str, ...]:
    return (
        f"{check.batch_size}, {check.size.height}×{check.size.width}",
        check.output,
        f"{check.max_abs_error:.2g}",
        f"{check.tolerance:.2g}",
        f"{check.absmax:.3g}",
    )

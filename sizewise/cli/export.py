"""``sizewise export``: PyTorch (or ONNX) → ONNX, gated on parity."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from exporter.request import PrecisionOptions
from netzoo.data.class_names import read_classes
from sizewise.cli import console
from sizewise.cli.options import Json, Out
from sizewise.cli.precision_tables import plain_made, show_made
from sizewise.core.errors import InputError, UsageError
from sizewise.core.files import output_folder
from sizewise.core.specs import ExportedModel, ModelCard, Size, Suppression
from sizewise.pipeline.convert import convert_all
from sizewise.pipeline.models import read_as, usual_sizes
from sizewise.pipeline.scaling import BackboneList, Fusion, ScaleList
from sizewise.pipeline.sources import SourceOptions, check_options, resolve

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
    precision: Annotated[
        str, typer.Option(help="One file each: fp32, fp16, bf16, int8, fp8 (comma list).")
    ] = "fp32",
    calibrate: Annotated[
        str,
        typer.Option(help="Pictures to find ranges on: a folder, or a data set (int8, fp8: must)."),
    ] = "",
    calibration_images: Annotated[
        int, typer.Option(min=1, help="How many of them, taken evenly.")
    ] = 128,
    calibration_sizes: Annotated[
        str, typer.Option(help="Sizes to look at (empty: every second one of the usual).")
    ] = "",
    check_sizes: Annotated[
        str, typer.Option(help="Sizes to measure the error at (empty: the usual).")
    ] = "",
    method: Annotated[
        str, typer.Option(help="How ranges become scales: minmax, percentile, entropy.")
    ] = "minmax",
    weight_bits: Annotated[
        int, typer.Option(help="Of int8 weights: 7 is right on every CPU, 8 needs VNNI or a GPU.")
    ] = 7,
    mean: Annotated[
        str,
        typer.Option(help="Mean subtracted from RGB of 0-1, for a foreign model (r,g,b)."),
    ] = "",
    std: Annotated[str, typer.Option(help="Deviation RGB is divided by (r,g,b).")] = "",
    keep: Annotated[
        str,
        typer.Option(help="Layers that stay in fp32 (list of node names)."),
    ] = "",
    data: Annotated[
        str, typer.Option(help="Annotated images, to measure what a precision costs in accuracy.")
    ] = "",
    max_drop: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Points of AP or mIoU that it may cost on --data; what costs more stays in fp32.",
        ),
    ] = None,
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
    precisions = PrecisionOptions(
        precision=precision,
        calibrate=calibrate,
        calibration_images=calibration_images,
        calibration_sizes=calibration_sizes,
        check_sizes=check_sizes,
        method=method,
        weight_bits=weight_bits,
        mean=mean,
        std=std,
        keep=keep,
        data=data,
        max_drop=max_drop,
    )
    precisions.check()
    each = [replace(options, fusion=one.fusion) for one in options.scaling.each(source)]
    all_made = tuple(
        made
        for one in each
        for made in convert_all(
            export_source(
                source,
                one,
                size,
                output_folder(out),
                dynamic=dynamic,
                suppression=suppression,
            ),
            precisions,
            out,
        )
    )
    models = [made.model for made in all_made]
    if as_json:
        console.show_json([plain_made(made) for made in all_made])
        return
    for made in all_made:
        show_made(made)
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
        if size or not dynamic:
            raise UsageError(
                f"--size and --fixed can't be given for {source}",
                "an ONNX file keeps the sizes that it was exported with",
                "Leave them out, or export the network again.",
            )
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
    if model.card.precision != "fp32":
        raise InputError(
            f"{source} can't be exported",
            f"it is in {model.card.precision} already, and an export starts from float32",
            "Give the float32 file that it was made from.",
        )
    if model.card.stride == 1 and options.stride:
        model = replace(model, card=replace(model.card, stride=options.stride))
    if suppression is None:
        return model
    from exporter.suppression.convert import with_suppression

    path = out / f"{source.stem}.nms.onnx"
    return with_suppression(model, suppression, path, progress=console.progress())

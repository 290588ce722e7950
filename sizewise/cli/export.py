"""``sizewise export``: PyTorch (or ONNX) → ONNX, gated on parity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from sizewise import codec
from sizewise.cli import console
from sizewise.cli.classes import read_classes
from sizewise.cli.options import Json, Out, comma_list
from sizewise.cli.sources import SourceOptions, resolve
from sizewise.errors import UsageError
from sizewise.files import output_folder
from sizewise.specs import ExportedModel, ParityCheck, Size


def export(
    source: Annotated[
        str,
        typer.Argument(
            help="A network's name, a .safetensors checkpoint, file.py:factory, "
            "package.module:factory, or an .onnx file (then only the precision passes run)."
        ),
    ],
    *,
    out: Out = Path("runs/export"),
    dynamic: Annotated[
        bool, typer.Option("--dynamic/--fixed", help="Leave batch, height and width open.")
    ] = True,
    size: Annotated[str, typer.Option(help="The example's size, or the fixed one.")] = "320",
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
    layout: Annotated[str, typer.Option(help="How the outputs of a foreign module are read.")] = "",
    stride: Annotated[int, typer.Option(help="Of a foreign module (0: it says so, or 32).")] = 0,
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
    )
    parent = export_source(source, options, Size.parse(size), output_folder(out), dynamic=dynamic)
    models = convert_all(parent, comma_list(precision), out)
    if as_json:
        console.show_json(codec.to_plain(models))
        return
    for model in models:
        show_model(model)
    console.next_step(f"sizewise bench {models[0].path} --sizes 128:448:64")


def export_source(
    source: str, options: SourceOptions, example: Size, out: Path, *, dynamic: bool = True
) -> ExportedModel:
    """The FP32 model that the precision passes start from."""
    if source.endswith(".onnx"):
        from sizewise.onnxfile import read_model

        return read_model(Path(source))
    from exporter.export import export as export_module

    found = resolve(source, options, example, out)
    return export_module(
        found.module,
        found.card,
        out / f"{found.card.network}.onnx",
        output_names=found.output_names,
        example=example,
        dynamic=dynamic,
        progress=console.progress(),
    )


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
            "Parity with eager PyTorch (largest absolute error)",
            ("input (B, H×W)", "output", "error", "allowed", "largest value"),
            [_parity_row(check) for check in card.parity],
        )


def _parity_row(check: ParityCheck) -> tuple[str, ...]:
    return (
        f"{check.batch_size}, {check.size.height}×{check.size.width}",
        check.output,
        f"{check.max_abs_error:.2g}",
        f"{check.tolerance:.2g}",
        f"{check.absmax:.3g}",
    )

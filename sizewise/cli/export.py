"""``sizewise export``: PyTorch (or ONNX) → ONNX, gated on parity."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from exporter.request import PrecisionOptions
from sizewise.cli import console
from sizewise.cli.failures import all_failed, plain_error, say_error
from sizewise.cli.options import Json, Out
from sizewise.cli.tables.precisions import plain_converted, show_converted
from sizewise.core import codec
from sizewise.core.errors import SizewiseError
from sizewise.core.exit_codes import ExitCode
from sizewise.pipeline.export import ExportOptions
from sizewise.pipeline.models.darknet import DARKNET, FormatOptions


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A network's name, a .safetensors checkpoint, FILE.py:FUNCTION, "
            "PACKAGE.MODULE:FUNCTION, or an ONNX file (for NMS and other precisions only).",
        ),
    ],
    options: ExportOptions,
    precisions: PrecisionOptions,
    form: FormatOptions,
    *,
    out: Out = Path("runs/export"),
    as_json: Json = False,
) -> None:
    """Write ONNX and .pt2 files, each proven equal to eager PyTorch at other sizes as well.

    With --format darknet, write a network of the zoo as Darknet's own files.
    """
    form.check()
    if form.format == DARKNET:
        _export_darknet(source, options, form, precisions, out=out, as_json=as_json)
        return
    from sizewise.pipeline.export import export
    from sizewise.pipeline.models.cards import usual_sizes

    failed: dict[Path, SizewiseError] = {}
    converted = export(
        source,
        options,
        precisions,
        out=out,
        reporter=console.reporter(),
        failed=failed.__setitem__,
    )
    if not converted:
        if len(set(map(str, failed.values()))) > 1:
            _say_failed(failed)
        raise all_failed("No precision could be made", list(failed.values()))
    models = [one.model for one in converted]
    if as_json:
        refusals = [{"path": str(f), "error": plain_error(e)} for f, e in failed.items()]
        console.show_json([*map(plain_converted, converted), *refusals])
    else:
        for one in converted:
            show_converted(one)
        sizes = usual_sizes(models[0].card, models[0].image)
        files = (model.path for model in models)
        console.next_step(console.command("bench", *files, "--sizes", sizes))
    if failed:
        _say_failed(failed)
        raise typer.Exit(ExitCode.FAILED)


def _say_failed(failed: Mapping[Path, SizewiseError]) -> None:
    for path, error in failed.items():
        say_error(f"{path.name} was not made. {error}")


def _export_darknet(
    source: str,
    options: ExportOptions,
    form: FormatOptions,
    precisions: PrecisionOptions,
    *,
    out: Path,
    as_json: bool,
) -> None:
    from sizewise.pipeline.models.darknet import export_darknet

    reporter = console.reporter()
    written = export_darknet(source, options, form, precisions, out=out, reporter=reporter)
    if as_json:
        console.show_json(codec.to_plain(written))
        return
    weights, *others = written.files
    console.say(f"{weights}: {written.convolutions} convolutions")
    for path in others:
        console.say(path)

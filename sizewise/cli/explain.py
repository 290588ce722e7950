"""``sizewise explain``: a converted file layer by layer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from exporter.request import PrecisionOptions
from netzoo.tasks.showing import PictureOptions, own_fit, said_pictures
from sizewise.cli import console
from sizewise.cli.options import Json, spell, typed
from sizewise.core import codec
from sizewise.core.exit_codes import ExitCode
from sizewise.core.options.declared import options_of
from sizewise.core.specs import ExportedModel, Size
from sizewise.core.specs.explained.layers import LayerRun
from sizewise.pipeline.explain import Explanation
from sizewise.pipeline.explanation.options import ExplainOptions
from sizewise.pipeline.explanation.pictures import built_in
from sizewise.pipeline.models.cards import calibration_sizes

_UNKNOWN = "–"
_KEPT = 3
"""Layers that the next step keeps."""


def explain(
    context: typer.Context,
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="An ONNX file of sizewise export --precision."),
    ],
    options: ExplainOptions,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Folder that the explanation is written to, as JSON. Beside a results.sqlite, "
            "sizewise report shows it [default: none].",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what each layer of a converted file costs in accuracy and saves in time.

    Times are from each runtime's own profile, which slows every call. The layers that cost most
    accuracy per ms gained come first: these are the ones to leave out of the precision.
    """
    from sizewise.core.onnxfiles.model import read_model
    from sizewise.pipeline.explain import explain

    explanation = explain(read_model(model), options, out=out, reporter=console.reporter())
    if as_json:
        console.show_json(_plain(explanation))
    else:
        _show(explanation)
    for refused in explanation.refused:
        console.remark(f"{refused.backend} at {refused.size}, {refused.file.name}: {refused.error}")
    if not as_json:
        pictures = typed(context, options_of(PictureOptions))
        console.next_step(_next(explanation, options, pictures))
    if explanation.refused:
        raise typer.Exit(ExitCode.FAILED)


def _plain(explanation: Explanation) -> dict[str, Any]:
    return {
        "model": str(explanation.model.path),
        "parent": str(explanation.parent.path),
        "precision": explanation.model.card.precision,
        "measured_on": explanation.measured_on,
        "fit": own_fit(explanation.model.card),
        "data": explanation.data,
        "disturbed": explanation.disturbed,
        "written": str(explanation.written or ""),
        "engines": [codec.to_plain(one) for one in explanation.engines],
        "layers": [
            # By way of JSON, in which an error without end is null.
            json.loads(codec.to_json(layer)) | {"gained_ms": layer.gained_ms}
            for layer in explanation.layers
        ],
        "refused": [
            {"backend": one.backend, "size": str(one.size), "file": str(one.file)}
            | one.error.to_json()
            for one in explanation.refused
        ],
    }


def _show(explanation: Explanation) -> None:
    precision = explanation.model.card.precision
    scored = explanation.scored
    console.show_table(
        f"Layers of {explanation.model.path.name}, the most costly per ms gained first",
        (
            *("layer", "requested", f"error, alone in {precision}"),
            *(["points lost"] if scored else []),
            *(title for one in explanation.engines for title in _titles(one.backend, one.size)),
        ),
        [*_layer_rows(explanation, scored=scored), *_sums(explanation, scored=scored)],
        whole=("layer",),
    )
    _remarks(explanation, scored=scored)


def _titles(backend: str, size: Size) -> tuple[str, ...]:
    return (f"{backend} {size}", "share of time", "ms", "ms gained")


def _layer_rows(explanation: Explanation, *, scored: bool) -> Iterator[tuple[str, ...]]:
    for layer in explanation.layers:
        points = _number(layer.accuracy_loss, "z.2f")
        yield (
            *(layer.name, layer.requested or _UNKNOWN, _number(layer.error, ".2%")),
            *([points] if scored else []),
            *(cell for run in layer.runs for cell in _cells(run, gains=layer.converted)),
        )


def _cells(run: LayerRun, *, gains: bool) -> tuple[str, ...]:
    return (
        run.precision or _UNKNOWN,
        _number(run.share, ".1%"),
        _number(run.ms, ".3f"),
        _number(run.gained_ms if gains else None, "+.3f"),
    )


def _sums(explanation: Explanation, *, scored: bool) -> Iterator[tuple[str, ...]]:
    """All that is known to belong to no layer, or not known to belong to one; and all nodes."""
    blank = ("", "", *([""] if scored else []))
    engines = explanation.engines
    rest = (cell for one in engines for cell in ("", *_cells(one.rest, gains=False)[1:3], ""))
    whole = (cell for one in engines for cell in ("", *_cells(one.whole, gains=True)[1:]))
    yield ("(all other nodes)", *blank, *rest)
    yield ("(all nodes)", *blank, *whole)


def _remarks(explanation: Explanation, *, scored: bool) -> None:
    console.remark(
        "Times are of each runtime's own profile, in ms of one call. A profile is no benchmark: "
        "profiled calls are slower, and short layers the most. sizewise bench measures latency."
    )
    console.remark(
        "A layer's time includes its activation. ms gained: the same layer in the FP32 file's "
        f"engine, less its time here. {_UNKNOWN}: not known, or not measured."
    )
    if explanation.written:
        console.remark(f"Written to {explanation.written}. sizewise report shows it.")
    if explanation.measured_on:
        console.remark(f"Errors were measured on {explanation.measured_on}.")
        console.remark(said_pictures(explanation.model.card))
    if scored:
        console.remark(
            "Points are lost with this layer alone converted. They were measured for the layers "
            "with the largest errors only: each takes an evaluation."
        )


def _number(value: float | None, form: str) -> str:
    return _UNKNOWN if value is None else format(value, form)


def _next(explanation: Explanation, options: ExplainOptions, pictures: list[str]) -> str:
    """The command that keeps the first layers; where there is nothing to keep, another one."""
    card = explanation.model.card
    first = [layer.name for layer in explanation.costly[:_KEPT]]
    if not explanation.measured_on:
        return console.command("explain", explanation.model.path, spell("calibrate"), "FOLDER")
    if not first:
        return console.command("bench", explanation.model.path)
    words: list[object] = [explanation.parent.path, spell("precision"), card.precision]
    words += _calibration(explanation.model, options)
    words += [spell("keep"), ",".join((*card.kept, *first))]
    return console.command("export", *words, *pictures)


def _calibration(model: ExportedModel, options: ExplainOptions) -> Iterator[object]:
    """How the file was calibrated, as far as that is not the usual way."""
    made, usual = model.card.calibration, PrecisionOptions()
    if made is None:
        return
    yield from (spell("calibrate"), options.calibrate or built_in(made.data))
    if made.images != usual.calibration_images:
        yield from (spell("calibration_images"), made.images)
    if made.sizes != calibration_sizes(model.card, model.image):
        yield from (spell("calibration_sizes"), ",".join(map(str, made.sizes)))
    if made.method != usual.method:
        yield from (spell("method"), made.method)
    if made.weight_bits != usual.weight_bits:
        yield from (spell("weight_bits"), made.weight_bits)

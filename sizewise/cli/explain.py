"""``sizewise explain``: a converted file layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from netzoo.tasks.showing import PictureOptions
from sizewise.cli import console
from sizewise.cli.options import Json, spell, typed
from sizewise.core import codec
from sizewise.core.exit_codes import ExitCode
from sizewise.core.options.declared import options_of
from sizewise.pipeline.explain import (
    ExplainedLayer,
    ExplainOptions,
    Explanation,
    LayerRun,
    built_in,
)

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
    as_json: Json = False,
) -> None:
    """Say what each layer of a converted file costs in accuracy and saves in time.

    Times are from each runtime's own profile, which slows every call. The layers that cost most
    accuracy per ms gained come first: these are the ones to keep in FP32.
    """
    from sizewise.core.onnxfiles.model import read_model
    from sizewise.pipeline.explain import explain

    explanation = explain(read_model(model), options, reporter=console.reporter())
    if as_json:
        console.show_json(_plain(explanation))
    else:
        _show(explanation)
    for refused in explanation.refused:
        console.remark(f"{refused.backend} at {refused.size}, {refused.file.name}: {refused.error}")
    if not as_json:
        console.next_step(_next(explanation, options, typed(context, options_of(PictureOptions))))
    if explanation.refused:
        raise typer.Exit(ExitCode.FAILED)


def _plain(explanation: Explanation) -> dict[str, Any]:
    return {
        "model": str(explanation.model.path),
        "parent": str(explanation.parent.path),
        "precision": explanation.model.card.precision,
        "measured_on": explanation.measured_on,
        "engines": [codec.to_plain(one) for one in explanation.engines],
        "layers": [
            codec.to_plain(layer) | {"gained_ms": layer.gained_ms} for layer in explanation.layers
        ],
        "refused": [
            {"backend": one.backend, "size": str(one.size), "file": str(one.file)}
            | one.error.to_json()
            for one in explanation.refused
        ],
    }


def _show(explanation: Explanation) -> None:
    precision = explanation.model.card.precision
    scored = any(layer.accuracy_loss is not None for layer in explanation.layers)
    runs = [(one.backend, one.size) for one in explanation.engines]
    console.show_table(
        f"Layers of {explanation.model.path.name}, the most costly per ms gained first",
        (
            *("layer", "requested", f"error, alone in {precision}"),
            *(["points lost"] if scored else []),
            *(title for backend, size in runs for title in _titles(backend, str(size))),
        ),
        [*_layer_rows(explanation, scored=scored), _rest(explanation, scored=scored)],
        whole=("layer",),
    )
    _remarks(explanation, scored=scored)


def _titles(backend: str, size: str) -> tuple[str, ...]:
    return (f"{backend} {size}", "share of time", "ms", "ms gained")


def _layer_rows(explanation: Explanation, *, scored: bool) -> Iterator[tuple[str, ...]]:
    for layer in explanation.layers:
        points = _number(layer.accuracy_loss, ".2f")
        yield (
            *(layer.name, layer.requested or _UNKNOWN, _number(layer.error, ".2%")),
            *([points] if scored else []),
            *(cell for run in layer.runs for cell in _cells(run, layer)),
        )


def _cells(run: LayerRun, layer: ExplainedLayer) -> tuple[str, ...]:
    gained = run.gained_ms if layer.converted else None
    return (
        run.precision or _UNKNOWN,
        _number(run.share, ".1%"),
        _number(run.ms, ".3f"),
        _number(gained, "+.3f"),
    )


def _rest(explanation: Explanation, *, scored: bool) -> tuple[str, ...]:
    """All that is known to belong to no layer, or not known to belong to one."""
    cells: list[str] = []
    for one in explanation.engines:
        rest = one.total_ms - one.layers_ms
        share = rest / one.total_ms if one.total_ms else None
        cells += ("", _number(share, ".1%"), _number(rest, ".3f"), "")
    return ("(all other nodes)", "", "", *([""] if scored else []), *cells)


def _remarks(explanation: Explanation, *, scored: bool) -> None:
    console.remark(
        "Times are of each runtime's own profile, in ms of one call. A profile is no benchmark: "
        "profiled calls are slower, and short layers the most. sizewise bench measures latency."
    )
    console.remark(
        "A layer's time includes its activation. ms gained: the same layer in the FP32 file's "
        f"engine, less its time here. {_UNKNOWN}: not known, or not measured."
    )
    if explanation.measured_on:
        console.remark(f"Errors were measured on {explanation.measured_on}.")
    if scored:
        console.remark(
            "Points are lost with this layer alone converted. They were measured for the layers "
            "with the largest errors only: each takes an evaluation."
        )


def _number(value: float | None, form: str) -> str:
    return _UNKNOWN if value is None else format(value, form)


def _next(explanation: Explanation, options: ExplainOptions, pictures: list[str]) -> str:
    card = explanation.model.card
    first = [layer.name for layer in explanation.layers if layer.converted][:_KEPT]
    data = options.calibrate or (built_in(card.calibration.data) if card.calibration else "")
    words: list[object] = [explanation.parent.path, spell("precision"), card.precision]
    words += [spell("calibrate"), data] if data else []
    words += [spell("keep"), ",".join((*card.kept, *first))]
    return console.command("export", *words, *pictures)

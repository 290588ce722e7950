"""Tables of layers: those that stay out of a precision, and what each costs and gains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reports.columns import NONE, Row
from reports.rows.configured import ModelFacts
from reports.rows.grouping import grouped
from reports.text.grid import grid, plain
from reports.text.words import listed, percent, times
from sizewise.core.specs import KeptLayer
from sizewise.core.specs.explained.layers import ExplainedLayer, LayerRun
from sizewise.core.specs.explained.records import LayerRecord

NOTE = (
    "Layers have the names of their ONNX nodes. The error is the largest of a head where this "
    "layer alone is converted; points are those of accuracy that are lost so. Times are of each "
    "runtime's own profile, with the layer's activation: a profiled call is slower than those "
    "that latency is of. ms gained: the same layer in the engine of the FP32 file, less its time "
    f"here. Those that cost most per ms gained come first. {NONE}: not known, or not measured."
)


def kept_table(rows: Iterable[Row], facts: Mapping[str, ModelFacts]) -> str:
    """The layers of each model that stay out of its precision, and why; nothing where there are
    none."""
    models = grouped(rows, lambda row: row.model_sha256)
    cells = [
        [plain(f"{group[0].network} {group[0].precision}"), plain(layer), facts[model].kept_in, why]
        for model, group in models.items()
        if model in facts
        for layer, why in _reasons(facts[model])
    ]
    return grid(["model", "layer", "stays in", "why"], cells, texts=4) if cells else ""


def _reasons(model: ModelFacts) -> Iterator[tuple[str, str]]:
    by_limit = {one.layer: one for one in model.kept_for}
    for layer in model.kept:
        yield layer, _why(by_limit[layer]) if layer in by_limit else "as requested"


def _why(kept: KeptLayer) -> str:
    error = NONE if kept.error is None else percent(kept.error, 2)
    if kept.gained_ms is None:
        return f"limit of the accuracy loss: error {error}; no back end told its time"
    where = f"{listed(kept.backends)} at {times(kept.size)}"
    return f"limit of the accuracy loss: error {error}, {kept.gained_ms:+.3f} ms gained ({where})"


def layer_table(record: LayerRecord) -> str:
    """Every layer of a file: what was requested, what it costs, and its run in each engine."""
    points = ("points lost",) if _is_scored(record) else ()
    headers = [
        *("layer", "requested", f"error, alone in {record.precision}", *points),
        *(title for one in record.engines for title in _titles(f"{one.backend} {one.size}")),
    ]
    rest = (cell for one in record.engines for cell in ("", *_cells(one.rest)[1:3], ""))
    whole = (cell for one in record.engines for cell in ("", *_cells(one.whole, gains=True)[1:]))
    blank = [""] * (2 + len(points))
    cells = [
        *(_line(layer, scored=bool(points)) for layer in record.layers),
        ["all other nodes", *blank, *rest],
        ["all nodes", *blank, *whole],
    ]
    return f"{_origin(record)}\n\n{grid(headers, cells, texts=2)}"


def _is_scored(record: LayerRecord) -> bool:
    return any(layer.accuracy_loss is not None for layer in record.layers)


def _origin(record: LayerRecord) -> str:
    said = [f"**{plain(record.model)}**, layer by layer."]
    if record.measured_on:
        said.append(f"Errors were measured on {plain(record.measured_on)}.")
    if record.data:
        data = plain(record.data)
        said.append(f"Points were measured on {data}, of the layers with the largest errors.")
    if record.disturbed:
        said.append(f"Its times are unreliable: {plain(record.disturbed)}.")
    return " ".join(said)


def _titles(engine: str) -> tuple[str, ...]:
    return (plain(times(engine)), "share of time", "ms", "ms gained")


def _line(layer: ExplainedLayer, *, scored: bool) -> list[str]:
    points = NONE if layer.accuracy_loss is None else f"{layer.accuracy_loss:z.2f}"
    return [
        *(plain(layer.name), layer.requested or NONE),
        NONE if layer.error is None else percent(layer.error, 2),
        *([points] if scored else []),
        *(cell for run in layer.runs for cell in _cells(run, gains=layer.converted)),
    ]


def _cells(run: LayerRun, *, gains: bool = False) -> tuple[str, ...]:
    gained = run.gained_ms if gains else None
    return (
        run.precision or NONE,
        NONE if run.share is None else percent(run.share, 1),
        NONE if run.ms is None else f"{run.ms:.3f}",
        NONE if gained is None else f"{gained:+.3f}",
    )


def left_out(records: Iterable[LayerRecord]) -> str:
    """The explanations of other environments, by their files; nothing where there are none."""
    names = listed(dict.fromkeys(record.model for record in records))
    if not names:
        return ""
    return plain(
        f"Left out: explanations of {names} from another environment. Figures of different "
        "environments are never mixed."
    )

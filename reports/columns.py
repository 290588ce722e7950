"""The columns of the results table, each declared once: name, unit, how it is written, meaning."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

from reports.text.words import measured, number, spelled, times
from sizewise.core.specs import Size
from sizewise.core.trials import METRICS, Metric, Result

NONE = "–"
"""What stands in a cell without a value."""
UNITS = {"ms": "_ms", "s": "_s", "MiB": "_mib", "px": "_px", "images/s": "_per_s"}
"""How the name of a column with a unit ends."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column. ``title`` is its name in a report, ``form`` how its values are written there."""

    name: str
    title: str
    unit: str
    description: str
    form: Callable[[Any], str]

    @property
    def heading(self) -> str:
        """The title with the unit: ``build (s)``."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def text(self, value: Any) -> str:
        """``value`` as a report writes it; a dash where it is unknown."""
        unknown = isinstance(value, float) and math.isnan(value)
        return (not unknown and self.form(value)) or NONE


def _column(
    description: str, *, title: str = "", unit: str = "", form: Callable[[Any], str] = str
) -> dict[str, Any]:
    return {"description": description, "title": title, "unit": unit, "form": form}


def _declared(description: str, *, default: Any, **rest: Any) -> Any:
    return field(default=default, metadata=_column(description, **rest))


_text = partial(_declared, default="")
"""A column of text, empty where there is none."""
_count = partial(_declared, default=0)
_figure = partial(_declared, default=math.nan, form=number)
"""A column of numbers, NaN where they were not measured; written with three digits."""
_milliseconds = partial(_figure, unit="ms")
_mebibytes = partial(_figure, unit="MiB")
_several = partial(_declared, default=(), form="; ".join)
_TITLES = {metric.name: metric.title for metric in METRICS}


def _score(name: str, description: str) -> Any:
    return _figure(description, title=_TITLES[name], unit="0–1", form="{:.3f}".format)


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """One result with all that is known of it. Two rows are equal where they are the same object.

    Every field but ``result`` and ``parts`` is a column. A result that is not ``ok`` has neither
    latency nor accuracy, whatever samples it may hold.
    """

    result: Result
    parts: tuple[tuple[str, float], ...] = ()
    """Each part of a call with its milliseconds, in order; some engines have parts of their own."""

    # The engine, and its name in the file.
    engine: str = _text("Shortest name that tells the engine from the others in the file.")
    family: str = _text("The engine's name without its strategy.")
    mode: str = _text("Those words of the engine's name that say which network it is.")
    setting: str = _text("Those words of the engine's name that say what runs the network.")
    network: str = _text("Name of the network.")
    fusion: str = _text("How the network merges its scales; none where it does not.")
    precision: str = _text(
        "Precision of the model. Where the engine runs in another one throughout, both are named."
    )
    backend: str = _text("Back end that runs the engine.", title="back end")
    strategy: str = _text(
        "Engine for one size (static), for all sizes (dynamic), or for several ranges (profiles)."
    )
    accepted_sizes: str = _text(
        "Sizes that a dynamic engine or one of profiles accepts; empty for a static one."
    )
    graph_fusion: str = _text("How far the back end may optimise the graph.")
    batch_size: int = _count("Images in one call.", title="batch")
    accepted_batches: str = _text(
        "Batch sizes that the engine accepts; empty where it is one.", title="batches"
    )
    options: str = _text("Options of the back end that are not at their defaults.")
    threads: int = _count("CPU threads of the engine.")
    streams: int = _count("Calls that the engine runs at a time.")
    model_sha256: str = _text("SHA-256 of the ONNX file.", title="model")
    parameters: float = _figure("Parameters of the network.", form="{:,.0f}".format)
    replica: int = _count("Number of the repetition, from 0.")
    variant: int = _count("Number that tells apart engines that differ in how they were measured.")

    # The input.
    size: Size = field(
        metadata=_column("Input size, height x width, as options take it.", form=times)
    )
    height_px: int = _count("Height of the input.", unit="px")
    width_px: int = _count("Width of the input.", unit="px")

    # What came of it.
    status: str = _text("What came of the trial: ok, unsupported, failed or invalid.")
    reason_code: str = _text("Kind of the reason, one word; empty where the status is ok.")
    reason: str = _text("Why there is no figure; empty where the status is ok.")

    # Latency of calls after the warm-up.
    latency_ms: float = _milliseconds(
        "Median latency of one call, which is a whole batch.", title="latency"
    )
    latency_low_ms: float = _milliseconds("Lower end of the 95 % interval of latency_ms.")
    latency_high_ms: float = _milliseconds("Upper end of the 95 % interval of latency_ms.")
    latency_p90_ms: float = _milliseconds("Latency that 90 % of the calls stay below.")
    image_ms: float = _milliseconds(
        "Latency per image: latency_ms divided by batch_size.", title="latency per image"
    )
    images_per_s: float = _figure("Images in a second, from latency_ms.", unit="images/s")
    cpu_ms: float = _milliseconds("CPU time of the engine's process in one call.")
    background_load: float = _figure(
        "Share of all CPU cores that other programs took meanwhile, 0–1."
    )
    processes: int = _count("Processes that were measured.")
    calls: int = _count("Calls that the figures are made of.")
    warnings: tuple[str, ...] = _several("Why the latency is unreliable; empty where it is not.")
    warning_codes: tuple[str, ...] = _several("The same, one word each.")

    # Cold start, and the parts of a call.
    cold_start_ms: float = _milliseconds(
        "First call after the engine was opened, with the input's copy.", title="cold start"
    )
    other_shape: str = _text("The other shape that the engine was called at; empty without one.")
    other_first_ms: float = _milliseconds("First call at other_shape.", title="first call there")
    other_later_ms: float = _milliseconds("Later calls at other_shape.")
    return_ms: float = _milliseconds(
        "First call back at the size of the row.", title="return to a known size"
    )
    other_reason: str = _text("Why the call at another shape failed.")
    h2d_ms: float = _milliseconds("Copy of the inputs to the GPU, run by itself.", title="H2D")
    compute_ms: float = _milliseconds("Computation without copies, run by itself.")
    d2h_ms: float = _milliseconds("Copy of the outputs from the GPU, run by itself.", title="D2H")

    # Accuracy of the timed engine itself.
    ap: float = _score("ap", "COCO's AP of detections, over IoU 0.50 to 0.95.")
    ap50: float = _score("ap50", "COCO's AP of detections at IoU 0.50.")
    miou: float = _score("miou", "Mean IoU of masks, of foreground and background.")
    f_measure: float = _score("f_measure", "F-measure of masks.")
    mae: float = _score("mae", "Mean absolute error of masks; lower is better.")
    accuracy_images: int = _count("Images that the accuracy was measured on.")
    data_sha256: str = _text("SHA-256 of the data set that the accuracy was measured on.")

    # Memory.
    peak_mib: float = _mebibytes(
        "Peak resident memory of a process that holds the engine and nothing else.",
        title="peak memory",
        form="{:.0f}".format,
    )
    engine_memory_mib: float = _mebibytes(
        "Share of peak_mib that came with opening and running the engine.", form="{:.0f}".format
    )
    gpu_mib: float = _mebibytes(
        "GPU memory that came with opening and running the engine.", title="GPU memory"
    )
    gpu_predicted_mib: float = _mebibytes("GPU memory that the engine says it needs.")

    # The build.
    build_s: float = _figure("Time of the build.", unit="s", title="build")
    file_mib: float = _mebibytes("Size of the engine on disk.", title="on disk")
    achieved: str = _text("Precisions that the layers really run in.", title="precision achieved")

    @property
    def reliable(self) -> bool:
        return not self.warnings

    @property
    def measured(self) -> bool:
        """Whether there is a latency."""
        return not math.isnan(self.latency_ms)

    @property
    def latency(self) -> str:
        """The median with its interval in milliseconds: ``12.34 (12.31–12.38)``."""
        return measured(self.latency_ms, self.latency_low_ms, self.latency_high_ms)

    @property
    def where(self) -> str:
        """Engine and size: ``openvino static at 288×288``."""
        return f"{self.engine} at {self.text('size')}"

    def score(self, metric: Metric) -> float:
        """NaN where it was not measured."""
        return float(getattr(self, metric.name))

    def text(self, name: str) -> str:
        """The value of a column as a report writes it."""
        return COLUMNS[name].text(getattr(self, name))


COLUMNS: Mapping[str, Column] = {
    declared.name: Column(
        name=declared.name,
        title=declared.metadata["title"] or spelled(declared.name, UNITS.values()),
        unit=declared.metadata["unit"],
        description=declared.metadata["description"],
        form=declared.metadata["form"],
    )
    for declared in fields(Row)
    if "description" in declared.metadata
}
"""By name, in the order of the table."""

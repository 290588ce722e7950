"""Columns of what an engine gives and takes beside time: accuracy, memory, builds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reports.columns.declaring import count, figure, mebibytes, text
from sizewise.core.trials import METRICS

_TITLES = {metric.name: metric.title for metric in METRICS}


def _score(name: str, description: str) -> Any:
    return figure(description, title=_TITLES[name], unit="0–1", form="{:.3f}".format)


@dataclass(frozen=True, kw_only=True, eq=False)
class AccuracyColumns:
    """Accuracy of the timed engine itself."""

    ap: float = _score("ap", "COCO's AP of detections, over IoU 0.50 to 0.95.")
    ap50: float = _score("ap50", "COCO's AP of detections at IoU 0.50.")
    miou: float = _score("miou", "Mean IoU of masks, of foreground and background.")
    f_measure: float = _score("f_measure", "F-measure of masks.")
    mae: float = _score("mae", "Mean absolute error of masks; lower is better.")
    top1: float = _score("top1", "Share of images whose right class is the likeliest.")
    top5: float = _score("top5", "Share of images whose right class is among the likeliest five.")
    accuracy_low: float = figure(
        "Lower end of the 95 % interval of the metric that ranks engines: ap, miou or top1."
    )
    accuracy_high: float = figure("Upper end of that interval, which is over images.")
    accuracy_images: int = count("Images that the accuracy was measured on.")
    accuracy_chosen: str = text("How these were chosen from the data set; empty for all of it.")
    accuracy_nms: str = text("NMS that boxes went through for the accuracy of a detector.")
    data_sha256: str = text("SHA-256 of the data set that the accuracy was measured on.")
    accuracy_reason: str = text("Why there is no accuracy, though it was requested.")


@dataclass(frozen=True, kw_only=True, eq=False)
class MemoryColumns:
    """Memory of a process that holds the engine and nothing else, median over processes."""

    peak_mib: float = mebibytes(
        "Peak resident memory, the larger one of the next two; median over processes, as all of "
        "these.",
        title="peak memory",
    )
    open_peak_mib: float = mebibytes(
        "Peak while the engine is opened; of both, where the system can't set its peak back.",
        title="peak to open",
    )
    run_peak_mib: float = mebibytes("Peak in calls at one size after that.", title="peak to run")
    rest_mib: float = mebibytes("Resident memory between calls.", title="at rest")
    walk_mib: float = mebibytes(
        "Resident memory after calls at all sizes that a dynamic engine was built for.",
        title="after all sizes",
    )
    engine_memory_mib: float = mebibytes(
        "Share of peak_mib that came with opening and running the engine."
    )
    gpu_mib: float = figure(
        "GPU memory that came with opening and running the engine.", title="GPU memory", unit="MiB"
    )
    gpu_predicted_mib: float = figure("GPU memory that the engine says it needs.", unit="MiB")


@dataclass(frozen=True, kw_only=True, eq=False)
class BuildColumns:
    """Each figure is the median over builds."""

    build_s: float = figure("Time of a build.", unit="s", title="build")
    builds: int = count("Builds of the engine.")
    build_peak_mib: float = mebibytes(
        "Peak resident memory of the process that built it.", title="peak to build"
    )
    file_mib: float = figure("Size of the engine on disk.", title="on disk", unit="MiB")
    achieved: str = text("Precisions that the layers really run in.", title="precision achieved")

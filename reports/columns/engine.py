"""Columns of what was measured: the engine, its input, and what came of the trial."""

from __future__ import annotations

from dataclasses import dataclass, field

from reports.columns.declaring import column, count, figure, text
from reports.text.words import times
from sizewise.core.specs import Size


@dataclass(frozen=True, kw_only=True, eq=False)
class EngineColumns:
    """The engine, and its name in the file."""

    engine: str = text("Shortest name that tells the engine from the others in the file.")
    family: str = text("The engine's name without its strategy.")
    mode: str = text("Those words of the engine's name that say which network it is.")
    setting: str = text("Those words of the engine's name that say what runs the network.")
    network: str = text("Name of the network.")
    fusion: str = text("How the network merges its scales; none where it does not.")
    precision: str = text(
        "Precision of the model. Where the engine runs in another one throughout, both are named."
    )
    backend: str = text("Back end that runs the engine.", title="back end")
    backend_version: str = text("Version of the back end's library.", title="version")
    strategy: str = text(
        "Engine for one size (static), for all sizes (dynamic), or for several ranges (profiles)."
    )
    accepted_sizes: str = text(
        "Sizes that a dynamic engine or one of profiles accepts; empty for a static one."
    )
    nms: str = text("Inside, where the engine itself does NMS; else empty.", title="NMS")
    graph_fusion: str = text("How far the back end may optimise the graph.")
    batch_size: int = count("Images in one call.", title="batch")
    accepted_batches: str = text(
        "Batch sizes that the engine accepts; empty where it is one.", title="batches"
    )
    options: str = text("Options of the back end that are not at their defaults.")
    threads: int = count("CPU threads of the engine.")
    thread_policy: str = text("How these threads wait for work, and where they run.")
    streams: int = count("Calls that the engine runs at a time.")
    model_sha256: str = text("SHA-256 of the ONNX file.", title="model")
    parameters: float = figure("Parameters of the network.", form="{:,.0f}".format)
    out_of_bound: str = text(
        "Largest error against FP32, where it is beyond what the precision allows; else empty."
    )
    replica: int = count("Number of the repetition, from 0.")
    harness: str = text(
        "Earlier, where a version measured the row that slowed some back ends down; else empty."
    )
    variant: int = count("Number that tells apart engines that differ in none of these columns.")


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialColumns:
    """The input, and what came of the trial."""

    size: Size = field(
        metadata=column("Input size, height x width, as options take it.", form=times)
    )
    height_px: int = count("Height of the input.", unit="px")
    width_px: int = count("Width of the input.", unit="px")
    status: str = text("What came of the trial: ok, unsupported, failed or invalid.")
    reason_code: str = text("Kind of the reason, one word; empty where there is none.")
    reason: str = text(
        "Why there is no figure or, where the status is ok, why one of the processes failed."
    )

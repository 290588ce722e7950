"""Rows from results: every figure is one of ``sizewise.core.stats``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from reports.calls import call_columns
from reports.columns import Row
from reports.labels import label_engines
from reports.text.words import times
from sizewise.core.specs import Profile
from sizewise.core.stats import summarize
from sizewise.core.trials import RECORDED_METRICS, Build, Result, Trial

MIB = 2**20


def rows_of(results: Sequence[Result], parameters: Mapping[str, int]) -> tuple[Row, ...]:
    """A row for each result, in order; ``parameters`` are known by the model's hash."""
    return label_engines([_row(result, parameters) for result in results])


def _row(result: Result, parameters: Mapping[str, int]) -> Row:
    measured = _measured(result) if result.status == "ok" else {}
    return Row(
        result=result,
        status=result.status,
        reason_code=result.reason_code,
        reason=result.reason,
        precision=_precision(result.trial.cell.precision, result.build),
        parameters=float(parameters.get(result.trial.model_sha256, math.nan)),
        **_engine(result.trial),
        **_memory(result),
        **_build(result),
        **measured,
    )


def _engine(trial: Trial) -> dict[str, Any]:
    """What tells an engine from another, and the size."""
    cell, spec = trial.cell, trial.spec
    accepted = [_span(p) for p in spec.profiles] if cell.strategy != "static" else []
    return {
        "network": cell.network,
        "fusion": cell.fusion,
        "backend": cell.backend,
        "strategy": cell.strategy,
        "accepted_sizes": ", ".join(accepted),
        "graph_fusion": cell.graph_fusion,
        "batch_size": cell.batch_size,
        "accepted_batches": str(spec.batch_range or ""),
        "options": cell.options,
        "threads": spec.threads,
        "streams": spec.streams,
        "model_sha256": trial.model_sha256,
        "replica": trial.replica,
        "size": cell.size,
        "height_px": cell.size.height,
        "width_px": cell.size.width,
    }


def _span(profile: Profile) -> str:
    same = profile.min == profile.max
    return times(profile.min if same else f"{profile.min}–{profile.max}")


def _measured(result: Result) -> dict[str, Any]:
    return call_columns(result) | _latency(result) | _accuracy(result)


def _latency(result: Result) -> dict[str, Any]:
    if not result.blocks:
        return {}
    summary = summarize(result)
    return {
        "latency_ms": summary.latency_ms,
        "latency_low_ms": _or_nan(summary.low_ms),
        "latency_high_ms": _or_nan(summary.high_ms),
        "latency_p90_ms": summary.p90_ms,
        "image_ms": summary.latency_ms / result.trial.cell.batch_size,
        "images_per_s": summary.images_per_s,
        "cpu_ms": summary.cpu_ms,
        "background_load": summary.load,
        "processes": summary.processes,
        "calls": summary.calls,
        "warnings": tuple(doubt.sentence for doubt in summary.doubts),
        "warning_codes": tuple(doubt.code for doubt in summary.doubts),
    }


def _accuracy(result: Result) -> dict[str, Any]:
    known = result.accuracy
    if known is None:
        return {}
    names = [metric.name for metric in RECORDED_METRICS]
    return {name: _or_nan(getattr(known, name)) for name in names} | {
        "accuracy_images": known.images,
        "data_sha256": known.data_sha256,
    }


def _memory(result: Result) -> dict[str, Any]:
    predicted = _mib(result.build.device_predicted_bytes if result.build else None)
    known = result.memory
    if known is None:
        return {"gpu_predicted_mib": predicted}
    return {
        "peak_mib": _mib(known.peak_bytes),
        "engine_memory_mib": _mib(known.peak_bytes) - _mib(known.before_bytes),
        "gpu_mib": _mib(known.device_bytes) - _mib(known.device_before_bytes),
        "gpu_predicted_mib": predicted,
    }


def _build(result: Result) -> dict[str, Any]:
    build = result.build
    if build is None:
        return {}
    return {
        "build_s": build.build_s,
        "file_mib": _mib(build.size_bytes),
        "achieved": build.achieved,
    }


def _precision(requested: str, build: Build | None) -> str:
    """The requested precision, and what the engine runs in where that is wholly another."""
    found = [part.split()[0] for part in build.achieved.split(", ")] if build else []
    if not found or requested in found or found[0] == "unknown":
        return requested
    return f"{requested} file in {found[0]}"


def _mib(size_bytes: int | None) -> float:
    return _or_nan(size_bytes) / MIB


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value

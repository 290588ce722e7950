"""Rows from results: every figure is one of ``sizewise.core.stats``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from reports.analysis.accuracies import accuracy_ends
from reports.columns import Row
from reports.rows.calls import call_columns
from reports.rows.configured import ModelFacts
from reports.rows.costs import build_columns, memory_columns
from reports.rows.intervals import interval_columns, or_nan
from reports.rows.labels import label_engines
from reports.text.words import times
from sizewise.core.printable import printable
from sizewise.core.specs import EVALUATION, Deviation, Profile, precision_parts
from sizewise.core.stats import summarize
from sizewise.core.trials import METRICS, Accuracy, Build, Result, Trial

EARLIER = "earlier"
NMS_INSIDE = "inside"
IN_GRAPH = "in the graph"


def rows_of(results: Sequence[Result], models: Mapping[str, ModelFacts]) -> tuple[Row, ...]:
    """A row for each result, in order; ``models`` are known by their hash."""
    return label_engines([_row(result, models) for result in results])


def _row(result: Result, models: Mapping[str, ModelFacts]) -> Row:
    measured = _measured(result) if result.status == "ok" else {}
    sha256 = result.trial.model_sha256
    model = models.get(sha256, ModelFacts(sha256=sha256))
    return Row(
        result=result,
        status=result.status,
        reason_code=result.reason_code,
        reason=result.reason,
        precision=_precision(result.trial.cell.precision, result.build),
        parameters=float(model.parameters or math.nan),
        out_of_bound=_worst(model.out_of_bound),
        **_engine(result.trial),
        **memory_columns(result),
        **build_columns(result),
        **measured,
    )


def _engine(trial: Trial) -> dict[str, Any]:
    """What tells an engine from another, and the size."""
    cell, spec = trial.cell, trial.spec
    accepted = [_span(p) for p in spec.profiles] if cell.strategy != "static" else []
    return {
        "network": printable(cell.network),
        "fusion": printable(cell.fusion),
        "backend": cell.backend,
        "backend_version": trial.backend_version,
        "strategy": cell.strategy,
        "accepted_sizes": ", ".join(accepted),
        "nms": NMS_INSIDE if trial.has_nms_inside else "",
        "graph_fusion": cell.graph_fusion,
        "batch_size": cell.batch_size,
        "accepted_batches": str(spec.batch_range or ""),
        "options": cell.options,
        "threads": spec.threads,
        "thread_policy": spec.thread_policy,
        "streams": spec.streams,
        "model_sha256": trial.model_sha256,
        "replica": trial.replica,
        "harness": EARLIER if trial.is_of_an_earlier_harness else "",
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
        **interval_columns("latency{}_ms", summary.latency_ms),
        **interval_columns("latency_p90{}_ms", summary.p90_ms),
        **interval_columns("latency_p99{}_ms", summary.p99_ms),
        **interval_columns("images{}_per_s", summary.images_per_s),
        "latency_width": or_nan(summary.width),
        "image_ms": summary.latency_ms.point / result.trial.cell.batch_size,
        "cpu_ms": summary.cpu_ms,
        "background_load": summary.load,
        "processes": summary.processes,
        "left_out": summary.left_out,
        "calls": summary.calls,
        "cold_calls": summary.cold_calls,
        "first_cold_ratio": or_nan(summary.first_cold),
        "disturbances": tuple(one.sentence for one in summary.disturbances),
        "disturbance_codes": tuple(one.code for one in summary.disturbances),
    }


def _accuracy(result: Result) -> dict[str, Any]:
    known = result.accuracy
    if known is None:
        return {"accuracy_reason": result.accuracy_reason}
    scores = {metric: getattr(known, metric.name) for metric in METRICS}
    ranking = next((m for m, score in scores.items() if m.ranks and score is not None), None)
    low, high = (None, None) if ranking is None else accuracy_ends(known, ranking)
    return {metric.name: or_nan(score) for metric, score in scores.items()} | {
        "accuracy_low": or_nan(low),
        "accuracy_high": or_nan(high),
        "accuracy_images": known.images,
        "accuracy_chosen": known.chosen,
        "accuracy_nms": _nms(result.trial, known),
        "data_sha256": known.data_sha256,
    }


def _nms(trial: Trial, accuracy: Accuracy) -> str:
    if accuracy.ap is None:
        return ""
    said = accuracy.suppression
    if trial.has_nms_inside:
        return IN_GRAPH if said is None else f"{IN_GRAPH}, then {said}"
    return str(said or EVALUATION)


def _worst(deviations: Sequence[Deviation]) -> str:
    """The largest of ``deviations``; empty where there is none."""
    if not deviations:
        return ""
    worst = max(deviations, key=lambda one: one.relative_error / one.bound)
    return (
        f"{worst.name} {worst.relative_error:.0%} off at {times(worst.size)}, "
        f"{worst.bound:.0%} allowed"
    )


_PRECISION = re.compile(r"(fp|bf|int)\d+")
"""Where an engine hides what it runs in, there are other words."""


def _precision(requested: str, build: Build | None) -> str:
    """The requested precision, and what the engine runs in where that is another in all of its
    layers, or in all that are not quantized."""
    words = [part.split()[0] for part in build.achieved.split(", ")] if build else []
    found = list(filter(_PRECISION.fullmatch, words))
    parts = precision_parts(requested)
    if not found or set(found).issuperset(parts):
        return requested
    return f"{requested} file in {'+'.join(found[: len(parts)])}"

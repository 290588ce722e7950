"""A results file as one table: a row per result, every figure from ``sizewise.core.stats``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from bench.journal.store import Store
from reports.calls import call_figures
from reports.labels import label_engines
from sizewise.core import codec
from sizewise.core.environment import Environment
from sizewise.core.errors import RecordError
from sizewise.core.stats import summarize
from sizewise.core.trials import Build, Result, Run, Trial

MIB = 2**20
METRICS = {"ap": "AP", "ap50": "AP50", "miou": "mIoU", "f_measure": "F-measure", "mae": "MAE"}
"""Columns that hold an accuracy (0–1), and what they are called."""
ERRORS = ("mae",)
"""Those of them that are better the lower they are."""


@dataclass(frozen=True, kw_only=True)
class _Model:
    sha256: str
    parameters: int = 0


@dataclass(frozen=True, kw_only=True)
class _Configuration:
    models: tuple[_Model, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Records:
    """The runs of one environment, the newest on file.

    ``frame`` has a row per result, in the order of ``results``; what was not measured is NaN (None
    where it is text). Latencies are milliseconds per call, ``image_ms`` per image; ``*_mib`` are
    MiB (``device_mib`` is GPU memory that came with the engine, ``predicted_mib`` what it said that
    it needs), ``build_s`` seconds, accuracies 0–1, ``parameters`` a number. ``doubts`` (sentences)
    and ``doubt_codes`` say why a row is not to be trusted. ``left_out`` are runs of other
    environments, never mixed with these.
    """

    environment: Environment
    runs: tuple[Run, ...]
    left_out: tuple[Run, ...]
    results: tuple[Result, ...]
    frame: pd.DataFrame

    def result(self, row: pd.Series) -> Result:
        """What a row of ``frame`` was made from."""
        return self.results[int(str(row.name))]


def read_records(path: Path, models: Collection[str] = ()) -> Records:
    """Of all models, or of those with the hashes ``models``.

    Raises InputError, RecordError or SchemaVersionError where there is nothing to read.
    """
    with Store.open(path, read_only=True) as store:
        runs = store.runs()
    return select_records([_only(run, models) for run in runs] if models else runs, path.name)


def _only(run: Run, models: Collection[str]) -> Run:
    return replace(run, results=tuple(r for r in run.results if r.trial.model_sha256 in models))


def select_records(runs: Iterable[Run], name: str) -> Records:
    """Those of the newest environment. Raises RecordError where no run has a result."""
    filled = sorted((run for run in runs if run.results), key=lambda run: run.started)
    if not filled:
        raise RecordError(
            f"There is nothing to report in {name}",
            "it holds no result",
            "Run sizewise bench first; it goes on where it was stopped.",
        )
    newest = filled[-1].environment
    same = [run.environment.fingerprint == newest.fingerprint for run in filled]
    ours = tuple(run for run, is_same in zip(filled, same, strict=True) if is_same)
    results = tuple(result for run in ours for result in run.results)
    frame = pd.DataFrame([_row(result) for result in results])
    parameters = frame["model"].map(_parameters(ours)).astype(float)
    return Records(
        environment=newest,
        runs=ours,
        left_out=tuple(run for run, is_same in zip(filled, same, strict=True) if not is_same),
        results=results,
        frame=label_engines(frame.assign(parameters=parameters)),
    )


def _parameters(runs: Iterable[Run]) -> dict[str, int]:
    """By the model's hash, where the file tells them: older ones do not."""
    found: dict[str, int] = {}
    for run in runs:
        try:
            configuration = codec.from_json(run.configuration, _Configuration)
        except (msgspec.ValidationError, msgspec.DecodeError):
            continue  # somebody else's words; the report shows them as they are
        found |= {m.sha256: m.parameters for m in configuration.models if m.parameters}
    return found


def _row(result: Result) -> dict[str, Any]:
    return (
        _engine(result.trial)
        | {"precision": _precision(result.trial.cell.precision, result.build)}
        | {"status": result.status, "reason_code": result.reason_code, "reason": result.reason}
        | _latency(result)
        | call_figures(result)
        | _accuracy(result)
        | _memory(result)
        | _build(result)
    )


def _engine(trial: Trial) -> dict[str, Any]:
    """What tells an engine from another, as text, and the size."""
    cell, spec = trial.cell, trial.spec
    spans = [str(p) for p in spec.profiles] if cell.strategy != "static" else []
    return {
        "network": cell.network,
        "fusion": cell.fusion,
        "precision": cell.precision,
        "backend": cell.backend,
        "strategy": cell.strategy,
        "graph_fusion": cell.graph_fusion,
        "batch": cell.batch_size,
        "batches": str(spec.batch_range or ""),
        "options": cell.options,
        "threads": spec.threads,
        "streams": spec.streams,
        "model": trial.model_sha256,
        "span": ", ".join(spans),
        "replica": trial.replica,
        "conditions": codec.to_json((trial.protocol, trial.data_sha256, trial.backend_version)),
        "height": cell.size.height,
        "width": cell.size.width,
        "size": str(cell.size),
        "pixels": cell.size.pixels,
    }


def _latency(result: Result) -> dict[str, Any]:
    """A result that is not ``ok`` has no figure, whatever samples it may hold."""
    if result.status != "ok" or not result.blocks:
        numbers = ("median_ms", "low_ms", "high_ms", "image_ms", "images_per_s", "load", "calls")
        return dict.fromkeys(numbers, float("nan")) | {"doubts": (), "doubt_codes": ()}
    summary = summarize(result)
    return {
        "median_ms": summary.latency_ms,
        "low_ms": _or_nan(summary.low_ms),
        "high_ms": _or_nan(summary.high_ms),
        "image_ms": summary.latency_ms / result.trial.cell.batch_size,
        "images_per_s": summary.images_per_s,
        "load": summary.load,
        "calls": summary.calls,
        "doubts": tuple(doubt.sentence for doubt in summary.doubts),
        "doubt_codes": tuple(doubt.code for doubt in summary.doubts),
    }


def _accuracy(result: Result) -> dict[str, Any]:
    known = result.accuracy if result.status == "ok" else None
    scores = {name: _or_nan(getattr(known, name, None)) for name in METRICS}
    return scores | {
        "images": known.images if known else 0,
        "data": known.data_sha256 if known else "",
    }


def _memory(result: Result) -> dict[str, Any]:
    known = result.memory
    peak, before, device, device_before = (
        _mib(getattr(known, name, None))
        for name in ("peak_bytes", "before_bytes", "device_bytes", "device_before_bytes")
    )
    return {
        "peak_mib": peak,
        "above_mib": peak - before,
        "device_mib": device - device_before,
        "predicted_mib": _mib(result.build.device_predicted_bytes if result.build else None),
    }


def _build(result: Result) -> dict[str, Any]:
    build = result.build
    return {
        "build_s": build.build_s if build else float("nan"),
        "engine_mib": _mib(build.size_bytes if build else None),
        "achieved": build.achieved if build else None,
    }


def _precision(asked: str, build: Build | None) -> str:
    """Of an engine that was let fall back altogether, what it runs in as well."""
    found = [part.split()[0] for part in build.achieved.split(", ")] if build else []
    if not found or asked in found or found[0] == "unknown":
        return asked
    return f"{asked} file in {found[0]}"


def _mib(size_bytes: int | None) -> float:
    return _or_nan(size_bytes) / MIB


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value

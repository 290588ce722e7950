"""sizewise: export once, build the right engine for every input size, know what each costs.

``import sizewise as sw`` gives the commands as functions (docs/python.md). Nothing heavy is
imported before it is used.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from sizewise._version import __version__

# For this process and its children, whichever library imports ONNX Runtime there: its telemetry
# writes to the home and starts an uploader while it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from bench.planning.settings import SweepSettings
    from bench.sweep import SweepOutcome
    from exporter.request import PrecisionOptions
    from reports.choice.budget import Budget
    from reports.markdown import Report
    from sizewise.api import (
        anchors,
        bench,
        best,
        build,
        check_data,
        compare,
        convert,
        evaluate,
        explain,
        export,
        export_darknet,
        load,
        plan,
        predict,
        replay,
        report,
        results,
        traffic,
        train,
        tune,
    )
    from sizewise.core.errors import SizewiseError
    from sizewise.core.progress import SILENT, Reporter
    from sizewise.core.specs import EngineArtifact, ExportedModel, Size, Sizes
    from sizewise.core.specs.plan import Plan
    from sizewise.core.specs.traffic import Traffic
    from sizewise.pipeline.build import BuildOptions, Builds
    from sizewise.pipeline.convert import Converted
    from sizewise.pipeline.evaluate import EvaluateOptions, Evaluation
    from sizewise.pipeline.explain import Explanation
    from sizewise.pipeline.explanation.options import ExplainOptions
    from sizewise.pipeline.export import ExportOptions
    from sizewise.pipeline.models.darknet import DarknetFiles
    from sizewise.pipeline.models.training import TrainOptions
    from sizewise.pipeline.predict import Predictions
    from sizewise.pipeline.prediction.options import PredictOptions
    from sizewise.pipeline.prediction.pool.engine_pool import EnginePool, Pooled
    from sizewise.pipeline.prediction.pool.options import PoolOptions
    from sizewise.pipeline.preparation.anchors import AnchorOptions, FittedAnchors
    from sizewise.pipeline.preparation.data import DataCheck, DataOptions
    from sizewise.pipeline.preparation.traffic.opening import TrafficFiles, TrafficOptions
    from sizewise.pipeline.preparation.tune import Tuned
    from sizewise.pipeline.preparation.tuning.options import FixedTraining, TuneOptions
    from sizewise.pipeline.records.best import Best
    from sizewise.pipeline.records.compare import Compared, CompareOptions
    from sizewise.pipeline.records.planning.options import Planned, PlanOptions
    from sizewise.pipeline.records.planning.streaming import Replayed
    from sizewise.pipeline.records.replay import ReplayOptions
    from sizewise.pipeline.records.results import Results
    from sizewise.pipeline.train import Trained

__all__ = [
    "SILENT",
    "AnchorOptions",
    "Best",
    "Budget",
    "BuildOptions",
    "Builds",
    "CompareOptions",
    "Compared",
    "Converted",
    "DarknetFiles",
    "DataCheck",
    "DataOptions",
    "EngineArtifact",
    "EnginePool",
    "EvaluateOptions",
    "Evaluation",
    "ExplainOptions",
    "Explanation",
    "ExportOptions",
    "ExportedModel",
    "FittedAnchors",
    "FixedTraining",
    "Plan",
    "PlanOptions",
    "Planned",
    "PoolOptions",
    "Pooled",
    "PrecisionOptions",
    "PredictOptions",
    "Predictions",
    "ReplayOptions",
    "Replayed",
    "Report",
    "Reporter",
    "Results",
    "Size",
    "Sizes",
    "SizewiseError",
    "SweepOutcome",
    "SweepSettings",
    "Traffic",
    "TrafficFiles",
    "TrafficOptions",
    "TrainOptions",
    "Trained",
    "TuneOptions",
    "Tuned",
    "__version__",
    "anchors",
    "bench",
    "best",
    "build",
    "check_data",
    "compare",
    "convert",
    "evaluate",
    "explain",
    "export",
    "export_darknet",
    "load",
    "plan",
    "predict",
    "replay",
    "report",
    "results",
    "traffic",
    "train",
    "tune",
]

_HOMES = {
    "sizewise.api": (
        *("anchors", "bench", "best", "build", "check_data", "compare", "convert", "evaluate"),
        *("explain", "export", "export_darknet", "load", "plan", "predict", "replay", "report"),
        *("results", "traffic", "train", "tune"),
    ),
    "sizewise.core.errors": ("SizewiseError",),
    "sizewise.core.progress": ("SILENT", "Reporter"),
    "sizewise.core.specs": ("EngineArtifact", "ExportedModel", "Size", "Sizes"),
    "sizewise.core.specs.plan": ("Plan",),
    "sizewise.core.specs.traffic": ("Traffic",),
    "bench.planning.settings": ("SweepSettings",),
    "bench.sweep": ("SweepOutcome",),
    "reports.choice.budget": ("Budget",),
    "reports.markdown": ("Report",),
    "sizewise.pipeline.predict": ("Predictions",),
    "exporter.request": ("PrecisionOptions",),
    "sizewise.pipeline.records.best": ("Best",),
    "sizewise.pipeline.build": ("BuildOptions", "Builds"),
    "sizewise.pipeline.records.compare": ("Compared", "CompareOptions"),
    "sizewise.pipeline.convert": ("Converted",),
    "sizewise.pipeline.models.darknet": ("DarknetFiles",),
    "sizewise.pipeline.evaluate": ("EvaluateOptions", "Evaluation"),
    "sizewise.pipeline.explain": ("Explanation",),
    "sizewise.pipeline.explanation.options": ("ExplainOptions",),
    "sizewise.pipeline.export": ("ExportOptions",),
    "sizewise.pipeline.prediction.options": ("PredictOptions",),
    "sizewise.pipeline.preparation.anchors": ("AnchorOptions", "FittedAnchors"),
    "sizewise.pipeline.preparation.data": ("DataCheck", "DataOptions"),
    "sizewise.pipeline.prediction.pool.engine_pool": ("EnginePool", "Pooled"),
    "sizewise.pipeline.prediction.pool.options": ("PoolOptions",),
    "sizewise.pipeline.preparation.traffic.opening": ("TrafficFiles", "TrafficOptions"),
    "sizewise.pipeline.records.planning.options": ("PlanOptions", "Planned"),
    "sizewise.pipeline.records.planning.streaming": ("Replayed",),
    "sizewise.pipeline.records.replay": ("ReplayOptions",),
    "sizewise.pipeline.records.results": ("Results",),
    "sizewise.pipeline.models.training": ("TrainOptions",),
    "sizewise.pipeline.train": ("Trained",),
    "sizewise.pipeline.preparation.tune": ("Tuned",),
    "sizewise.pipeline.preparation.tuning.options": ("FixedTraining", "TuneOptions"),
}
"""Where each public name is defined."""


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

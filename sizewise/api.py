"""The commands as functions: values in, values out, silent unless a ``reporter`` is given.

Each takes its options as a dataclass (``options=TrainOptions(…)``), as keywords named like its
fields, or both: ``sw.bench(model, sizes="320,640", backends="openvino")``. Keywords may be text, as
on the command line, or plain values. An error names the keyword.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sizewise.core.options.declared import filled, spelling, words_of
from sizewise.core.progress import SILENT, Reporter
from sizewise.given import each, model_of, path_of, plan_of, source_of, the_one, traffic_of

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from bench.planning.settings import SweepSettings
    from bench.sweep import SweepOutcome
    from exporter.request import PrecisionOptions
    from reports.choice.budget import Budget
    from reports.markdown import Report
    from sizewise.core.specs import EngineArtifact, ExportedModel
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

    Model = str | Path | ExportedModel | Converted
    SomeTraffic = str | Path | Traffic | TrafficFiles

P = ParamSpec("P")
T = TypeVar("T")


def _public(function: Callable[P, T]) -> Callable[P, T]:
    """Options are spelled as keywords in what it raises."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with spelling(str):
            return function(*args, **kwargs)

    return call


@_public
def train(
    network: str,
    *,
    data: str | Path = "digits",
    images: str | Path | None = None,
    out: str | Path = "runs/train",
    options: TrainOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> tuple[Trained, ...]:
    """Train a network of the zoo: one checkpoint in ``out`` for each fusion. ``images`` is the
    folder of the data's pictures, where its annotations lie elsewhere."""
    from sizewise.pipeline.models.training import Training, TrainOptions
    from sizewise.pipeline.train import train

    training = Training(network=network, options=filled(TrainOptions, options, given))
    folder = None if images is None else Path(images)
    return train(training, str(data), images=folder, out=Path(out), reporter=reporter)


@_public
def check_data(
    data: str | Path,
    *,
    out: str | Path = "runs/data",
    options: DataOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> DataCheck:
    """Look at every picture and label of a data set: what it holds, what can't be used and is
    skipped, and what is doubtful. A contact sheet of each part is written into ``out``."""
    from sizewise.pipeline.preparation.data import DataOptions, check_data, demand_some

    wanted = filled(DataOptions, options, given)
    found = check_data(str(data), wanted, out=Path(out), reporter=reporter)
    demand_some(found)
    return found


@_public
def anchors(
    network: str,
    *,
    options: AnchorOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> FittedAnchors:
    """Fit a detector's anchors to the boxes of ``data``, as its training does:
    ``sw.anchors("yolov4-tiny", data="digits")``. :func:`train` takes their ``line``."""
    from sizewise.pipeline.preparation.anchors import AnchorOptions, fit_to

    return fit_to(network, filled(AnchorOptions, options, given), reporter=reporter)


@_public
def tune(
    network: str,
    *,
    data: str | Path,
    images: str | Path | None = None,
    out: str | Path = "runs/tune",
    options: TuneOptions | None = None,
    training: FixedTraining | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> Tuned:
    """Search the settings of a training; what is given of them is not searched. Each trial is a
    training in a folder of its own in ``out``; the same call goes on where another one ended.
    ``train(network, data=data, options=tuned.options)`` trains with the best."""
    from sizewise.pipeline.preparation.tune import tune
    from sizewise.pipeline.preparation.tuning.options import FixedTraining, TuneOptions

    own, rest = _split(given, TuneOptions)
    return tune(
        network,
        str(data),
        filled(TuneOptions, options, own),
        filled(FixedTraining, training, rest),
        out=Path(out),
        images=None if images is None else Path(images),
        reporter=reporter,
    )


@_public
def export(
    source: str | Path | nn.Module | Trained | Sequence[Trained],
    *,
    out: str | Path = "runs/export",
    options: ExportOptions | None = None,
    precisions: PrecisionOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> tuple[Converted, ...]:
    """Export to ONNX, each file proven equal to eager PyTorch; ``source`` is also a module."""
    from exporter.request import PrecisionOptions
    from sizewise.pipeline.export import ExportOptions, export

    own, rest = _split(given, PrecisionOptions)
    return export(
        source_of(source),
        filled(ExportOptions, options, rest),
        filled(PrecisionOptions, precisions, own),
        out=Path(out),
        reporter=reporter,
    )


@_public
def export_darknet(
    source: str | Path | Trained | Sequence[Trained],
    *,
    out: str | Path = "runs/export",
    cut: int | None = None,
    options: ExportOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> DarknetFiles:
    """Export a checkpoint, or a network with ``weights``, to Darknet's own files; with ``cut``,
    only its first layers."""
    from exporter.request import PrecisionOptions
    from sizewise.pipeline.export import ExportOptions
    from sizewise.pipeline.models.darknet import DARKNET, FormatOptions, export_darknet

    return export_darknet(
        str(the_one(source) if isinstance(source, str) else path_of(the_one(source))),
        filled(ExportOptions, options, given),
        filled(FormatOptions, None, {"format": DARKNET} | ({} if cut is None else {"cut": cut})),
        PrecisionOptions(),
        out=Path(out),
        reporter=reporter,
    )


@_public
def convert(
    model: Model | Sequence[Model],
    *,
    out: str | Path = "runs/export",
    layout: str = "",
    precisions: PrecisionOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> tuple[Converted, ...]:
    """Convert an FP32 ONNX file to other precisions: one file in ``out`` for each.

    ``layout`` says how the outputs of a detector that is not ours are read.
    """
    from exporter.request import PrecisionOptions
    from sizewise.core.files import output_folder
    from sizewise.pipeline.convert import convert_all
    from sizewise.pipeline.models.cards import explained

    wanted = filled(PrecisionOptions, precisions, given)
    found = explained(model_of(the_one(model)), layout)
    parent = replace(found, card=wanted.shown_to(found.card))
    return convert_all(parent, wanted, output_folder(Path(out)), reporter)


@_public
def build(
    model: Model | Sequence[Model],
    *,
    out: str | Path = "runs/engines",
    options: BuildOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> Builds:
    """Build engines of an ONNX file in ``out``, each compared with the FP32 file."""
    from sizewise.pipeline.build import BuildOptions, build

    wanted = filled(BuildOptions, options, given)
    return build(model_of(the_one(model)), wanted, out=Path(out), reporter=reporter)


@_public
def bench(
    models: Model | Sequence[Model],
    *,
    out: str | Path = "runs/bench",
    options: SweepSettings | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> SweepOutcome:
    """Measure latency, memory and accuracy into ``out/results.sqlite``; what is there is kept."""
    from bench.planning.settings import SweepSettings
    from sizewise.pipeline.bench import bench
    from sizewise.pipeline.models.cards import MeaningOptions

    said, rest = _split(given, MeaningOptions)
    meaning = filled(MeaningOptions, None, said)
    settings = filled(SweepSettings, options, rest)
    found = [meaning.of(model) for model in map(model_of, each(models))]
    return bench(found, settings, out=Path(out), reporter=reporter)


@_public
def evaluate(
    source: Trained | Model | EngineArtifact | Sequence[Trained | Model | EngineArtifact],
    *,
    options: EvaluateOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> Evaluation:
    """Measure the accuracy of a checkpoint, an ONNX file or an engine at every size."""
    from sizewise.pipeline.evaluate import EvaluateOptions, evaluate

    wanted = filled(EvaluateOptions, options, given)
    return evaluate(path_of(the_one(source)), wanted, reporter=reporter)


@_public
def explain(
    model: Model | Sequence[Model],
    *,
    out: str | Path | None = None,
    options: ExplainOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> Explanation:
    """Say what each layer of a converted file costs in accuracy and saves in time; where ``out`` is
    the folder of a sweep's results, :func:`report` shows it, too."""
    from sizewise.pipeline.explain import explain
    from sizewise.pipeline.explanation.options import ExplainOptions

    return explain(
        model_of(the_one(model)),
        filled(ExplainOptions, options, given),
        out=None if out is None else Path(out),
        reporter=reporter,
    )


@_public
def predict(
    model: Model | EngineArtifact | Sequence[Model | EngineArtifact],
    pictures: str | Path | Sequence[str | Path],
    *,
    out: str | Path = "runs/predict",
    options: PredictOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> Predictions:
    """Find objects in pictures and draw them into ``out``."""
    from sizewise.pipeline.predict import predict
    from sizewise.pipeline.prediction.options import PredictOptions

    return predict(
        path_of(the_one(model)),
        list(map(path_of, each(pictures))),
        filled(PredictOptions, options, given),
        out=Path(out),
        reporter=reporter,
    )


@_public
def report(results: str | Path, *, out: str | Path | None = None) -> Report:
    """Write report.md and its plots from a results file, into ``out`` or a folder beside it."""
    from sizewise.pipeline.records.report import report

    return report(Path(results), out=None if out is None else Path(out))


@_public
def results(
    file: str | Path,
    *,
    salvage: str | Path | None = None,
    parquet: str | Path | None = None,
    csv: str | Path | None = None,
    pytest_benchmark: str | Path | None = None,
) -> Results:
    """Say what a results file holds, save all that is whole of a damaged one in the new file
    ``salvage``, and write what was measured in other formats."""
    from sizewise.pipeline.records.results import results

    targets = {"parquet": parquet, "csv": csv, "pytest_benchmark": pytest_benchmark}
    formats = {name: Path(path) for name, path in targets.items() if path is not None}
    return results(Path(file), salvage=None if salvage is None else Path(salvage), formats=formats)


@_public
def best(results: str | Path, *, options: Budget | None = None, **given: object) -> Best:
    """Choose the engine to ship under a budget: ``sw.best(file, max_latency_ms=8)``."""
    from reports.choice.budget import Budget
    from sizewise.pipeline.records.best import best

    return best(Path(results), filled(Budget, options, given))


@_public
def compare(
    base: str | Path,
    new: str | Path | None = None,
    *,
    options: CompareOptions | None = None,
    **given: object,
) -> Compared:
    """Compare two results files cell by cell, or two selections of one."""
    from sizewise.pipeline.records.compare import CompareOptions, compare

    return compare(
        Path(base), None if new is None else Path(new), filled(CompareOptions, options, given)
    )


@_public
def traffic(
    source: SomeTraffic,
    *,
    out: str | Path = "runs/traffic",
    options: TrafficOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> TrafficFiles:
    """Count the sizes of the pictures that come, in their order: of a folder, a CSV, a log, a
    ``traffic.json``, or one that is made up, by its name. Writes traffic.json and a plot."""
    from sizewise.pipeline.preparation.traffic.opening import TrafficOptions, traffic

    wanted = filled(TrafficOptions, options, given)
    return traffic(traffic_of(source), wanted, out=Path(out), reporter=reporter)


@_public
def plan(
    results: str | Path,
    traffic: SomeTraffic,
    *,
    out: str | Path = "runs/plan",
    options: PlanOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> Planned:
    """Choose the engines to keep loaded for the sizes that come, within a memory:
    ``sw.plan(file, "photographs", max_memory_mib=600)``. ``out`` gets the plan, what shows it, and
    the engines."""
    from sizewise.pipeline.records.plan import plan
    from sizewise.pipeline.records.planning.options import PlanOptions

    wanted = filled(PlanOptions, options, given)
    return plan(Path(results), traffic_of(traffic), wanted, out=Path(out), reporter=reporter)


@_public
def replay(
    plan: str | Path | Planned,
    traffic: SomeTraffic,
    *,
    options: ReplayOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> Replayed:
    """Run a plan's engines over a traffic: what was expected, and what is measured."""
    from sizewise.pipeline.records.replay import ReplayOptions, replay

    wanted = filled(ReplayOptions, options, given)
    return replay(plan_of(plan), traffic_of(traffic), wanted, reporter=reporter)


@_public
def load(results: str | Path) -> pd.DataFrame:
    """Load a results file as a table: a row per result, columns as docs/python.md lists them."""
    from reports.load import load

    return load(Path(results))


def _split(
    given: Mapping[str, object], kind: type[Any]
) -> tuple[dict[str, object], dict[str, object]]:
    """What ``kind`` has, and the rest."""
    own = {name: value for name, value in given.items() if name in words_of(kind)}
    return own, {name: value for name, value in given.items() if name not in own}

"""The commands as functions: values in, values out, silent unless a ``reporter`` is given.

Each takes its options as a dataclass (``options=TrainOptions(…)``), as keywords named like its
fields, or both: ``sw.bench(model, sizes="320,640", backends="openvino")``. Keywords may be text, as
on the command line, or plain values. An error names the keyword.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sizewise.core.options import filled, options_of, spelling
from sizewise.core.progress import SILENT, Reporter

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from bench.settings import SweepSettings
    from bench.sweep import SweepOutcome
    from exporter.request import PrecisionOptions
    from reports.markdown import Report
    from sizewise.core.specs import ExportedModel
    from sizewise.pipeline.build import BuildOptions, Builds
    from sizewise.pipeline.convert import Converted
    from sizewise.pipeline.evaluate import EvaluateOptions, Evaluation
    from sizewise.pipeline.export import ExportOptions
    from sizewise.pipeline.predict import Predictions
    from sizewise.pipeline.prediction.options import PredictOptions
    from sizewise.pipeline.train import Trained, TrainOptions

    Model = str | Path | ExportedModel | Converted

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
    out: str | Path = "runs/train",
    options: TrainOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> tuple[Trained, ...]:
    """Train a network of the zoo: one checkpoint in ``out`` for each fusion."""
    from sizewise.pipeline.train import Training, TrainOptions, train

    training = Training(network=network, options=filled(TrainOptions, options, given))
    return train(training, str(data), out=Path(out), reporter=reporter)


@_public
def export(
    source: str | Path | nn.Module,
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
        str(source) if isinstance(source, Path) else source,
        filled(ExportOptions, options, rest),
        filled(PrecisionOptions, precisions, own),
        out=Path(out),
        reporter=reporter,
    )


@_public
def convert(
    model: Model,
    *,
    out: str | Path = "runs/export",
    precisions: PrecisionOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> tuple[Converted, ...]:
    """Convert an FP32 ONNX file to other precisions: one file in ``out`` for each."""
    from exporter.request import PrecisionOptions
    from sizewise.core.files import output_folder
    from sizewise.pipeline.convert import convert_all

    wanted = filled(PrecisionOptions, precisions, given)
    return convert_all(_read(model), wanted, output_folder(Path(out)), reporter)


@_public
def build(
    model: Model,
    *,
    out: str | Path = "runs/engines",
    options: BuildOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> Builds:
    """Build engines of an ONNX file in ``out``, each compared with the FP32 file."""
    from sizewise.pipeline.build import BuildOptions, build

    wanted = filled(BuildOptions, options, given)
    return build(_read(model), wanted, out=Path(out), reporter=reporter)


@_public
def bench(
    models: Model | Iterable[Model],
    *,
    out: str | Path = "runs/bench",
    options: SweepSettings | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> SweepOutcome:
    """Measure latency, memory and accuracy into ``out/results.sqlite``; what is there is kept."""
    from bench.settings import SweepSettings
    from sizewise.pipeline.bench import bench

    each = [models] if _is_one(models) else list(models)  # type: ignore[arg-type]
    settings = filled(SweepSettings, options, given)
    return bench(list(map(_read, each)), settings, out=Path(out), reporter=reporter)  # type: ignore[arg-type]


@_public
def evaluate(
    source: str | Path,
    *,
    options: EvaluateOptions | None = None,
    reporter: Reporter = SILENT,
    **given: object,
) -> Evaluation:
    """Measure the accuracy of a checkpoint, an ONNX file or an engine at every size."""
    from sizewise.pipeline.evaluate import EvaluateOptions, evaluate

    return evaluate(Path(source), filled(EvaluateOptions, options, given), reporter=reporter)


@_public
def predict(
    model: str | Path,
    pictures: Iterable[str | Path],
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
        Path(model),
        [Path(picture) for picture in pictures],
        filled(PredictOptions, options, given),
        out=Path(out),
        reporter=reporter,
    )


@_public
def report(results: str | Path, *, out: str | Path | None = None) -> Report:
    """Write report.md and its plots from a results file, into ``out`` or a folder beside it."""
    from sizewise.pipeline.report import report

    return report(Path(results), out=None if out is None else Path(out))


@_public
def load(results: str | Path) -> pd.DataFrame:
    """Load a results file as a table: a row per result, columns as docs/python.md lists them."""
    from reports.load import load

    return load(Path(results))


def _split(
    given: Mapping[str, object], kind: type[Any]
) -> tuple[dict[str, object], dict[str, object]]:
    """What ``kind`` has, and the rest."""
    own = {name: value for name, value in given.items() if name in options_of(kind)}
    return own, {name: value for name, value in given.items() if name not in own}


def _is_one(models: object) -> bool:
    return isinstance(models, str | Path) or not isinstance(models, Iterable)


def _read(model: Model) -> ExportedModel:
    from sizewise.core.onnxfile import read_model
    from sizewise.pipeline.convert import Converted

    if isinstance(model, str | Path):
        return read_model(Path(model))
    return model.model if isinstance(model, Converted) else model

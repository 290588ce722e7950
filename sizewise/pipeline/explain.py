"""What each layer of a converted file costs in accuracy, and what it saves in time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engines.planning.axes import EngineAxes
from netzoo.data.pictures.folder import PictureFolder
from sizewise.core.errors import EngineError, InputError, UsageError
from sizewise.core.options.declared import again, option, spelled
from sizewise.core.options.reading import PATH, SIZES, TEXT, optional
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import ExportedModel, Size, Sizes
from sizewise.pipeline.accuracy.scoring import Scorer, largest_drop, open_scorer
from sizewise.pipeline.models.cards import MeaningOptions, demand_sizes, usual_sizes

if TYPE_CHECKING:
    from engines.explaining import LayerTimes
    from exporter.calibration.images import CalibrationSet
    from exporter.convert import Conversion
    from exporter.sensitivity import Sensitivity

_SCORED = 5
"""Layers whose loss of accuracy is measured: an evaluation of the data for each."""


@dataclass(frozen=True, kw_only=True)
class ExplainOptions(MeaningOptions, PictureFolder):
    """The options of ``sizewise explain`` beside the model."""

    backends: tuple[str, ...] = again(EngineAxes, "backends", ())
    sizes: Sizes | None = option(
        optional(SIZES),
        None,
        help="Input sizes in pixels, height x width, to profile and to measure accuracy at: 416, "
        "384x640, or FIRST:LAST:STEP (comma list).",
        group="Engines",
        shown="the middle one of the model's usual sizes",
    )
    parent: Path | None = option(
        optional(PATH),
        None,
        help="FP32 file that the model was converted from.",
        group="Comparison",
        shown="found beside the model",
    )
    calibrate: str = option(
        TEXT,
        "",
        help="Pictures to measure the error of each layer on, and to calibrate it with: a folder, "
        "or a data set.",
        group="Comparison",
        shown="the data set that the model names",
    )
    data: str = option(
        TEXT,
        "",
        help=f"Annotated images to measure the accuracy loss of the {_SCORED} layers with the "
        "largest errors on.",
        group="Accuracy",
        shown="not measured",
    )


@dataclass(frozen=True, kw_only=True)
class LayerRun:
    """A layer in a back end at a size: the precision that it runs in, its time with its activation,
    the share of that in all nodes' time, and the time of the same layer in the FP32 file's engine
    less this one.

    What the runtime does not tell is None.
    """

    backend: str
    size: Size
    precision: str | None = None
    ms: float | None = None
    share: float | None = None
    gained_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class ExplainedLayer:
    """A layer, by the name of its ONNX node.

    ``error`` is the largest relative error of a head where this layer alone is converted,
    ``accuracy_loss`` that of accuracy in points, at the size where it is largest (None: not
    measured).
    """

    name: str
    requested: str
    converted: bool
    error: float | None = None
    accuracy_loss: float | None = None
    runs: tuple[LayerRun, ...] = ()

    @property
    def gained_ms(self) -> float | None:
        """The mean of what it gains, over the back ends and sizes that tell it."""
        known = [run.gained_ms for run in self.runs if run.gained_ms is not None]
        return math.fsum(known) / len(known) if known and self.converted else None

    @property
    def rank(self) -> tuple[int, float, float]:
        """Sorts layers: what costs most per ms gained is smallest.

        A layer that costs something and gains no time comes first. Points and errors are not
        compared with each other: layers with points come before those without.
        """
        measured = self.accuracy_loss is not None
        cost = max(self.accuracy_loss if self.accuracy_loss is not None else self.error or 0.0, 0.0)
        if not self.converted or self.error is None:
            return (3, 0.0, 0.0)
        if self.gained_ms is None:
            return (2, -cost, 0.0)
        per_ms = cost / self.gained_ms if self.gained_ms > 0 else (math.inf if cost else 0.0)
        return (0 if measured else 1, -per_ms, -cost)


@dataclass(frozen=True, kw_only=True)
class EngineTime:
    """The time of all nodes of an engine in the profile; ``layers_ms`` is that of the layers in it.
    ``parent_ms`` is all time of the FP32 file's engine (None: it has none)."""

    backend: str
    size: Size
    total_ms: float
    layers_ms: float
    parent_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class Refused:
    """An engine that could not be profiled, and why."""

    backend: str
    size: Size
    file: Path
    error: EngineError


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The layers, those first that cost most accuracy per ms gained."""

    model: ExportedModel
    parent: ExportedModel
    layers: tuple[ExplainedLayer, ...]
    engines: tuple[EngineTime, ...]
    refused: tuple[Refused, ...] = ()
    measured_on: str = ""
    """The pictures of the errors; empty where there are none."""


def explain(
    model: ExportedModel, options: ExplainOptions, *, reporter: Reporter = SILENT
) -> Explanation:
    """Measure each layer of ``model``, a file of another precision than FP32.

    Engines of it and of its FP32 parent are built for the purpose, and removed. Raises UsageError,
    InputError, EngineError where no engine can be profiled, and ExportError.
    """
    from engines.graph.requested import requested_by_layer
    from exporter.graph.choosing import layers_of
    from exporter.sensitivity import layer_errors

    parent = _parent(model, options)
    backends = _backends(model, options.backends, reporter)
    model, parent = options.of(model), options.of(parent)
    usual = usual_sizes(model.card, model.image)
    sizes = options.sizes or Sizes(usual[len(usual) // 2 :][:1])
    demand_sizes(model, sizes)
    names = layers_of(parent.path)
    requested = requested_by_layer(model)
    images = _pictures(model, options, reporter)
    scorer = None
    if options.data:
        scorer = open_scorer(parent, options.data, sizes, reporter, images=options.images)
    profiles = _Profiles(model, parent, names, reporter)
    runs = profiles.measure(backends, sizes)
    conversion = _conversion(model, parent, images, sizes, reporter)
    ranked = layer_errors(conversion, reporter) if conversion else ()
    errors = {one.layer: one.error for one in ranked}
    points = _points(conversion, ranked, scorer) if conversion and scorer else {}
    layers = [
        ExplainedLayer(
            name=name,
            requested=requested.get(name, ""),
            converted=requested.get(name) == model.card.precision,
            error=errors.get(name),
            accuracy_loss=points.get(name),
            runs=tuple(runs[name]),
        )
        for name in names
    ]
    return Explanation(
        model=model,
        parent=parent,
        layers=tuple(sorted(layers, key=lambda one: one.rank)),
        engines=tuple(profiles.engines),
        refused=tuple(profiles.refused),
        measured_on=_measured_on(conversion),
    )


def _parent(model: ExportedModel, options: ExplainOptions) -> ExportedModel:
    from engines.store.parents import check_parent, find_parent
    from sizewise.core.onnxfiles.model import read_model

    if model.card.precision == "fp32":
        raise InputError(
            f"{model.path} can't be explained",
            "it is in FP32, and this is for files that were converted from one",
            f"Give a file of sizewise export {spelled('precision')}.",
        )
    path = check_parent(model, options.parent) if options.parent else find_parent(model)
    if path is None:
        raise InputError(
            f"{model.path} can't be explained",
            "the FP32 file that it was converted from is not beside it",
            f"Give that file with {spelled('parent')}.",
        )
    return read_model(path)


def _backends(model: ExportedModel, named: Sequence[str], reporter: Reporter) -> tuple[str, ...]:
    """Those to profile. Raises UsageError for one that has no profile, and EngineError where one
    that was named, or all, can't run here."""
    from engines.registry import backends, find_backend

    able = [name for name, one in backends().items() if one.has_profile and not one.for_tests]
    for name in named:
        if name not in able:
            raise UsageError(
                f"The back end {name} can't be explained",
                "its runtime does not tell the time of each layer",
                f"Choose from: {', '.join(able)}.",
            )
        find_backend(name).demand_run()
    if named:
        return tuple(dict.fromkeys(named))
    here = []
    for name in able:
        backend = find_backend(name)
        if not (answer := backend.can_run()).ok:
            reporter.remark(f"{name} is left out, it can't run here: {answer.reason}.")
        elif model.card.precision not in backend.precisions:
            reporter.remark(f"{name} is left out, it takes no {model.card.precision}.")
        else:
            here.append(name)
    if not here:
        find_backend(able[0]).demand_run()
    return tuple(here or able[:1])


class _Profiles:
    """Profiles of engines of a model and of its parent; what can't be had is in ``refused``."""

    def __init__(
        self,
        model: ExportedModel,
        parent: ExportedModel,
        layers: Sequence[str],
        reporter: Reporter,
    ) -> None:
        self._model, self._parent, self._layers = model, parent, layers
        self._reporter = reporter
        self.engines: list[EngineTime] = []
        self.refused: list[Refused] = []

    def measure(self, backends: Sequence[str], sizes: Sizes) -> Mapping[str, list[LayerRun]]:
        """The runs of each layer. Raises the first EngineError where the model has none."""
        runs: dict[str, list[LayerRun]] = {name: [] for name in self._layers}
        pairs = [(backend, size) for backend in backends for size in sizes]
        with self._reporter.stage("Profiling engines", 2 * len(pairs)) as stage:
            for backend, size in pairs:
                stage.advance(0, note=f"{backend} {size}")
                found = self._profile(self._model, backend, size)
                stage.advance()
                before = self._profile(self._parent, backend, size) if found else None
                stage.advance()
                if found:
                    self._add(runs, backend, size, found, before)
        if not self.engines:
            raise self.refused[0].error
        return runs

    def _profile(self, model: ExportedModel, backend: str, size: Size) -> LayerTimes | None:
        from sizewise.pipeline.models.one_engine import profiled

        try:
            return profiled(model, backend, size, self._layers, self._reporter)
        except EngineError as error:
            self.refused.append(Refused(backend=backend, size=size, file=model.path, error=error))
            return None

    def _add(
        self,
        runs: Mapping[str, list[LayerRun]],
        backend: str,
        size: Size,
        found: LayerTimes,
        before: LayerTimes | None,
    ) -> None:
        for name, of_layer in runs.items():
            here = found.layers.get(name)
            there = before.layers.get(name) if before else None
            of_layer.append(
                LayerRun(
                    backend=backend,
                    size=size,
                    precision=here.precision if here else None,
                    ms=here.ms if here else None,
                    share=here.ms / found.total_ms if here and found.total_ms else None,
                    gained_ms=there.ms - here.ms if here and there else None,
                )
            )
        self.engines.append(
            EngineTime(
                backend=backend,
                size=size,
                total_ms=found.total_ms,
                layers_ms=math.fsum(one.ms for one in found.layers.values()),
                parent_ms=before.total_ms if before else None,
            )
        )


def _measured_on(conversion: Conversion | None) -> str:
    if conversion is None:
        return ""
    images = conversion.settings.images
    return images.name if images else "random noise"


def _pictures(
    model: ExportedModel, options: ExplainOptions, reporter: Reporter
) -> CalibrationSet | None:
    """Those that were given, or those of the built-in data set that the card names; None where
    there are neither. Raises UsageError where ``data`` was given and these are needed for it."""
    from exporter.convert import find_precision

    found = _given(model, options, reporter) if options.calibrate else _named(model, reporter)
    if found is None and find_precision(model.card.precision).calibrated:
        if options.data:
            raise UsageError(
                f"{spelled('data')} can't be given by itself",
                "to convert one layer alone, the calibration pictures are needed",
                f"Give {spelled('calibrate')}, too, or leave {spelled('data')} out.",
            )
        reporter.remark(
            f"Errors are not measured: give the calibration pictures with {spelled('calibrate')}."
        )
    return found


def _given(model: ExportedModel, options: ExplainOptions, reporter: Reporter) -> CalibrationSet:
    from exporter.calibration.images import read_calibration

    calibration = model.card.calibration
    limit = {"limit": calibration.images} if calibration else {}
    found = read_calibration(options.calibrate, images=options.images, progress=reporter, **limit)
    if calibration and found.sha256 != calibration.data_sha256:
        reporter.remark(
            f"{options.calibrate} has other pictures than {model.path.name} was calibrated with: "
            "scales, and so errors, may differ from the file's."
        )
    return found


def _named(model: ExportedModel, reporter: Reporter) -> CalibrationSet | None:
    from exporter.calibration.images import read_calibration
    from netzoo.data.sources import datasets

    calibration = model.card.calibration
    if calibration is None or (name := built_in(calibration.data)) not in datasets():
        return None
    found = read_calibration(name, limit=calibration.images, progress=reporter)
    return found if found.sha256 == calibration.data_sha256 else None


def built_in(name: str) -> str:
    """The built-in data set that a card's ``name`` of calibration pictures may mean."""
    return name.removesuffix(" train")


def _conversion(
    model: ExportedModel,
    parent: ExportedModel,
    images: CalibrationSet | None,
    sizes: Sizes,
    reporter: Reporter,
) -> Conversion | None:
    """The conversion that the file is a result of; None where it can't be done again."""
    from exporter.convert import Conversion, ConversionSettings, find_precision

    precision, made = model.card.precision, model.card.calibration
    if images is None and find_precision(precision).calibrated:
        return None
    settings = ConversionSettings(images=images, sizes=sizes, check_sizes=sizes)
    if made:
        settings = replace(
            settings,
            sizes=made.sizes,
            check_sizes=made.sizes,
            method=made.method,
            weight_bits=made.weight_bits,
        )
    return Conversion(parent, precision, settings, reporter)


def _points(
    conversion: Conversion, ranked: Sequence[Sensitivity], scorer: Scorer
) -> Mapping[str, float]:
    """The accuracy loss with one layer converted, for those with the largest errors."""
    exactly = conversion.precision.calibrated
    return {
        one.layer: largest_drop(scorer.scores(conversion.alone(one.layer), exactly=exactly))
        for one in ranked[:_SCORED]
    }

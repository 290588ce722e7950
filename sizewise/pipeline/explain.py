"""What each layer of a converted file costs in accuracy, and what it saves in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import InputError, UsageError
from sizewise.core.files import output_folder
from sizewise.core.machine.environment import read_environment
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import ExportedModel, Sizes, precision_parts
from sizewise.core.specs.explained.layers import EngineTime, ExplainedLayer, by_cost_per_ms
from sizewise.core.specs.explained.records import LayerRecord, write_layers
from sizewise.pipeline.accuracy.scoring import Scorer, largest_drop, open_scorer
from sizewise.pipeline.explanation.options import SCORED, ExplainOptions
from sizewise.pipeline.explanation.pictures import find_pictures
from sizewise.pipeline.explanation.profiling import (
    Profiles,
    Refused,
    profile_layers,
    profilers,
    unfit,
)
from sizewise.pipeline.models.cards import demand_sizes, usual_sizes

if TYPE_CHECKING:
    from exporter.calibration.images import CalibrationSet
    from exporter.convert import Conversion
    from exporter.sensitivity import Sensitivity


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
    data: str = ""
    """Those of the points."""
    disturbed: str = ""
    """What disturbed the machine while engines were profiled."""
    written: Path | None = None
    """The file that a report reads, where a folder was given."""

    @property
    def scored(self) -> bool:
        """Whether points were measured."""
        return any(one.accuracy_loss is not None for one in self.layers)

    @property
    def costly(self) -> tuple[ExplainedLayer, ...]:
        """The layers that cost accuracy. Where points were measured, those that lose some."""
        if self.scored:
            return tuple(one for one in self.layers if round(one.accuracy_loss or 0.0, 2) > 0)
        return tuple(one for one in self.layers if one.converted and one.cost > 0)


def explain(
    model: ExportedModel,
    options: ExplainOptions,
    *,
    out: Path | None = None,
    reporter: Reporter = SILENT,
) -> Explanation:
    """Measure each layer of ``model``, a file of another precision than FP32.

    Engines of it and of its FP32 parent are built for the purpose, and removed. What is found is
    also written into the folder ``out``. Raises UsageError, InputError, OutputError, EngineError
    where no engine can be profiled, and ExportError.
    """
    from exporter.graph.choosing import layers_of

    parent = _parent(model, options)
    backends = _backends(model, options.backends, reporter)
    model, parent = options.of(model), options.of(parent)
    usual = usual_sizes(model.card, model.image)
    sizes = options.sizes or Sizes(usual[len(usual) // 2 :][:1])
    demand_sizes(model, sizes)
    folder = output_folder(out) if out else None
    images = find_pictures(model, options, reporter)
    scorer = None
    if options.data:
        scorer = open_scorer(parent, options.data, sizes, reporter, images=options.images)
    profiles = profile_layers(
        model,
        parent,
        layers_of(parent.path),
        backends=backends,
        sizes=sizes,
        reporter=reporter,
    )
    if not profiles.engines:
        raise profiles.refused[0].error
    conversion = _conversion(model, parent, images, sizes, reporter)
    found = Explanation(
        model=model,
        parent=parent,
        layers=by_cost_per_ms(_layers(model, profiles, conversion, scorer, reporter)),
        engines=profiles.engines,
        refused=profiles.refused,
        measured_on=_measured_on(conversion),
        data=scorer.data.name if scorer else "",
        disturbed=profiles.disturbed,
    )
    return replace(found, written=write_layers(_record(found), folder)) if folder else found


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
    able = profilers()
    for name in named:
        if name not in able:
            raise UsageError(
                f"The back end {name} can't be explained",
                "its runtime does not tell the time of each layer",
                f"Choose from: {', '.join(able)}.",
            )
        able[name].demand_run()
    if named:
        return tuple(dict.fromkeys(named))
    reasons = {name: unfit(one, model.card.precision) for name, one in able.items()}
    here = [name for name, why in reasons.items() if not why]
    for name, why in reasons.items():
        if here and why:
            reporter.remark(f"{name} is left out: {why}.")
    if here:
        return tuple(here)
    first, backend = next(iter(able.items()))
    backend.demand_run()
    return (first,)


def _layers(
    model: ExportedModel,
    profiles: Profiles,
    conversion: Conversion | None,
    scorer: Scorer | None,
    reporter: Reporter,
) -> Iterator[ExplainedLayer]:
    from engines.graph.requested import requested_by_layer
    from exporter.sensitivity import layer_errors

    requested = requested_by_layer(model)
    narrow, *_ = precision_parts(model.card.precision)
    ranked = layer_errors(conversion, reporter) if conversion else ()
    errors = {one.layer: one.error for one in ranked}
    points = _points(conversion, ranked, scorer, reporter) if conversion and scorer else {}
    for name, runs in profiles.runs.items():
        yield ExplainedLayer(
            name=name,
            requested=requested.get(name, ""),
            converted=requested.get(name) == narrow,
            error=errors.get(name),
            accuracy_loss=points.get(name),
            runs=runs,
        )


def _points(
    conversion: Conversion, ranked: Sequence[Sensitivity], scorer: Scorer, reporter: Reporter
) -> Mapping[str, float]:
    """The accuracy loss with one layer converted, for those with the largest errors."""
    exactly = conversion.precision.calibrated
    worst, found = ranked[:SCORED], {}
    for number, one in enumerate(worst, start=1):
        reporter.remark(
            f"Measuring accuracy with {one.layer} alone in {conversion.precision.name}: "
            f"{number} of {len(worst)}."
        )
        scores = scorer.scores(conversion.alone(one.layer), exactly=exactly)
        found[one.layer] = largest_drop(scores)
    return found


def _conversion(
    model: ExportedModel,
    parent: ExportedModel,
    images: CalibrationSet | None,
    sizes: Sizes,
    reporter: Reporter,
) -> Conversion | None:
    """The conversion that the file is a result of; None where it can't be done again."""
    from exporter.conversion.settings import ConversionSettings
    from exporter.convert import Conversion
    from exporter.registry import find_precision

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


def _measured_on(conversion: Conversion | None) -> str:
    if conversion is None:
        return ""
    images = conversion.settings.images
    return images.name if images else "random noise"


def _record(found: Explanation) -> LayerRecord:
    card = found.model.card
    return LayerRecord(
        model=found.model.path.name,
        model_sha256=found.model.sha256,
        parent_sha256=found.parent.sha256,
        precision=card.precision,
        environment=read_environment(),
        layers=found.layers,
        engines=found.engines,
        measured_on=found.measured_on,
        data=found.data,
        disturbed=found.disturbed,
    )

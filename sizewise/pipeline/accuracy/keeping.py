"""The layers that stay out of a precision, so that it loses no more accuracy than is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sizewise.core.holding.temporary import naming_tmpdir, temporary_folder
from sizewise.core.progress import Reporter
from sizewise.core.specs import KeptLayer, excluded_in
from sizewise.core.specs.explained.layers import ExplainedLayer, by_cost_per_ms
from sizewise.pipeline.explanation.profiling import Profiles, profile_layers, profilers, unfit

if TYPE_CHECKING:
    from exporter.convert import Conversion
    from exporter.sensitivity import Exclusion

    Loss = Callable[[tuple[str, ...]], float]
    """The accuracy loss in points with these layers excluded, too."""


def keep_fewest(
    conversion: Conversion,
    kept: tuple[str, ...],
    limit: float,
    accuracy_loss: Loss,
    reporter: Reporter,
) -> tuple[KeptLayer, ...]:
    """The fewest layers beside ``kept`` that have to be excluded for the limit.

    Those that cost most per ms gained are taken first. The cost is the error at the heads, each
    layer alone; ms are of engines that are profiled here. Where half of the layers are not enough
    in this order, or no engine can be profiled, errors alone rank them. Raises ExportError where
    half of them are not enough then, either.
    """
    from exporter.sensitivity import layer_errors, too_many_excluded

    rest = excluded_in(conversion.precision.name).upper()
    errors = [one for one in layer_errors(conversion, reporter) if one.layer not in kept]
    profiles = _profiles(conversion, kept, reporter)
    layers = tuple(
        ExplainedLayer(
            name=one.layer,
            requested=conversion.precision.name,
            converted=True,
            error=one.error,
            runs=profiles.runs.get(one.layer, ()),
        )
        for one in errors
    )
    choice = _fewest(by_cost_per_ms(layers), accuracy_loss, limit)
    if choice.accuracy_loss > limit and profiles.engines:
        reporter.remark(
            "Half of the layers are not enough in this order: they are ranked by their error alone."
        )
        choice = _fewest(layers, accuracy_loss, limit)
    if choice.accuracy_loss > limit:
        raise too_many_excluded(errors, choice, limit, rest)
    found = tuple(_kept(one) for one in layers if one.name in choice.layers)
    listed = ", ".join(map(said_of, found))
    reporter.remark(f"These layers stay in {rest}: {listed}.")
    return found


def said_of(kept: KeptLayer) -> str:
    """The layer, and what it costs and gains, in words."""
    error = "error without end" if kept.error is None else f"error {kept.error:.2%}"
    gained = "" if kept.gained_ms is None else f", {kept.gained_ms:+.3f} ms gained"
    return f"{kept.layer} ({error}{gained})"


def _fewest(layers: Sequence[ExplainedLayer], accuracy_loss: Loss, limit: float) -> Exclusion:
    from exporter.sensitivity import fewest_excluded

    return fewest_excluded(tuple(one.name for one in layers), accuracy_loss, limit)


def _kept(layer: ExplainedLayer) -> KeptLayer:
    told = [run for run in layer.runs if run.gained_ms is not None]
    error = layer.error if layer.error is not None and math.isfinite(layer.error) else None
    return KeptLayer(
        layer=layer.name,
        error=error,
        gained_ms=layer.gained_ms,
        backends=tuple(run.backend for run in told),
        size=told[0].size if told else None,
    )


def _profiles(conversion: Conversion, kept: tuple[str, ...], reporter: Reporter) -> Profiles:
    """The time of each layer in the back ends that can be profiled here, at the size of the errors;
    no engines where there are none."""
    precision = conversion.precision.name
    reasons = {name: unfit(one, precision) for name, one in profilers().items()}
    able = [name for name, why in reasons.items() if not why]
    sizes = conversion.settings.median_size
    found = Profiles(runs={}, engines=())
    if able and sizes:
        with temporary_folder() as folder, naming_tmpdir():
            path = folder / f"{conversion.model.path.stem}.{precision}.onnx"
            found = profile_layers(
                conversion.draft(conversion.graph(kept), path),
                conversion.model,
                conversion.layers,
                backends=able,
                sizes=sizes,
                reporter=reporter,
            )
    for one in found.refused:
        reasons[one.backend] = f"{one.file.name} can't be profiled: {one.error}"
    timed = list(dict.fromkeys(one.backend for one in found.engines))
    if timed:
        reporter.remark(
            "Layers are ranked by their error at the heads per ms gained, in "
            f"{' and '.join(timed)} at {sizes[0]}."
        )
        return found
    listed = "; ".join(f"{name}: {why}" for name, why in reasons.items() if why)
    reporter.remark(
        "Layers are ranked by their error at the heads alone, for no back end here tells the time "
        f"of each ({listed})."
    )
    return found

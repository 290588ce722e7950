"""Convert a model to other precisions, and measure the accuracy loss of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.request import PrecisionOptions
from netzoo.data.faults import Faults, faults_for
from netzoo.tasks.chosen.parts import parts_of_outputs
from sizewise.core.errors import EngineError, ExportError, InputError, SizewiseError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import Calibration, ExportedModel, KeptLayer, ModelCard, excluded_in
from sizewise.pipeline.accuracy.comparing import sees_no_objects
from sizewise.pipeline.accuracy.keeping import keep_fewest
from sizewise.pipeline.accuracy.nothing import what_to_check
from sizewise.pipeline.accuracy.scoring import Score, Scorer, largest_drop, open_scorer
from sizewise.pipeline.models.calibrating import open_calibration
from sizewise.pipeline.models.cards import calibration_sizes, usual_sizes
from sizewise.pipeline.models.left_out import CALIBRATION, Skipped, skipped_of

if TYPE_CHECKING:
    import onnx

    from exporter.conversion.settings import ConversionSettings
    from exporter.convert import Conversion

Failed = Callable[[Path, SizewiseError], None]
"""Is told of a file that could not be made, and why."""
_ALL = 100
"""Points: a limit of all that there is to lose is none."""


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A model in one precision, and its accuracy where that was measured. ``skipped`` are
    calibration pictures and their labels that can't be used."""

    model: ExportedModel
    scores: tuple[Score, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def convert_all(
    parent: ExportedModel,
    options: PrecisionOptions,
    out: Path,
    reporter: Reporter = SILENT,
    *,
    failed: Failed | None = None,
) -> tuple[Converted, ...]:
    """One ONNX file per precision in ``out``.

    FP32 is the parent itself, where it lies in ``out``. A file of the same parent, images and
    options is reused. Raises UsageError, InputError, OutputError, EngineError and ExportError;
    where one precision ends in an error of the model, ``failed`` is told instead, and the others
    are tried.
    """
    options.check()
    converter = _Converter(parent, options, out, reporter)
    found = []
    for precision in options.precisions:
        try:
            found.append(converter.convert(precision))
        except (InputError, EngineError, ExportError) as error:
            if failed is None:
                raise
            failed(converter.path_of(precision), error)
    return tuple(found)


class _Converter:
    def __init__(
        self, parent: ExportedModel, options: PrecisionOptions, out: Path, reporter: Reporter
    ) -> None:
        parent = replace(parent, card=options.shown_to(parent.card))
        self._parent, self._options, self._out = parent, options, out
        self._reporter = reporter
        self._own = parent.path.parent == out.resolve()
        self._changes = set(options.precisions) - {"fp32"}
        self._keep = _kept(parent, options.keep)
        self._faults = faults_for(strict=options.strict)
        self._settings = self._read(options) if self._changes else None
        self._scorer: Scorer | None = None
        self._said: set[str] = set()
        if self._settings and options.data:
            sizes, folder = self._settings.check_sizes, options.images
            self._scorer = open_scorer(parent, options.data, sizes, reporter, images=folder)

    def convert(self, precision: str) -> Converted:
        if precision == self._parent.card.precision == "fp32" and self._own:
            return Converted(model=self._parent)
        found = self._converted(precision)
        return replace(found, skipped=skipped_of(CALIBRATION, self._faults.found))

    def path_of(self, precision: str) -> Path:
        return self._out / f"{self._parent.path.stem}.{precision}.onnx"

    def _read(self, options: PrecisionOptions) -> ConversionSettings:
        return _settings(self._parent, options, self._faults, self._reporter)

    def _converted(self, precision: str) -> Converted:
        from exporter.conversion.settings import ConversionSettings
        from exporter.convert import Conversion
        from exporter.registry import find_precision

        path = self.path_of(precision)
        settings = self._settings or ConversionSettings()
        asked = replace(self._options, keep=self._keep)
        current = _up_to_date(path, self._parent, settings, asked, self._data)
        if current and current.card.converter == find_precision(precision).number:
            self._reporter.remark(f"{path} is up to date: not converted again.")
            return Converted(model=current)
        conversion = Conversion(self._parent, precision, settings, self._reporter)
        return self._measured(conversion, path) if precision != "fp32" else _plain(conversion, path)

    def _measured(self, conversion: Conversion, path: Path) -> Converted:
        limit, kept = self._options.max_loss_points, self._keep
        kept_for: tuple[KeptLayer, ...] = ()
        self._name_method(conversion)
        graph = conversion.graph(kept)
        scores = self._scores(conversion, graph)
        self._demand_found(scores)
        if limit is not None and largest_drop(scores) > limit:
            kept_for = self._least_kept(conversion, limit)
            kept = (*kept, *(one.layer for one in kept_for))
            graph = conversion.graph(kept)
            scores = self._scores(conversion, graph)
        drop = largest_drop(scores) if scores else None
        model = conversion.write(
            graph,
            path,
            kept,
            kept_for=kept_for,
            drop=drop,
            drop_data_sha256=self._data,
            drop_limit=limit,
        )
        for doubt in conversion.doubts(model.card.deviations):
            self._say_once(doubt)
        if not all(one.within for one in model.card.deviations):
            _advise(conversion, model.card, self._reporter)
        return Converted(model=model, scores=scores)

    def _name_method(self, conversion: Conversion) -> None:
        """Say which calibration method was chosen, and the errors that decided on it."""
        if not conversion.errors:
            return
        best = sorted(conversion.errors.items(), key=lambda one: one[1])
        listed = ", ".join(f"{name} {error:.2%}" for name, error in best)
        self._reporter.remark(
            f"{conversion.precision.name}: the calibration method {conversion.method} has the "
            f"least error at the heads ({listed})."
        )

    def _say_once(self, remark: str) -> None:
        if remark not in self._said:
            self._said.add(remark)
            self._reporter.remark(remark)

    @property
    def _data(self) -> str:
        """The hash of what accuracy is measured on."""
        return self._scorer.data.sha256 if self._scorer else ""

    def _demand_found(self, scores: Sequence[Score]) -> None:
        """Say where FP32 itself finds nothing right. Raises InputError where a loss is limited."""
        if self._scorer is None:
            return
        limit, most = self._options.max_loss_points, max(score.most for score in scores)
        if limit is not None and 0 < most <= limit < _ALL:
            self._say_once(
                f"{spelled('max_loss_points')} {limit:g} says nothing here: FP32 itself reaches "
                f"{most:.2f} points on {self._scorer.data.name}."
            )
        if most:
            return
        check = what_to_check("layout")
        why = f"FP32 itself finds nothing right on {self._scorer.data.name}"
        if limit is not None and limit < _ALL:
            what = f"No accuracy loss can be held against {spelled('max_loss_points')}"
            raise InputError(what, why, check)
        self._say_once(f"{why}, so no accuracy loss can be seen. {check}")

    def _scores(self, conversion: Conversion, graph: onnx.ModelProto) -> tuple[Score, ...]:
        if self._scorer is None:
            return ()
        return self._scorer.scores(graph, exactly=conversion.precision.calibrated)

    def _least_kept(self, conversion: Conversion, limit: float) -> tuple[KeptLayer, ...]:
        """The layers beside those requested that have to be excluded for the limit."""
        name, kept = conversion.precision.name, self._keep
        self._reporter.remark(
            f"{name} loses more than {limit:g} points of accuracy: searching for the layers to "
            f"keep in {_rest(name)}."
        )
        loss = partial(self._drop, conversion)
        return keep_fewest(conversion, kept, limit, loss, self._reporter)

    def _drop(self, conversion: Conversion, further: tuple[str, ...]) -> float:
        graph = conversion.graph((*self._keep, *further))
        return largest_drop(self._scores(conversion, graph))


def _rest(precision: str) -> str:
    return excluded_in(precision).upper()


_WORST = 5
"""The number of layers that are named where the error exceeds the bound of a precision."""


def _advise(conversion: Conversion, card: ModelCard, reporter: Reporter) -> None:
    """Say which layers to keep in FP32, where the error exceeds the bound of the precision."""
    from exporter.sensitivity import layer_errors

    name, bound = conversion.precision.name, conversion.precision.bound
    reporter.remark(
        f"The error of {name} against FP32 exceeds the {bound:.0%} allowed, where marked with !."
    )
    if conversion.settings.images is None:
        reporter.remark(
            f"It was measured on random noise: give pictures with {spelled('calibrate')}."
        )
        return
    far = [one for one in card.deviations if not one.within]
    if any(sees_no_objects(card, one.part or one.output, one.absmax) for one in far):
        reporter.remark(
            "FP32 finds no object in these pictures, so the error of scores says little: give "
            f"pictures of the model's objects with {spelled('calibrate')}."
        )
    if not conversion.precision.calibrated:
        return
    errors = layer_errors(conversion, reporter)
    worst = [one for one in errors if one.layer not in card.kept][:_WORST]
    listed = ", ".join(f"{one.layer} ({one.error:.1%})" for one in worst)
    names = ",".join((*card.kept, *(one.layer for one in worst)))
    reporter.remark(f"Largest error with one layer alone in {name}, worst first: {listed}.")
    reporter.remark(f"To keep these layers in {_rest(name)}, add {spelled('keep')} {names}")


def _plain(conversion: Conversion, path: Path) -> Converted:
    return Converted(model=conversion.write(conversion.graph(), path))


def _kept(parent: ExportedModel, requested: tuple[str, ...]) -> tuple[str, ...]:
    """The layers that ``requested`` names, by their own names or by their modules'."""
    from exporter.graph.choosing import layers_of, named_layers

    return named_layers(layers_of(parent.path), requested) if requested else ()


def _settings(
    parent: ExportedModel, options: PrecisionOptions, faults: Faults, reporter: Reporter
) -> ConversionSettings:
    from exporter.conversion.settings import ConversionSettings

    usual = usual_sizes(parent.card, parent.image)
    sizes = options.calibration_sizes or calibration_sizes(parent.card, parent.image)
    checked = dict.fromkeys((*usual, *sizes))
    images = None
    if options.calibrate:
        source, limit = options.calibrate, options.calibration_images
        images = open_calibration(source, limit, options.images, faults, reporter)
    return ConversionSettings(
        images=images,
        sizes=sizes,
        check_sizes=options.check_sizes or tuple(sorted(checked, key=lambda size: size.pixels)),
        method=options.method,
        weight_bits=options.weight_bits,
    )


def _up_to_date(
    path: Path,
    parent: ExportedModel,
    settings: ConversionSettings,
    options: PrecisionOptions,
    data_sha256: str,
) -> ExportedModel | None:
    """The file at ``path``, where the same call would write it again; else None."""
    from sizewise.core.onnxfiles.model import read_model

    # The card does not say at which sizes the file was measured on random noise.
    if not path.is_file() or (options.calibration_sizes and not options.calibrate):
        return None
    model = read_model(path)
    card, keep = model.card, options.keep
    # The layers that a limit excluded stand behind those that were requested.
    kept = card.kept if options.max_loss_points is None else card.kept[: len(keep)]
    same = (
        card.parent_sha256 == parent.sha256
        and _of_network(card) == _of_network(parent.card)
        and _as_asked(card.calibration) == settings.calibration(parent.card.preprocessing)
        and card.drop_limit == options.max_loss_points
        and card.drop_data_sha256 == data_sha256
        and kept == keep
        and {one.size for one in card.deviations} == set(settings.check_sizes)
        and _judged_by_parts(model)
    )
    return model if same else None


def _as_asked(calibration: Calibration | None) -> Calibration | None:
    return calibration and replace(calibration, chosen="")


def _judged_by_parts(model: ExportedModel) -> bool:
    """False for a file of before outputs were judged by parts, whose outputs hold several."""
    shapes = {output.name: output.shape for output in model.outputs}
    dtypes = {output.name: output.dtype for output in model.outputs}
    several = parts_of_outputs(model.card.layout, shapes, len(model.card.classes), dtypes)
    found = model.card.deviations
    return not several or model.nms or not found or any(one.part for one in found)


def _of_network(card: ModelCard) -> ModelCard:
    """The card without what depends on the precision."""
    return replace(
        card,
        precision="",
        converter=0,
        parent_sha256="",
        program_sha256="",
        calibration=None,
        kept=(),
        kept_for=(),
        drop=None,
        drop_data_sha256="",
        drop_limit=None,
        parity=(),
        deviations=(),
    )

"""Convert an ONNX file of a network to another precision, without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from exporter.calibration.distribution import Distribution
from exporter.calibration.feeding import CalibrationBatches, calibration_batches, demand_size
from exporter.calibration.images import CalibrationSet
from exporter.calibration.means import channel_shifts
from exporter.calibration.method import AUTO, Method, tried_methods
from exporter.calibration.observe import Batches, observe
from exporter.checks.deviation import RelativeError, deviations
from exporter.checks.judging import Meaning
from exporter.checks.probes import ProbeBatches
from exporter.checks.raising import demand_same
from exporter.checks.rounding import rounding_errors
from exporter.graph.opsets import opset_of
from exporter.graph.passes import copied, run_pass
from exporter.graph.regions import Graph, label
from exporter.graph.serializing import demand_convertible, to_bytes
from exporter.precisions._base import Precision, nothing
from exporter.precisions._evidence import Evidence
from exporter.precisions._prepare import Prepare
from exporter.precisions._quantized import chosen_layers, convolutions
from sizewise.core.discover import Registry
from sizewise.core.errors import OutputError, UsageError
from sizewise.core.files import written_whole
from sizewise.core.onnxfiles.model import load_onnx, read_model, with_inputs, write_card
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Progress
from sizewise.core.specs import Calibration, Deviation, ExportedModel, Preprocessing, Size

if TYPE_CHECKING:
    import onnx

WEIGHT_BITS = (7, 8)


_PRECISIONS: Registry[Precision] = Registry("precision", "exporter.precisions", "PRECISIONS")

precisions = _PRECISIONS.all
"""Those of ``exporter.precisions``, by name."""

find_precision = _PRECISIONS.find
"""Raises UsageError, which lists those there are."""


@dataclass(frozen=True, kw_only=True)
class ConversionSettings:
    """Calibration samples and sizes of a conversion.

    Value ranges are observed on ``images`` at ``sizes``, or on random noise where there are no
    images. The error against the float32 parent is measured at ``check_sizes``.
    """

    images: CalibrationSet | None = None
    sizes: tuple[Size, ...] = ()
    check_sizes: tuple[Size, ...] = ()
    method: str = "minmax"
    weight_bits: int = WEIGHT_BITS[0]

    def calibration(self, preprocessing: Preprocessing) -> Calibration | None:
        """The calibration that a card records; None without images."""
        if self.images is None:
            return None
        return Calibration(
            data=self.images.name,
            data_sha256=self.images.sha256,
            images=len(self.images.images),
            sizes=self.sizes,
            method=self.method,
            weight_bits=self.weight_bits,
            mean=preprocessing.mean,
            std=preprocessing.std,
        )


class Conversion:
    """The conversion of ``model`` to ``precision``.

    The model is prepared and its value ranges are observed once. Then any number of graphs can be
    made, each with other layers excluded (left in float32).

    Raises UsageError, InputError and ExportError (see the passes and ``exporter.calibration``).
    """

    def __init__(
        self,
        model: ExportedModel,
        precision: str,
        settings: ConversionSettings,
        progress: Progress = SILENT,
    ) -> None:
        self.model, self.precision, self.settings = model, find_precision(precision), settings
        self._progress = progress
        _check_settings(self.precision, settings)
        demand_convertible(model.path)
        for size in (*settings.sizes, *settings.check_sizes):
            demand_size(model, size)
        self._parent = load_onnx(model.path)
        self.prepared = run_pass(Prepare(precision, self.precision.opset), load_onnx(model.path))
        if opset_of(self._parent) < opset_of(self.prepared):
            self._demand_raised_rightly()
        self.errors: Mapping[str, float] = {}
        """The error at the heads with each calibration method, where several were tried."""
        self._evidence = self._found()

    @cached_property
    def _meaning(self) -> Meaning:
        return Meaning(self._parent, self.model)

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """The layers with learned weights, any of which can be excluded."""
        return tuple(label(node) for node in Graph(self.prepared).layers())

    @cached_property
    def heads(self) -> list[str]:
        """The output tensors of the last layers."""
        return [node.output[0] for node in Graph(self.prepared).heads()]

    def graph(self, excluded: Iterable[str] = ()) -> onnx.ModelProto:
        """The network in this precision, with the layers ``excluded`` left in float32."""
        layers = frozenset(excluded)
        self._check_layers(layers)
        return self._made(replace(self._evidence, excluded=layers))

    def alone(self, layer: str) -> onnx.ModelProto:
        """The network with this layer in this precision, and all others in float32.

        Raises NothingNarrowedError where the precision leaves the layer as it is.
        """
        return self._alone(layer, self._evidence)

    def _alone(self, layer: str, evidence: Evidence) -> onnx.ModelProto:
        others = frozenset(self.layers) - {layer}
        return self._in_8_bits(replace(evidence, excluded=others))

    def _in_8_bits(self, evidence: Evidence) -> onnx.ModelProto:
        """The network with its 8-bit layers alone changed, where the precision is a mixed one."""
        make = self.precision.by_layer or self.precision.make
        return run_pass(make(evidence), copied(self.prepared))

    def batches(self, sizes: Sequence[Size]) -> Batches:
        """A few calibration samples at every one of ``sizes``; without images, random noise."""
        settings = self.settings
        if settings.images is None:
            return ProbeBatches(self.model, tuple(sizes))
        few = replace(settings.images, images=settings.images.images[:_FEW])
        return calibration_batches(few, sizes, self.model, each=True)

    def deviations(self, graph: onnx.ModelProto) -> tuple[Deviation, ...]:
        """The error of ``graph`` against the float32 parent, at every one of ``check_sizes``."""
        judged = self._meaning.results(self.heads)
        return deviations(
            self.prepared if self._meaning.chooses_rows else self._parent,
            graph,
            judged.names,
            self.batches(self.settings.check_sizes),
            bound=self.precision.bound,
            parts=judged.parts,
            progress=self._progress,
        )

    def relative_error(self, batches: Batches) -> RelativeError:
        """Measures graphs on ``batches``: the largest error of a head, or of a part of an output
        that has several."""
        judged = self._meaning.beside(self.heads)
        return RelativeError(self.prepared, judged.names, batches, judged.parts)

    def doubts(self, found: Sequence[Deviation]) -> tuple[str, ...]:
        """Sentences on outputs that could not be judged part by part in ``found``."""
        largest = sorted(self.settings.check_sizes, key=lambda size: size.pixels)[-1:]
        return self._meaning.doubts(found, self.batches(largest))

    def write(
        self,
        graph: onnx.ModelProto,
        out: Path,
        excluded: Iterable[str] = (),
        *,
        drop: float | None = None,
        drop_data_sha256: str = "",
        drop_limit: float | None = None,
    ) -> ExportedModel:
        """Write ``graph`` as the file ``out``, with a card that says what it was made from and how.

        ``drop`` is the accuracy loss in points on the data ``drop_data_sha256``, where it was
        measured. Raises OutputError.
        """
        if out.resolve() == self.model.path.resolve():
            raise OutputError(
                f"{out} can't be written", "it is the model to convert", "Give another file name."
            )
        card = replace(
            self.model.card,
            precision=self.precision.name,
            converter=self.precision.number,
            parent_sha256=self.model.sha256,
            program_sha256="",
            calibration=self._calibration(),
            kept=tuple(excluded),
            drop=drop,
            drop_data_sha256=drop_data_sha256,
            drop_limit=drop_limit,
            parity=(),
            deviations=self.deviations(graph),
        )
        write_card(graph, card)
        with written_whole(out) as draft:
            draft.write_bytes(to_bytes(graph))
        return with_inputs(read_model(out), card.inputs)

    def _calibration(self) -> Calibration | None:
        found = self.settings.calibration(self.model.card.preprocessing)
        chosen = self.method if self.settings.method == AUTO and self.errors else ""
        return replace(found, chosen=chosen) if found else None

    def _demand_raised_rightly(self) -> None:
        """Raises ExportError where the graph that precisions start from is another network."""
        names = self._meaning.results(self.heads).names
        given = self.settings.check_sizes or self.settings.sizes
        sizes = sorted(given, key=lambda size: size.pixels)
        demand_same(self._parent, self.prepared, names, self.batches(sizes[:1]))

    def _found(self) -> Evidence:
        evidence = Evidence(weight_bits=self.settings.weight_bits)
        watched = self.precision.watched(self.prepared)
        if not watched:
            return evidence
        methods = tried_methods(self.settings.method) if self.precision.calibrated else ()
        seen = observe(
            self.prepared,
            watched,
            self._all_batches,
            histograms=any(one.needs_histogram for one in methods),
            infinite=not self.precision.calibrated,
            progress=self._progress,
        )
        absmax = {name: one.absmax for name, one in seen.items()} | self._bounds(set(seen))
        evidence = replace(evidence, absmax=absmax)
        found = {one.name: self._completed(evidence, one, seen) for one in methods}
        if len(found) > 1:
            self.errors = {name: self._error(self._made(one)) for name, one in found.items()}
        return found[self.method] if found else evidence

    def _bounds(self, known: set[str]) -> dict[str, float]:
        """The largest magnitudes of what the precision uses no more of, but for ``known``."""
        names = [one for one in self.precision.bounded(self.prepared) if one not in known]
        if not names:
            return {}
        seen = observe(
            self.prepared,
            names,
            self._all_batches,
            histograms=False,
            infinite=True,
            progress=self._progress,
        )
        return {name: one.absmax for name, one in seen.items()}

    @property
    def method(self) -> str:
        """The calibration method: of several, the one of the least error at the heads."""
        return min(self.errors, key=self.errors.__getitem__, default=self.settings.method)

    def _completed(
        self, evidence: Evidence, method: Method, seen: Mapping[str, Distribution]
    ) -> Evidence:
        """``evidence`` with the thresholds of a method, and all that is found with these."""
        thresholds = {name: method.threshold(one) for name, one in seen.items()}
        evidence = replace(evidence, thresholds=thresholds)
        evidence = replace(evidence, heads=self._harmless_heads(evidence))
        return replace(evidence, shifts=self._helpful_shifts(evidence))

    @cached_property
    def _error(self) -> RelativeError:
        """Of a few samples at the median calibration size."""
        return self.relative_error(self.batches(self._median_size))

    @property
    def _median_size(self) -> Sequence[Size]:
        sizes = sorted(self.settings.sizes, key=lambda size: size.pixels)
        return sizes[len(sizes) // 2 :][:1]

    def _harmless_heads(self, evidence: Evidence) -> frozenset[str]:
        """The last layers whose own error in this precision is small, each alone, and that a back
        end may round."""
        graph = Graph(self.prepared)
        ends = {node.output[0] for node in graph.heads()}
        found = {n.output[0]: label(n) for n in convolutions(graph) if n.output[0] in ends}
        coarse = self._coarse(tuple(found), evidence)
        heads = [one for name, one in found.items() if name not in coarse]
        alone = {one: replace(evidence, heads=frozenset({one})) for one in heads}
        errors = {one: self._error(self._alone(one, only)) for one, only in alone.items()}
        return frozenset(one for one, error in errors.items() if error <= HEAD_BOUND)

    def _coarse(self, heads: Sequence[str], evidence: Evidence) -> set[str]:
        """Those of the tensors ``heads`` of which a channel is another network's where a back end
        rounds all channels by one scale."""
        if not self.precision.head_steps or not heads:
            return set()
        errors = rounding_errors(
            self.prepared,
            {name: evidence.thresholds[name] for name in heads},
            self.precision.head_steps,
            self.batches(self._median_size),
        )
        return {name for name, error in errors.items() if error > self.precision.bound}

    def _helpful_shifts(self, evidence: Evidence) -> Mapping[str, NDArray[Any]]:
        """What to add to biases; nothing where that does not lessen the error of other pictures."""
        plain = self._in_8_bits(evidence)
        names = [node.output[0] for node in chosen_layers(Graph(self.prepared), evidence)]
        pictures = self._correction_batches()
        found = channel_shifts(self.prepared, plain, names, pictures, self._progress)
        shifted = self._in_8_bits(replace(evidence, shifts=found))
        return found if self._error(shifted) < self._error(plain) else {}

    def _correction_batches(self) -> Batches:
        """Pictures other than those that the error is measured on, where there are enough, each at
        one size."""
        settings = self.settings
        if settings.images is None:
            return ProbeBatches(self.model, settings.sizes)
        images = settings.images.images
        others = images[_FEW:] if len(images) >= 2 * _FEW else images
        few = [others[k * len(others) // _CORRECTING] for k in range(_CORRECTING)]
        turns = ((settings.sizes[k % len(settings.sizes)], one) for k, one in enumerate(few))
        return CalibrationBatches(model=self.model, turns=tuple(dict.fromkeys(turns)))

    def _made(self, evidence: Evidence) -> onnx.ModelProto:
        return run_pass(self.precision.make(evidence), copied(self.prepared))

    def _all_batches(self) -> Batches:
        settings = self.settings
        if settings.images is None:
            return ProbeBatches(self.model, settings.sizes)
        return calibration_batches(settings.images, settings.sizes, self.model)

    def _check_layers(self, excluded: Iterable[str]) -> None:
        if unknown := sorted(set(excluded).difference(self.layers)):
            raise UsageError(
                f"There is no layer named {unknown[0]!r}",
                f"the layers are {', '.join(self.layers)}",
                "Choose from these.",
            )


HEAD_BOUND = 0.02
"""The relative error of its own up to which a last layer is quantized, too: all that comes after it
is the decode."""
_FEW = 4
"""Pictures per size that the error is measured on."""
_CORRECTING = 16
"""Pictures that biases are corrected on. Means over maps of many cells need few pictures."""


def convert(
    model: ExportedModel,
    precision: str,
    out: Path,
    *,
    settings: ConversionSettings = ConversionSettings(),
    excluded: Iterable[str] = (),
    progress: Progress = SILENT,
) -> ExportedModel:
    """Write ``model`` in ``precision`` as the file ``out``, which names ``model`` as its parent.

    The layers ``excluded`` stay in float32. The ``.pt2`` belongs to the parent alone. Raises
    UsageError, InputError, OutputError and ExportError.
    """
    conversion = Conversion(model, precision, settings, progress)
    layers = tuple(excluded)
    return conversion.write(conversion.graph(layers), out, layers)


def _check_settings(precision: Precision, settings: ConversionSettings) -> None:
    if precision.calibrated and settings.images is None:
        raise UsageError(
            f"The model can't be converted to {precision.name}",
            f"calibration images are required for {precision.name}",
            f"Give {spelled('calibrate')} a folder of pictures or a data set.",
        )
    if precision.watched is not nothing and not settings.sizes:
        raise UsageError(
            f"The model can't be converted to {precision.name}",
            "there is no input size to observe its values at",
            f"Give {spelled('calibration_sizes')}.",
        )
    demand_weight_bits(settings.weight_bits)


def demand_weight_bits(bits: int) -> None:
    """Raises UsageError where ``bits`` is not a supported width of quantized weights."""
    if bits not in WEIGHT_BITS:
        raise UsageError(
            f"Weights can't have {bits} bits",
            "the choices are 7, with which no CPU saturates, and 8",
            f"Give {spelled('weight_bits')} 7 or 8.",
        )

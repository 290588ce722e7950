"""One ONNX file → the same network in another precision, without torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.calibration.feeding import Scaling, calibration_batches, demand_size
from exporter.calibration.images import CalibrationSet
from exporter.calibration.method import find_method
from exporter.calibration.observe import Batches, observe
from exporter.checks.deviation import deviations
from exporter.checks.probing import ProbeBatches
from exporter.graph.passes import all_nodes, run_pass
from exporter.graph.regions import Graph, label
from exporter.graph.serializing import to_bytes
from exporter.precisions._base import Precision, nothing
from exporter.precisions._evidence import Evidence
from exporter.precisions._prepare import Prepare
from sizewise.core.discover import Registry
from sizewise.core.errors import UsageError
from sizewise.core.files import written_whole
from sizewise.core.onnxfile import load_onnx, read_model, write_card
from sizewise.core.progress import SILENT, Progress
from sizewise.core.specs import Calibration, Deviation, ExportedModel, Size

if TYPE_CHECKING:
    import onnx

WEIGHT_BITS = (7, 8)


_PRECISIONS: Registry[Precision] = Registry("precision", "exporter.precisions", "PRECISIONS")

precisions = _PRECISIONS.all
"""Those of ``exporter.precisions``, by name."""

find_precision = _PRECISIONS.find
"""Raises UsageError, which lists those there are."""


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What a precision may look at: ``images`` at ``sizes``, or noise where there are none;
    ``check_sizes`` are those that its error is measured at."""

    images: CalibrationSet | None = None
    sizes: tuple[Size, ...] = ()
    check_sizes: tuple[Size, ...] = ()
    method: str = "minmax"
    weight_bits: int = WEIGHT_BITS[0]
    scaling: Scaling = field(default_factory=Scaling)

    @property
    def calibration(self) -> Calibration | None:
        """For a card; None without images."""
        if self.images is None:
            return None
        return Calibration(
            data=self.images.name,
            data_sha256=self.images.sha256,
            images=len(self.images.images),
            sizes=self.sizes,
            method=self.method,
            weight_bits=self.weight_bits,
            mean=self.scaling.mean,
            std=self.scaling.std,
        )


class Conversion:
    """``model`` on its way into ``precision``: prepared and looked at once, made as often as asked,
    each time with other layers kept in float32.

    Raises UsageError, InputError and ExportError (see the passes and ``exporter.calibration``).
    """

    def __init__(
        self, model: ExportedModel, precision: str, looks: Looks, progress: Progress = SILENT
    ) -> None:
        self.model, self.precision, self.looks = model, find_precision(precision), looks
        self._progress = progress
        _demand_looks(self.precision, looks)
        for size in (*looks.sizes, *looks.check_sizes):
            demand_size(model, size)
        self._parent = load_onnx(model.path)
        self.prepared = run_pass(Prepare(precision, self.precision.opset), load_onnx(model.path))
        self._evidence = self._look()

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Those with learned weights, which can be kept."""
        return tuple(label(node) for node in Graph(self.prepared).layers())

    @cached_property
    def heads(self) -> list[str]:
        """What the last layers give."""
        return [node.output[0] for node in Graph(self.prepared).heads()]

    def graph(self, kept: Iterable[str] = ()) -> onnx.ModelProto:
        """The network in this precision, but for the layers ``kept``."""
        import onnx

        layers = frozenset(kept)
        self._demand_layers(layers)
        copy = onnx.ModelProto()
        copy.CopyFrom(self.prepared)
        return run_pass(self.precision.make(replace(self._evidence, kept=layers)), copy)

    def batches(self, sizes: Sequence[Size]) -> Batches:
        """Real pictures, or noise where there are none, at every one of ``sizes``."""
        if self.looks.images is None:
            return ProbeBatches(self.model, tuple(sizes))
        few = replace(self.looks.images, images=self.looks.images.images[:_FEW])
        return calibration_batches(few, sizes, self.model, scaling=self.looks.scaling, each=True)

    def deviations(self, graph: onnx.ModelProto) -> tuple[Deviation, ...]:
        """How far ``graph`` is from the float32 parent at every size to be checked."""
        # Detections come and go: rows after suppression are not the parent's rows.
        suppressed = any(n.op_type == "NonMaxSuppression" for n in all_nodes(self._parent.graph))
        return deviations(
            self.prepared if suppressed else self._parent,
            graph,
            self.heads if suppressed else Graph(self._parent).outputs,
            self.batches(self.looks.check_sizes),
            bound=self.precision.bound,
            progress=self._progress,
        )

    def write(
        self,
        graph: onnx.ModelProto,
        out: Path,
        kept: Iterable[str] = (),
        *,
        drop: float | None = None,
        drop_data_sha256: str = "",
        drop_limit: float | None = None,
    ) -> ExportedModel:
        """``graph`` as the file ``out``, whose card says what it was made from and by (in points,
        where it was measured, what that cost on which data).
        Raises UsageError, OutputError."""
        if out.resolve() == self.model.path.resolve():
            raise UsageError(
                f"{out} can't be written", "it is the model to convert", "Give another file name."
            )
        card = replace(
            self.model.card,
            precision=self.precision.name,
            parent_sha256=self.model.sha256,
            program_sha256="",
            calibration=self.looks.calibration,
            kept=tuple(kept),
            drop=drop,
            drop_data_sha256=drop_data_sha256,
            drop_limit=drop_limit,
            parity=(),
            deviations=self.deviations(graph),
        )
        write_card(graph, card)
        with written_whole(out) as draft:
            draft.write_bytes(to_bytes(graph))
        return read_model(out)

    def _look(self) -> Evidence:
        watched = self.precision.watched(self.prepared)
        evidence = Evidence(weight_bits=self.looks.weight_bits)
        if not watched:
            return evidence
        method = find_method(self.looks.method)
        seen = observe(
            self.prepared,
            watched,
            self._all_batches,
            histograms=self.precision.calibrated and method.needs_histogram,
            progress=self._progress,
        )
        thresholds = (
            {name: method.threshold(one) for name, one in seen.items()}
            if self.precision.calibrated
            else {}
        )
        absmax = {name: one.absmax for name, one in seen.items()}
        return replace(evidence, absmax=absmax, thresholds=thresholds)

    def _all_batches(self) -> Batches:
        looks = self.looks
        if looks.images is None:
            return ProbeBatches(self.model, looks.sizes)
        return calibration_batches(looks.images, looks.sizes, self.model, scaling=looks.scaling)

    def _demand_layers(self, kept: Iterable[str]) -> None:
        if unknown := sorted(set(kept).difference(self.layers)):
            raise UsageError(
                f"There is no layer named {unknown[0]!r}",
                f"the layers here are {', '.join(self.layers)}",
                "Choose among these.",
            )


_FEW = 4
"""Pictures at each size that an error is measured on."""


def convert(
    model: ExportedModel,
    precision: str,
    out: Path,
    *,
    looks: Looks = Looks(),
    kept: Iterable[str] = (),
    progress: Progress = SILENT,
) -> ExportedModel:
    """Write ``model`` in ``precision`` as the file ``out``, which names ``model`` as its parent.

    The ``.pt2`` stays with the parent: it is not of the file that is made. Raises UsageError,
    InputError, OutputError and ExportError.
    """
    conversion = Conversion(model, precision, looks, progress)
    layers = tuple(kept)
    return conversion.write(conversion.graph(layers), out, layers)


def _demand_looks(precision: Precision, looks: Looks) -> None:
    if precision.calibrated and looks.images is None:
        raise UsageError(
            f"The model can't be made {precision.name}",
            "its scales come from values seen in the network, and there are no calibration images",
            "Give --calibrate with a folder of pictures or a data set.",
        )
    if precision.watched is not nothing and not looks.sizes:
        raise UsageError(
            f"The model can't be made {precision.name}",
            "it is made by the values seen in the network, and no sizes are given to look at",
            "Give --calibration-sizes.",
        )
    demand_weight_bits(looks.weight_bits)


def demand_weight_bits(bits: int) -> None:
    """Raises UsageError for a width that quantized weights can't have."""
    if bits not in WEIGHT_BITS:
        raise UsageError(
            f"Weights can't have {bits} bits",
            "there are 7, which no CPU saturates on, and 8",
            "Give --weight-bits 7 or 8.",
        )

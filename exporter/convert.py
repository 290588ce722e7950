"""Convert an ONNX file of a network to another precision, without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.calibration.feeding import demand_size, demand_small
from exporter.calibration.method import AUTO
from exporter.calibration.observe import Batches
from exporter.checks.deviation import RelativeError, deviations
from exporter.checks.judging import Meaning
from exporter.checks.raising import demand_same
from exporter.conversion.evidence import EvidenceSearch
from exporter.conversion.network import Network
from exporter.conversion.samples import Samples
from exporter.conversion.settings import ConversionSettings, demand_settings
from exporter.graph.opsets import opset_of
from exporter.graph.passes import run_pass
from exporter.graph.serializing import demand_convertible, to_bytes
from exporter.precisions._prepare import Prepare
from exporter.registry import find_precision
from sizewise.core.errors import OutputError
from sizewise.core.files import written_whole
from sizewise.core.onnxfiles.model import load_onnx, read_model, with_inputs, write_card
from sizewise.core.progress import SILENT, Progress
from sizewise.core.specs import (
    Calibration,
    Deviation,
    ExportedModel,
    KeptLayer,
    ModelCard,
    Size,
)

if TYPE_CHECKING:
    import onnx

_WITHOUT_PICTURES = ConversionSettings()


class Conversion:
    """The conversion of ``model`` to ``precision``.

    The model is prepared and its value ranges are observed once. Then any number of graphs can be
    made, each with other layers excluded: left in float32, or in the 16 bits of ``int8+fp16`` and
    the like.

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
        demand_settings(self.precision, settings)
        demand_convertible(model.path)
        sizes = (*settings.sizes, *settings.check_sizes)
        for size in sizes:
            demand_size(model, size)
        demand_small(model, sizes)
        self._parent = load_onnx(model.path)
        prepared = run_pass(Prepare(precision, self.precision.opset), load_onnx(model.path))
        self.network = Network(self.precision, prepared)
        self._samples = Samples(model, settings)
        if opset_of(self._parent) < opset_of(prepared):
            self._demand_raised_rightly()
        search = EvidenceSearch(self.network, self._samples, self._error, progress)
        self.found = search.find()

    @cached_property
    def _meaning(self) -> Meaning:
        return Meaning(self._parent, self.model)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers with learned weights, any of which can be excluded."""
        return self.network.layers

    @property
    def errors(self) -> Mapping[str, float]:
        """The error at the heads with each calibration method, where several were tried."""
        return self.found.errors

    @property
    def method(self) -> str:
        """The calibration method: of several, the one of the least error at the heads."""
        return self.found.method

    def graph(self, excluded: Iterable[str] = ()) -> onnx.ModelProto:
        """The network in this precision, but for the layers ``excluded``."""
        layers = frozenset(excluded)
        self.network.demand_layers(layers)
        return self.network.converted(replace(self.found.evidence, excluded=layers))

    def alone(self, layer: str) -> onnx.ModelProto:
        """The network with this layer in this precision, and all others in float32.

        Raises NothingNarrowedError where the precision leaves the layer as it is.
        """
        return self.network.alone(layer, self.found.evidence)

    def batches(self, sizes: Sequence[Size]) -> Batches:
        """A few calibration samples at every one of ``sizes``; without images, random noise."""
        return self._samples.few(sizes)

    def deviations(self, graph: onnx.ModelProto) -> tuple[Deviation, ...]:
        """The error of ``graph`` against the float32 parent, at every one of ``check_sizes``."""
        judged = self._meaning.results(self.network.heads)
        return deviations(
            self.network.prepared if self._meaning.chooses_rows else self._parent,
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
        judged = self._meaning.beside(self.network.heads)
        return RelativeError(self.network.prepared, judged.names, batches, judged.parts)

    def doubts(self, found: Sequence[Deviation]) -> tuple[str, ...]:
        """Sentences on outputs that could not be judged part by part in ``found``."""
        largest = sorted(self.settings.check_sizes, key=lambda size: size.pixels)[-1:]
        return self._meaning.doubts(found, self.batches(largest))

    def draft(self, graph: onnx.ModelProto, path: Path) -> ExportedModel:
        """Write ``graph`` as a file to be tried: its card does not say how far it is off."""
        write_card(graph, card := self._card())
        path.write_bytes(to_bytes(graph))
        return with_inputs(read_model(path), card.inputs)

    def write(
        self,
        graph: onnx.ModelProto,
        out: Path,
        excluded: Iterable[str] = (),
        *,
        kept_for: Iterable[KeptLayer] = (),
        drop: float | None = None,
        drop_data_sha256: str = "",
        drop_limit: float | None = None,
    ) -> ExportedModel:
        """Write ``graph`` as the file ``out``, with a card that says what it was made from and how.

        ``drop`` is the accuracy loss in points on the data ``drop_data_sha256``, where it was
        measured; ``kept_for`` are those of ``excluded`` that its limit keeps. Raises OutputError.
        """
        if out.resolve() == self.model.path.resolve():
            raise OutputError(
                f"{out} can't be written", "it is the model to convert", "Give another file name."
            )
        card = replace(
            self._card(),
            calibration=self._calibration(),
            kept=tuple(excluded),
            kept_for=tuple(kept_for),
            drop=drop,
            drop_data_sha256=drop_data_sha256,
            drop_limit=drop_limit,
            deviations=self.deviations(graph),
        )
        write_card(graph, card)
        with written_whole(out) as draft:
            draft.write_bytes(to_bytes(graph))
        return with_inputs(read_model(out), card.inputs)

    def _card(self) -> ModelCard:
        """The parent's, without what holds for the parent alone."""
        return replace(
            self.model.card,
            precision=self.precision.name,
            converter=self.precision.number,
            parent_sha256=self.model.sha256,
            program_sha256="",
            parity=(),
        )

    def _calibration(self) -> Calibration | None:
        found = self.settings.calibration(self.model.card.preprocessing)
        chosen = self.method if self.settings.method == AUTO and self.errors else ""
        return replace(found, chosen=chosen) if found else None

    def _demand_raised_rightly(self) -> None:
        """Raises ExportError where the graph that precisions start from is another network."""
        names = self._meaning.results(self.network.heads).names
        given = self.settings.check_sizes or self.settings.sizes
        sizes = sorted(given, key=lambda size: size.pixels)
        demand_same(self._parent, self.network.prepared, names, self.batches(sizes[:1]))

    def _error(self, graph: onnx.ModelProto) -> float:
        return self._relative_error(graph)

    @cached_property
    def _relative_error(self) -> RelativeError:
        """Of a few samples at the median calibration size."""
        return self.relative_error(self.batches(self.settings.median_size))


def convert(
    model: ExportedModel,
    precision: str,
    out: Path,
    *,
    settings: ConversionSettings = _WITHOUT_PICTURES,
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

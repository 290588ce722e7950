"""Find what a precision needs to know of a network: value ranges, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from exporter.calibration.distribution import Distribution
from exporter.calibration.means import channel_shifts
from exporter.calibration.method import Method, tried_methods
from exporter.calibration.observe import observe
from exporter.checks.rounding import rounding_errors
from exporter.conversion.network import Network
from exporter.conversion.samples import Samples
from exporter.graph.regions import Graph, label
from exporter.precisions._evidence import Evidence
from exporter.precisions._quantized import chosen_layers, convolutions
from sizewise.core.progress import Progress

if TYPE_CHECKING:
    import onnx

HEAD_BOUND = 0.02
"""The relative error of its own up to which a last layer is quantized, too: all that comes after it
is the decode."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The evidence by the calibration ``method`` of the least error at the heads; ``errors`` are
    those of each, where several were tried."""

    evidence: Evidence
    method: str
    errors: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class EvidenceSearch:
    """The search for the evidence of ``network`` on ``samples``; ``error`` is that of a graph at
    the heads."""

    network: Network
    samples: Samples
    error: Callable[[onnx.ModelProto], float]
    progress: Progress

    def find(self) -> Found:
        """Observe the network once, and try each calibration method on what was seen."""
        settings, precision = self.samples.settings, self.network.precision
        evidence = Evidence(weight_bits=settings.weight_bits)
        watched = precision.watched(self.network.prepared)
        if not watched:
            return Found(evidence=evidence, method=settings.method)
        methods = tried_methods(settings.method) if precision.calibrated else ()
        histograms = any(one.needs_histogram for one in methods)
        seen = self._observed(watched, histograms=histograms, infinite=not precision.calibrated)
        absmax = {name: one.absmax for name, one in seen.items()} | self._bounds(set(seen))
        least = {name: one.least for name, one in seen.items()}
        evidence = replace(evidence, absmax=absmax, least=least)
        found = {one.name: self._completed(evidence, one, seen) for one in methods}
        if len(found) < 2:
            only = next(iter(found.values()), evidence)
            return Found(evidence=only, method=settings.method)
        errors = {name: self.error(self.network.converted(one)) for name, one in found.items()}
        best = min(errors, key=errors.__getitem__)
        return Found(evidence=found[best], method=best, errors=errors)

    def _observed(
        self, names: list[str], *, histograms: bool, infinite: bool
    ) -> Mapping[str, Distribution]:
        return observe(
            self.network.prepared,
            names,
            self.samples.all,
            histograms=histograms,
            infinite=infinite,
            progress=self.progress,
        )

    def _bounds(self, known: set[str]) -> dict[str, float]:
        """The largest magnitudes of what the precision uses no more of, but for ``known``."""
        bounded = self.network.precision.bounded(self.network.prepared)
        names = [one for one in bounded if one not in known]
        if not names:
            return {}
        seen = self._observed(names, histograms=False, infinite=True)
        return {name: one.absmax for name, one in seen.items()}

    def _completed(
        self, evidence: Evidence, method: Method, seen: Mapping[str, Distribution]
    ) -> Evidence:
        """``evidence`` with the thresholds of a method, and all that is found with these."""
        thresholds = {name: method.threshold(one) for name, one in seen.items()}
        evidence = replace(evidence, thresholds=thresholds)
        evidence = replace(evidence, heads=self._harmless_heads(evidence))
        return replace(evidence, shifts=self._helpful_shifts(evidence))

    def _harmless_heads(self, evidence: Evidence) -> frozenset[str]:
        """The last layers whose own error in this precision is small, each alone, and that a back
        end may round."""
        graph = Graph(self.network.prepared)
        ends = {node.output[0] for node in graph.heads()}
        found = {n.output[0]: label(n) for n in convolutions(graph) if n.output[0] in ends}
        coarse = self._coarse(tuple(found), evidence)
        heads = [one for name, one in found.items() if name not in coarse]
        alone = {one: replace(evidence, heads=frozenset({one})) for one in heads}
        errors = {one: self.error(self.network.alone(one, only)) for one, only in alone.items()}
        return frozenset(one for one, error in errors.items() if error <= HEAD_BOUND)

    def _coarse(self, heads: Sequence[str], evidence: Evidence) -> set[str]:
        """Those of the tensors ``heads`` of which a channel is another network's where a back end
        rounds all channels by one scale."""
        precision, size = self.network.precision, self.samples.settings.median_size
        if not precision.head_steps or not heads:
            return set()
        errors = rounding_errors(
            self.network.prepared,
            {name: evidence.thresholds[name] for name in heads},
            precision.head_steps,
            self.samples.few(size),
        )
        return {name for name, error in errors.items() if error > precision.bound}

    def _helpful_shifts(self, evidence: Evidence) -> Mapping[str, NDArray[Any]]:
        """What to add to biases; nothing where that does not lessen the error of other pictures."""
        prepared, plain = self.network.prepared, self.network.in_8_bits(evidence)
        names = [node.output[0] for node in chosen_layers(Graph(prepared), evidence)]
        found = channel_shifts(prepared, plain, names, self.samples.others(), self.progress)
        shifted = self.network.in_8_bits(replace(evidence, shifts=found))
        return found if self.error(shifted) < self.error(plain) else {}

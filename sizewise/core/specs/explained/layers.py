"""What a layer of a converted file costs in accuracy, and what its precision gains in time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sizewise.core.specs import Size

_LEAST = 0.02
"""Of the mean gain of all layers. A profile does not tell a smaller one from none, and so it counts
as this: else a layer that costs next to nothing would come first because it gains nothing."""


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
    def cost(self) -> float:
        """Points of accuracy where they were measured, else the error; 0 where there is none."""
        measured = self.error if self.accuracy_loss is None else self.accuracy_loss
        return max(measured or 0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class EngineTime:
    """The time of all nodes of an engine in the profile; ``layers_ms`` is that of the layers in it.
    ``parent_ms`` is all time of the FP32 file's engine (None: it has none)."""

    backend: str
    size: Size
    total_ms: float
    layers_ms: float
    parent_ms: float | None = None

    @property
    def rest(self) -> LayerRun:
        """All nodes that belong to no layer, or are not known to belong to one."""
        ms = self.total_ms - self.layers_ms
        share = ms / self.total_ms if self.total_ms else None
        return LayerRun(backend=self.backend, size=self.size, ms=ms, share=share)

    @property
    def whole(self) -> LayerRun:
        """All nodes, and what they gain together."""
        return LayerRun(
            backend=self.backend,
            size=self.size,
            ms=self.total_ms,
            share=1.0,
            gained_ms=None if self.parent_ms is None else self.parent_ms - self.total_ms,
        )


def by_cost_per_ms(layers: Iterable[ExplainedLayer]) -> tuple[ExplainedLayer, ...]:
    """Those first that cost most accuracy per ms gained.

    Points and errors are not compared with each other: layers with points come before those
    without. In both, those whose gain is not known stand at the end, by their cost. Last are those
    that are not converted, or whose error was not measured.
    """
    found = tuple(layers)
    least_ms = _least_gain(found)
    return tuple(sorted(found, key=lambda one: _rank(one, least_ms)))


def _least_gain(layers: Sequence[ExplainedLayer]) -> float:
    gains = [max(one.gained_ms, 0.0) for one in layers if one.gained_ms is not None]
    mean = math.fsum(gains) / len(gains) if gains else 0.0
    return _LEAST * mean or 1.0  # where no layer gains anything, the cost alone decides


def _rank(layer: ExplainedLayer, least_ms: float) -> tuple[bool, bool, bool, float]:
    gained_ms = layer.gained_ms
    per_ms = layer.cost / max(gained_ms, least_ms) if gained_ms is not None else layer.cost
    return (
        not layer.converted or (layer.error is None and layer.accuracy_loss is None),
        layer.accuracy_loss is None,
        gained_ms is None,
        -per_ms,
    )

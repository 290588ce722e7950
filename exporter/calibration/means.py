"""How far the mean of each channel moves where convolutions are quantized.

Rounding the weights of a channel moves the mean of what it gives, and what is clipped moves it
further. (Nagel et al. 2019, "Data-free quantization through weight equalization and bias
correction", section 4.2.) Here the means are measured on pictures, as with their empirical method:
a convolution's shift is what is left after all shifts before it. So one run of each graph is enough
for all layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporter.calibration.batches import Inputs
from exporter.calibration.observe import Batches
from exporter.calibration.running import InnerSession
from exporter.graph.passes import copied
from sizewise.core.progress import SILENT, Progress

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]

_MEAN, _WANTED = "sizewise.mean.{}", "sizewise.wanted.{}"
_RAW, _SHIFT = "sizewise.raw.{}", "sizewise.shift.{}"
_FLOAT = 1


def channel_shifts(
    parent: onnx.ModelProto,
    quantized: onnx.ModelProto,
    layers: Iterable[str],
    batches: Batches,
    progress: Progress = SILENT,
) -> dict[str, Array]:
    """What to add to the bias of each of ``layers``, convolutions by their outputs: [C] each.

    A layer is left out where a shift found on half of the pictures would not bring the means of the
    others nearer to those of ``parent``: it is then chance. Raises ExportError where a graph does
    not run.
    """
    names = tuple(layers)
    wanted = InnerSession(parent, [_MEAN.format(one) for one in names], _means(names))
    shifted = InnerSession(_shifting(quantized, names), [_SHIFT.format(one) for one in names])
    found: list[list[Array]] = []
    with progress.stage("Correcting biases", len(batches)) as stage:
        for size, batch in batches:
            means = dict(zip(map(_WANTED.format, names), wanted.run(size, batch), strict=True))
            shifts = shifted.run(size, _beside(batch, means, parent))
            found.append([one.mean(axis=(0, *range(2, one.ndim))) for one in shifts])
            stage.advance(note=str(size))
    several = zip(*found, strict=True)
    each = {name: np.array(shifts) for name, shifts in zip(names, several, strict=True)}
    return {name: one.mean(axis=0) for name, one in each.items() if _is_common(one)}


def _beside(batch: Inputs, means: Mapping[str, Array], parent: onnx.ModelProto) -> Inputs:
    held = {tensor.name for tensor in parent.graph.initializer}
    first = next(one.name for one in parent.graph.input if one.name not in held)
    given = batch if isinstance(batch, Mapping) else {first: batch}
    return {**given, **means}


def _is_common(shifts: Array) -> bool:
    """Whether pictures agree on a shift, [pictures, C]: that of either half lessens, over both, the
    squares of what the other has. A single picture agrees with itself."""
    one, other = (half.mean(axis=0) for half in (shifts[::2], shifts[len(shifts) > 1 :: 2]))
    return bool(2 * np.square(one - other).sum() < np.square(one).sum() + np.square(other).sum())


def _means(names: Sequence[str]) -> list[onnx.NodeProto]:
    """The mean over each map of a channel: [B, C, 1, …]."""
    from onnx.helper import make_node

    return [make_node("GlobalAveragePool", [one], [_MEAN.format(one)]) for one in names]


def _shifting(quantized: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """A copy that takes the mean of each channel as a further input, and moves its own there."""
    from onnx.helper import make_node

    made, layers = copied(quantized), frozenset(names)
    nodes = []
    for node in made.graph.node:
        nodes.append(node)
        name = node.output[0]
        if name in layers:
            raw, mean = _RAW.format(name), _MEAN.format(name)
            wanted, shift = _WANTED.format(name), _SHIFT.format(name)
            node.output[0] = raw
            nodes += [
                make_node("GlobalAveragePool", [raw], [mean]),
                make_node("Sub", [wanted, mean], [shift]),
                make_node("Add", [raw, shift], [name]),
            ]
            given = made.graph.input.add()
            given.name, given.type.tensor_type.elem_type = wanted, _FLOAT
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    return made

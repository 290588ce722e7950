"""What the original Darknet made of made-up weights: a network's heads, to be held against ours.

One JSON is one network at one size. ``convs`` are filters, inputs, kernel and BatchNorm in the
order of the weights file; weights and image are drawn from ``seed``; ``heads`` are the outputs of
the convolutions before each detection layer (shape, largest magnitude, and values at some flat
indices). In ``yolov4-csp`` and larger these convolutions end in a sigmoid.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netzoo.blocks import ConvBNAct
from netzoo.zoo.network import Network

Array = NDArray[np.float32]
REFERENCES: dict[str, dict[str, Any]] = {
    path.stem.rpartition("-")[0]: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parents[1] / "networks" / "reference").glob("*.json"))
}
TOLERANCE = 1e-5
"""Of the head's largest magnitude; float32 with the same arithmetic agrees to about 3e-6."""


def made_up_arrays(convs: Sequence[Sequence[int]], seed: int) -> Iterator[Array]:
    """In the order of the weights file."""
    rng = np.random.default_rng(seed)
    for filters, inputs, kernel, normalized in convs:
        yield (rng.standard_normal(filters) * 0.1).astype("<f4")
        if normalized:
            yield rng.uniform(0.8, 1.2, filters).astype("<f4")
            yield (rng.standard_normal(filters) * 0.1).astype("<f4")
            yield rng.uniform(0.5, 1.5, filters).astype("<f4")
        fan_in = inputs * kernel * kernel
        yield (rng.standard_normal(filters * fan_in) * np.sqrt(1.0 / fan_in)).astype("<f4")


def write_weights(
    path: Path, convs: Sequence[Sequence[int]], seed: int, *, old_header: bool = False
) -> Path:
    """A ``.weights`` file; the old header counts the images seen in 32 bits."""
    header = struct.pack("<iiiI", 0, 1, 0, 64) if old_header else struct.pack("<iiiQ", 0, 2, 5, 64)
    with path.open("wb") as file:
        file.write(header)
        for array in made_up_arrays(convs, seed):
            file.write(array.tobytes())
    return path


def rows_of(network: Network) -> list[list[int]]:
    """A network's own ``convs``."""
    found = []
    for block in network.convolutions():
        conv = block.conv if isinstance(block, ConvBNAct) else block
        found.append(
            [conv.out_channels, conv.in_channels, conv.kernel_size[0], int(conv.bias is None)]
        )
    return found


def made_up_image(reference: dict[str, Any]) -> Array:
    """[1, 3, height, width], 0–1."""
    rng = np.random.default_rng(reference["seed"] + 1)
    return rng.random((1, 3, reference["height"], reference["width"])).astype(np.float32)


def largest_error(head: NDArray[Any], wanted: dict[str, Any]) -> float:
    """Of ``head`` [1, C, H, W], as a share of the reference's largest magnitude."""
    assert list(head.shape[1:]) == wanted["shape"]
    found = head.reshape(-1)[wanted["index"]]
    return float(np.abs(found - np.array(wanted["value"])).max() / wanted["absmax"])

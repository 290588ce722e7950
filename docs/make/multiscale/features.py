"""Draw what a network sees at every scale: python docs/make/multiscale/features.py CHECKPOINT
PICTURE OUT.png [--size HxW].

A row for each scale that is computed, a column for each level of its pyramid, before any fusion;
the picture and the mask that is found in it beside them.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray
from torch import Tensor

from netzoo.backbones._base import LEVELS
from netzoo.data.pictures.decoding import decode_picture
from netzoo.networks.multiscale import Multiscale
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.masks.overlay import draw_mask
from netzoo.weights.checkpoint import load_checkpoint, read_header
from netzoo.zoo.config import MULTISCALE
from netzoo.zoo.network import Network, find_network
from sizewise.core.errors import SizewiseError, UsageError
from sizewise.core.files import written_whole
from sizewise.core.specs import ModelCard, Size

PANEL = 2.3
"""Inches of a panel's sides."""
DPI = 90


@dataclass(frozen=True, kw_only=True)
class Seen:
    """``picture`` [H, W, 3] with the ``mask`` [H, W] found in it; by the name and size of each
    scale the mean over the channels of |feature| of every level [h, w]; the levels' channels."""

    picture: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    scales: dict[str, list[NDArray[np.float32]]]
    channels: tuple[int, ...]
    title: str


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description="Draw the features of every scale.")
    parser.add_argument("checkpoint", type=Path, help=f"of {MULTISCALE}, by sizewise train")
    parser.add_argument("picture", type=Path)
    parser.add_argument("out", type=Path, help="a .png file")
    parser.add_argument("--size", default="", help="of the input (default: the largest it learnt)")
    asked = parser.parse_args(arguments)
    try:
        _check_out(asked.out, asked.picture)
        seen = look(asked.checkpoint, asked.picture, Size.parse(asked.size) if asked.size else None)
        with written_whole(asked.out) as draft:
            draw(seen).savefig(draft, format="png", dpi=DPI)
    except SizewiseError as error:
        sys.stderr.write(f"features: {error}\n")
        return error.exit_code
    sys.stdout.write(f"{asked.out}\n")
    return 0


def look(checkpoint: Path, path: Path, asked: Size | None) -> Seen:
    """``path``, fitted into the input as the network learnt pictures. Raises UsageError,
    InputError."""
    network, picture = _multiscale(load_checkpoint(checkpoint), checkpoint), decode_picture(path)
    size = asked or _largest_learnt(checkpoint)
    _check_size(network, size)
    height, width, _ = picture.shape
    letterbox = find_network(network.config.name).letterbox
    fit = Letterbox.fit(Size(height, width), size, keep_shape=letterbox)
    images = torch.from_numpy(fit.apply(picture))[None]
    with torch.inference_mode():
        pyramids = network.processor.features(images)
        (logits,) = network.decode(network(images))
    return Seen(
        picture=picture,
        mask=fit.map_to_source(logits[0, 0].numpy()) > 0,
        scales={
            _named(network, name, size): [_strength(level) for level in pyramid]
            for name, pyramid in pyramids.items()
        },
        channels=tuple(network.processor.trunk.channels),
        title=f"{checkpoint.stem} at {size.height}×{size.width}: its features at each scale",
    )


def draw(seen: Seen) -> Figure:
    """The picture and its mask on the left, the levels of each scale on the right."""
    rows = len(seen.scales)
    width, height = (len(LEVELS) + 1.5) * PANEL, (max(rows, 2) + 0.5) * PANEL
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(seen.title, fontsize=13)
    grid = figure.add_gridspec(1, 2, width_ratios=(1.5, len(LEVELS)))
    left, right = (figure.add_subfigure(grid[0, side]) for side in range(2))
    _draw_picture(left, seen)
    panels = right.subplots(rows, len(LEVELS), squeeze=False)
    for line, (name, levels) in zip(panels, seen.scales.items(), strict=True):
        line[0].set_ylabel(name, fontsize=10, rotation=0, ha="right", va="center", labelpad=8)
        for axes, level, channels in zip(line, levels, seen.channels, strict=True):
            _draw_level(axes, level, channels)
    for axes, stride in zip(panels[0], LEVELS, strict=True):
        axes.set_title(f"{stride} pixels per cell\n{axes.get_title()}", fontsize=9)
    right.supxlabel("mean |feature| over channels; black is 0, yellow a panel's largest", size=9)
    return figure


def _draw_picture(where: SubFigure, seen: Seen) -> None:
    above, below = where.subplots(2, 1)
    above.imshow(seen.picture)
    above.set_title("picture", fontsize=9)
    below.imshow(draw_mask(seen.picture, seen.mask))
    below.set_title("mask that is found", fontsize=9)
    for axes in (above, below):
        axes.set_axis_off()


def _draw_level(axes: Axes, level: NDArray[np.float32], channels: int) -> None:
    height, width = level.shape
    axes.imshow(level, cmap="inferno", vmin=0, interpolation="nearest")
    axes.set_title(f"{height}×{width}, {channels} channels", fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _named(network: Multiscale, scale: str, size: Size) -> str:
    scales = network.processor.scales
    own = scales.size(size, scales.names.index(scale))
    return f"{scale}\n{own.height}×{own.width}"


def _strength(level: Tensor) -> NDArray[np.float32]:
    strength: NDArray[np.float32] = level[0].abs().mean(0).numpy()
    return strength


def _multiscale(network: Network, path: Path) -> Multiscale:
    if not isinstance(network, Multiscale):
        raise UsageError(
            f"The features of {path} can't be drawn scale by scale",
            f"it is {network.config.name}, which looks at one scale",
            f"Give a checkpoint of {MULTISCALE}: sizewise train {MULTISCALE}.",
        )
    return network


def _largest_learnt(checkpoint: Path) -> Size:
    settings = read_header(checkpoint).provenance.settings
    sizes = settings.sizes if settings else (find_network(MULTISCALE).size,)
    return max(sizes, key=lambda size: size.pixels)


def _check_size(network: Multiscale, size: Size) -> None:
    card = ModelCard(network=MULTISCALE, stride=network.stride, smallest=network.smallest)
    if why := card.refusal(size):
        raise UsageError(f"The network can't look at {size}", why, "Choose another --size.")


def _check_out(out: Path, picture: Path) -> None:
    if out.suffix.lower() != ".png" or out.resolve() == picture.resolve():
        raise UsageError(
            f"The features can't be drawn into {out}",
            "they go to a PNG of their own",
            "Give another path that ends in .png.",
        )


if __name__ == "__main__":
    sys.exit(main())

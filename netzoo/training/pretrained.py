"""Weights to begin a training with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netzoo.backbones._registry import find_backbone
from netzoo.config import MULTISCALE
from netzoo.data.reading import reading
from netzoo.network import Network, NetworkEntry
from netzoo.networks.multiscale import Multiscale
from netzoo.weights.backbones import load_backbone_weights
from netzoo.weights.checkpoint import load_weights, read_header
from netzoo.weights.darknet import is_darknet_file, load_darknet_weights
from sizewise.core.errors import InputError, UsageError
from sizewise.core.onnxfile import sha256_of


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """A file of weights. ``anchors`` are those that it was made with: its heads mean nothing with
    others. None where it holds the first convolutions alone, for a network that is new behind.
    """

    path: Path
    sha256: str
    anchors: tuple[tuple[float, float], ...]

    def fill(self, network: Network) -> int:
        """Gives how many convolutions of ``network`` were filled. Raises InputError where the file
        does not fit."""
        if is_darknet_file(self.path):
            return load_darknet_weights(network, self.path)
        load_weights(network, self.path)
        return len(list(network.convolutions()))


def open_pretrained(path: Path, entry: NetworkEntry) -> Pretrained:
    """safetensors, a state dict of PyTorch or a Darknet file. Raises InputError where it can't be
    read; what is in it shows when it is filled in."""
    with reading(path):
        sha256 = sha256_of(path)
    return Pretrained(path=path, sha256=sha256, anchors=_anchors(path, entry))


def _anchors(path: Path, entry: NetworkEntry) -> tuple[tuple[float, float], ...]:
    if is_darknet_file(path):
        return entry.anchors if path.suffix == ".weights" else ()
    try:
        return read_header(path).config.anchors
    except InputError:  # weights without a configuration: of the network as it was published
        return entry.anchors


def fill_backbone(network: Network, path: Path) -> None:
    """The backbone that all scales share, from a file of published weights.

    Raises UsageError where there is none or more than one, InputError where the file does not fit.
    """
    names = network.settings.backbones if isinstance(network, Multiscale) else ()
    if not isinstance(network, Multiscale) or len(names) != 1:
        raise UsageError(
            f"{path} can't be put into {network.config.name}",
            f"weights of a backbone are for {MULTISCALE} with one backbone for all scales",
            "Leave --backbone-weights out, or name one backbone.",
        )
    (name,) = names
    load_backbone_weights(network.processor.trunk.backbone(0), find_backbone(name), path)

"""Weights to start a training from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netzoo.backbones._registry import find_backbone
from netzoo.data.reading import reading
from netzoo.networks.multiscale import Multiscale
from netzoo.weights.backbones import load_backbone_weights
from netzoo.weights.checkpoint import load_weights, read_header
from netzoo.weights.darknet import is_darknet_file, load_darknet_weights
from netzoo.zoo.config import MULTISCALE
from netzoo.zoo.network import Network, NetworkEntry
from sizewise.core.errors import InputError, UsageError
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.options.declared import spelled


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """A file of weights to start from.

    ``anchors`` are those that it was made with: its heads are useless with others. There are none
    where it holds only the first convolutions.
    """

    path: Path
    sha256: str
    anchors: tuple[tuple[float, float], ...]

    def fill(self, network: Network) -> int:
        """Load the weights and return the number of convolutions filled.

        Raises InputError where the file does not fit.
        """
        if is_darknet_file(self.path):
            return load_darknet_weights(network, self.path)
        load_weights(network, self.path)
        return len(list(network.convolutions()))


def open_pretrained(path: Path, entry: NetworkEntry) -> Pretrained:
    """Open a safetensors file, a state dict of PyTorch or a Darknet file.

    Raises InputError where it can't be read; its tensors are checked only when they are loaded.
    """
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
    """Load published weights into the backbone that all scales share.

    Raises UsageError where there is none or more than one, InputError where the file does not fit.
    """
    names = network.settings.backbones if isinstance(network, Multiscale) else ()
    if not isinstance(network, Multiscale) or len(names) != 1:
        raise UsageError(
            f"{path} can't be put into {network.config.name}",
            f"backbone weights are for {MULTISCALE} with one backbone for all scales",
            f"Leave {spelled('backbone_weights')} out, or name one backbone.",
        )
    (name,) = names
    load_backbone_weights(network.processor.trunk.backbone(0), find_backbone(name), path)

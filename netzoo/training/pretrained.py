"""Weights to start a training from."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from netzoo.backbones._registry import find_backbone
from netzoo.data.reading import reading
from netzoo.networks.multiscale import Multiscale
from netzoo.weights.backbones import load_backbone_weights
from netzoo.weights.checkpoint import NEWER, check_fit, misfit, read_header, read_tensors
from netzoo.weights.darknet import is_darknet_file, load_darknet_weights
from netzoo.zoo.config import MULTISCALE, NetworkConfig
from netzoo.zoo.network import (
    AnchorDetector,
    Network,
    NetworkEntry,
    build_network,
    find_network,
)
from sizewise.core.errors import InputError, UsageError
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.options.declared import spelled


@dataclass(frozen=True, kw_only=True)
class Filled:
    """How many convolutions a file filled, and the names of those that are ``left`` at random.
    ``unlike`` is the decoding that its heads were trained for, where it is another: they are left
    at random, too."""

    convolutions: int
    left: tuple[str, ...]
    unlike: str = ""


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """A file of weights to start a network from; ``config`` is that of a checkpoint."""

    path: Path
    sha256: str
    entry: NetworkEntry
    config: NetworkConfig | None

    def anchors(self, classes: int) -> tuple[tuple[float, float], ...]:
        """Those that its heads were made with, where they fit a network of so many classes: they
        are useless with others. There are none where it holds no such heads."""
        if is_darknet_file(self.path):
            return self.entry.anchors if self.path.suffix == ".weights" else ()
        if self.config is None:  # weights without a configuration: as the network was published
            return self.entry.anchors
        is_alike = self.config.name == self.entry.name and len(self.config.classes) == classes
        return self.config.anchors if is_alike else ()

    def fill(self, network: Network, *, strict: bool = False) -> Filled:
        """Load what fits ``network``.

        Raises InputError where nothing does, or, if ``strict``, where something does not.
        """
        given = self._given(network, strict=strict)
        wanted = network.state_dict()
        fitting = {n: v for n, v in given.items() if n in wanted and not misfit(n, wanted[n], v)}
        heads = _heads(network)
        unlike = self._decoding() if heads & fitting.keys() else ""
        if unlike and unlike != _decoding(network):
            fitting = {name: value for name, value in fitting.items() if name not in heads}
        else:
            unlike = ""
        names = _names(network)
        left = tuple(name for name in names if not names[name] <= fitting.keys())
        if len(left) == len(names):
            check_fit(wanted, given, self.path, network.config.name)
        network.load_state_dict(fitting, strict=False)
        network.eval()
        return Filled(convolutions=len(names) - len(left), left=left, unlike=unlike)

    def _given(self, network: Network, *, strict: bool) -> dict[str, Tensor]:
        """The tensors of the file, by the names that ``network`` has for them."""
        if not is_darknet_file(self.path):
            tensors = read_tensors(self.path)
            if strict:
                check_fit(network.state_dict(), tensors, self.path, network.config.name)
            return tensors
        source = copy.deepcopy(network)
        try:
            filled = load_darknet_weights(source, self.path)
        except InputError:
            if strict or len(network.config.classes) == self.entry.classes:
                raise
            source = build_network(_published(network.config, self.entry))
            filled = load_darknet_weights(source, self.path)
        of_each = list(_names(source).values())
        known = set[str]().union(*of_each[:filled])
        return {name: value for name, value in source.state_dict().items() if name in known}

    def _decoding(self) -> str:
        """The rule that its heads were trained for; empty where it can't have any."""
        if self.config is None:
            return self.entry.design.decoding if self.entry.design else ""
        design = find_network(self.config.name).design
        return self.config.decoding or (design.decoding if design else "")


def _published(config: NetworkConfig, entry: NetworkEntry) -> NetworkConfig:
    """``config`` with as many classes as were published, and the published heads."""
    classes = tuple(map(str, range(entry.classes)))
    return replace(config, classes=classes, tree=(), anchors=(), masks=(), decoding=None)


def _names(network: Network) -> dict[str, set[str]]:
    """The convolutions in Darknet's order: each one's name, with those of its tensors."""
    names = {module: name for name, module in network.named_modules()}
    return {
        names[block]: {f"{names[block]}.{name}" for name in block.state_dict()}
        for block in network.convolutions()
    }


def _heads(network: Network) -> set[str]:
    """The tensors of the heads: the convolutions that have a bias, and no BatchNorm."""
    names = _names(network)
    modules = dict(network.named_modules())
    heads = [
        n for n in names if isinstance(module := modules[n], nn.Conv2d) and module.bias is not None
    ]
    return set[str]().union(*(names[name] for name in heads))


def _decoding(network: Network) -> str:
    return network.decoding if isinstance(network, AnchorDetector) else ""


def open_pretrained(path: Path, entry: NetworkEntry) -> Pretrained:
    """Open a safetensors file, a state dict of PyTorch or a Darknet file.

    Raises InputError where it can't be read; its tensors are checked only when they are loaded.
    """
    with reading(path):
        sha256 = sha256_of(path)
    return Pretrained(path=path, sha256=sha256, entry=entry, config=_config(path))


def _config(path: Path) -> NetworkConfig | None:
    if is_darknet_file(path):
        return None
    try:
        return read_header(path).config
    except InputError as error:
        if error.reason_code == NEWER:
            raise
        return None


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

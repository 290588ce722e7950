"""Weights to start a training from."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from math import isclose
from pathlib import Path

from torch import Tensor, nn

from netzoo.backbones._registry import find_backbone
from netzoo.data.reading import reading
from netzoo.losses._registry import find_loss
from netzoo.networks.multiscale import Multiscale
from netzoo.training.by_name import heads_by_name, shared_classes
from netzoo.weights.backbones import load_backbone_weights
from netzoo.weights.cfg import Heads
from netzoo.weights.checkpoint import NEWER, check_fit, misfit, read_header, read_tensors
from netzoo.weights.darknet import is_darknet_file, load_darknet_weights
from netzoo.weights.heads import as_trained, with_heads
from netzoo.zoo.config import MULTISCALE, NetworkConfig
from netzoo.zoo.network import (
    AnchorDetector,
    HeadDesign,
    Network,
    NetworkEntry,
    build_network,
    find_network,
)
from sizewise.core.errors import InputError, UsageError
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Reporter

Anchor = Sequence[float]
_ROUNDING = 0.01
"""Another machine may fit an anchor otherwise, by so much of it."""


@dataclass(frozen=True, kw_only=True)
class Filled:
    """How many convolutions a file filled, and the names of those that are ``left`` at random.

    ``unlike`` says for what else its heads were trained, where that is something else: they are
    left at random, too. ``losses`` would keep them. ``classes`` are those that the heads were
    trained for, where they are as many others. ``by_name`` are classes whose part of the heads is
    that of the same names, and ``partly`` the heads that have other classes, too."""

    convolutions: int
    left: tuple[str, ...]
    unlike: str = ""
    losses: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    by_name: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """A file of weights to start a network from.

    ``config`` is that of a checkpoint; ``heads`` are those of the .cfg file of others.
    """

    path: Path
    sha256: str
    entry: NetworkEntry
    config: NetworkConfig | None
    heads: Heads | None = None

    def begin(self, config: NetworkConfig, reporter: Reporter = SILENT) -> NetworkConfig:
        """``config`` with the anchors and masks that the heads in the file were made with, where
        they fit a network of so many classes, or of some of the same names: they are useless with
        others. Where it holds no such
        heads, ``config`` stays as it is. What is assumed is said."""
        if self.config is not None:
            return self._of_checkpoint(config, self.config)
        if self._is_partial or not self.entry.anchors:
            return config
        is_known = self.heads is not None
        found = as_trained(config, self.path, reporter, decoding_known=is_known)
        return replace(found, anchors=found.anchors or self.entry.anchors)

    @staticmethod
    def _of_checkpoint(config: NetworkConfig, own: NetworkConfig) -> NetworkConfig:
        as_many = len(own.classes) == len(config.classes)
        if own.name != config.name or not (as_many or shared_classes(own, config)):
            return config
        letterbox = own.letterbox if config.letterbox is None else config.letterbox
        if config.anchors:
            return replace(config, letterbox=letterbox)
        return replace(config, anchors=own.anchors, masks=own.masks, letterbox=letterbox)

    @property
    def _is_partial(self) -> bool:
        return is_darknet_file(self.path) and self.path.suffix != ".weights"

    def fill(self, network: Network, *, strict: bool = False) -> Filled:
        """Load what fits ``network``.

        Raises InputError where nothing does, or, if ``strict``, where something does not.
        """
        given = self._given(network, strict=strict)
        wanted = network.state_dict()
        fitting = {n: v for n, v in given.items() if n in wanted and not misfit(n, wanted[n], v)}
        heads = _heads(network)
        source = self._source(network)
        others = self.config is not None and source.classes != network.config.classes
        shared = shared_classes(source, network.config) if others else ()
        begun = heads_by_name(network, source, given, heads) if shared else {}
        holds_heads = bool(heads & fitting.keys() or begun)
        unlike = _difference(source, network) if holds_heads else ""
        fitting |= begun
        if unlike:
            fitting = {name: value for name, value in fitting.items() if name not in heads}
        by_name = shared if begun and not unlike else ()
        names = _names(network)
        is_part = by_name and len(by_name) < len(network.config.classes)
        partly = tuple(name for name in names if is_part and names[name] & begun.keys())
        left = tuple(name for name in names if not names[name] <= fitting.keys())
        if len(left) == len(names):
            check_fit(wanted, given, self.path, network.config.name)
        if strict and (left or partly):
            classes = (f"the class {name}" for name in network.config.classes if name not in shared)
            raise self._too_little(network, next(chain(left, classes)), unlike)
        network.load_state_dict(fitting, strict=False)
        network.eval()
        return Filled(
            convolutions=len(names) - len(left) - len(partly),
            left=left,
            unlike=unlike,
            losses=_losses_for(source, network) if unlike else (),
            classes=source.classes if others and holds_heads and not (unlike or by_name) else (),
            by_name=by_name,
            partly=partly,
        )

    def _too_little(self, network: Network, lacking: str, unlike: str) -> InputError:
        why = f"its heads were trained {unlike}" if unlike else f"it has nothing for {lacking}"
        return InputError(
            f"{self.path} does not fit {network.config.name}",
            why,
            f"Leave {spelled('strict')} out to start the rest at random.",
        )

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
            if strict or len(network.config.classes) == self._classes:
                raise
            source = build_network(_published(network.config, self._classes))
            filled = load_darknet_weights(source, self.path)
        of_each = list(_names(source).values())
        known = set[str]().union(*of_each[:filled])
        return {name: value for name, value in source.state_dict().items() if name in known}

    @property
    def _classes(self) -> int:
        """How many the heads of a file without a configuration are taken to have."""
        return self.heads.classes if self.heads else self.entry.classes

    def _source(self, network: Network) -> NetworkConfig:
        """The configuration that the heads in the file were trained with. Whole files without one
        are taken to have the anchors of ``network``, which follow them (:meth:`begin`)."""
        if self.config is not None:
            return self.config
        if self.heads is not None:
            return with_heads(network.config, self.heads)
        if self._is_partial:
            return replace(network.config, decoding=None, anchors=(), masks=())
        return replace(network.config, decoding=None)


def _difference(source: NetworkConfig, network: Network) -> str:
    """For what else than ``network`` heads of ``source`` were trained; empty where for just it."""
    theirs, ours = find_network(source.name), find_network(network.config.name)
    if theirs.task != ours.task:
        return f"for {theirs.task}"
    if not isinstance(network, AnchorDetector) or theirs.design is None:
        return ""
    decoding = source.decoding or theirs.design.decoding
    if decoding != network.decoding:
        return f"for the decoding {decoding}, and this loss trains {network.decoding}"
    if not _alike(_anchors_by_head(source, theirs.design), network.anchors.tolist()):
        return "with other anchors"
    if source.tree != network.config.tree:
        return "with another tree of classes"
    return ""


def _anchors_by_head(config: NetworkConfig, design: HeadDesign) -> list[list[Anchor]]:
    anchors = config.anchors or design.anchors
    return [[anchors[place] for place in mask] for mask in config.masks or design.masks]


def _alike(one: list[list[Anchor]], other: list[list[Anchor]]) -> bool:
    """Whether anchors of heads are the same but for rounding."""
    sides, others = ([s for head in it for a in head for s in a] for it in (one, other))
    return len(sides) == len(others) and all(
        map(partial(isclose, rel_tol=_ROUNDING), sides, others)
    )


def _losses_for(source: NetworkConfig, network: Network) -> tuple[str, ...]:
    """The losses of ``network`` that train the decoding of ``source``, where another one is all
    that keeps its heads from being used."""
    entry, design = find_network(network.config.name), find_network(source.name).design
    if not isinstance(network, AnchorDetector) or design is None or entry.design is None:
        return ()
    decoding = source.decoding or design.decoding
    if decoding == network.decoding:
        return ()
    found = (name for name in entry.losses)
    return tuple(n for n in found if (find_loss(n).decoding or entry.design.decoding) == decoding)


def _published(config: NetworkConfig, classes: int) -> NetworkConfig:
    """``config`` with so many classes, and the published heads."""
    names = tuple(map(str, range(classes)))
    return replace(config, classes=names, tree=(), anchors=(), masks=(), decoding=None)


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


def open_pretrained(path: Path, entry: NetworkEntry, heads: Heads | None = None) -> Pretrained:
    """Open a safetensors file, a state dict of PyTorch or a Darknet file; the latter two may have
    the ``heads`` of a .cfg file.

    Raises InputError where it can't be read, and UsageError where a checkpoint has heads of its
    own; its tensors are checked only when they are loaded.
    """
    with reading(path):
        sha256 = sha256_of(path)
    config = _config(path)
    if config is not None and heads is not None:
        raise UsageError(
            f"{spelled('cfg')} can't be given for {path}",
            "it is a checkpoint, which has its own anchors, classes and decoding",
            "Leave it out.",
        )
    return Pretrained(path=path, sha256=sha256, entry=entry, config=config, heads=heads)


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

"""Networks to export: one of the zoo by its name, or that of a checkpoint."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from netzoo.deploy import Deployable, deployable
from netzoo.weights.checkpoint import (
    Provenance,
    load_checkpoint,
    load_weights,
    read_header,
    save_checkpoint,
)
from netzoo.weights.darknet import is_darknet_file, load_darknet_weights
from netzoo.weights.settling import settle
from netzoo.zoo.card import card_of
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import HeadDesign, Network, build_network, find_network
from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.options.declared import spelled
from sizewise.core.progress import Reporter
from sizewise.core.specs import ModelCard

_CORRECTED = ("yolov3-tiny", "yolov3-tiny.weights", 80)
_AS_TRAINED = ((3, 4, 5), (1, 2, 3))
"""The masks of the published weights of YOLOv3-tiny (ultralytics/yolov3#256: with the corrected
cfg's, AP50 falls from 0.33 to 0.18)."""
_SEED = 0
"""The seed of random weights, so that two exports of a network are the same."""


@dataclass(frozen=True)
class DeployedNetwork:
    """A network as it is deployed, with the card of its export."""

    module: Deployable
    card: ModelCard


def from_checkpoint(path: Path, *, raw: bool = False) -> DeployedNetwork:
    """The network of a checkpoint. Raises InputError."""
    return _deployed(load_checkpoint(path), raw=raw, checkpoint_sha256=sha256_of(path))


def from_zoo(
    config: NetworkConfig,
    reporter: Reporter,
    *,
    out: Path,
    weights: Path | None = None,
    raw: bool = False,
) -> DeployedNetwork:
    """A network of the zoo with the ``weights`` of a file, or with random ones.

    Darknet's weights are also written into the folder ``out`` as a checkpoint. Raises UsageError,
    InputError and OutputError.
    """
    torch.manual_seed(_SEED)
    if weights is not None and is_darknet_file(weights):
        config = _with_heads(config, weights, reporter)
    network = build_network(config)
    if weights is None:
        reporter.remark(f"{config.name} has random weights: use it to measure speed only.")
        settle(network)
        return _deployed(network, raw=raw, checkpoint_sha256="")
    return _deployed(network, raw=raw, checkpoint_sha256=_fill(network, weights, out, reporter))


def _with_heads(config: NetworkConfig, weights: Path, reporter: Reporter) -> NetworkConfig:
    """``config`` with the heads that ``weights`` were trained with, as far as that is known: a
    Darknet file holds neither anchors nor masks. What is assumed is said."""
    design = find_network(config.name).design
    if design is None:
        return config
    known = (config.name, weights.name, len(config.classes)) == _CORRECTED
    if known and config.anchors in ((), design.anchors):
        return _as_published(config, weights.name, design, reporter)
    assumed = {}
    if not config.anchors:
        pairs = (f"{width:g},{height:g}" for width, height in design.anchors)
        assumed["anchors"] = ", ".join(pairs)
    if not config.masks and len(design.masks) > 1:  # a single head has all anchors
        assumed["masks"] = _listed(design.masks)
    if assumed:
        values = "; ".join(f"{name} {value}" for name, value in assumed.items())
        reporter.remark(
            f"{weights.name} can't tell its {' or '.join(assumed)}: those of {config.name}'s "
            f"published cfg are used ({values}). Give {spelled('cfg')}, or {spelled('anchors')} "
            f"and {spelled('masks')}, where it was trained with others."
        )
    return config


def _as_published(
    config: NetworkConfig, name: str, design: HeadDesign, reporter: Reporter
) -> NetworkConfig:
    """``config`` for the weights that a correction of their cfg left behind: with the masks that
    were given, or else with those of the training. Both are said, unless the latter are given."""
    if config.masks == _AS_TRAINED:
        return config
    told = (
        f"{name} as published was trained with the masks {_listed(_AS_TRAINED)}; its cfg was later "
        f"corrected to {_listed(design.masks)}, and the weights were not."
    )
    if config.masks:
        reporter.remark(
            f"{told} The masks {_listed(config.masks)} are used, as they are given. Without "
            f"{spelled('cfg')} and {spelled('masks')}, the former are used."
        )
        return config
    reporter.remark(f"{told} The former are used; {spelled('masks')} says otherwise.")
    return replace(config, masks=_AS_TRAINED)


def _listed(masks: tuple[tuple[int, ...], ...]) -> str:
    """As the option takes them."""
    return "/".join(",".join(map(str, mask)) for mask in masks)


def _fill(network: Network, weights: Path, out: Path, reporter: Reporter) -> str:
    """Load the weights and return the SHA-256 of the file that holds all of them."""
    if not is_darknet_file(weights):
        _demand_bare(weights)
        load_weights(network, weights)
        return sha256_of(weights)
    convolutions = list(network.convolutions())
    filled = load_darknet_weights(network, weights)
    if filled < len(convolutions):
        reporter.remark(
            f"{weights} is for pre-training: it fills the first {filled} of {len(convolutions)} "
            "convolutions. The others are random, so use the model to measure speed only."
        )
        settle(network, convolutions[:filled])
    checkpoint = out / f"{network.config.stem}.safetensors"
    save_checkpoint(checkpoint, network, Provenance(weights_sha256=sha256_of(weights)))
    reporter.remark(f"The same weights are now in {checkpoint}, for use without Darknet's file.")
    return sha256_of(checkpoint)


def _demand_bare(weights: Path) -> None:
    """Raises InputError for a checkpoint: its anchors and its decoding would be lost."""
    try:
        read_header(weights)
    except InputError:
        return
    raise InputError(
        f"{weights} can't be given as weights",
        "it is a checkpoint, whose own anchors, classes and decoding belong to its weights",
        f"Export the checkpoint itself: sizewise export {shlex.quote(str(weights))}",
    )


def _deployed(network: Network, *, raw: bool, checkpoint_sha256: str) -> DeployedNetwork:
    card = card_of(network, raw=raw, checkpoint_sha256=checkpoint_sha256)
    return DeployedNetwork(deployable(network, raw=raw), card)

"""Networks to export: one of the zoo by its name, or that of a checkpoint."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
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
from netzoo.weights.darknet import (
    is_darknet_file,
    load_darknet_weights,
    read_darknet_header,
)
from netzoo.weights.heads import as_trained
from netzoo.weights.settling import settle
from netzoo.zoo.card import card_of
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, build_network
from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.progress import Reporter
from sizewise.core.specs import ModelCard

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
    heads_known: bool = False,
    raw: bool = False,
) -> DeployedNetwork:
    """A network of the zoo with the ``weights`` of a file, or with random ones. ``heads_known``:
    the heads in ``config`` are those of the file's own .cfg.

    Darknet's weights are also written into the folder ``out`` as a checkpoint. Raises UsageError,
    InputError and OutputError.
    """
    torch.manual_seed(_SEED)
    if weights is None:
        network = build_network(config)
        reporter.remark(f"{config.name} has random weights: use it to measure speed only.")
        settle(network)
        return _deployed(network, raw=raw, checkpoint_sha256="")
    found = filled(config, weights, reporter, heads_known=heads_known)
    sha256 = sha256_of(weights)
    if is_darknet_file(weights):
        checkpoint = out / f"{config.stem}.safetensors"
        save_checkpoint(checkpoint, found.network, found.provenance)
        reporter.remark(
            f"The same weights are now in {checkpoint}, for use without Darknet's file."
        )
        sha256 = sha256_of(checkpoint)
    return _deployed(found.network, raw=raw, checkpoint_sha256=sha256)


@dataclass(frozen=True)
class FilledNetwork:
    """A network with the weights of a file, and what is known of them. ``convolutions`` are filled,
    all of them unless Darknet's file is a partial one."""

    network: Network
    provenance: Provenance
    convolutions: int

    @property
    def is_whole(self) -> bool:
        return self.convolutions == len(list(self.network.convolutions()))


def filled(
    config: NetworkConfig, weights: Path, reporter: Reporter, *, heads_known: bool = False
) -> FilledNetwork:
    """The network of ``config`` with the ``weights`` of a file that does not name its network.
    Raises UsageError and InputError."""
    is_darknet = is_darknet_file(weights)
    if not is_darknet:
        _demand_bare(weights)
    config = as_trained(config, weights, reporter, decoding_known=heads_known)
    network = build_network(config)
    convolutions = list(network.convolutions())
    if not is_darknet:
        load_weights(network, weights)
        provenance = Provenance(weights_sha256=sha256_of(weights))
        return FilledNetwork(network, provenance, len(convolutions))
    count = load_darknet_weights(network, weights)
    if count < len(convolutions):
        reporter.remark(
            f"{weights} is for pre-training: it fills the first {count} of {len(convolutions)} "
            "convolutions. The others are random, so use the model to measure speed only."
        )
        settle(network, convolutions[:count])
    header = read_darknet_header(weights)
    provenance = Provenance(weights_sha256=sha256_of(weights), darknet=header.numbers)
    return FilledNetwork(network, provenance, count)


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

"""Raw heads against those of the original program, from weights that our importer read."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from netzoo.weights.darknet import load_darknet_weights
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, build_network, find_network
from tests.netzoo.weights.darknet_reference import (
    REFERENCES,
    TOLERANCE,
    largest_error,
    made_up_image,
    rows_of,
    write_weights,
)


def published(name: str) -> Network:
    classes = tuple(map(str, range(find_network(name).classes)))
    return build_network(NetworkConfig(name=name, classes=classes))


@pytest.mark.parametrize("name", REFERENCES)
def test_convolutions_are_darknets_in_darknets_order(name: str) -> None:
    with torch.device("meta"):
        network = published(name)
    assert rows_of(network) == REFERENCES[name]["convs"]


@pytest.mark.parametrize("name", REFERENCES)
@torch.no_grad()
def test_raw_heads_are_darknets(name: str, tmp_path: Path) -> None:
    reference = REFERENCES[name]
    path = write_weights(tmp_path / f"{name}.weights", reference["convs"], reference["seed"])
    network = published(name)
    assert load_darknet_weights(network, path) == len(reference["convs"])
    heads = network.raw_outputs(network(torch.from_numpy(made_up_image(reference))))
    for head, wanted in zip(heads, reference["heads"], strict=True):
        assert largest_error(head.numpy(), wanted) <= TOLERANCE

"""Heads for other classes begin with what was learned for the classes of the same names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from netzoo.training.pretrained import Pretrained, open_pretrained
from netzoo.weights.checkpoint import Provenance, save_checkpoint
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, build_network, find_network
from sizewise.core.errors import InputError

ANCHORS = tuple((9.0 + 5 * place, 8.0 + 7 * place) for place in range(6))
OLD = NetworkConfig(
    name="yolov3-tiny", classes=("cat", "dog", "cow"), width=0.0625, depth=0.1, anchors=ANCHORS
)
IMAGES = torch.linspace(0, 1, 2 * 3 * 64 * 96).reshape(2, 3, 64, 96)


def _built(config: NetworkConfig, seed: int) -> Network:
    """With numbers of its own in every bias."""
    torch.manual_seed(seed)
    network = build_network(config).eval()
    for head in _heads(network).values():
        nn.init.normal_(head.bias)  # type: ignore[arg-type]
    return network


def _heads(network: Network) -> dict[str, nn.Conv2d]:
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and module.bias is not None
    }


def _saved(network: Network, folder: Path) -> Pretrained:
    path = folder / "old.safetensors"
    save_checkpoint(path, network, Provenance())
    return open_pretrained(path, find_network(network.config.name))


def _parts(network: Network, tensor: Tensor) -> dict[tuple[int, str], Tensor]:
    """The channels of a head by their anchors, and by what they say."""
    of = ("x", "y", "w", "h", "objectness") if network.config.name != "darknet19" else ()
    meanings = (*of, *network.config.classes)
    assert len(tensor) % len(meanings) == 0
    return {
        (place // len(meanings), meanings[place % len(meanings)]): row
        for place, row in enumerate(tensor)
    }


@pytest.mark.parametrize(
    ("name", "classes", "shared"),
    [
        ("yolov3-tiny", ("ant", "cow", "bee", "cat"), ("cow", "cat")),
        ("yolov3-tiny", ("dog",), ("dog",)),
        ("yolov3-tiny", ("dog", "cow", "cat"), ("dog", "cow", "cat")),
        ("yolov3-tiny", ("cow", "bee", "cat"), ("cow", "cat")),
        ("darknet19", ("ant", "cow", "bee", "cat"), ("cow", "cat")),
    ],
)
def test_a_shared_class_is_told_as_before(
    tmp_path: Path, name: str, classes: tuple[str, ...], shared: tuple[str, ...]
) -> None:
    """Whatever its place: the head has the same numbers for it, to the bit, and the same input."""
    own = OLD if name == OLD.name else replace(OLD, name=name, anchors=())
    old = _built(own, 1)
    pretrained = _saved(old, tmp_path)
    config = pretrained.begin(replace(own, classes=classes, anchors=()))
    assert config == replace(own, classes=classes, letterbox=config.letterbox)
    new = _built(config, 2)
    before = {key: value.clone() for key, value in new.state_dict().items()}
    filled = pretrained.fill(new)
    assert (filled.by_name, filled.classes, filled.left, filled.unlike) == (shared, (), (), "")
    whole = len(shared) == len(classes)
    assert set(filled.partly) == (set() if whole else _heads(new).keys())
    for key, head in _heads(new).items():
        for of in ("weight", "bias"):
            theirs = _parts(old, getattr(_heads(old)[key], of))
            random = _parts(new, before[f"{key}.{of}"])
            for place, row in _parts(new, getattr(head, of)).items():
                learned = place[1] not in set(classes) - set(shared)
                assert torch.equal(row, theirs[place] if learned else random[place]), place
    for ours, others in zip(new(IMAGES), old(IMAGES), strict=True):
        rows = _parts(old, others.transpose(0, 1))
        for place, row in _parts(new, ours.transpose(0, 1)).items():
            if place in rows:  # a library may add in another order for other numbers of channels
                torch.testing.assert_close(row, rows[place], rtol=1e-5, atol=1e-6)


def test_nothing_is_taken_by_name_that_means_something_else(tmp_path: Path) -> None:
    pretrained = _saved(_built(OLD, 1), tmp_path)
    asked = replace(OLD, classes=("ant", "cow", "bee", "cat"))
    for other, said in (
        (replace(asked, anchors=(*ANCHORS[:5], (300.0, 300.0))), "with other anchors"),
        (replace(asked, decoding="scaled"), "for the decoding yolov3"),
    ):
        network = _built(other, 2)
        before = [head.weight.clone() for head in _heads(network).values()]
        filled = pretrained.fill(network)
        assert said in filled.unlike
        assert (filled.by_name, filled.partly) == ((), ())
        assert set(filled.left) == _heads(network).keys()
        after = [head.weight for head in _heads(network).values()]
        assert all(map(torch.equal, before, after))
    strangers = replace(OLD, classes=("ant", "bee"), anchors=())
    assert pretrained.begin(strangers) == strangers
    assert pretrained.fill(_built(strangers, 2)).by_name == ()


def test_a_tree_is_no_list_of_names(tmp_path: Path) -> None:
    """The numbers of a class there are those beside its siblings."""
    tree = NetworkConfig(
        name="yolo9000", classes=("a", "b", "c"), tree=(-1, 0, 0), width=0.0625, depth=0.1
    )
    pretrained = _saved(_built(tree, 1), tmp_path)
    filled = pretrained.fill(_built(replace(tree, classes=("a", "b"), tree=()), 2))
    assert (filled.by_name, filled.partly, filled.left) == ((), (), ("head",))


def test_a_strict_start_takes_all_or_nothing(tmp_path: Path) -> None:
    pretrained = _saved(_built(OLD, 1), tmp_path)
    for classes in (("cow", "bee", "cat"), ("cow", "cat")):
        with pytest.raises(InputError, match="does not fit yolov3-tiny"):
            pretrained.fill(_built(replace(OLD, classes=classes), 2), strict=True)
    turned = replace(OLD, classes=("cow", "dog", "cat"))
    assert pretrained.fill(_built(turned, 2), strict=True).by_name == turned.classes

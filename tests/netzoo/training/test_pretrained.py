from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from netzoo.training.pretrained import Filled, open_pretrained
from netzoo.weights.checkpoint import Provenance, save_checkpoint
from netzoo.zoo.config import Decoding, NetworkConfig
from netzoo.zoo.network import Network, build_network, find_network
from sizewise.core.errors import InputError
from tests.netzoo.factories import CLASSES, narrow_config, narrow_detector
from tests.netzoo.weights.darknet_reference import made_up_arrays, rows_of, write_weights

YOLOV3 = find_network("yolov3")


def test_a_checkpoint_keeps_the_anchors_that_it_was_trained_with(tmp_path: Path) -> None:
    trained, fresh = narrow_detector(seed=1), narrow_detector(seed=2)
    save_checkpoint(tmp_path / "a.safetensors", trained, Provenance())
    pretrained = open_pretrained(tmp_path / "a.safetensors", YOLOV3)
    assert pretrained.anchors(len(CLASSES)) == trained.config.anchors != YOLOV3.anchors
    filled = pretrained.fill(fresh)
    assert filled == Filled(convolutions=len(list(fresh.convolutions())), left=())
    for ours, theirs in zip(fresh.parameters(), trained.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_weights_alone_are_of_the_network_as_published(tmp_path: Path) -> None:
    network = narrow_detector()
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    torch.save(network.state_dict(), tmp_path / "a.pt")
    write_weights(tmp_path / "a.weights", rows_of(network), seed=0)
    for name in ("a.safetensors", "a.pt", "a.weights"):
        pretrained = open_pretrained(tmp_path / name, YOLOV3)
        assert pretrained.anchors(len(CLASSES)) == YOLOV3.anchors
        filled = pretrained.fill(build_network(replace(network.config, decoding=None)))
        assert filled.convolutions == len(list(network.convolutions()))


def test_a_partial_file_has_no_anchors(tmp_path: Path) -> None:
    network = build_network(narrow_config())
    first = sum(array.size for array in made_up_arrays(rows_of(network)[:9], seed=0))
    whole = write_weights(tmp_path / "a.weights", rows_of(network), seed=0).read_bytes()
    path = tmp_path / "darknet53.conv.9"
    path.write_bytes(whole[: 20 + 4 * first])
    pretrained = open_pretrained(path, YOLOV3)
    assert pretrained.anchors(len(CLASSES)) == ()
    assert pretrained.fill(network).convolutions == 9
    with pytest.raises(InputError, match="does not fit"):
        pretrained.fill(build_network(replace(narrow_config(), width=0.125)))


def _narrow(name: str, classes: int, *, seed: int = 0, decoding: Decoding | None = None) -> Network:
    torch.manual_seed(seed)
    config = NetworkConfig(
        name=name,
        classes=tuple(map(str, range(classes))),
        width=0.0625,
        depth=0.1,
        decoding=decoding,
    )
    return build_network(config)


@pytest.mark.parametrize(
    ("classifier", "detector"), [("darknet19", "yolov2"), ("darknet53", "yolov3")]
)
def test_a_classifier_begins_a_detector(tmp_path: Path, classifier: str, detector: str) -> None:
    source, network = _narrow(classifier, 10), _narrow(detector, 2, seed=1)
    save_checkpoint(tmp_path / "a.safetensors", source, Provenance())
    pretrained = open_pretrained(tmp_path / "a.safetensors", find_network(detector))
    assert pretrained.anchors(2) == ()
    filled = pretrained.fill(network)
    blocks = [name for name in filled.left if name.startswith("backbone.")]
    assert blocks == []
    assert 0 < filled.convolutions < len(list(network.convolutions()))
    state = network.state_dict()
    for name, value in source.state_dict().items():
        if name.startswith("backbone."):
            assert torch.equal(state[name], value), name
    with pytest.raises(InputError, match="does not fit"):
        pretrained.fill(network, strict=True)


def _heads(network: Network) -> list[nn.Conv2d]:
    convolutions = [block for block in network.convolutions() if isinstance(block, nn.Conv2d)]
    return [convolution for convolution in convolutions if convolution.bias is not None]


@pytest.mark.parametrize("form", ["safetensors", "weights"])
def test_eighty_classes_begin_two(tmp_path: Path, form: str) -> None:
    source, network = _narrow("yolov3-tiny", 80), _narrow("yolov3-tiny", 2, seed=1)
    heads = [head.weight.clone() for head in _heads(network)]
    path = tmp_path / f"a.{form}"
    if form == "weights":
        write_weights(path, rows_of(source), seed=0)
    else:
        save_checkpoint(path, source, Provenance())
    filled = open_pretrained(path, find_network("yolov3-tiny")).fill(network)
    assert filled.convolutions == len(list(network.convolutions())) - 2
    assert filled.left == ("coarse_head", "fine_head")
    assert all(map(torch.equal, heads, [head.weight for head in _heads(network)]))


@pytest.mark.parametrize("form", ["safetensors", "weights"])
def test_heads_of_another_decoding_are_never_read_by_this_one(tmp_path: Path, form: str) -> None:
    source, network = _narrow("yolov3-tiny", 80), _narrow("yolov3-tiny", 80, decoding="scaled")
    path = tmp_path / f"a.{form}"
    if form == "weights":
        write_weights(path, rows_of(source), seed=0)
    else:
        save_checkpoint(path, source, Provenance())
    pretrained = open_pretrained(path, find_network("yolov3-tiny"))
    filled = pretrained.fill(network)
    assert filled.unlike == "yolov3"
    assert filled.left == ("coarse_head", "fine_head")
    alike = pretrained.fill(_narrow("yolov3-tiny", 80))
    assert (alike.unlike, alike.left) == ("", ())


def test_what_fits_nothing_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.safetensors", _narrow("yolov2", 2), Provenance())
    pretrained = open_pretrained(tmp_path / "a.safetensors", YOLOV3)
    with pytest.raises(InputError, match="does not fit yolov3"):
        pretrained.fill(build_network(replace(narrow_config(), width=0.2)))


def test_files_are_told_apart_by_their_bytes(tmp_path: Path) -> None:
    rows = rows_of(narrow_detector())
    first, again, other = (
        open_pretrained(write_weights(tmp_path / f"{name}.weights", rows, seed), YOLOV3).sha256
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first == again != other


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.weights can't be read"):
        open_pretrained(tmp_path / "gone.weights", YOLOV3)

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from netzoo.training.pretrained import open_pretrained
from netzoo.weights.checkpoint import Provenance, save_checkpoint
from netzoo.zoo.network import build_network, find_network
from sizewise.core.errors import InputError
from tests.netzoo.factories import narrow_config, narrow_detector
from tests.netzoo.weights.darknet_reference import made_up_arrays, rows_of, write_weights

YOLOV3 = find_network("yolov3")


def test_a_checkpoint_keeps_the_anchors_that_it_was_trained_with(tmp_path: Path) -> None:
    trained, fresh = narrow_detector(seed=1), narrow_detector(seed=2)
    save_checkpoint(tmp_path / "a.safetensors", trained, Provenance())
    pretrained = open_pretrained(tmp_path / "a.safetensors", YOLOV3)
    assert pretrained.anchors == trained.config.anchors != YOLOV3.anchors
    assert pretrained.fill(fresh) == len(list(fresh.convolutions()))
    for ours, theirs in zip(fresh.parameters(), trained.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_weights_alone_are_of_the_network_as_published(tmp_path: Path) -> None:
    network = narrow_detector()
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    torch.save(network.state_dict(), tmp_path / "a.pt")
    write_weights(tmp_path / "a.weights", rows_of(network), seed=0)
    for name in ("a.safetensors", "a.pt", "a.weights"):
        pretrained = open_pretrained(tmp_path / name, YOLOV3)
        assert pretrained.anchors == YOLOV3.anchors
        assert pretrained.fill(narrow_detector()) == len(list(network.convolutions()))


def test_a_partial_file_has_no_anchors(tmp_path: Path) -> None:
    network = build_network(narrow_config())
    first = sum(array.size for array in made_up_arrays(rows_of(network)[:9], seed=0))
    whole = write_weights(tmp_path / "a.weights", rows_of(network), seed=0).read_bytes()
    path = tmp_path / "darknet53.conv.9"
    path.write_bytes(whole[: 20 + 4 * first])
    pretrained = open_pretrained(path, YOLOV3)
    assert pretrained.anchors == ()
    assert pretrained.fill(network) == 9


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

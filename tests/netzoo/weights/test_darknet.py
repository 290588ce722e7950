from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netzoo.blocks import ConvBNAct
from netzoo.weights.darknet import is_darknet_file, load_darknet_weights
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, build_network
from sizewise.core.errors import InputError
from tests.netzoo.weights.darknet_reference import made_up_arrays, rows_of, write_weights


def narrow(name: str = "yolov3-tiny", classes: tuple[str, ...] = ("a", "b")) -> Network:
    return build_network(NetworkConfig(name=name, classes=classes, width=0.0625))


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "tiny.weights", rows_of(narrow()), seed=1)


@pytest.mark.parametrize("old_header", [False, True])
def test_every_number_lands_in_its_place(tmp_path: Path, old_header: bool) -> None:
    network = narrow()
    path = write_weights(tmp_path / "a.weights", rows_of(network), seed=1, old_header=old_header)
    assert load_darknet_weights(network, path) == 13
    assert not network.training
    arrays = made_up_arrays(rows_of(network), seed=1)
    for block in network.convolutions():
        if isinstance(block, ConvBNAct):
            names = ("bias", "weight", "running_mean", "running_var")
            targets = [block.norm.state_dict()[name] for name in names]
            targets.append(block.conv.weight)
        else:
            assert block.bias is not None
            targets = [block.bias, block.weight]
        for target in targets:
            np.testing.assert_array_equal(target.detach().numpy().ravel(), next(arrays))


def test_a_partial_file_fills_the_first_convolutions(whole: Path, tmp_path: Path) -> None:
    network = narrow()
    first = sum(array.size for array in made_up_arrays(rows_of(network)[:7], seed=1))
    path = tmp_path / "yolov3-tiny.conv.15"
    path.write_bytes(whole.read_bytes()[: 20 + 4 * first])
    before = list(network.convolutions())[-1].state_dict()["weight"].clone()
    assert load_darknet_weights(network, path) == 7
    assert torch.equal(list(network.convolutions())[-1].state_dict()["weight"], before)
    ordinary = path.rename(tmp_path / "yolov3-tiny.weights")
    with pytest.raises(InputError, match="convolution 8 of 13"):
        load_darknet_weights(narrow(), ordinary)


@settings(deadline=None)
@given(st.data())
def test_a_file_that_is_cut_or_too_long_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    content = write_weights(folder / "a.weights", rows_of(narrow()), seed=1).read_bytes()
    change = data.draw(st.integers(-len(content), 64).filter(bool))
    path = folder / "b.weights"
    path.write_bytes(content[:change] if change < 0 else content + bytes(change))
    with pytest.raises(InputError, match="does not fit"):
        load_darknet_weights(narrow(), path)


def test_a_partial_file_must_end_with_a_convolution(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "yolov3-tiny.conv.15"
    path.write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(InputError, match="convolution 13 of 13"):
        load_darknet_weights(narrow(), path)


@pytest.mark.parametrize("other", ["yolov2-tiny", "yolov4-tiny", "yolov3"])
def test_a_file_of_another_network_names_the_convolution(other: str, whole: Path) -> None:
    network = build_network(NetworkConfig(name=other, classes=("a", "b"), width=0.1, depth=0.1))
    with pytest.raises(InputError, match=r"convolution \d+ of \d+ of yolo"):
        load_darknet_weights(network, whole)


@pytest.mark.parametrize("count", [1, 3, 20])
def test_a_file_for_other_classes_says_for_how_many(count: int, whole: Path) -> None:
    classes = tuple(map(str, range(count)))
    with pytest.raises(InputError, match=r"convolution 1[0-3] .*for 2 classes"):
        load_darknet_weights(narrow(classes=classes), whole)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"PK\x03\x04", "too few for a header"),
        (struct.pack("<iiiQ", 1_400_000_000, 2, 5, 0), "version"),
        (struct.pack("<iiiQ", 0, 2, 5, 0) + b"abc", "cut short"),
    ],
)
def test_what_is_no_weights_file_is_refused(tmp_path: Path, header: bytes, why: str) -> None:
    path = tmp_path / "a.weights"
    path.write_bytes(header)
    with pytest.raises(InputError, match=why):
        load_darknet_weights(narrow(), path)
    with pytest.raises(InputError, match="can't be opened"):
        load_darknet_weights(narrow(), tmp_path / "none.weights")


def test_values_that_are_no_numbers_are_refused(whole: Path) -> None:
    content = bytearray(whole.read_bytes())
    content[-4:] = struct.pack("<f", float("nan"))
    whole.write_bytes(content)
    with pytest.raises(InputError, match=r"convolution 13 of 13.* not finite"):
        load_darknet_weights(narrow(), whole)


def test_darknet_files_are_told_by_their_names() -> None:
    assert all(
        is_darknet_file(Path(name))
        for name in ("yolov3.weights", "darknet53.conv.74", "yolov4-tiny.conv.29")
    )
    assert not any(is_darknet_file(Path(name)) for name in ("a.safetensors", "conv.74.pt"))

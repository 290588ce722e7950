"""Our networks as Darknet's files, against its own configurations and a second reader of both."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from netzoo.tasks.wordtree import read_tree
from netzoo.training.anchors import shared_out
from netzoo.weights import darknet_saving
from netzoo.weights.cfg import read_heads
from netzoo.weights.darknet import load_darknet_weights, read_darknet_header
from netzoo.weights.darknet_header import DarknetHeader
from netzoo.weights.darknet_layers import darknet_layers
from netzoo.weights.darknet_saving import cfg_text, save_darknet, save_darknet_part
from netzoo.weights.heads import with_heads
from netzoo.zoo.config import Decoding, NetworkConfig
from netzoo.zoo.network import Network, build_network, find_network
from sizewise.core.errors import ExportError, OutputError, UsageError
from sizewise.core.specs import Size
from tests.netzoo.weights.darknet_program import fingerprint, run, sections_of
from tests.netzoo.weights.darknet_reference import rows_of, write_weights

ORIGINALS = {
    "darknet19": "23ee74adacd2256a",
    "darknet53": "765fbe5d926a7476",
    "yolov2": "05e47120536c4cb0",
    "yolov2-voc": "9dcf0cb41d82faa1",
    "yolov2-tiny": "847f3fcc15734227",
    "yolo9000": "52afaf08fc023ed8",
    "yolov3": "321ccee016e5995c",
    "yolov3-spp": "41c5c4faece515af",
    "yolov3-tiny": "7a99d3ee8c0054ad",
    "yolov4": "2f0e0cbf5bbca8f7",
    "yolov4-tiny": "804aa7ede59c2772",
    "yolov4-csp": "3b5758561e3beefe",
    "yolov4-p5": "8477e89c0803cfac",
    "yolov4-p6": "b3a2daf47909185a",
}
"""Fingerprints of the configurations in AlexeyAB/darknet at 59596d7, darknet19's without [cost]."""
PARTS = {
    "yolov3": (74, 52),
    "yolov3-tiny": (15, 9),
    "yolov2": (23, 18),
    "yolov4": (137, 92),
    "yolov4-tiny": (29, 17),
    "yolov4-csp": (142, 93),
    "yolov4-p5": (232, 157),
    "yolov4-p6": (289, 197),
}
"""Layers of the partial files that are published for pre-training, and the convolutions before them
in these configurations."""
ANY = ("yolov2", "yolov2-tiny", "yolov3", "yolov3-spp", "yolov3-tiny", "yolov4", "yolov4-tiny")
SIZE = Size(64, 96)
NEW = DarknetHeader()


def config_of(name: str) -> NetworkConfig:
    classes = tuple(map(str, range(find_network(name).classes)))
    return NetworkConfig(name=name, classes=classes)


def narrow(name: str, *, decoding: Decoding | None = None, fitted: bool = False) -> Network:
    """With weights as after a training, and with anchors of its own where they are ``fitted``."""
    torch.manual_seed(0)
    config = NetworkConfig(
        name=name, classes=("a", "b b", "c"), width=0.0625, depth=0.3, decoding=decoding
    )
    design = find_network(name).design
    if fitted and design:
        anchors = tuple((5.1 + 3.77 * n, 7.3 + 2.29 * n) for n in range(len(design.anchors)))
        config = replace(config, anchors=anchors, masks=shared_out(design), letterbox=False)
    network = build_network(config).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.get_buffer("running_mean"), std=0.1)
            nn.init.uniform_(module.get_buffer("running_var"), 0.5, 1.5)
    return network


def saved(folder: Path, network: Network, header: DarknetHeader = NEW) -> Path:
    save_darknet(folder, network, header, SIZE)
    return folder / f"{network.config.stem}.weights"


@pytest.mark.parametrize("name", ORIGINALS)
def test_layers_are_those_of_the_original_configuration(name: str) -> None:
    with torch.device("meta"):
        network = build_network(config_of(name))
    assert fingerprint(cfg_text(network, SIZE)) == ORIGINALS[name]


@pytest.mark.parametrize("name", PARTS)
def test_layers_are_counted_as_published_partial_files_count_them(name: str) -> None:
    with torch.device("meta"):
        layers = darknet_layers(build_network(config_of(name)))
    cut, convolutions = PARTS[name]
    assert sum(layer.kind == "convolutional" for layer in layers[:cut]) == convolutions


@pytest.mark.parametrize(
    ("name", "decoding"),
    [
        *((name, None) for name in ANY),
        *(("yolov3-tiny", rule) for rule in ("scaled", "yolov4", "yolov4-tiny")),
        *((name, None) for name in ("yolov4-csp", "yolov4-p5", "yolo9000")),
    ],
)
def test_a_plain_reader_of_the_files_finds_our_boxes(
    name: str, decoding: Decoding | None, tmp_path: Path
) -> None:
    """For narrow networks, with anchors of their own."""
    network = narrow(name, decoding=decoding, fitted=True)
    saved(tmp_path, network)
    image = torch.rand(1, 3, SIZE.height, SIZE.width)
    with torch.inference_mode():
        ours = torch.cat(network.decode(network(image)), 2)[0]
        theirs = torch.cat(run(tmp_path, name, image))
    torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["darknet19", "darknet53"])
def test_a_plain_reader_of_a_classifiers_files_finds_our_scores(name: str, tmp_path: Path) -> None:
    network = narrow(name)
    saved(tmp_path, network)
    image = torch.rand(1, 3, SIZE.height, SIZE.width)
    with torch.inference_mode():
        (ours,) = network.decode(network(image))
    torch.testing.assert_close(run(tmp_path, name, image)[0], ours)


@pytest.mark.parametrize("header", [DarknetHeader(0, 1, 0, 77), DarknetHeader(0, 2, 0, 2**40)])
def test_a_file_that_was_read_is_written_byte_by_byte(
    header: DarknetHeader, tmp_path: Path
) -> None:
    made = write_weights(tmp_path / "a.weights", rows_of(narrow("yolov3-tiny")), seed=1)
    made.write_bytes(header.packed + made.read_bytes()[20:])
    network = narrow("yolov3-tiny")
    load_darknet_weights(network, made)
    assert read_darknet_header(made) == header
    again = saved(tmp_path, network, header)
    assert again.read_bytes() == made.read_bytes()


@pytest.mark.parametrize("name", ANY)
def test_what_was_written_is_read_as_the_same_network(name: str, tmp_path: Path) -> None:
    network = narrow(name, fitted=True)
    path = saved(tmp_path, network)
    bare = NetworkConfig(name=name, classes=network.config.classes, width=0.0625, depth=0.3)
    again = build_network(with_heads(bare, read_heads(path.with_suffix(".cfg"))))
    assert load_darknet_weights(again, path) == len(list(network.convolutions()))
    masks = read_heads(path.with_suffix(".cfg")).masks  # none where the one head has all
    assert again.config == replace(network.config, masks=masks)
    assert bool(masks) == (len(network.strides) > 1)
    for key, value in again.state_dict().items():
        assert torch.equal(value, network.state_dict()[key]), key
    assert path.with_suffix(".names").read_text().splitlines() == ["a", "b b", "c"]


@given(st.lists(st.floats(1e-3, 1e4), min_size=12, max_size=12))
def test_anchors_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, sides: list[float]
) -> None:
    config = replace(
        narrow("yolov3-tiny").config, anchors=tuple(zip(sides[::2], sides[1::2], strict=True))
    )
    path = tmp_path_factory.mktemp("anchors") / "a.cfg"
    path.write_text(cfg_text(build_network(config), SIZE))
    assert read_heads(path).anchors == config.anchors


def test_a_tree_is_written_beside_its_network(tmp_path: Path) -> None:
    config = replace(narrow("yolo9000").config, classes=("a", "b c", "d"), tree=(-1, 0, 0))
    network = build_network(config)
    cfg = saved(tmp_path, network).with_suffix(".cfg").read_text()
    assert sections_of(cfg)[-1][1]["tree"] == "yolo9000.tree"
    names, tree = read_tree(tmp_path / "yolo9000.tree")
    assert (names, tree.parents) == (("a", "b_c", "d"), config.tree)


def test_the_first_layers_are_the_beginning_of_the_whole(tmp_path: Path) -> None:
    network = narrow("yolov3-tiny")
    whole = saved(tmp_path, network).read_bytes()
    assert save_darknet_part(tmp_path, network, DarknetHeader(seen=9), 15) == 9
    part = (tmp_path / "yolov3-tiny.conv.15").read_bytes()
    assert part[:20] == struct.pack("<iiiQ", 0, 2, 5, 0)
    assert whole[20:].startswith(part[20:])
    fresh = build_network(replace(network.config, classes=("other",)))
    assert load_darknet_weights(fresh, tmp_path / "yolov3-tiny.conv.15") == 9


@pytest.mark.parametrize("cut", [23, 24, 1000])
def test_a_part_that_would_be_the_whole_is_refused(cut: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="its last convolution is layer 22"):
        save_darknet_part(tmp_path, narrow("yolov3-tiny"), DarknetHeader(), cut)
    assert save_darknet_part(tmp_path, narrow("yolov3-tiny"), DarknetHeader(), 22) == 12


def test_networks_that_darknet_can_not_hold_are_refused(tmp_path: Path) -> None:
    masks = build_network(NetworkConfig(name="multiscale", classes=("a",), width=0.1))
    with pytest.raises(ExportError, match="its outputs are neither boxes nor classes"):
        saved(tmp_path, masks)
    with pytest.raises(ExportError, match="trained for the decoding scaled"):
        saved(tmp_path, narrow("yolov2", decoding="scaled"))
    other = narrow("yolov3-tiny")
    next(iter(other.children())).convolutions[0].act = nn.Hardswish()  # type: ignore[index,union-attr]
    with pytest.raises(ExportError, match="Darknet has no Hardswish"):
        saved(tmp_path, other)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["two\nlines", " blank", ""])
def test_a_class_name_that_is_no_line_is_refused(name: str, tmp_path: Path) -> None:
    network = build_network(replace(narrow("yolov3-tiny").config, classes=(name, "b")))
    with pytest.raises(ExportError, match="a class name"):
        saved(tmp_path, network)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_leaves_the_files_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights of one network beside the configuration of another would be read as garbage."""
    saved(tmp_path, narrow("yolov3-tiny"))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    write, count = darknet_saving._write, iter(range(9))

    def fills_up(path: Path, parts: Iterable[bytes]) -> None:
        write(path, parts)
        if next(count) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(darknet_saving, "_write", fills_up)
    with pytest.raises(OutputError, match="no space left"):
        saved(tmp_path, narrow("yolov3-tiny", fitted=True))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before

"""Darknet's own files through the command line, as far as ONNX Runtime."""

from __future__ import annotations

import shlex
from pathlib import Path

import onnxruntime
import pytest
import torch

from netzoo.weights.checkpoint import Provenance, load_checkpoint, read_header, save_checkpoint
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, build_network
from sizewise.core.onnxfiles.model import read_model, sha256_of
from tests.netzoo.weights.darknet_reference import (
    REFERENCES,
    TOLERANCE,
    largest_error,
    made_up_image,
    rows_of,
    write_weights,
)
from tests.sizewise.cli.conftest import Cli

NARROW = ("--width", "0.0625")
ONE_SIZE = ("--fixed", "--size", "64")
QUICK = "yolov4-tiny"


@pytest.mark.parametrize(
    "name",
    [name if name == QUICK else pytest.param(name, marks=pytest.mark.slow) for name in REFERENCES],
)
def test_an_export_of_darknets_weights_is_darknet_itself(
    name: str, cli: Cli, tmp_path: Path
) -> None:
    reference = REFERENCES[name]
    weights = write_weights(tmp_path / "a.weights", reference["convs"], reference["seed"])
    said = cli("export", name, "--weights", weights, "--raw", "--dynamic", "--out", tmp_path)
    assert said.code == 0, said
    session = onnxruntime.InferenceSession(tmp_path / f"{name}.onnx")
    heads = session.run(None, {"images": made_up_image(reference)})
    for head, wanted in zip(heads, reference["heads"], strict=True):
        assert largest_error(head, wanted) <= TOLERANCE
    assert read_header(tmp_path / f"{name}.safetensors").provenance.weights_sha256 == sha256_of(
        weights
    )


@pytest.fixture
def narrow() -> Network:
    names = ("cat", "dog")
    return build_network(NetworkConfig(name="yolov3-tiny", classes=names, width=0.0625))


@pytest.fixture
def names(tmp_path: Path) -> Path:
    path = tmp_path / "two.names"
    path.write_text("cat\ndog\n")
    return path


def test_the_checkpoint_beside_it_holds_the_same(
    narrow: Network, names: Path, cli: Cli, tmp_path: Path
) -> None:
    weights = write_weights(tmp_path / "a.weights", rows_of(narrow), seed=3)
    out = tmp_path / "out"
    arguments = ("--weights", weights, "--names", names, "--raw", *NARROW, *ONE_SIZE, "--out", out)
    assert cli("export", "yolov3-tiny", *arguments).code == 0
    card = read_model(out / "yolov3-tiny.onnx").card
    assert card.classes == ("cat", "dog")
    assert card.checkpoint_sha256 == sha256_of(out / "yolov3-tiny.safetensors")
    head = list(load_checkpoint(out / "yolov3-tiny.safetensors").convolutions())[-1]
    assert isinstance(head, torch.nn.Conv2d)
    assert (
        head.weight.detach().numpy().tobytes() == weights.read_bytes()[-4 * head.weight.numel() :]
    )


def test_a_partial_file_is_said_to_be_one(
    narrow: Network, names: Path, cli: Cli, tmp_path: Path
) -> None:
    weights = write_weights(tmp_path / "tiny.conv.15", rows_of(narrow)[:8], seed=3)
    arguments = (
        "--weights",
        weights,
        "--names",
        names,
        "--raw",
        *NARROW,
        *ONE_SIZE,
        "--out",
        tmp_path,
    )
    said = cli("export", "yolov3-tiny", *arguments)
    assert said.code == 0, said
    assert "first 8 of 13 convolutions" in said.err.replace("\n", " ")


def test_names_of_another_number_than_the_cfg_says_are_refused(
    names: Path, cli: Cli, tmp_path: Path
) -> None:
    cfg = tmp_path / "three.cfg"
    head = "[yolo]\nmask={}\nanchors=1,2,3,4,5,6,7,8,9,10,11,12\nclasses=3\n"
    cfg.write_text(head.format("3,4,5") + head.format("0,1,2"))
    said = cli("export", "yolov3-tiny", "--cfg", cfg, "--names", names, "--out", tmp_path)
    assert said.code == 1
    assert "there are 2, and it says classes=3" in said.err.replace("\n", " ")
    said = cli("export", "yolov3-tiny", "--classes", 3, "--names", names, "--out", tmp_path)
    assert said.code == 2
    assert "3 classes can't have 2 names" in said.err.replace("\n", " ")


def test_another_networks_file_leaves_nothing(
    narrow: Network, names: Path, cli: Cli, tmp_path: Path
) -> None:
    weights = write_weights(tmp_path / "a.weights", rows_of(narrow), seed=3)
    out = tmp_path / "out"
    said = cli("export", "yolov2-tiny", "--weights", weights, "--names", names, "--out", out)
    assert said.code == 1
    assert "convolution" in said.err
    assert "Traceback" not in said.err
    assert not list(out.iterdir())


def test_a_checkpoint_is_no_file_of_weights(cli: Cli, tmp_path: Path) -> None:
    """Its anchors and its decoding would get lost, and eager PyTorch would be as wrong."""
    anchors = tuple((8.0 + i, 9.0 + i) for i in range(6))
    config = NetworkConfig(
        name="yolov3-tiny", classes=("a",), width=0.0625, anchors=anchors, decoding="scaled"
    )
    path = tmp_path / "trained.safetensors"
    save_checkpoint(path, build_network(config), Provenance())
    arguments = ("--classes", 1, *NARROW, "--out", tmp_path / "out")
    said = cli("export", "yolov3-tiny", "--weights", path, *arguments)
    assert said.code == 1
    assert f"sizewise export {shlex.quote(str(path))}" in said.err.replace("\n", "")


@pytest.mark.parametrize(
    ("source", "option"),
    [
        ("a.safetensors", ("--width", 0.5)),
        ("a.safetensors", ("--weights", "b.weights")),
        ("a.onnx", ("--raw",)),
        ("a.onnx", ("--classes", 9)),
        ("a.py:build", ("--depth", 0.5)),
        ("yolov3", ("--layout", "b_4c_n")),
    ],
)
def test_an_option_that_would_be_given_in_vain_is_refused(
    source: str, option: tuple[object, ...], cli: Cli, tmp_path: Path
) -> None:
    said = cli("export", source, *option, "--out", tmp_path)
    assert said.code == 2, said
    assert f"{option[0]} can't be given for {source}" in said.err.replace("\n", " ")

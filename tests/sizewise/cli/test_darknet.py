"""Networks to and from Darknet's own files, through the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from netzoo.data.coco.dataset import write_coco
from netzoo.weights.cfg import read_heads
from netzoo.weights.checkpoint import Provenance, read_header, save_checkpoint
from netzoo.weights.darknet_header import DarknetHeader
from netzoo.weights.darknet_saving import cfg_text
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, build_network, find_network
from netzoo.zoo.source import from_zoo
from sizewise.core.progress import SILENT
from sizewise.core.specs import Size
from tests.netzoo.factories import CLASSES, squares
from tests.netzoo.weights.darknet_program import sections_of
from tests.netzoo.weights.darknet_reference import rows_of, write_weights
from tests.sizewise.cli.conftest import Cli, Said

pytestmark = pytest.mark.usefixtures("one_core")
NAME = "yolov3-tiny"
NARROW = ("--width", 0.05, "--depth", 0.1)
ANCHORS = tuple((8.5 + 5 * n, 7.25 + 6 * n) for n in range(6))
SEEN = DarknetHeader(0, 2, 0, 32_013_312)


def network(classes: tuple[str, ...] = CLASSES, **of_heads: object) -> Network:
    torch.manual_seed(0)
    config = NetworkConfig(name=NAME, classes=classes, width=0.05, depth=0.1)
    return build_network(replace(config, **of_heads))  # type: ignore[arg-type]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = write_weights(tmp_path / "own.weights", rows_of(network()), seed=0)
    path.write_bytes(SEEN.packed + path.read_bytes()[20:])
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "squares"
    write_coco(squares(folder, 4), folder / "train.json")
    return folder


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cfg(folder: Path, **of_heads: object) -> Path:
    """With anchors of its own."""
    path = folder / "own.cfg"
    given = {"anchors": ANCHORS, "masks": ((3, 4, 5), (1, 2, 3))} | of_heads
    path.write_text(cfg_text(network(**given), Size(64, 64)))  # type: ignore[arg-type]
    return path


def words(said: Said) -> str:
    return " ".join((said.out + said.err).split())


def trained(cli: Cli, data: Path, out: Path, *more: object) -> Said:
    steps = ("--steps", 1, "--batch", 2, "--sizes", "64")
    return cli("train", NAME, *NARROW, *steps, "--data", data, *more, "--out", out)


def test_published_weights_come_back_byte_by_byte(cli: Cli, weights: Path, tmp_path: Path) -> None:
    """From the file itself, and from the checkpoint that an export of it left."""
    out, again = tmp_path / "out", tmp_path / "again"
    again.mkdir()
    call = ("export", NAME, "--weights", weights, "--classes", 2, *NARROW, "--out", out)
    assert cli(*call, "--format", "darknet").code == 0
    assert (out / f"{NAME}.weights").read_bytes() == weights.read_bytes()
    assert {path.suffix for path in out.iterdir()} == {".weights", ".cfg", ".names"}

    from_zoo(network().config, SILENT, out=again, weights=weights)
    said = cli("export", again / f"{NAME}.safetensors", "--format", "darknet", "--out", again)
    assert said.code == 0, said
    assert f"{again / NAME}.weights: 13 convolutions" in said.out
    assert (again / f"{NAME}.weights").read_bytes() == weights.read_bytes()


def test_a_training_of_ours_comes_back_as_the_same_network(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    assert trained(cli, data, tmp_path / "a").code == 0
    path = tmp_path / "a" / f"{NAME}.safetensors"
    said = cli("export", path, "--format", "darknet", "--out", tmp_path / "b", "--json")
    plain = json.loads(said.out)
    assert plain["convolutions"] == 13
    file, own, names = plain["files"]
    net = sections_of(Path(own).read_text())[0][1]
    assert (net["width"], net["height"], net["letter_box"]) == ("64", "64", "1")
    again = tmp_path / "again"
    said = cli(
        *("export", NAME, "--weights", file, "--cfg", own, "--names", names, *NARROW),
        *("--size", 64, "--format", "darknet", "--out", again),
    )
    assert said.code == 0, said
    for one in plain["files"]:
        assert (again / Path(one).name).read_bytes() == Path(one).read_bytes()


def test_the_first_layers_of_ours_begin_another_network(
    cli: Cli, weights: Path, data: Path, tmp_path: Path
) -> None:
    call = ("export", NAME, "--weights", weights, "--classes", 2, *NARROW, "--format", "darknet")
    said = cli(*call, "--cut", 13, "--out", tmp_path)
    assert said.code == 0, said
    part = tmp_path / f"{NAME}.conv.13"
    assert f"{part}: 7 convolutions" in said.out
    again = trained(cli, data, tmp_path / "out", "--weights", part)
    assert f"{part} fills 7 of 13 convolutions" in words(again)
    assert "its last convolution is layer 22" in words(cli(*call, "--cut", 23, "--out", tmp_path))


def test_a_file_of_something_else_is_said_to_be_replaced(
    cli: Cli, weights: Path, tmp_path: Path
) -> None:
    call = ("export", NAME, "--weights", weights, *NARROW, "--format", "darknet", "--out", tmp_path)
    cli(*call, "--classes", 2)
    assert "was replaced" not in words(cli(*call, "--classes", 2))
    names = tmp_path / "others.txt"
    names.write_text("cat\ndog\n")
    said = words(cli(*call, "--names", names))
    assert f"{NAME}.names was replaced" in said
    assert f"{NAME}.weights was replaced" not in said


@pytest.mark.parametrize(
    ("line", "code", "why"),
    [
        ("yolov3-tiny --format darknet", 2, "it has no weights yet"),
        ("a.onnx --format darknet", 2, "Darknet knows layers"),
        ("a.py:build --format darknet", 2, "Darknet knows layers"),
        ("yolov3-tiny --cut 3", 2, "--cut can't be given alone"),
        ("yolov3-tiny --format darknet --cut 0", 2, "--cut"),
        ("yolov3-tiny --format caffe", 2, "--format"),
        ("a.safetensors --format darknet --nms", 2, "--nms can't be given with --format darknet"),
        ("a.safetensors --format darknet --precision fp16", 2, "--precision can't be given"),
        ("a.safetensors --format darknet --width 0.5", 2, "--width can't be given for"),
        ("a.safetensors --format darknet --size 100", 2, "multiples of its stride, 32"),
        ("dense.safetensors --format darknet", 1, "Train it with --loss paper"),
        ("masks.safetensors --format darknet", 1, "neither boxes nor classes"),
    ],
)
def test_what_can_not_be_a_darknet_file_is_refused(
    line: str, code: int, why: str, cli: Cli, in_folder: Path
) -> None:
    narrow = {"classes": ("a",), "width": 0.05, "depth": 0.1}
    for name, config in {
        "a": NetworkConfig(name=NAME, **narrow),  # type: ignore[arg-type]
        "dense": NetworkConfig(name="yolov2", decoding="scaled", **narrow),  # type: ignore[arg-type]
        "masks": NetworkConfig(name="multiscale", **narrow),  # type: ignore[arg-type]
    }.items():
        save_checkpoint(Path(f"{name}.safetensors"), build_network(config), Provenance())
    said = cli("export", *line.split(), "--out", "out")
    assert said.code == code, said
    assert why in words(said)
    assert "Traceback" not in said.err
    assert not Path("out").exists() or not list(Path("out").iterdir())


def test_a_cfg_gives_anchors_masks_and_fit(cli: Cli, data: Path, tmp_path: Path) -> None:
    own = cfg(tmp_path, letterbox=False)
    said = trained(cli, data, tmp_path / "out", "--cfg", own)
    assert said.code == 0, said
    assert "has the decoding yolov3, and the loss dense trains scaled" in words(said)
    found = read_header(tmp_path / "out" / f"{NAME}.safetensors").config
    assert (found.anchors, found.masks) == (ANCHORS, ((3, 4, 5), (1, 2, 3)))
    assert (found.letterbox, found.decoding) == (False, "scaled")
    assert "not trained again" in words(trained(cli, data, tmp_path / "out", "--cfg", own))
    cfg(tmp_path, masks=((3, 4, 5), (0, 1, 2)), letterbox=False)
    again = trained(cli, data, tmp_path / "out", "--cfg", own, "--replace")
    assert "trained anew" in words(again)
    found = read_header(tmp_path / "out" / f"{NAME}.safetensors").config
    assert found.masks == ((3, 4, 5), (0, 1, 2))


def test_weights_and_their_cfg_begin_a_training(
    cli: Cli, weights: Path, data: Path, tmp_path: Path
) -> None:
    """Case R23: weights whose anchors and masks are not those of the published cfg."""
    given: tuple[object, ...] = ("--weights", weights, "--cfg", cfg(tmp_path))
    said = trained(cli, data, tmp_path / "out", *given, "--loss", "paper")
    assert said.code == 0, said
    assert "fills 13 of 13 convolutions." in words(said)
    assert "can't tell" not in words(said)
    found = read_header(tmp_path / "out" / f"{NAME}.safetensors").config
    assert (found.anchors, found.masks) == (ANCHORS, ((3, 4, 5), (1, 2, 3)))
    given = (*given, "--replace")
    other = trained(cli, data, tmp_path / "out", *given)
    assert "trained for the decoding yolov3, and this loss trains scaled" in words(other)
    cfg(tmp_path, decoding="scaled")
    assert "fills 13 of 13 convolutions." in words(trained(cli, data, tmp_path / "out", *given))
    other = trained(cli, data, tmp_path / "out", *given, "--loss", "paper")
    assert "--loss dense keeps them" in words(other)


def test_weights_and_cfg_of_other_classes_begin_a_training(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    other = network(tuple("abcdefg"))
    weights = write_weights(tmp_path / "seven.weights", rows_of(other), seed=0)
    own = cfg(tmp_path, classes=tuple("abcdefg"))
    given = ("--weights", weights, "--cfg", own)
    assert "fills 11 of 13 convolutions" in words(trained(cli, data, tmp_path / "a", *given))
    alone = trained(cli, data, tmp_path / "b", "--cfg", own)
    assert alone.code == 1
    assert "it has 7 classes, and the data 2" in words(alone)


def test_published_weights_are_trained_on_with_the_masks_that_they_have(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    """With those of the cfg of today, their boxes would begin at other anchors (case R23)."""
    classes = tuple(map(str, range(80)))
    path = write_weights(tmp_path / f"{NAME}.weights", rows_of(network(classes)), seed=0)
    names = json.loads((data / "train.json").read_text())
    names["categories"] = [{"id": n + 1, "name": name} for n, name in enumerate(classes)]
    (data / "train.json").write_text(json.dumps(names))
    said = trained(cli, data, tmp_path / "out", "--weights", path, "--loss", "paper")
    assert said.code == 0, said
    assert "was trained with the masks 3,4,5/1,2,3" in words(said)
    found = read_header(tmp_path / "out" / f"{NAME}.safetensors").config
    assert (found.masks, found.anchors) == (((3, 4, 5), (1, 2, 3)), find_network(NAME).anchors)


@pytest.mark.parametrize(
    "refused",
    [
        (NAME, ("--anchors", "1,2,3,4,5,6,7,8,9,10,11,12"), 2, "--anchors can't be given beside"),
        ("darknet19", (), 2, "--cfg can't be given for darknet19"),
        ("yolov3", (), 1, "the file has 2 heads, and yolov3 has 3"),
        (NAME, ("--weights", "a.safetensors"), 2, "--cfg can't be given for a.safetensors"),
    ],
)
def test_a_cfg_that_is_not_of_the_network_is_refused(
    refused: tuple[str, tuple[str, ...], int, str], cli: Cli, data: Path, in_folder: Path
) -> None:
    network_name, more, code, why = refused
    save_checkpoint(Path("a.safetensors"), network(), Provenance())
    said = cli("train", network_name, *NARROW, "--data", data, "--cfg", cfg(in_folder), *more)
    assert said.code == code, said
    assert why in words(said)


def test_an_export_reads_the_decoding_of_a_cfg(cli: Cli, weights: Path, tmp_path: Path) -> None:
    """Its heads would be decoded by another rule, and parity could not tell."""
    own = cfg(tmp_path, decoding="scaled")
    call = ("export", NAME, "--weights", weights, "--cfg", own, *NARROW, "--format", "darknet")
    assert cli(*call, "--out", tmp_path).code == 0
    found = read_heads(tmp_path / f"{NAME}.cfg")
    assert (found.squared, found.reach, found.anchors) == (True, (2, 2), ANCHORS)
    own.write_text(own.read_text().replace("scale_x_y=2", "scale_x_y=1.7"))
    said = cli(*call, "--out", tmp_path)
    assert said.code == 1
    assert "scale_x_y=1.7" in words(said)


def test_an_export_of_a_plain_state_dict_says_what_is_assumed(cli: Cli, tmp_path: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "a.pt")
    given = (NAME, "--weights", tmp_path / "a.pt", "--classes", 2, *NARROW)
    call = ("export", *given, "--format", "darknet")
    said = cli(*call, "--out", tmp_path)
    assert said.code == 0, said
    assert "a.pt can't tell its anchors or masks or decoding" in words(said)
    known = cli(*call, "--cfg", cfg(tmp_path), "--out", tmp_path)
    assert "can't tell" not in words(known)

"""``sizewise train``: losses by default and by name, classifiers, and weights to begin with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from netzoo.data.coco.dataset import write_coco
from netzoo.training.history import History
from netzoo.training.state import Kept
from netzoo.weights.checkpoint import load_checkpoint, read_header
from netzoo.zoo.card import card_of
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import build_network, find_network
from sizewise.core.errors import OutputError
from sizewise.core.specs import Sizes
from tests.netzoo.factories import CLASSES, squares
from tests.netzoo.weights.darknet_reference import made_up_arrays, rows_of, write_weights
from tests.sizewise.cli.conftest import Cli

pytestmark = pytest.mark.usefixtures("one_core")
QUICK = ("--width", 0.05, "--depth", 0.1, "--steps", 2, "--batch", 2, "--sizes", "64")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "squares"
    found = squares(folder, 6)
    write_coco(found, folder / "train.json")
    write_coco(replace(found, images=found.images[1:]), folder / "val.json")
    return folder


@pytest.mark.parametrize(("asked", "used"), [((), "dense"), (("--loss", "paper"), "paper")])
def test_a_checkpoint_remembers_the_loss_that_was_used(
    cli: Cli, data: Path, tmp_path: Path, asked: tuple[str, ...], used: str
) -> None:
    said = cli("train", "yolov2", "--data", data, *QUICK, *asked, "--out", tmp_path, "--json")
    assert said.code == 0, said
    header = read_header(Path(json.loads(said.out)["checkpoint"]))
    assert header.provenance.settings is not None
    assert header.provenance.settings.loss == used
    assert header.config.decoding == ("scaled" if used == "dense" else None)


def test_the_fit_of_pictures_stays_with_the_checkpoint(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    call = ("train", "yolov2-tiny", "--data", data, *QUICK, "--out", tmp_path, "--json")
    path = Path(json.loads(cli(*call).out)["checkpoint"])
    letterboxed = path.read_bytes()
    assert read_header(path).config.letterbox is None
    said = cli(*call, "--fit", "stretch", "--replace")
    assert "trained anew" in said.err
    assert read_header(path).config.letterbox is False
    assert path.read_bytes() != letterboxed
    assert card_of(load_checkpoint(path)).letterbox is False


def test_the_checkpoint_is_written_last(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is there, the same command writes nothing again: the losses would be missing."""

    def refuse(*_: object) -> None:
        raise OutputError("It can't be written", "no space left", "Free some.")

    call = ("train", "yolov2-tiny", "--data", data, *QUICK, "--steps", 1, "--out", tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(History, "save", refuse)
        assert cli(*call).code == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_a_loss_by_its_name_or_by_default_is_the_same_training(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    call = ("train", "yolov3", "--data", data, *QUICK, "--out", tmp_path)
    assert cli(*call).code == 0
    assert "not trained again" in cli(*call, "--loss", "dense").err
    said = cli(*call, "--loss", "paper")
    assert said.code == 2
    assert "--loss was dense and is paper now" in said.err
    assert "trained anew" in cli(*call, "--loss", "paper", "--replace").err


@pytest.mark.parametrize(
    ("network", "loss", "listed"),
    [("darknet19", "dense", "cross_entropy"), ("yolov3", "cross_entropy", "dense or paper")],
)
def test_a_loss_of_another_kind_is_refused_with_a_list(
    cli: Cli, tmp_path: Path, network: str, loss: str, listed: str
) -> None:
    said = cli("train", network, "--loss", loss, "--out", tmp_path)
    assert said.code == 2
    assert said.err.startswith(f"sizewise: {network} can't be trained with the loss '{loss}'")
    assert listed in said.err


def test_a_classifier_learns_crops_and_says_its_scores(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    said = cli("train", "darknet19", "--data", data, *QUICK, "--out", tmp_path / "out")
    assert said.code == 0, said
    assert f"Checkpoint: {tmp_path / 'out' / 'darknet19.safetensors'}" in said.out
    assert "Validation at 64x64: top-1" in said.out
    assert "top-5 1.000" in said.out
    again = cli("train", "darknet19", "--data", data, *QUICK, "--out", tmp_path / "out", "--json")
    scores = json.loads(again.out)["scores"]
    assert scores["top5"] == 1
    assert f"top-1 {scores['top1']:.3f}" in said.out


def test_without_data_to_validate_with_a_classifier_is_kept_all_the_same(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    (data / "val.json").unlink()
    said = cli("train", "darknet53", "--data", data, *QUICK, "--out", tmp_path / "out")
    assert said.code == 0, said
    assert (tmp_path / "out" / "darknet53.safetensors").is_file()
    assert "Not evaluated." in said.err
    assert "val.json is missing" in said.err


def config(name: str) -> NetworkConfig:
    return NetworkConfig(name=name, classes=CLASSES, width=0.05, depth=0.1)


def test_whole_weights_bring_their_anchors_and_a_partial_file_none(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    rows = rows_of(build_network(config("yolov3-tiny")))
    whole = write_weights(tmp_path / "tiny.weights", rows, seed=0)
    call = ("train", "yolov3-tiny", "--data", data, *QUICK)
    first = cli(*call, "--weights", whole, "--out", tmp_path / "first")
    assert first.code == 0, first
    assert f"{whole} fills 11 of 13 convolutions; the others start at random" in first.err
    assert "tiny.weights can't tell its anchors or masks or decoding" in first.err
    assert "trained for the decoding yolov3, and this loss trains scaled" in first.err
    assert "--loss paper keeps them" in first.err
    path = tmp_path / "first" / "yolov3-tiny.safetensors"
    assert read_header(path).config.anchors == find_network("yolov3-tiny").anchors

    numbers = sum(array.size for array in made_up_arrays(rows[:7], seed=0))
    partial = tmp_path / "tiny.conv.7"
    partial.write_bytes(whole.read_bytes()[: 20 + 4 * numbers])
    second = cli(*call, "--weights", partial, "--out", tmp_path / "second")
    assert second.code == 0, second
    assert "fills 7 of 13 convolutions; the others start at random: " in second.err
    fitted = read_header(tmp_path / "second" / "yolov3-tiny.safetensors").config.anchors
    assert max(max(anchor) for anchor in fitted) <= 64


def test_other_weights_are_another_training(cli: Cli, data: Path, tmp_path: Path) -> None:
    rows = rows_of(build_network(config("yolov3-tiny")))
    weights = write_weights(tmp_path / "tiny.weights", rows, seed=0)
    call = ("train", "yolov3-tiny", "--data", data, *QUICK, "--weights", weights, "--out", tmp_path)
    assert cli(*call).code == 0
    assert "not trained again" in cli(*call).err
    write_weights(weights, rows, seed=1)
    assert "yolov3-tiny.safetensors is of another training: --weights has changed" in cli(*call).err
    assert "trained anew" in cli(*call, "--replace").err


def test_weights_of_another_network_are_refused(cli: Cli, data: Path, tmp_path: Path) -> None:
    rows = rows_of(build_network(config("yolov3")))
    weights = write_weights(tmp_path / "other.weights", rows, seed=0)
    said = cli(
        *("train", "yolov3-tiny", "--data", data, *QUICK),
        *("--weights", weights, "--out", tmp_path / "out"),
    )
    assert said.code == 1
    assert f"{weights} does not fit" in said.err
    assert not (tmp_path / "out" / "yolov3-tiny.safetensors").exists()


class _PulledError(BaseException):
    """The plug is pulled."""


def test_a_training_that_was_interrupted_goes_on(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("train", "yolov2-tiny", "--data", data, *QUICK, "--steps", 4, "--out")
    assert cli(*call, tmp_path / "whole").code == 0
    whole = (tmp_path / "whole" / "yolov2-tiny.safetensors").read_bytes()

    out = tmp_path / "out"
    state = out / "yolov2-tiny.training.safetensors"
    monkeypatch.setattr(Kept, "due", lambda _: True)
    with monkeypatch.context() as patch:
        patch.setattr(History, "add", _third_of(History.add))
        with pytest.raises(_PulledError):
            cli(*call, out)
    assert [path.name for path in out.iterdir()] == [state.name]
    said = cli(*call, out)
    assert said.code == 0, said
    assert f"{state} is of this training: it goes on after step 2." in said.err
    assert (out / "yolov2-tiny.safetensors").read_bytes() == whole
    assert not state.exists()


def _third_of(add: Callable[..., None]) -> Callable[..., None]:
    numbers = count(1)

    def one(self: History, *parts: Any) -> None:
        if next(numbers) == 3:
            raise _PulledError
        add(self, *parts)

    return one


def test_another_number_of_cores_is_no_other_training(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("train", "yolov2-tiny", "--data", data, *QUICK, "--out", tmp_path)
    for cores, said in ((1, "Checkpoint"), (2, "not trained again")):
        allowed = frozenset(range(cores))
        monkeypatch.setattr("sizewise.core.machine.cores.allowed_cpus", lambda it=allowed: it)
        found = cli(*call)
        assert said in found.out + found.err


def test_nothing_is_validated_on_what_was_trained_on(cli: Cli, data: Path, tmp_path: Path) -> None:
    call = ("train", "darknet19", "--data", data / "train.json", *QUICK, "--out", tmp_path)
    said = cli(*call)
    assert said.code == 0, said
    assert "Validation" not in said.out
    assert "the network is trained on just these" in said.err
    patient = cli(*call, "--patience", 2, "--replace")
    assert patient.code == 2
    assert "--patience 2 has no effect: nothing can be validated" in patient.err


def test_a_published_range_is_trained_at(cli: Cli, data: Path, tmp_path: Path) -> None:
    call = ("train", "yolov2-tiny", "--data", data, "--width", 0.05, "--steps", 1, "--batch", 1)
    said = cli(*call, "--validate-every", 0, "--size-range", "yolov3", "--out", tmp_path)
    assert said.code == 0, said
    settings = read_header(tmp_path / "yolov2-tiny.safetensors").provenance.settings
    assert settings is not None
    assert settings.sizes == Sizes.parse("320:608:32")


def test_options_of_the_optimizer_are_other_trainings(cli: Cli, data: Path, tmp_path: Path) -> None:
    call = ("train", "yolov2-tiny", "--data", data, *QUICK, "--out", tmp_path)
    assert cli(*call).code == 0
    path = tmp_path / "yolov2-tiny.safetensors"
    seen = {path.read_bytes()}
    for options in (
        ("--optimizer", "sgd", "--learning-rate", 0.01, "--weight-decay", 0.0005),
        ("--optimizer", "sgd", "--learning-rate", 0.01, "--momentum", 0),
        ("--accumulate", 2),
        ("--arithmetic", "fp32", "--ema-decay", 0.5),
    ):
        refused = cli(*call, *options)
        assert refused.code == 2
        assert "yolov2-tiny.safetensors is of another training: --" in refused.err
        assert path.read_bytes() in seen
        said = cli(*call, *options, "--replace")
        assert said.code == 0, said
        assert "trained anew" in said.err
        seen.add(path.read_bytes())
    assert len(seen) == 5


@pytest.mark.parametrize("option", ["--ema-decay", "--label-smoothing", "--flip"])
def test_a_refusal_names_the_option_as_it_was_written(
    cli: Cli, tmp_path: Path, option: str
) -> None:
    said = cli("train", "yolov3-tiny", "--data", "digits", option, 2, "--out", tmp_path)
    assert said.code == 2
    assert f"{option} 2.0" in said.err


def test_a_second_stage_keeps_the_heads_of_the_first(cli: Cli, data: Path, tmp_path: Path) -> None:
    """With the original's masks, YOLOv4-tiny's would be read by other anchors than they learned."""
    call = ("train", "yolov4-tiny", "--data", data, *QUICK, "--loss", "paper")
    assert cli(*call, "--fit", "letterbox", "--out", tmp_path / "a").code == 0
    first = tmp_path / "a" / "yolov4-tiny.safetensors"
    said = cli(*call, "--augment", "light", "--weights", first, "--out", tmp_path / "b")
    assert said.code == 0, said
    assert f"{first} fills 21 of 21 convolutions." in said.err
    one, other = (read_header(tmp_path / f"{n}/yolov4-tiny.safetensors").config for n in "ab")
    assert one == other
    assert (one.masks, one.letterbox) == (((3, 4, 5), (0, 1, 2)), True)


def test_a_start_with_heads_of_some_other_classes_is_said(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    call = ("train", "yolov2-tiny", "--data", data, *QUICK, "--loss", "paper")
    assert cli(*call, "--out", tmp_path / "a").code == 0
    first = tmp_path / "a" / "yolov2-tiny.safetensors"
    for name in ("train.json", "val.json"):
        plain = json.loads((data / name).read_text())
        plain["categories"][0]["name"] = "green"
        (data / name).write_text(json.dumps(plain))
    said = cli(*call, "--weights", first, "--out", tmp_path / "b")
    assert "1 of 2 classes taken by name: blue; in the heads, the others start" in said.err
    again = cli(*call, "--loss", "dense", "--weights", first, "--strict", "--out", tmp_path / "c")
    assert again.code == 1
    assert "its heads were trained for the decoding yolov3" in again.err

"""The network that looks at several scales, through every command that takes it."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from netzoo.backbones._registry import build_four_levels
from netzoo.data.coco.dataset import read_coco
from netzoo.fusions._registry import fusions
from netzoo.networks.multiscale import Multiscale
from netzoo.training.evaluate import evaluate_network
from netzoo.training.settings import ScaleTraining
from netzoo.weights.checkpoint import load_checkpoint, read_header
from sizewise.core.onnxfiles.model import read_model, sha256_of
from sizewise.core.specs import Size
from sizewise.pipeline.config import read_line
from tests.bench.pictures import write_pictures
from tests.netzoo.training.metrics import learned
from tests.sizewise.cli.conftest import Cli, Said

pytestmark = pytest.mark.usefixtures("one_core", "in_process")
NARROW = ("--width", 0.1, "--depth", 0.1)
QUICK = (*NARROW, "--steps", 2, "--batch", 2, "--sizes", "64")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another picture is validated on."""
    folder = tmp_path_factory.mktemp("pictures")
    coco = json.loads(write_pictures(folder).read_text(encoding="utf-8"))
    last = coco["images"].pop()["id"]
    coco["annotations"] = [one for one in coco["annotations"] if one["image_id"] != last]
    (folder / "train.json").write_text(json.dumps(coco), encoding="utf-8")
    return folder


def train(cli: Cli, data: Path, out: Path, *options: object) -> Said:
    said = cli("train", "multiscale", "--data", data, *QUICK, *options, "--out", out)
    assert said.code == 0, said
    return said


def losses(out: Path, fusion: str) -> list[dict[str, float]]:
    """Of each step, the parts that it has."""
    rows = learned(out / f"multiscale-{fusion}.metrics.csv")
    assert [row.pop("step") for row in rows] == ["1", "2"]
    assert {row.pop("size") for row in rows} == {"64x64"}
    others = ("epoch", "images", "loss", "learning_rate")
    return [{n: float(v) for n, v in row.items() if v and n not in others} for row in rows]


def test_each_fusion_is_trained_and_its_losses_are_kept(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    said = train(cli, data, tmp_path, "--fusion", "single,average")
    for fusion, scales in (("single", ["1x"]), ("average", ["0.5x", "1x", "1.5x"])):
        path = tmp_path / f"multiscale-{fusion}.safetensors"
        assert f"Checkpoint: {path}" in said.out
        assert read_header(path).config.fusion == fusion
        for parts in losses(tmp_path, fusion):
            assert list(parts) == ["mask", *scales]
            assert all(math.isfinite(value) and value > 0 for value in parts.values())
    assert said.out.count("Validation at 64x64: mIoU ") == 2
    first = shlex.quote(str(tmp_path / "multiscale-single.safetensors"))
    assert f"Next: sizewise export {first} --dynamic" in said.err
    again = train(cli, data, tmp_path, "--fusion", "average,single")
    assert again.err.count("not trained again") == 2


def test_the_json_of_one_training_and_of_several(cli: Cli, data: Path, tmp_path: Path) -> None:
    several = train(cli, data, tmp_path, "--fusion", "single,average", "--json")
    first, second = json.loads(several.out)["checkpoints"]
    one = json.loads(train(cli, data, tmp_path, "--fusion", "average", "--json").out)
    assert one == second
    network = load_checkpoint(Path(first["checkpoint"]))
    expected = evaluate_network(network, read_coco(data / "val.json"), Size(64, 64))
    assert first["scores"] == pytest.approx(expected)
    judged = cli("evaluate", first["checkpoint"], "--data", data, "--sizes", 64, "--json")
    (row,) = json.loads(judged.out)["rows"]
    assert row.pop("size") == "64x64"
    assert set(row.pop("figures")) == {"s_measure", "e_measure"}
    assert row == pytest.approx(first["scores"])  # in another process, threads may round otherwise


def test_weights_of_scales_multiply_their_losses(cli: Cli, data: Path, tmp_path: Path) -> None:
    told = ("--fusion", "average", "--consistency", 0.5, "--scale-weights")
    train(cli, data, tmp_path / "ones", *told, "1,1,1")
    train(cli, data, tmp_path / "others", *told, "3,0,0.5")
    plain, weighed = (losses(tmp_path / name, "average")[0] for name in ("ones", "others"))
    factors = {"mask": 1, "0.5x": 3, "1x": 0, "1.5x": 0.5, "consistency": 1}
    assert weighed == pytest.approx({name: factors[name] * plain[name] for name in factors})


def test_the_price_of_pixels_is_a_loss_of_the_fusion_that_weighs_scales(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    train(cli, data, tmp_path / "a", "--fusion", "adaptive,average", "--price", 0.1)
    train(cli, data, tmp_path / "b", "--fusion", "adaptive", "--price", 0.2)
    low, high = (losses(tmp_path / name, "adaptive")[0]["price"] for name in ("a", "b"))
    assert high == pytest.approx(2 * low)
    assert 0 < low < 0.1
    assert "price" not in losses(tmp_path / "a", "average")[0]


def test_memory_is_saved_without_another_result(cli: Cli, data: Path, tmp_path: Path) -> None:
    train(cli, data, tmp_path / "plain")
    train(cli, data, tmp_path / "saving", "--checkpointing", "--sequential")
    kept, saved = (losses(tmp_path / name, "hierarchical") for name in ("plain", "saving"))
    for one, other in zip(kept, saved, strict=True):
        assert other == pytest.approx(one, rel=1e-3)


def test_other_scales_wait_for_the_first_steps(cli: Cli, data: Path, tmp_path: Path) -> None:
    train(cli, data, tmp_path, "--fusion", "concat", "--single-scale-steps", 1)
    first, second = losses(tmp_path, "concat")
    assert set(first) == {"mask", "1x"}
    assert set(second) == {"mask", "0.5x", "1x", "1.5x"}
    settings = read_header(tmp_path / "multiscale-concat.safetensors").provenance.settings
    assert settings is not None
    assert settings.scales == ScaleTraining(single_scale_steps=1)


def test_scales_and_backbones_are_those_that_are_asked(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    told = ("--fusion", "average", "--scales", "0.5,1", "--backbone", "resnet18,convnet")
    train(cli, data, tmp_path, *told)
    settings = read_header(tmp_path / "multiscale-average.safetensors").config.multiscale
    assert settings is not None
    assert (settings.scales, settings.backbones) == ((0.5, 1.0), ("resnet18", "convnet"))
    assert set(losses(tmp_path, "average")[0]) == {"mask", "0.5x", "1x"}
    assert "trained anew" in train(cli, data, tmp_path, *told[:-1], "convnet", "--replace").err


def test_another_training_is_refused_before_the_first_of_several_begins(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    train(cli, data, tmp_path, "--fusion", "average")
    call = ("train", "multiscale", "--data", data, *QUICK, "--out", tmp_path, "--seed", 9)
    said = cli(*call, "--fusion", "single,average")
    assert said.code == 2
    assert "multiscale-average.safetensors is of another training: --seed was" in said.err
    assert not (tmp_path / "multiscale-single.safetensors").exists()


def published(path: Path, *, seed: int = 0) -> Path:
    """A ResNet-18 as it is published, the classifier beside it."""
    torch.manual_seed(seed)
    tensors = build_four_levels("resnet18", 0.1, 0.1).state_dict()
    save_file({**tensors, "fc.weight": torch.zeros(10, 51), "fc.bias": torch.zeros(10)}, path)
    return path


def test_training_begins_with_published_weights_of_the_backbone(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    weights = published(tmp_path / "resnet18.safetensors")
    told = ("--fusion", "single", "--backbone", "resnet18", "--learning-rate", 1e-9)
    call = (*told, "--backbone-weights", weights)
    train(cli, data, tmp_path, *call)
    network = load_checkpoint(tmp_path / "multiscale-single.safetensors")
    assert isinstance(network, Multiscale)
    own = network.processor.trunk.backbone(0).state_dict()
    begun = load_file(weights)
    for name in own:
        if name.endswith("weight"):
            torch.testing.assert_close(own[name], begun[name], atol=1e-6, rtol=0)
    assert "not trained again" in train(cli, data, tmp_path, *call).err
    published(weights, seed=1)
    assert "trained anew" in train(cli, data, tmp_path, *call, "--replace").err


@pytest.mark.parametrize(
    ("told", "code", "part"),
    [
        (("multiscale", "--backbone", "convnet"), 1, "does not fit"),
        (("multiscale", "--backbone", "resnet18", "--width", 0.2), 1, "does not fit"),
        (("multiscale", "--backbone", "resnet18,resnet18,resnet18"), 2, "name one backbone"),
        (("yolov3",), 2, "can't be put into yolov3"),
    ],
)
def test_weights_of_a_backbone_go_into_no_other(
    cli: Cli, data: Path, tmp_path: Path, *, told: tuple[str, ...], code: int, part: str
) -> None:
    weights = published(tmp_path / "resnet18.safetensors")
    name, *rest = told
    said = cli(
        *("train", name, "--data", data, *QUICK, *rest, "--backbone-weights", weights),
        *("--out", tmp_path / "out"),
    )
    assert said.code == code, said
    assert part in said.err.strip().splitlines()[-1]
    assert not list((tmp_path / "out").iterdir())


def test_a_size_below_what_the_smallest_scale_needs_has_a_row_with_the_reason(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    """Of the scales of this network, not of the usual ones."""
    train(cli, data, tmp_path, "--fusion", "average", "--scales", "0.2,1", "--sizes", 160)
    path = tmp_path / "multiscale-average.safetensors"
    said = cli("evaluate", path, "--data", data, "--sizes", "128,160", "--json")
    assert said.code == 3
    bad, good = json.loads(said.out)["rows"]
    assert bad == {"size": "128x128", "reason": "height and width must be at least 160"}
    assert 0 <= good["miou"] <= 1
    usual = json.loads(cli("evaluate", path, "--data", data, "--json").out)["rows"]
    assert usual[0]["size"] == "160x160"
    assert not any("reason" in row for row in usual)


def test_an_export_says_what_was_exported(cli: Cli, data: Path, tmp_path: Path) -> None:
    train(cli, data, tmp_path, "--fusion", "single")
    checkpoint = tmp_path / "multiscale-single.safetensors"
    said = cli("export", checkpoint, "--size", "64x96", "--out", tmp_path / "out")
    assert said.code == 0, said
    path = tmp_path / "out" / "multiscale-single.onnx"
    card = read_model(path).card
    assert (card.network, card.fusion, card.task) == ("multiscale", "single", "segmentation")
    assert (card.stride, card.smallest) == (32, 64)
    trained = load_checkpoint(checkpoint)
    assert card.parameters == sum(p.numel() for p in trained.parameters() if p.requires_grad)
    assert card.checkpoint_sha256 == sha256_of(checkpoint)
    scores = [
        json.loads(cli("evaluate", source, "--data", data, "--sizes", "64x96", "--json").out)
        for source in (checkpoint, path)
    ]
    assert [one["fusion"] for one in scores] == ["single", "single"]
    inside, outside = (one["rows"][0] for one in scores)
    assert outside["mae"] == pytest.approx(inside["mae"], abs=1e-5)


@pytest.mark.slow
def test_the_zoos_fusions_are_exported_one_by_one(cli: Cli, tmp_path: Path) -> None:
    """Their usual example is as large as the smallest scale asks."""
    said = cli(
        *("export", "multiscale", *NARROW, "--fusion", "average,concat"),
        *("--scales", "0.0625,1", "--out", tmp_path, "--json"),
    )
    assert said.code == 0, said
    for fusion in ("average", "concat"):
        card = read_model(tmp_path / f"multiscale-{fusion}.onnx").card
        assert (card.fusion, card.smallest) == (fusion, 512)
        assert all(min(check.size.height, check.size.width) >= 512 for check in card.parity)


def test_networks_lists_it(cli: Cli) -> None:
    facts = json.loads(cli("networks", "--json").out)["multiscale"]
    assert (facts["task"], facts["losses"]) == ("segmentation", ["masks"])
    assert facts["smallest"] == "64x64"


def line(train_table: str) -> str:
    return (
        "out = 'runs/x'\ndata = 'digits'\n[train]\nnetwork = 'multiscale'\nwidth = 0.1\n"
        f"depth = 0.1\n{train_table}\n[bench]\n"
    )


def test_a_configuration_has_lists_where_options_have_commas(tmp_path: Path) -> None:
    lists, commas = tmp_path / "lists.toml", tmp_path / "commas.toml"
    lists.write_text(
        line(
            "fusion = ['single', 'average']\nscales = [0.5, 1, 2]\nscale_weights = [0.3, 1, 0.7]\n"
            "backbone = ['convnet', 'resnet18', 'convnet']"
        )
    )
    commas.write_text(
        line(
            "fusion = 'single,average'\nscales = '0.5,1,2'\nscale_weights = '0.3,1,0.7'\n"
            "backbone = 'convnet,resnet18,convnet'"
        )
    )
    by_lists, by_commas = (read_line(path) for path in (lists, commas))
    by_lists.check()
    assert by_lists.training == by_commas.training
    single, average = by_lists.training.each()
    assert (single.options.scaling.fusion, average.options.scaling.fusion) == ("single", "average")
    settings = average.options.scaling.config()
    assert settings is not None
    assert settings.scales == (0.5, 1, 2)
    assert average.settings.scales == ScaleTraining(weights=(0.3, 1, 0.7))


def test_every_fusion_there_is_can_be_named_in_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "line.toml"
    path.write_text(line(f"fusion = {sorted(fusions())}"))
    read = read_line(path)
    read.check()
    assert [one.options.scaling.fusion for one in read.training.each()] == sorted(fusions())

"""The whole line, small: train, export, build, sweep, report; and nothing done twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.journal.store import Store
from netzoo.data.sets.digits import make_digits
from reports.page.shell import why_no_page
from sizewise.core.onnxfiles.model import read_model, sha256_of
from tests.sizewise.cli.conftest import Cli

CONFIG = """
out = "{out}"
data = "{data}"

[train]
network = "yolov2-tiny"
width = 0.05
depth = 0.1
steps = 2
batch = 2
sizes = "64:96:32"

[export]
size = "64"
precision = ["fp32", "int8"]
calibrate = "{data}"
calibration_images = 4
calibration_sizes = "64"
check_sizes = ["64", "96"]
max_loss_points = 100

[bench]
processes = 1
rounds = 1
block_s = 0.01

[[bench.sweep]]
backends = ["onnxruntime"]
precision = ["fp32"]
sizes = "64,96x128"

[[bench.sweep]]
backends = ["openvino", "torch_eager"]
precision = ["fp32"]
strategies = ["dynamic"]
sizes = "64"

[[bench.sweep]]
backends = ["onnxruntime"]
precision = ["int8"]
strategies = ["static"]
sizes = "64"
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("few-digits")
    make_digits(folder, seed=0, counts={"train": 12, "val": 6})
    return folder


@pytest.mark.usefixtures("quiet_machine")
def test_the_whole_line_runs_and_a_second_run_skips_what_is_done(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    config = tmp_path / "line.toml"
    config.write_text(CONFIG.format(out=out, data=data))

    first = cli("run", config)
    assert first.code == 0, first
    assert f"Report: {out / 'report' / 'report.md'}" in first.out.splitlines()
    assert "Parity with eager PyTorch" in first.out
    decision = [line.partition("• ")[2] for line in first.out.splitlines() if "•" in line]
    assert decision[0].startswith(("Ship ", "No answer yet: "))
    assert (out / "report" / "report.html").is_file() is not bool(why_no_page())
    assert (out / "yolov2-tiny.pt2").is_file()
    assert all(check.passed for check in read_model(out / "yolov2-tiny.onnx").card.parity)
    written = {path: path.stat().st_mtime_ns for path in out.glob("yolov2-tiny.*")}
    trials = _trials(out)
    assert set(trials.values()) == {"ok"}
    assert len(trials) == 2 * 2 + 2 + 1
    _check_int8(out, first.out)

    second = cli("run", config, "--json")
    assert second.code == 0, second
    remarks = second.err.replace("\n", " ")
    assert "not trained again" in remarks
    assert "yolov2-tiny.int8.onnx is up to date: not converted again" in remarks
    assert {path: path.stat().st_mtime_ns for path in out.glob("yolov2-tiny.*")} == written
    assert _trials(out) == trials

    said = json.loads(second.out)
    assert set(said) == {"report", "page", "decision", "findings", "reasons"}
    assert len(said["decision"]) == len(decision)
    assert said["findings"]


def _check_int8(out: Path, said: str) -> None:
    """It is made of the same model, judged beside it, and in the report."""
    card = read_model(out / "yolov2-tiny.int8.onnx").card
    assert card.parent_sha256 == sha256_of(out / "yolov2-tiny.onnx")
    assert card.calibration is not None
    assert (card.calibration.images, card.drop_limit) == (4, 100)
    assert "Error of int8 against FP32, on calibration pictures" in said
    assert "Accuracy in int8 and FP32, on 6 images" in said
    report = (out / "report" / "report.md").read_text(encoding="utf-8")
    assert "| onnxruntime int8 static " in report


def _trials(out: Path) -> dict[str, str]:
    with Store.open(out / "results.sqlite", read_only=True) as store:
        results = [result for run in store.runs() for result in run.results]
    assert all(r.accuracy and (r.accuracy.ap, r.accuracy.miou) != (None, None) for r in results)
    return {r.trial.identity: r.status for r in results}


@pytest.fixture(scope="module")
def small_network(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """Options of a network that is exported in seconds."""
    names = tmp_path_factory.mktemp("names") / "names.txt"
    names.write_text("cat\ndog\n")
    return ("--width", 0.05, "--depth", 0.1, "--names", names, "--fixed", "--json")


def test_a_network_by_its_name_raw_and_then_by_its_onnx_file(
    cli: Cli, small_network: tuple[object, ...], tmp_path: Path
) -> None:
    made = cli(
        "export", "yolov3-tiny", *small_network, "--size", 64, "--raw", "--out", tmp_path / "raw"
    )
    assert made.code == 0, made
    assert "random weights" in made.err
    (raw,) = json.loads(made.out)
    shapes = {output["name"]: output["shape"][1] for output in raw["outputs"]}
    assert shapes == {"head_32": 3 * (5 + 2), "head_16": 3 * (5 + 2)}
    assert raw["card"]["classes"] == ["cat", "dog"]
    again = cli("export", raw["path"], "--out", tmp_path / "again", "--json")
    (converted,) = json.loads(again.out)
    assert converted["card"]["parent_sha256"] == raw["sha256"]


def test_weights_given_beside_a_name_are_those_that_are_exported(
    cli: Cli, small_network: tuple[object, ...], tmp_path: Path
) -> None:
    import onnxruntime
    import torch

    from netzoo.weights.settling import settle
    from netzoo.zoo.config import NetworkConfig
    from netzoo.zoo.network import build_network

    torch.manual_seed(7)  # not the seed that random weights are drawn with
    network = build_network(
        NetworkConfig(name="yolov3-tiny", classes=("cat", "dog"), width=0.05, depth=0.1)
    )
    settle(network)
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    made = cli(
        *("export", "yolov3-tiny", *small_network, "--size", "64x96", "--raw"),
        *("--weights", tmp_path / "weights.pt", "--out", tmp_path / "o"),
    )
    assert made.code == 0, made
    (model,) = json.loads(made.out)
    assert model["card"]["checkpoint_sha256"] == sha256_of(tmp_path / "weights.pt")
    images = np.random.default_rng(0).random((1, 3, 64, 96), np.float32)
    session = onnxruntime.InferenceSession(model["path"], providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = network(torch.from_numpy(images))
    for head, given in zip(expected, session.run(None, {"images": images}), strict=True):
        np.testing.assert_allclose(given, head.numpy(), rtol=1e-3, atol=1e-3)


def test_doctor_and_networks_answer_in_json(cli: Cli) -> None:
    findings = json.loads(cli("doctor", "--json").out)["findings"]
    assert {"onnxruntime", "openvino", "torch_eager"} <= {f["name"] for f in findings}
    assert all(f["here"] or f["todo"] for f in findings)
    assert json.loads(cli("networks", "--json").out)["yolov3"]["parameters"] == 61_949_149


@pytest.mark.usefixtures("in_process")
def test_a_factory_of_the_user_is_exported_and_built(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text(
        "from torch import nn\n\n"
        "def net():\n"
        "    up = nn.Upsample(scale_factor=4)\n"
        "    down = nn.Conv2d(3, 4, 4, 4)\n"
        "    return nn.Sequential(down, nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1), up)\n"
    )
    made = cli("export", f"{source}:net", "--size", "64", "--out", tmp_path / "o", "--json")
    assert made.code == 0, made
    (model,) = json.loads(made.out)
    assert (model["card"]["task"], model["card"]["stride"]) == ("segmentation", 4)
    built = cli(
        *("build", model["path"], "--sizes", "64,64x96", "--out", tmp_path / "e", "--json"),
        *("--backend", "onnxruntime,openvino,torch_eager", "--strategy", "dynamic"),
    )
    assert built.code == 0, built
    engines = json.loads(built.out)["engines"]
    assert [e["spec"]["backend"] for e in engines] == ["onnxruntime", "openvino", "torch_eager"]
    assert all(layer["precision"] == "fp32" for e in engines for layer in e["achieved"]["layers"])


def test_an_example_and_the_sizes_proposed_fit_a_large_stride(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "coarse.py").write_text(
        "from torch import nn\ndef build():\n    net = nn.Conv2d(3, 2, 128, 128)\n    return net\n"
    )
    made = cli("export", f"{tmp_path / 'coarse.py'}:build", "--stride", 128, "--out", tmp_path)
    assert made.code == 0, made
    assert "--sizes 512:1792:256" in made.err.replace("\n", " ")


FUSIONS = """
out = "{out}"
data = "{data}"

[train]
network = "multiscale"
fusion = ["single", "average"]
scales = [0.5, 1]
width = 0.1
depth = 0.1
steps = 2
batch = 2
sizes = "64:96:32"

[export]
size = "64x96"

[bench]
processes = 1
rounds = 1
block_s = 0.01
backends = ["onnxruntime"]
strategies = ["static"]
sizes = "96"
fusion = {fusion}
"""


@pytest.mark.slow
@pytest.mark.usefixtures("quiet_machine")
def test_fusions_stand_side_by_side_in_the_report(cli: Cli, data: Path, tmp_path: Path) -> None:
    out, config = tmp_path / "out", tmp_path / "fusions.toml"
    config.write_text(FUSIONS.format(out=out, data=data, fusion="[]"))
    first = cli("run", config)
    assert first.code == 0, first
    report = (out / "report" / "report.md").read_text(encoding="utf-8")
    (table,) = [part for part in report.split("\n\n") if part.startswith("| mode at 96×96")]
    assert [line.split()[1] for line in table.splitlines()[2:]] == ["single", "average"]
    for column in ("mIoU", "F-measure", "parameters", "÷ average", "peak memory (MiB)"):
        assert column in table.splitlines()[0]
    assert "(fusions.png)" in report
    names = {f"multiscale-{fusion}.onnx" for fusion in ("single", "average")}
    assert {path.name for path in out.glob("*.onnx")} == names
    trials = _trials(out)
    assert set(trials.values()) == {"ok"}
    assert len(trials) == 2

    second = cli("run", config)
    assert second.code == 0, second
    assert second.err.count("not trained again") == 2
    assert _trials(out) == trials


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("max_loss_points = 100", "drop = 100", "There is no option export.drop"),
        ("max_loss_points = 100", "weight_bits = 'few'", "export.weight_bits"),
        ("max_loss_points = 100", "weight_bits = 6", "Weights can't have 6 bits"),
        ("max_loss_points = 100", "method = 'mean'", "'mean' for export.method"),
        (
            "max_loss_points = 100",
            "max_loss_points = -1",
            "Invalid value -1 for export.max_loss_points",
        ),
        (
            "max_loss_points = 100",
            "max_loss_points = nan",
            "Invalid value nan for export.max_loss_points",
        ),
        ('calibrate = "{data}"', "", "export.calibration_images can't be given by itself"),
        (
            "calibration_images = 4",
            "calibration_images = 0",
            "Invalid value 0 for export.calibration_images",
        ),
        (
            'check_sizes = ["64", "96"]',
            'check_sizes = "big"',
            "Invalid value 'big' for export.check_sizes",
        ),
        ('"fp32", "int8"', '"fp32", "int9"', "'int9' for export.precision"),
        ('"fp32", "int8"', "", "for export.precision"),
    ],
)
def test_a_precision_that_can_not_be_made_is_told_before_training(
    cli: Cli, data: Path, tmp_path: Path, *, line: str, instead: str, said: str
) -> None:
    out, config = tmp_path / "out", tmp_path / "line.toml"
    assert CONFIG.count(line) == 1
    config.write_text(CONFIG.replace(line, instead).format(out=out, data=data))
    found = cli("run", config)
    assert (found.code, said in found.err) == (2, True), found
    assert not out.exists()


def test_calibration_pictures_that_are_missing_are_told_before_training(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    out, config = tmp_path / "out", tmp_path / "line.toml"
    text = CONFIG.replace('calibrate = "{data}"', 'calibrate = "nowhere"')
    config.write_text(text.format(out=out, data=data))
    found = cli("run", config)
    assert (found.code, "Calibration pictures not found" in found.err) == (1, True), found
    assert not out.exists()


def test_a_fusion_that_is_not_trained_can_not_be_measured(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    out, config = tmp_path / "out", tmp_path / "fusions.toml"
    config.write_text(FUSIONS.format(out=out, data=data, fusion='["average", "absi"]'))
    said = cli("run", config)
    assert said.code == 2
    assert "The fusion absi can't be measured" in said.err.replace("\n", " ")
    assert not out.exists()

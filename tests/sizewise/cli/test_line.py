"""The whole line, small: train, export, build, sweep, report; and nothing done twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.store import Store
from netzoo.data.sets.digits import make_digits
from sizewise.onnxfile import read_model
from tests.sizewise.cli.conftest import Cli

CONFIG = """
out = "{out}"
data = "{data}"

[train]
network = "yolov3"
width = 0.05
depth = 0.1
steps = 2
batch = 2
sizes = "64:96:32"

[export]
size = "64"

[bench]
data = "{data}"
processes = 2
rounds = 1
block_s = 0.01

[[bench.sweep]]
backends = ["onnxruntime", "openvino"]
sizes = "64,96x128"

[[bench.sweep]]
backends = ["torch_eager"]
strategies = ["dynamic"]
sizes = "64"
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("few-digits")
    make_digits(folder, seed=0, counts={"train": 12, "val": 6})
    return folder


def test_the_whole_line_runs_and_a_second_run_skips_what_is_done(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    config = tmp_path / "line.toml"
    config.write_text(CONFIG.format(out=out, data=data))

    first = cli("run", config)
    assert first.code == 0, first
    assert first.out.splitlines()[0] == f"Report: {out / 'report' / 'report.md'}"
    assert len([line for line in first.out.splitlines() if "•" in line]) == 3
    assert (out / "yolov3.pt2").is_file()
    assert all(check.passed for check in read_model(out / "yolov3.onnx").card.parity)
    written = {path: path.stat().st_mtime_ns for path in out.glob("yolov3.*")}
    trials = _trials(out)
    assert set(trials.values()) == {"ok"}
    assert len(trials) == 2 * 2 * 2 + 1

    second = cli("run", config)
    assert second.code == 0, second
    assert "not trained again" in second.err.replace("\n", " ")
    assert {path: path.stat().st_mtime_ns for path in out.glob("yolov3.*")} == written
    assert _trials(out) == trials


def _trials(out: Path) -> dict[str, str]:
    with Store.open(out / "results.sqlite", read_only=True) as store:
        results = [result for run in store.runs() for result in run.results]
    assert all(r.accuracy and r.accuracy.ap is not None for r in results)
    return {r.trial.identity: r.status for r in results}


def test_doctor_and_networks_answer_in_json(cli: Cli) -> None:
    findings = json.loads(cli("doctor", "--json").out)["findings"]
    assert {"onnxruntime", "openvino", "torch_eager"} <= {f["name"] for f in findings}
    assert all(f["here"] or f["todo"] for f in findings)
    assert json.loads(cli("networks", "--json").out)["yolov3"]["parameters"] == 61_949_149


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
    assert (model["card"]["task"], model["card"]["stride"]) == ("segmentation", 32)
    built = cli(
        *("build", model["path"], "--sizes", "32,64x96", "--out", tmp_path / "e", "--json"),
        *("--backend", "onnxruntime,openvino,torch_eager", "--strategy", "dynamic"),
    )
    assert built.code == 0, built
    engines = json.loads(built.out)["engines"]
    assert [e["spec"]["backend"] for e in engines] == ["onnxruntime", "openvino", "torch_eager"]
    assert all(layer["precision"] == "fp32" for e in engines for layer in e["achieved"]["layers"])

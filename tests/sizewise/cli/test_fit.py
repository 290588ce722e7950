"""Every command that shows pictures to a model takes --fit, and says which one it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sizewise.cli.app import SizewiseCommands
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.options.declared import options_of
from sizewise.pipeline.config import BenchFile, ExportTable, _TrainTable
from tests.bench.pictures import write_pictures
from tests.sizewise.cli.conftest import Cli, Said
from tests.sizewise.cli.finders import CARD, write_finder

pytest.importorskip("onnxruntime")
PICTURES = ("--data", "--calibrate", "PICTURES")
"""What a command has that takes pictures."""
ELSEWHERE = {"train", "tune", "evaluate", "explain"}
"""In test_train.py and test_tune.py (of the checkpoint), test_evaluate.py and test_explain.py."""
PLANNED, SERVED = {"plan", "replay"}, {"package", "serve"}
"""Pictures are fitted as the engines of the plan say; and they come when it serves."""
FIT = ("--fit", "stretch")
QUICK = ("--processes", 1, "--rounds", 1, "--rigor", "quick", "--strategy", "static")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    card = replace(CARD, classes=("red", "blue"))  # as the data has them
    return write_finder(tmp_path_factory.mktemp("model") / "finder.onnx", card=card)


def of_predict(cli: Cli, finder: Path, data: Path, out: Path) -> tuple[Said, bool]:
    said = cli("predict", finder, data.parent / "0.png", "--size", 96, *FIT, "--out", out)
    return said, "Pictures: stretch, rgb, 0–1." in said.err


def of_bench(cli: Cli, finder: Path, data: Path, out: Path) -> tuple[Said, bool]:
    """In the report."""
    on = ("--backend", "onnxruntime", "--sizes", 96, "--data", data)
    said = cli("bench", finder, *on, *QUICK, *FIT, "--out", out)
    assert said.code == 0, said
    said = cli("report", out / "results.sqlite", "--out", out)
    return said, "Pictures were stretched" in (out / "report.md").read_text(encoding="utf-8")


def of_export(cli: Cli, finder: Path, data: Path, out: Path) -> tuple[Said, bool]:
    """In the card of the file."""
    said = cli("export", finder, "--nms", *FIT, "--out", out)
    return said, not read_model(out / "finder.nms.onnx").card.letterbox


def of_build(cli: Cli, finder: Path, data: Path, out: Path) -> tuple[Said, bool]:
    """It shows noise alone; what was said goes on to the next step."""
    said = cli("build", finder, "--backend", "fake", "--sizes", 96, *FIT, "--out", out)
    return said, "--fit stretch" in said.err


def of_anchors(cli: Cli, finder: Path, data: Path, out: Path) -> tuple[Said, bool]:
    """It goes on to the next step."""
    del finder, out
    said = cli("anchors", "yolov3-tiny", "--data", data, "--sizes", 96, *FIT)
    return said, "(stretch)" in said.err and "--fit stretch" in said.err


SAYS = {
    "anchors": of_anchors,
    "predict": of_predict,
    "bench": of_bench,
    "export": of_export,
    "build": of_build,
}


def test_each_command_with_pictures_takes_a_fit(cli: Cli) -> None:
    helps = {name: cli(name, "--help").out for name in SizewiseCommands.lines}
    shown = {name for name, text in helps.items() if any(word in text for word in PICTURES)}
    fitting = shown - PLANNED | {"build"}
    assert {name for name in helps if "--fit " in helps[name]} == fitting | SERVED
    assert fitting == SAYS.keys() | ELSEWHERE
    for table in (_TrainTable, ExportTable, BenchFile):  # of sizewise run
        assert "fit" in options_of(table)


@pytest.mark.usefixtures("in_process", "measured_here", "empty_pictures")
@pytest.mark.parametrize("command", SAYS)
def test_each_command_says_the_fit(
    cli: Cli, finder: Path, data: Path, tmp_path: Path, command: str
) -> None:
    said, says = SAYS[command](cli, finder, data, tmp_path / "out")
    assert said.code == 0, said
    assert says, said

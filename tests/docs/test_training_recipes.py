"""The recipes of docs/training.md run: narrow networks, two steps each, on a few pictures."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from netzoo.data.coco.dataset import write_coco
from netzoo.weights.checkpoint import read_header
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import build_network, find_network
from sizewise.cli.front import run_command_line
from tests.netzoo.factories import squares
from tests.netzoo.weights.darknet_reference import rows_of, write_weights

PAGE = Path(__file__).parents[2] / "docs" / "training.md"
SMALL = {"FOLDER": "squares", "CLASSES": "squares", "448": "256", "896": "128"}
NARROW = {"--width": "0.05", "--depth": "0.1"}
SHORT = NARROW | {"--steps": "2", "--batch": "2", "--validate-every": "0"}


def commands(heading: str) -> list[list[str]]:
    """Those below ``heading``, with narrow networks and little data in the place of theirs."""
    _, _, text = PAGE.read_text(encoding="utf-8").partition(f"### {heading}\n")
    lines = re.findall(r"^sizewise (.+)$", re.split(r"^##", text, flags=re.MULTILINE)[0], re.M)
    return [_short(shlex.split(line)) for line in lines]


def _short(words: list[str]) -> list[str]:
    words = [SMALL.get(word, word) for word in words]
    if words[0] != "train":
        return words
    if "--epochs" in words:
        place = words.index("--epochs")
        words[place : place + 2] = []
    return [*words, *(word for pair in SHORT.items() for word in pair)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with data and the weights that the commands name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sizewise.core.machine.cores.allowed_cpus", lambda: frozenset({0}))
    data = squares(tmp_path / "squares", 4)
    write_coco(data, tmp_path / "squares" / "train.json")
    classes = tuple(map(str, range(find_network("yolov3").classes)))
    config = NetworkConfig(name="yolov3", classes=classes, width=0.05, depth=0.1)
    write_weights(tmp_path / "yolov3.weights", rows_of(build_network(config)), seed=0)
    return tmp_path


def test_the_papers_recipes_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for words in commands("The papers' recipes"):
        code = run_command_line(words)
        heard = capsys.readouterr()
        assert code == 0, (words, heard.err)
        said.append(" ".join(heard.err.split()))
    at_224, at_448, yolov2, own, first, second = said
    assert "fills" not in at_224 + first
    assert re.search(r"darknet19\.safetensors fills (\d+) of \1 convolutions\.", at_448)
    assert re.search(r"darknet19\.safetensors fills .* at random: deeper, deepest, passed", yolov2)
    assert "random: levels.0.head, levels.1.head, levels.2.head." in own
    assert re.search(r"yolov4-p5\.safetensors fills (\d+) of \1 convolutions\.", second)
    stages = (folder / "runs" / name / "yolov4-p5.safetensors" for name in ("first", "second"))
    one, other = (read_header(path).config for path in stages)
    assert one == other


def test_networks_go_back_to_darknet(folder: Path) -> None:
    trained = commands("The papers' recipes")[3]
    for words in (trained, *commands("Back to Darknet")):
        less_deep = ["20" if word == "74" else word for word in words]
        assert run_command_line(less_deep) == 0, words
    found = {path.name for path in (folder / "runs/darknet").iterdir()}
    assert found == {"yolov3.weights", "yolov3.cfg", "yolov3.names", "yolov3.conv.20"}

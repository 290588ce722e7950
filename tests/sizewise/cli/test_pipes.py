"""A pipe that nobody writes to, in the place of each file that a command opens: never a hang."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

from engines.store.signing import KEY_FILE
from sizewise.cli.app import app
from tests.bench.models import colours
from tests.sizewise.cli.conftest import Cli

pytestmark = [pytest.mark.usefixtures("built_here"), pytest.mark.timeout(120)]
_FAKE = "--backend fake --sizes 32"
_DATA = "--data data.json"
LINES = [
    "predict PIPE.onnx a.png",
    "predict model.onnx PIPE.png --backend fake",
    "predict model.onnx FOLDER --backend fake",
    "predict model.onnx a.png --names PIPE.txt",
    "predict model.onnx a.png --annotations PIPE.json --backend fake",
    "predict model.onnx a.png --input x=PIPE.npy",
    "predict ENGINE a.png",
    "build PIPE.onnx",
    f"build model.onnx --parent PIPE.onnx {_FAKE}",
    f"build model.onnx --input x=PIPE.npy {_FAKE}",
    "bench PIPE.onnx",
    "bench PIPE.toml",
    f"bench model.onnx --data PIPE.json {_FAKE}",
    f"bench model.onnx --data FOLDER {_FAKE}",
    f"bench model.onnx --names PIPE.txt {_DATA} {_FAKE}",
    f"bench model.onnx --input x=PIPE.npy {_FAKE}",
    f"bench model.onnx {_FAKE} --out RESULTS",
    f"bench model.onnx {_FAKE} --out LOCK",
    f"evaluate PIPE.onnx {_DATA}",
    f"evaluate PIPE.safetensors {_DATA}",
    f"evaluate ENGINE {_DATA}",
    "evaluate model.onnx --data PIPE.json",
    "evaluate model.onnx --data FOLDER",
    f"evaluate model.onnx --names PIPE.txt {_DATA}",
    f"evaluate model.onnx --input x=PIPE.npy {_DATA}",
    "export PIPE.pt",
    "export PIPE.safetensors",
    "export PIPE.onnx",
    "export PIPE.py",
    "export PIPE.py:make",
    "export PIPE.pt2",
    "export yolov3-tiny --weights PIPE.pt",
    "export yolov3-tiny --weights PIPE.weights",
    "export yolov3-tiny --names PIPE.txt",
    "export yolov3-tiny --tree PIPE.tree",
    "export yolov3-tiny --cfg PIPE.cfg",
    "export model.onnx --precision fp16 --input x=PIPE.npy",
    "export model.onnx --precision int8 --calibrate PIPE.json",
    "export model.onnx --precision int8 --calibrate FOLDER",
    "explain PIPE.onnx",
    "explain model.onnx --parent PIPE.onnx",
    "explain model.onnx --input x=PIPE.npy",
    "train yolov3-tiny --data PIPE.json",
    "train yolov3-tiny --data FOLDER",
    f"train yolov3-tiny --weights PIPE.pt {_DATA}",
    f"train yolov3-tiny --tree PIPE.tree {_DATA}",
    f"train yolov3-tiny --cfg PIPE.cfg {_DATA}",
    f"train multiscale --backbone-weights PIPE.safetensors {_DATA}",
    *(
        f"tune yolov3-tiny {option} --data both"
        for option in (
            *("--weights PIPE.pt", "--tree PIPE.tree", "--cfg PIPE.cfg"),
            "--backbone-weights PIPE.safetensors",
        )
    ),
    "traffic PIPE.csv",
    "traffic PIPE.log",
    "traffic PIPE.json",
    "traffic FOLDER",
    "plan PIPE.sqlite --traffic photographs --max-memory-mib 9",
    "plan results.sqlite --traffic PIPE.csv --max-memory-mib 9",
    "replay PIPE.json --traffic photographs",
    "serve PIPE.json",
    "serve results.sqlite --names PIPE.txt",
    "serve results.sqlite --input x=PIPE.npy",
    "package PIPE.json --target folder",
    "package results.sqlite --target folder --names PIPE.txt",
    "package results.sqlite --target folder --input x=PIPE.npy",
    "run PIPE.toml",
    "report PIPE.sqlite",
    "results PIPE.sqlite",
]
FOLDERS = ("--out", "--images")
"""Options that name a folder. What is in that of data is a file like any other."""
WRITTEN = ("--markdown",)
"""Options that name a file to write, which takes the place of any other."""


def _piped(folder: Path, word: str) -> str:
    """The path that a word of a line stands for."""
    if "PIPE" in word:
        name = word.rpartition("=")[2].partition(":")[0]
        os.mkfifo(folder / name)
        return word.replace(name, str(folder / name))
    inside = {
        "FOLDER": ("a.png", "train.json", "val.json"),
        "ENGINE": ("manifest.json",),
        "RESULTS": ("results.sqlite",),
        "LOCK": ("results.sqlite.lock",),
    }
    for name in inside.get(word, ()):
        (folder / word).mkdir(exist_ok=True)
        os.mkfifo(folder / word / name)
    return str(folder / word) if word in inside or (folder / word).exists() else word


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    colours(tmp_path / "model.onnx")
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "a.png")
    image = {"id": 1, "file_name": "a.png", "height": 32, "width": 32}
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 4, 8, 8]}
    names = [{"id": 1, "name": "red"}, {"id": 2, "name": "blue"}]
    data = {"images": [image], "annotations": [box], "categories": names}
    (tmp_path / "data.json").write_text(json.dumps(data))
    (tmp_path / "both").mkdir()
    for name, side in (("train", 8), ("val", 9)):
        other = data | {"annotations": [box | {"bbox": [4, 4, side, 8]}]}
        (tmp_path / "both" / f"{name}.json").write_text(json.dumps(other))
    shutil.copy(tmp_path / "a.png", tmp_path / "both")
    return tmp_path


@pytest.mark.parametrize("line", LINES)
def test_a_pipe_is_refused_and_never_waited_for(line: str, cli: Cli, folder: Path) -> None:
    words = [_piped(folder, word) for word in line.split()]
    writes = not line.startswith(
        ("evaluate", "explain", "run", "report", "results", "replay", "serve")
    )
    if writes and "--out" not in line:
        words += ["--out", str(folder / "o")]
    said = cli(*words)
    assert said.code in (1, 2), said
    assert "Something unexpected" not in said.err
    assert str(folder) in said.err, said


def test_pictures_of_data_may_be_pipes(cli: Cli, folder: Path) -> None:
    (folder / "a.png").unlink()
    os.mkfifo(folder / "a.png")
    said = cli("evaluate", folder / "model.onnx", "--data", folder / "data.json", "--sizes", "32")
    assert said.code == 1
    assert "a.png" in said.err


def test_engines_and_keys_may_be_pipes(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = ("--backend", "fake", "--strategy", "static", "--sizes", "32")
    built = ("build", folder / "model.onnx", *fake)
    assert cli(*built, "--out", folder / "o").code == 0
    (manifest,) = (folder / "o").rglob("manifest.json")
    manifest.unlink()
    os.mkfifo(manifest)
    assert "not a file" in cli("cache", "verify", folder / "o").out
    assert cli("cache", "prune", folder / "o", "--limit", "1").code == 0
    os.mkfifo(folder / "key")
    monkeypatch.setenv(KEY_FILE, str(folder / "key"))
    said = cli(*built, "--out", folder / "p")
    assert said.code == 1
    assert "it is a pipe, and not a file" in said.err


def test_no_option_that_names_a_file_is_forgotten() -> None:
    group = typer.main.get_command(app)
    context = typer.Context(group)
    asked = set()
    for name in group.list_commands(context):  # type: ignore[attr-defined]
        for param in group.get_command(context, name).params:  # type: ignore[attr-defined]
            is_file = any(kind in str(param.metavar) for kind in ("FILE", "PATH"))
            if (
                is_file
                and param.param_type_name == "option"
                and param.opts[0] not in (*FOLDERS, *WRITTEN)
            ):
                asked.add(f"{name} {param.opts[0]}")
    tried = {f"{line.split()[0]} {w}" for line in LINES for w in line.split() if w[:2] == "--"}
    assert asked
    assert asked <= tried

"""The keys of what commands print with ``--json``: programs of users read them.

``json_keys.json`` holds them by command, nested as they are printed. Texts and numbers are free.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sizewise.cli.front import run_command_line
from tests.contracts.pins.fixture import MADE, copy_made

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

PINNED: dict[str, Any] = json.loads(
    Path(__file__).with_name("json_keys.json").read_text(encoding="utf-8")
)
MODEL = "out/yolov3-tiny.onnx"
QUICK = ("--width", "0.05", "--depth", "0.1", "--steps", "1", "--batch", "2", "--sizes", "64")
BOUND = ("--backend", "onnxruntime", "--strategy", "static", "--sizes", "64", "--threads", "1")
COMMANDS: dict[str, tuple[str, ...]] = {
    "doctor": (),
    "networks": (),
    "train": ("yolov3-tiny", "--data", "data", *QUICK, "--out", "trained"),
    "build": (MODEL, *BOUND, "--out", "built"),
    "evaluate": (MODEL, "--data", "data", "--sizes", "64"),
    "predict": (MODEL, "data/val/0.png", "--size", "64", "--score-threshold", "0", "--out", "seen"),
    "report": ("out/results.sqlite", "--out", "reported"),
}


def keys_of(value: Any) -> Any:
    """Keys with what is below each; of a list, those of all its members together."""
    if isinstance(value, dict):
        return {key: keys_of(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        merged: Any = "value"
        for found in map(keys_of, value):
            both = isinstance(merged, dict) and isinstance(found, dict)
            merged = merged | found if both else found if merged == "value" else merged
        return [merged]
    return "value"


def said_keys(command: str, said: Any) -> Any:
    if command == "doctor":
        said["environment"]["packages"] = {}
    if command == "networks":
        return {name: keys_of(said[name]) for name in ("multiscale", "yolov3")}
    return keys_of(said)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_made(tmp_path_factory.mktemp("keys"))


@pytest.mark.usefixtures("built_here", "empty_pictures")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_prints_these_keys(
    command: str,
    made: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(made)
    code = run_command_line([command, *COMMANDS[command], "--json"])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert said_keys(command, json.loads(said.out)) == PINNED[command]


@pytest.mark.parametrize("command", ["bench", "build", "export"])
def test_what_was_printed_once_has_these_keys(command: str) -> None:
    """Keys are added, and none is dropped. ``test_made`` holds the values of ``export``."""
    said = json.loads((MADE / "json" / f"{command}.json").read_text(encoding="utf-8"))
    assert _is_part_of(keys_of(said), PINNED[command])


def _is_part_of(then: Any, now: Any) -> bool:
    if isinstance(then, dict):
        return all(key in now and _is_part_of(value, now[key]) for key, value in then.items())
    if isinstance(then, list):
        return all(_is_part_of(one, now[0]) for one in then) if now else not then
    return bool(then == now)

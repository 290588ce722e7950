"""Names that hold escape sequences do not reach a terminal as they are."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from rich.console import Console

from sizewise.cli import console
from tests.bench.journal.files import with_everything
from tests.bench.models import colours
from tests.sizewise.cli.conftest import Cli

EVIL = "net\x1b]0;owned\x07\x1b[2J"


def hidden(text: str) -> bool:
    return not {c for c in text if ord(c) < 32 or 127 <= ord(c) < 160} - {"\n", "\t", "\r"}


def test_a_file_of_that_name_is_named_in_errors(cli: Cli, tmp_path: Path) -> None:
    for arguments in ((), ("--debug",)):
        said = cli("build", tmp_path / f"{EVIL}.onnx", *arguments)
        assert said.code == 1
        assert hidden(said.err)
        assert "net\\x1b]0;owned\\x07" in said.err


def test_nothing_that_is_shown_moves_the_cursor(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "console", Console(stderr=True, highlight=False))
    console.say(EVIL)
    console.remark(EVIL)
    console.next_step(EVIL)
    console.show_table(EVIL, [EVIL], [[EVIL]])
    console.show_json({EVIL: EVIL})
    with console.Lines().stage(EVIL, 1) as stage:
        stage.advance(note=EVIL)
    shown = capsys.readouterr()
    assert "owned" in shown.out
    assert hidden(shown.out)
    assert hidden(shown.err)


def test_paths_are_exact_for_programs_and_visible_for_terminals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    console.say_paths([f"/runs/{EVIL}"])
    assert capsys.readouterr().out == f"/runs/{EVIL}\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    console.say_paths([f"/runs/{EVIL}"])
    assert hidden(capsys.readouterr().out)


def test_a_picture_of_that_name_that_can_not_be_used(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    picture = tmp_path / f"{EVIL.replace('/', '')}.png"
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(picture)
    said = cli("predict", tiny_model, picture, "--out", tmp_path / "o")
    assert said.code in (1, 2)
    assert hidden(said.out + said.err)


@pytest.mark.usefixtures("in_process", "measured_here")
def test_whatever_a_file_is_called_inside_no_output_moves_the_cursor(
    cli: Cli, tmp_path: Path
) -> None:
    """Somebody's file, which is called by its name, and data and classes of that name: in all
    commands that show them."""
    proto = onnx.load(colours(tmp_path / "model.onnx").path)
    del proto.metadata_props[:]
    model = tmp_path / f"{EVIL}.onnx"
    onnx.save(proto, model)
    names = tmp_path / "names.txt"
    names.write_text(f"{EVIL}\nblue\n")
    picture = tmp_path / f"{EVIL}.png"
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(picture)
    data = tmp_path / f"{EVIL}.json"
    image = {"id": 1, "file_name": picture.name, "height": 32, "width": 32}
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 4, 8, 8]}
    classes = [{"id": 1, "name": EVIL}, {"id": 2, "name": "blue"}]
    data.write_text(json.dumps({"images": [image], "annotations": [box], "categories": classes}))
    read = ("--layout", "sizewise", "--names", names)
    once = ("--layout", "sizewise", "--processes", 1, "--rounds", 1)
    fake, out = ("--backend", "fake", "--sizes", "32"), ("--out", tmp_path / EVIL)
    lines: list[tuple[object, ...]] = [
        ("build", model, *fake, *out),
        ("bench", model, *fake, *once, *out),
        ("evaluate", model, *fake, *read, "--data", data),
        ("predict", model, picture, *fake[:2], *read, *out),
        ("predict", model, picture, *fake[:2], *read, "--json", *out),
        ("results", tmp_path / EVIL / "results.sqlite"),
        ("cache", "list", tmp_path),
    ]
    for line in lines:
        said = cli(*line)
        assert said.code == 0, said
        assert hidden(said.out + said.err), line[0]


@pytest.mark.parametrize(
    "files",
    [
        {"it.toml": f'models = ["a.onnx"]\n["{EVIL}"]\n'.replace("\x1b", "\\u001b")},
        {"it.json": json.dumps({"images": [], "categories": [{"id": EVIL, "name": EVIL}]})},
        {"it.py": f"raise ValueError({EVIL!r})\n"},
    ],
    ids=["toml", "coco", "python"],
)
def test_what_a_file_says_that_can_not_be_used(
    files: dict[str, str], cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    ((name, text),) = files.items()
    path = tmp_path / name
    path.write_text(text.replace("\x07", "\\u0007") if name == "it.toml" else text)
    line: tuple[object, ...] = ("bench", path)
    if name == "it.json":
        line = ("evaluate", tiny_model, "--data", path)
    elif name == "it.py":
        line = ("export", f"{path}:make")
    said = cli(*line, *(() if line[0] == "evaluate" else ("--out", tmp_path / "o")))
    assert said.code in (1, 2)
    assert hidden(said.out + said.err)


def test_what_is_wrong_with_a_results_file_moves_no_cursor(cli: Cli, tmp_path: Path) -> None:
    """SQLite names what is damaged: here an index, whose name is its author's."""
    path = with_everything(tmp_path)
    with closing(sqlite3.connect(path)) as hand, hand:
        hand.execute(f'CREATE INDEX "{EVIL}" ON trial (run_id)')
        hand.execute("PRAGMA writable_schema = ON")
        hand.execute("UPDATE sqlite_master SET sql = replace(sql, '(run_id)', '(id)')")
    said = cli("results", path)
    assert said.code == 3
    assert "owned" in said.out
    assert hidden(said.out)

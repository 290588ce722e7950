"""Names that hold escape sequences do not reach a terminal as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from sizewise.cli import console
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


def test_a_picture_of_that_name_that_can_not_be_used(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    picture = tmp_path / f"{EVIL.replace('/', '')}.png"
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(picture)
    said = cli("predict", tiny_model, picture, "--out", tmp_path / "o")
    assert said.code in (1, 2)
    assert hidden(said.out + said.err)

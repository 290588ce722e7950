"""Standard streams that the caller closed, as some that start programs in the background do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sizewise.cli.conftest import Cli

PROGRAM = "from sizewise.cli import main; main()"


def run(closed: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command with these redirections of a shell."""
    words = (sys.executable, "-c", PROGRAM, *map(str, arguments))
    return subprocess.run(
        ("sh", "-c", f'exec "$@" {closed}', "sh", *words),
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_is_said_is_lost_and_nothing_else(
    closed: str, cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "engines"
    done = run(
        closed,
        *("build", tiny_model, "--backend", "fake", "--strategy", "static"),
        *("--sizes", 64, "--out", out, "--json"),
    )
    assert done.returncode == 0, done
    assert "Error" not in done.stderr
    if ">&-" not in closed.replace("2>&-", ""):
        assert json.loads(done.stdout)["engines"]
    found = json.loads(cli("cache", "verify", out, "--json").out)
    assert {one["why"] for one in found["engines"]} == {""}


def test_a_sentence_without_a_place_changes_no_code(tmp_path: Path) -> None:
    assert run("2>&-", "build", tmp_path / "none.onnx").returncode == 1

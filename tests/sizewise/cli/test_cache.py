"""``sizewise cache``: what it lists, verifies and removes below a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engines.store import using
from engines.store.names import new_draft
from engines.store.stored import Stored
from sizewise.core.onnxfiles.model import read_model
from tests.engines.store.requests import Cache
from tests.sizewise.cli.conftest import Cli


@pytest.fixture
def home(tiny_model: Path, monkeypatch: pytest.MonkeyPatch, built_here: None) -> Path:
    """An engine below ``runs``, beside a draft of a builder that died and one that was damaged."""
    monkeypatch.chdir(tiny_model.parent)
    runs = Cache(read_model(tiny_model), Path("runs/engines"))
    damaged = runs.obtain(rebuild=1).path
    (damaged / "engine.txt").write_text("damaged", encoding="utf-8")
    runs.obtain(rebuild=1)
    home = runs.obtain().path
    new_draft(home).mkdir()
    monkeypatch.setattr(using, "_given", set())  # as in another process
    return home


def entries(cli: Cli, *arguments: object) -> list[dict[str, Any]]:
    said = cli("cache", *arguments, "--json")
    assert said.code == 0, said
    found: list[dict[str, Any]] = json.loads(said.out)["entries"]
    return found


def test_all_that_lies_there_is_listed(cli: Cli, home: Path) -> None:
    found = entries(cli, "list")
    assert sorted(one["kind"] for one in found) == ["aside", "draft", "engine", "engine"]
    (ours,) = (one for one in found if one["path"] == str(home))
    files = [path for path in home.rglob("*") if path.is_file()]
    assert ours["size_bytes"] == sum(path.stat().st_size for path in files)
    table = cli("cache", "list", "runs")
    assert str(home) in table.out
    assert table.code == 0


def test_each_engine_is_verified(cli: Cli, home: Path) -> None:
    said = cli("cache", "verify", home.parent)
    assert said.code == 0
    assert said.out.count("whole, and yours") == 2
    (home / "engine.txt").unlink()
    said = cli("cache", "verify")
    assert said.code == 3
    assert "checksum" in said.out


def test_left_overs_are_pruned_and_engines_stay(cli: Cli, home: Path) -> None:
    assert sorted(one["kind"] for one in entries(cli, "prune")) == ["aside", "draft"]
    assert [one["kind"] for one in entries(cli, "list")] == ["engine", "engine"]


def test_engines_are_pruned_to_a_limit(cli: Cli, home: Path) -> None:
    removed = entries(cli, "prune", "runs", "--limit", "0")
    assert sorted(one["kind"] for one in removed) == ["aside", "draft", "engine", "engine"]
    assert list(home.parent.iterdir()) == []


def test_folders_are_printed_one_a_line(cli: Cli, home: Path) -> None:
    folder = str(home.parent.resolve())
    assert cli("cache", "path").out == f"{folder}\n"
    assert json.loads(cli("cache", "path", "runs", "--json").out) == {"folders": [folder]}


def test_a_limit_is_for_pruning_alone(cli: Cli) -> None:
    said = cli("cache", "list", "--limit", "5GB")
    assert said.code == 2
    assert "--limit can't be given for list" in said.err


def test_where_no_engine_lies_it_says_so(cli: Cli, tmp_path: Path) -> None:
    told = dict.fromkeys(("list", "verify"), f"There are no engines in {tmp_path} or below it.")
    for action, sentence in (told | {"prune": "There was nothing to remove."}).items():
        said = cli("cache", action, tmp_path)
        assert (said.code, said.out.splitlines()[0]) == (0, sentence)


def test_people_are_told_what_was_removed_and_what_is_left(cli: Cli, home: Path) -> None:
    listed = cli("cache", "list").out
    assert all(kind in listed for kind in ("engine, set aside", "draft of a build"))
    left = sum(path.stat().st_size for path in home.parent.glob("[!.]*/**/*") if path.is_file())
    assert f"What is left takes {left / 2**20:.1f} MiB." in cli("cache", "prune").out


def test_a_time_that_no_calendar_has_is_unknown(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a file whose clock was far off, where the file system can keep that."""
    one = Stored(path=tmp_path / "engine", kind="engine", size_bytes=2**20, used_s=2.0**45)
    monkeypatch.setattr("sizewise.pipeline.cache.list_cache", lambda _: (one,))
    said = cli("cache", "list", tmp_path)
    assert said.code == 0
    assert "unknown" in said.out

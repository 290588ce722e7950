"""What CI changes follows from what it prints, and the tests meet it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.any_machine import CONDITIONS, FOLDERS, LOCALES, TIME_ZONES, Chosen, choose, run

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
MAKEFILE = """test:
\t@pwd -P > "$$NOTES"
\t@printf '%s\\n' "$$TMPDIR" "$$LANG" "$$LC_ALL" "$$TZ" "$(PYTEST_OPTIONS)" >> "$$NOTES"
\t@find . -type f | LC_ALL=C sort >> "$$NOTES"
\t@false
"""


@given(condition=st.sampled_from(list(CONDITIONS)), seed=st.integers(0, 2**32 - 1))
def test_what_is_printed_repeats_it(condition: str, seed: int) -> None:
    chosen = Chosen(condition, seed)
    *again, program = str(chosen).partition("Repeat with: ")[2].split()
    assert program == ".ci/run"
    repeated = choose(dict(word.split("=") for word in again))
    assert (repeated, repeated.change) == (chosen, chosen.change)
    assert str(chosen).isascii()


def test_conditions_and_their_values_are_drawn() -> None:
    drawn = [choose({"CONDITION": ""}) for _ in range(300)]
    assert {chosen.condition for chosen in drawn} == set(CONDITIONS)
    for name, values in (("folder", FOLDERS), ("locale", LOCALES), ("time_zone", TIME_ZONES)):
        changes = {choose({"CONDITION": name}).change.description for _ in range(200)}
        assert len(changes) == len(values)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"CONDITION": "moon"}, "Choose from: order, locale, time_zone, folder"),
        ({"SEED": "x"}, "Use a number"),
        ({"SEED": "-1"}, "Use a number"),
        ({"SEED": "½"}, "Use a number"),
    ],
)
def test_an_unknown_condition_or_seed_is_refused(environment: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        choose(environment)


@pytest.mark.skipif(os.name != "posix", reason="time zones as POSIX names them")
def test_each_time_zone_is_far_from_utc() -> None:
    command = (sys.executable, "-c", "import time; print(time.localtime(0).tm_gmtoff)")
    offsets = [
        int(subprocess.check_output(command, env=os.environ | {"TZ": zone}, text=True))
        for zone in TIME_ZONES
    ]
    assert offsets == [20_700, -12_600, 50_400, -43_200]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Its tests note where they run, and with what. They fail."""
    root = tmp_path / "root"
    for name in (".ci/run", ".git/config", ".mypy_cache/x", ".venv/x", "new/naïve name.txt"):
        (root / name).parent.mkdir(parents=True)
        (root / name).touch()
    (root / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    return root


def noted(
    condition: str, seed: int, root: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[str], list[str]]:
    """What the tests met (folder, TMPDIR, LANG, LC_ALL, TZ, options), and the files beside them."""
    notes = root.parent / "notes"
    monkeypatch.setenv("NOTES", str(notes))
    assert run(Chosen(condition, seed), root) != 0
    lines = notes.read_text(encoding="utf-8").splitlines()
    return lines[:6], lines[6:]


@needs_make
def test_the_tests_meet_the_change_and_nothing_else(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    here = {name: os.environ.get(name, "") for name in ("TMPDIR", "LANG", "LC_ALL", "TZ")}
    for name in ("order", "locale", "time_zone"):
        change = Chosen(name, 7).change
        (place, *values, options), files = noted(name, 7, tree, monkeypatch)
        assert place == str(tree.resolve())
        assert dict(zip(here, values, strict=True)) == here | dict(change.environment)
        assert options.split() == [*change.pytest_options, "--hypothesis-seed=7"]
        assert "./.venv/x" in files
        assert capfd.readouterr().out.splitlines()[0] == str(Chosen(name, 7))


@needs_make
def test_another_folder_holds_a_copy_that_is_gone_after_it(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place, scratch, *_), files = noted("folder", 7, tree, monkeypatch)
    assert files == ["./.ci/run", "./Makefile", "./new/naïve name.txt"]
    assert Path(place).parent == Path(scratch).resolve().parent
    assert Path(place).parent.name == Chosen("folder", 7).change.folder
    assert not Path(place).parent.exists()

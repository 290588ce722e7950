"""Files of the user's import what lies beside them, as ``python FILE.py`` lets them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from exporter.modules import importing
from exporter.modules.importing import made_by
from sizewise.core.errors import InputError

FILE = """
from models.common import make

def build():
    return make()
"""
COMMON = """
from torch import nn

def make():
    return nn.Conv2d(3, {channels}, 1)
"""
LATE = """
from torch import nn

class Late(nn.Module):
    def forward(self, images):
        from late_neighbour import FACTOR
        return images * FACTOR
"""


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leaves no folder of a test to be searched, and no module of it; and finds none of others."""
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one not in importing._last])
    monkeypatch.setattr(importing, "_last", [])
    monkeypatch.setattr(importing, "_imported", {})
    before = set(sys.modules)
    yield
    for name in sys.modules.keys() - before:
        if name.partition(".")[0] in ("models", "late_neighbour", "mine_of_here"):
            del sys.modules[name]


def project(folder: Path, channels: int, *, package: bool = True) -> str:
    """A file that gets its network from the package ``models`` beside it, with that many channels;
    the package may be a folder alone."""
    (folder / "models").mkdir(parents=True)
    if package:
        (folder / "models" / "__init__.py").touch()
    (folder / "models" / "common.py").write_text(COMMON.format(channels=channels))
    (folder / "mine.py").write_text(FILE)
    return f"{folder / 'mine.py'}:build"


def channels_of(source: str) -> int:
    made = made_by(source)
    assert isinstance(made, nn.Conv2d)
    assert not made.training
    return made.out_channels


@pytest.mark.parametrize("elsewhere", [True, False])
@pytest.mark.parametrize("package", [True, False])
def test_each_file_imports_its_own_neighbours(
    tmp_path: Path, *, package: bool, elsewhere: bool
) -> None:
    """A folder ``models`` may lie elsewhere too, as some packages leave one behind."""
    if elsewhere:
        (tmp_path / "elsewhere" / "models").mkdir(parents=True)
        sys.path.append(str(tmp_path / "elsewhere"))
    one = project(tmp_path / "one", 1, package=package)
    two = project(tmp_path / "two", 2)
    assert [channels_of(source) for source in (one, two, one)] == [1, 2, 1]


def test_what_lies_in_the_current_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, 3)
    (tmp_path / "mine_of_here.py").write_text(FILE)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "mine.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    assert channels_of("mine_of_here:build") == 3
    assert channels_of("below/mine.py:build") == 3


def test_a_forward_imports_later_and_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(LATE)
    (tmp_path / "late_neighbour.py").write_text("FACTOR = 2\n")
    before = list(sys.path)
    made = made_by(f"{tmp_path / 'mine.py'}:Late")
    assert sys.path[: len(before)] == before
    assert torch.equal(made(torch.ones(2)), torch.full((2,), 2.0))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import absent_neighbour.net", r"Install absent_neighbour, or name .* PYTHONPATH=FOLDER"),
        ("from .common import make", r"Give it as PACKAGE.MODULE:FUNCTION"),
        ("import bench.absent", r"sizewise has a package bench of its own"),
        ("from torch import absent", r"run again with --debug"),
    ],
)
def test_an_import_that_fails_says_where_to_look(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "mine.py").write_text(line)
    with pytest.raises(InputError, match=rf"mine.py could not be run: .*{line}.*{said}"):
        made_by(f"{tmp_path / 'mine.py'}:build")

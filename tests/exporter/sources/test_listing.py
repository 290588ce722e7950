"""What a file of the user's holds, told without running it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exporter.modules.importing import made_by
from exporter.modules.listing import demand_function, listed, makers_in
from sizewise.core.errors import InputError, UsageError

FUNCTIONS = """
def build():
    return None

def make(width=4):
    return None

def needs(width):
    return None

def needs_by_name(*, width):
    return None

def _hidden():
    return None
"""
CLASSES = """
import enum
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()

class Wide(Block):
    pass

class Small(Net):
    pass

class Chain(nn.Sequential):
    pass

class Called:
    def forward(self, images):
        return images

class Colour(enum.Enum):
    RED = 1

class _Hidden(nn.Module):
    pass
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.py"
    path.write_text(text)
    return path


def test_a_file_without_a_function_names_those_that_it_has(tmp_path: Path) -> None:
    file = written(tmp_path, FUNCTIONS)
    with pytest.raises(
        UsageError, match=rf"function: {re.escape(str(file))}:build \(found there: build, make\)"
    ):
        demand_function(str(file))


def test_classes_of_networks_are_named_as_well(tmp_path: Path) -> None:
    file = written(tmp_path, CLASSES)
    with pytest.raises(
        UsageError, match=rf"{re.escape(str(file))}:Net \(found there: Net, Small, Chain, Called\)"
    ):
        demand_function(str(file))
    assert type(made_by(f"{file}:Net")).__name__ == "Net"
    assert listed(written(tmp_path, CLASSES + FUNCTIONS)).startswith("build, make, Net, ")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(FUNCTIONS, "utf-8-sig"), (f"# coding: latin-1\n# é\n{FUNCTIONS}", "latin-1")],
)
def test_a_file_is_read_in_its_own_encoding(text: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text, encoding=encoding)
    assert list(makers_in(path)) == ["build", "make"]


def test_a_class_that_is_derived_from_itself_is_no_end_of_it(tmp_path: Path) -> None:
    assert not listed(written(tmp_path, "class A(B): pass\nclass B(A): pass\n"))


def test_a_file_with_no_function_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it has none without arguments"):
        demand_function(str(written(tmp_path, "WIDTH = 4\n")))
    with pytest.raises(InputError, match="there is no such file"):
        demand_function(str(tmp_path / "absent.py"))
    with pytest.raises(InputError, match="can't be read as Python"):
        demand_function(str(written(tmp_path, "def build(")))

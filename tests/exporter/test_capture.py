"""Programs that torch captures."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from torch import nn
from torch.export import ExportedProgram

from exporter.capture import capture, save_program
from sizewise.core.specs import Size


def saved(program: ExportedProgram, path: Path) -> bytes:
    save_program(program, path)
    return path.read_bytes()


def test_programs_of_two_processes_are_the_same_bytes(tmp_path: Path) -> None:
    """torch takes the symbols that sides are multiples of from a set, in the order that
    ``PYTHONHASHSEED`` decides: here they are put in each order by hand."""
    program = capture(nn.MaxPool2d(8), example=Size(64, 64), stride=8, dynamic=True)
    ranges = program.range_constraints
    factors = [symbol for side in ranges for symbol in side.free_symbols - {side}]
    assert len({*factors}) == 2
    written = set()
    for order in (factors, factors[::-1]):
        ranges.update({symbol: ranges.pop(symbol) for symbol in order})
        written.add(saved(program, tmp_path / "program.pt2"))
    assert len(written) == 1

"""Programs that torch captures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

_SAVE = """
import sys
from pathlib import Path
from torch import nn
from exporter.capture import capture, save_program
from sizewise.core.specs import Size

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(8)
    def forward(self, images):
        return (self.pool(images),)

program = capture(Net(), example=Size(64, 64), stride=8, dynamic=True)
print(*map(str, program.range_constraints))
save_program(program, Path(sys.argv[1]))
"""


def test_programs_of_two_processes_are_the_same_bytes(tmp_path: Path) -> None:
    """Under these seeds, Python gives the sets that torch takes its ranges from other orders."""
    orders, saved = set(), set()
    for seed in ("0", "2"):
        file = tmp_path / f"{seed}.pt2"
        done = subprocess.run(
            (sys.executable, "-c", _SAVE, str(file)),
            cwd=Path(__file__).parents[2],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        orders.add(done.stdout.splitlines()[-1])
        saved.add(file.read_bytes())
    if len(orders) == 1:
        pytest.skip("this torch has them in one order")
    assert len(saved) == 1

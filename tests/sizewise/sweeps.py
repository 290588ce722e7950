"""A sweep of the fake back end that plans are made of."""

from __future__ import annotations

from pathlib import Path

from bench.planning.settings import SweepSettings
from bench.sweep import sweep
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import Sizes
from tests.bench.factories import quietly
from tests.sizewise.cli.conftest import write_tiny

PICTURES = [(128, 64)] * 6 + [(160, 160)] * 2 + [(64, 64)] * 4 + [(600, 500)] * 2
"""Width and height of the pictures that come."""


def planned_sweep(folder: Path) -> Path:
    """The results of static engines of four sizes, and of a dynamic one."""
    dynamic = {"strategies": ("dynamic",), "sizes": Sizes.parse("64,160")}
    settings = SweepSettings(
        backends=("fake",),
        sizes=Sizes.parse("64:160:32"),
        threads=1,
        processes=1,
        rounds=1,
        block_calls=2,
        block_s=0.0,
        sweep=({"strategies": ("static",)}, dynamic),
    )
    sweep((read_model(write_tiny(folder / "tiny.onnx")),), settings, folder / "run", watch=quietly)
    return folder / "run" / "results.sqlite"

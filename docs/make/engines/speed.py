"""How much faster than ONNX Runtime's default: four networks at full width, three sizes, two
threads, the engines of a network and size by turns
(python -m docs.make.engines.speed [CHECKPOINT]).

ONNX Runtime's default is its CPU provider on the FP32 file as it is, with its own level of
optimisation (ORT_ENABLE_ALL) and open sizes. It differs from a bare session in three things: its
threads stop to spin at the end of each call, for they would take the cores from whatever is
measured next; the optimised graph was saved by the build and is opened as it is, which gives the
same kernels; and inputs and outputs are bound, so that none is copied.

Engines of a precision that this CPU lacks stay in the record as ``unsupported``, with the reason.
Checkpoints given are networks that were trained, and are measured beside the others.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.journal.store import Store
from bench.planning.settings import SweepSettings
from bench.sweep import RESULTS, sweep
from docs.make.engines.files import FULL, OUT, SIZES, full_width, trained
from docs.make.engines.pages import machine, write_record
from sizewise.cli import console
from sizewise.core import codec
from sizewise.core.specs import ExportedModel, Sizes

THREADS = 2
DEFAULT: dict[str, Any] = {
    "precision": ("fp32",),
    "backends": ("onnxruntime",),
    "strategies": ("dynamic",),
}
SETTINGS = SweepSettings(
    sizes=Sizes.parse(SIZES),
    threads=THREADS,
    processes=4,
    rounds=6,
    block_calls=3,
    sweep=(
        DEFAULT,
        {"backends": ("openvino",), "strategies": ("static",)},
        {"precision": ("int8",), "backends": ("onnxruntime",), "strategies": ("static",)},
    ),
)


def main() -> None:
    checkpoints = [Path(argument) for argument in sys.argv[1:]]
    networks = {name: full_width(name) for name in FULL}
    networks |= {f"{path.stem}, trained": trained(path) for path in checkpoints}
    measured = {name: _measured(name, files) for name, files in networks.items()}
    write_record("speed", machine() | {"full_width": FULL, "networks": measured})


def _measured(name: str, files: Mapping[str, ExportedModel]) -> dict[str, Any]:
    """The runs, and how far each file is from its parent."""
    console.remark(f"Measuring {name}")
    folder = OUT / "speed" / name.replace("/", "-").replace(", ", "-")
    sweep(list(files.values()), SETTINGS, folder, progress=console.reporter())
    with Store.open(folder / RESULTS, read_only=True) as store:
        runs = [codec.to_plain(run) for run in store.runs()]
    deviations = {
        precision: [codec.to_plain(one) for one in model.card.deviations]
        for precision, model in files.items()
    }
    return {"deviations": deviations, "runs": runs}


if __name__ == "__main__":
    main()

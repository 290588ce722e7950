"""The networks that plans are measured with, and their sweeps: narrow ones, trained on digits.

Nothing here needs a quiet machine but :func:`measure_latency`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from docs.make.engines.files import in_precision, look, run_sizewise
from docs.make.pages import HOUSE
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import ExportedModel

OUT = HOUSE / "runs" / "plans"
SIZES = "128:384:64,416"
BACKENDS = "onnxruntime,openvino"
_CALIBRATED = "256,416"
_PROCESSES, _MINUTES = 4, 6
_THREADS = "1"
"""As in a server that runs a picture on each core. Two would tell where the machine's host puts its
two cores: when they share one, a call takes half as long again."""
_DONE, _RATED, RESULTS = "done", "rated", "results.sqlite"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is made narrow, and trained."""

    width: float
    depth: float = 1.0
    steps: int = 600
    sizes: str = "160:416:32"


NETWORKS = {
    "yolov3": Recipe(width=0.25, depth=0.34, sizes="160:320:32"),
    "yolov4-tiny": Recipe(width=0.5),
}


def files(name: str) -> tuple[ExportedModel, ...]:
    """The trained network in FP32 and INT8."""
    folder = OUT / name
    if not list(folder.glob("*.safetensors")):
        _train(name, folder)
    if not _exported(folder):
        (checkpoint,) = folder.glob("*.safetensors")
        run_sizewise("export", str(checkpoint), "--out", str(folder))
    parent = read_model(_exported(folder)[0])
    return parent, in_precision(parent, "int8", look(_CALIBRATED, _CALIBRATED))


def _exported(folder: Path) -> list[Path]:
    """The FP32 file: those of other precisions have two endings."""
    return [path for path in folder.glob("*.onnx") if path.suffixes == [".onnx"]]


def _train(name: str, folder: Path) -> None:
    recipe = NETWORKS[name]
    run_sizewise(
        *("train", name, "--data", "digits", "--out", str(folder)),
        *("--width", str(recipe.width), "--depth", str(recipe.depth)),
        *("--steps", str(recipe.steps), "--batch", "4", "--sizes", recipe.sizes),
        *("--validate-every", "0"),
    )


def measure_latency(name: str) -> Path:
    """The results of the network in both back ends, with one engine for each size, and with one for
    all."""
    out = OUT / name / "latency"
    if not (out / _DONE).exists():
        strategies = ("--strategy", "static,dynamic", "--sizes", SIZES)
        _bench(name, out, *strategies, "--processes", str(_PROCESSES))
        (out / _DONE).touch()
    return out / RESULTS


def with_accuracy(name: str, data: Path, out: Path) -> Path:
    """A copy of these results, with the accuracy on ``data``."""
    if not (out / RESULTS).exists():
        shutil.copytree(measure_latency(name).parent, out, dirs_exist_ok=True)
    if not (out / _RATED).exists():
        # Fewer processes, so that little latency is measured once more.
        measured = ("--strategy", "dynamic", "--sizes", SIZES, "--processes", "2")
        _bench(name, out, *measured, "--data", str(data))
        (out / _RATED).touch()
    return out / RESULTS


def _bench(name: str, out: Path, *more: str) -> None:
    run_sizewise(
        *("bench", *(str(model.path) for model in files(name))),
        *("--backend", BACKENDS, "--threads", _THREADS),
        *("--rigor", "quick", "--max-minutes", str(_MINUTES)),
        *("--out", str(out), *more),
    )

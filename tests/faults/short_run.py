"""A short ``sizewise run``, and copies of its folder that lack what one of its stages writes.

It trains for two steps on a few pictures of the data set digits, exports, measures ONNX Runtime and
the fake back end at one size, and reports. All that it writes lies below one folder, its home too.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.faults.lives import Fault, Life, Operation
from tests.faults.ready import Ready

CONFIG = """
out = "unused"
data = "digits"

[train]
network = "yolov2-tiny"
width = 0.05
depth = 0.1
steps = 2
batch = 2
sizes = "64"

[export]
size = "64"

[bench]
processes = 1
rounds = 1
block_s = 0.01
image_count = 2
backends = ["onnxruntime", "fake"]
strategies = ["static"]
sizes = "64"
"""
MODULES = (
    *("sizewise.cli.app", "netzoo.training.trainer", "netzoo.weights.checkpoint"),
    *("exporter.export", "bench.sweep", "reports.markdown", "tests.faults.few_digits"),
)
"""What the command imports by and by, and a fork of it does not again; and what makes it short."""
STAGES = ("data", "train", "export", "sweep", "report")
_OF_STAGE = {
    "data": r"home/\.cache\b",
    "train": r"out/[^/]*\.(safetensors|metrics\.csv)\b",
    "export": r"out/[^/]*\.(onnx|pt2)\b",
    "sweep": r"(out/(engines|results\.sqlite)|home/\.local)\b",
    "report": r"out/report\b",
}
_WRITTEN = {
    "data": ("home/.cache",),
    "train": ("out/*.safetensors", "out/*.metrics.csv"),
    "export": ("out/*.onnx", "out/*.pt2"),
    "sweep": ("out/engines", "out/results.sqlite*", "home/.local"),
    "report": ("out/report",),
}
_CLEARED = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
_OURS = ("SIZEWISE_CACHE", "SIZEWISE_KEY_FILE")


def run(ready: Ready, folder: Path, fault: Fault | None = None) -> Life:
    """The whole command in ``folder``, which takes what is there already."""
    home, config = folder / "home", folder.with_name(f"{folder.name}.toml")
    home.mkdir(parents=True, exist_ok=True)
    config.write_text(CONFIG, encoding="utf-8")
    variables = dict.fromkeys((*_CLEARED, *_OURS), "") | {"HOME": str(home)}
    arguments = ("run", str(config), "--out", str(folder / "out"))
    return ready.live(arguments, folder, fault, variables=variables)


def copy_without(stage: str, whole: Path, folder: Path) -> None:
    """A copy of a finished run that lacks what ``stage`` writes."""
    shutil.copytree(whole, folder, copy_function=_copy)
    for pattern in _WRITTEN[stage]:
        for path in folder.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _copy(source: str, target: str) -> None:
    """Pictures are never changed in place, so one file serves all copies."""
    if source.endswith(".jpg"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def staged(operations: Iterable[Operation]) -> Iterator[tuple[str, Operation]]:
    """Each operation with its stage: that of its path, or else the one that is under way."""
    stage = STAGES[0]
    for op, path in operations:
        found = (name for name, pattern in _OF_STAGE.items() if re.match(pattern, path))
        stage = next(found, stage)
        yield stage, (op, path)


def is_of(stage: str, path: str) -> bool:
    """Whether a stage alone writes a path."""
    return re.match(_OF_STAGE[stage], path) is not None

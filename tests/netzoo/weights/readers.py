"""All functions and commands that read weights, programs and arrays, each given one file."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from PIL import Image

from engines.backends._torch.loading import load_program
from netzoo.weights.checkpoint import load_checkpoint, read_header, read_tensors
from netzoo.weights.darknet import _read
from sizewise.cli.front import run_command_line
from sizewise.core.further.arrays import load_array
from sizewise.core.onnxfiles.model import load_onnx
from tests.bench.models import colours
from tests.engines.nets import write_net

NAMES = ("net.pt", "net.pth", "net.bin", "net.safetensors", "net.weights", "net.onnx", "net.pt2")
ARRAYS = ("x.npy", "x.npz")
BESIDE = "beside.pt2"
"""The program beside ``beside.onnx``."""
READERS: tuple[tuple[Callable[[Path], Any], tuple[str, ...]], ...] = (
    *((read, NAMES[:5]) for read in (read_tensors, load_checkpoint, read_header, _read)),
    (load_onnx, ("net.onnx",)),
    (load_array, ARRAYS),
    (partial(load_program, "torch_eager"), ("net.pt2",)),
)
"""Each with the files that it is given."""
_SMALL = ("yolov3-tiny", "--width", "0.05", "--depth", "0.1")
_TRAINED = ("train", *_SMALL, "--data", "data.json")
_GIVEN = ("--input", "im_size=x.npy")
_FAKE = ("--backend", "fake")
COMMANDS: tuple[tuple[str, ...], ...] = (
    *(("export", name) for name in NAMES),
    *(("export", *_SMALL, "--weights", name) for name in (*NAMES, *ARRAYS)),
    *((*_TRAINED, "--weights", name) for name in NAMES[:5]),
    *((*_TRAINED, "--backbone-weights", name) for name in NAMES[:5]),
    *(("evaluate", name, "--data", "data.json") for name in NAMES),
    *(("predict", name, "a.png") for name in NAMES),
    *((command, name, *_FAKE) for name in NAMES for command in ("build", "bench")),
    *((command, "sized.onnx", *_FAKE, *_GIVEN) for command in ("build", "bench")),
    ("export", "sized.onnx", "--precision", "bf16", *_GIVEN),
    ("evaluate", "sized.onnx", "--data", "data.json", *_GIVEN),
    ("predict", "sized.onnx", "a.png", *_GIVEN),
    ("predict", "sized.onnx", "a.png", "--input", "im_size=x.npz"),
)
OF_PROGRAMS = ("build", "beside.onnx", "--backend", "torch_eager", "--sizes", "64")
"""It loads ``beside.pt2``, in a child."""


def write_others(folder: Path) -> None:
    """What commands need beside the file."""
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(folder / "a.png")
    data = {
        "images": [{"id": 1, "file_name": "a.png", "height": 32, "width": 32}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 4, 8, 8]}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (folder / "data.json").write_text(json.dumps(data))
    write_net(folder / "beside.onnx", card=None)
    sized = onnx.load(colours(folder / "sized.onnx").path)
    size = helper.make_tensor_value_info("im_size", TensorProto.INT64, ["batch", 2])
    sized.graph.input.append(size)
    onnx.save(sized, folder / "sized.onnx")


def demand_refusal(folder: Path, command: Sequence[str]) -> None:
    """Raises AssertionError where a command takes the file, or fails without a sentence about
    it."""
    files = {path.name for path in folder.iterdir()}
    words = [str(folder / word) if word in files else word for word in command]
    words = [word.replace("=x.np", f"={folder}/x.np") for word in words]
    words += [] if command[0] == "evaluate" else ["--out", str(folder / "out")]
    heard = io.StringIO()
    with redirect_stdout(heard), redirect_stderr(heard):
        code = run_command_line(words)
    said = heard.getvalue()
    shown = f"sizewise {' '.join(command)}: {said[-500:]}"
    assert code in (1, 2), f"it is taken: {shown}"
    assert "Something unexpected" not in said, shown
    about = ("could not open the engine",) if command == OF_PROGRAMS else (*NAMES, *ARRAYS)
    assert any(name in said for name in about), f"it fails over something else: {shown}"

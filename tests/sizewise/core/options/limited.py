"""Something that each limit refuses, once it is set to 1."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from PIL import Image

from bench.planning.plan import plan_sweep
from bench.planning.settings import SweepSettings
from engines.planning.axes import EngineAxes
from engines.planning.specs import engine_specs
from engines.store.manifest import manifest_bytes
from netzoo.data.class_names import read_names
from netzoo.data.coco.format import load_coco_json
from netzoo.data.coco.segments import check_segment, encode_mask
from netzoo.data.pictures.decoding import decode_picture
from netzoo.weights.checkpoint import read_tensors
from sizewise.core.files import read_file
from sizewise.core.further.arrays import load_array
from sizewise.core.onnxfiles import limits as onnx_limits
from sizewise.core.onnxfiles.model import load_onnx
from sizewise.core.options import limits
from sizewise.core.options.declared import fill
from sizewise.core.options.limits import Limit
from sizewise.core.specs import Size, Sizes
from sizewise.core.specs.stored_plan import read_plan, write_plan
from sizewise.pipeline.models.training import TrainOptions
from sizewise.pipeline.prediction.serving.options import ServeOptions
from sizewise.pipeline.preparation.traffic.opening import TrafficOptions, open_traffic
from sizewise.pipeline.toml import read_toml
from tests.bench.models import colours
from tests.sizewise.core.onnxfiles.hostile import HOSTILE, functions, plain
from tests.sizewise.core.planned import planned

Use = Callable[[Path], Any]
"""Is given an empty folder, and ends well where the limit is high enough."""


def _option(name: str, value: Any) -> Use:
    return lambda _: fill(SweepSettings, {name: value})


def _text(read: Callable[[Path], Any], content: str) -> Use:
    def use(folder: Path) -> None:
        (folder / "it.txt").write_text(content)
        read(folder / "it.txt")

    return use


def _counted(path: Path) -> None:
    """Sizes of a CSV; its name says that it is one."""
    open_traffic(str(path.rename(path.with_suffix(".csv"))), TrafficOptions())


def _picture(folder: Path) -> None:
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(folder / "it.png")
    decode_picture(folder / "it.png")


def _code(folder: Path) -> None:
    del folder
    check_segment(encode_mask(np.eye(16, dtype=np.bool_)), 16, 16)


def _packed(folder: Path) -> None:
    _saved(folder, zipfile.ZIP_DEFLATED)


def _saved(folder: Path, packing: int = zipfile.ZIP_STORED) -> None:
    """A state dict of zeros."""
    file = io.BytesIO()
    torch.save({"a": torch.zeros(100_000)}, file)
    with (
        zipfile.ZipFile(file) as archive,
        zipfile.ZipFile(folder / "it.pt", "w", packing) as copy,
    ):
        for name in archive.namelist():
            copy.writestr(name, archive.read(name))
    assert read_tensors(folder / "it.pt")["a"].shape == (100_000,)


def _plan(folder: Path) -> None:
    write_plan(planned(), folder / "plan.json")
    read_plan(folder)


def _array(folder: Path) -> None:
    np.save(folder / "it.npy", np.zeros(3))
    load_array(folder / "it.npy")


def _trials(folder: Path) -> None:
    settings = SweepSettings(backends=("fake",), sizes=Sizes.parse("32,64"))
    plan_sweep([colours(folder / "it.onnx")], settings, environment_fingerprint="here")


def _graph(change: Callable[[onnx.ModelProto], object]) -> Use:
    def use(folder: Path) -> None:
        proto = plain()
        change(proto)
        (folder / "it.onnx").write_bytes(proto.SerializeToString())
        load_onnx(folder / "it.onnx")

    return use


_COCO = json.dumps({"images": [], "categories": []})
USES: dict[Limit, Use] = {
    limits.PICTURE_PIXELS: _picture,
    limits.OUTLINE_PIXELS: lambda _: check_segment([[0, 0, 9, 0, 9, 9]], 16, 16),
    limits.RUN_LENGTH_CODE: _code,
    limits.ANNOTATION_BYTES: _text(load_coco_json, _COCO),
    limits.TEXT_BYTES: _text(read_names, "cat"),
    limits.CLASSES: _text(read_names, "cat\ndog"),
    limits.TRAFFIC: _text(_counted, "1,1\n1,1\n"),
    limits.TRAFFIC_BYTES: _text(_counted, "1,1\n1,1\n"),
    limits.PLAN_BYTES: _plan,
    limits.WEIGHT_BYTES: _saved,
    limits.ARCHIVE_RATIO: _packed,
    limits.ARCHIVE_ENTRIES: _saved,
    limits.ARRAY_BYTES: _array,
    limits.MANIFEST_BYTES: _text(manifest_bytes, "{}"),
    limits.TIMING_BYTES: _text(lambda path: read_file(path, limits.TIMING_BYTES), "timings"),
    limits.TOML_BYTES: _text(read_toml, "a = 1"),
    limits.TOML_NESTING: _text(read_toml, "a = [[1]]"),
    limits.LIST_LENGTH: _option("backends", ["fake", "fake"]),
    limits.SIDE_PX: lambda _: Size.parse("32x2"),
    limits.SIZES: lambda _: Sizes.parse("32:96:32"),
    limits.ENGINES: lambda _: engine_specs(
        (fill(EngineAxes, {"backends": ["fake"], "sizes": "32", "batch": "1,2"}),)
    ),
    limits.TRIALS: _trials,
    limits.BATCH: _option("batch", 2),
    limits.THREADS: _option("threads", 2),
    limits.WORKERS: lambda _: fill(TrainOptions, {"workers": 2}),
    limits.QUEUE: lambda _: fill(ServeOptions, {"queue": 2}),
    limits.REPLICAS: _option("replicas", 2),
    limits.PROCESSES: _option("processes", 2),
    limits.ROUNDS: _option("rounds", 2),
    limits.CALLS: _option("block_calls", 2),
    onnx_limits.NODES: _graph(lambda proto: functions(proto, 3)),
    onnx_limits.DEPTH: _graph(HOSTILE["branches within branches"][0]),
    onnx_limits.CALLS: _graph(lambda proto: functions(proto, 3)),
    onnx_limits.RUNS: _graph(lambda proto: functions(proto, 3)),
    onnx_limits.DIMENSIONS: _graph(lambda proto: None),
    onnx_limits.ELEMENTS: _graph(lambda proto: None),
    onnx_limits.WEIGHTS: _graph(lambda proto: None),
}

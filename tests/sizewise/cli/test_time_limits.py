"""A model that never ends once it sees a certain picture: evaluate and predict end all the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from engines.store.building import build_engine
from sizewise.core import codec
from sizewise.core.errors import EngineError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import EngineSpec, Profile, Size
from sizewise.pipeline.accuracy import engine_candidates
from tests.bench.models import colours
from tests.sizewise.cli.conftest import Cli
from tests.sizewise.core.children.processes import PATIENCE_S, soon

pytest.importorskip("onnxruntime")
SIDE = 32
LIMIT = ("--timeout-s", "2")
MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
from sizewise.cli import main
main()
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engine")
    profile = Profile(min=Size(SIDE, SIDE), opt=Size(SIDE, SIDE), max=Size(64, 64))
    spec = EngineSpec(backend="onnxruntime", strategy="dynamic", profiles=(profile,))
    model = codec.to_plain(read_model(endless(folder.parent / "endless.onnx")))
    build_engine(model, codec.to_plain(spec), str(folder))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One white picture."""
    folder = tmp_path_factory.mktemp("data")
    Image.new("RGB", (SIDE, SIDE), "white").save(folder / "white.png")
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 8, 8]}
    coco = {
        "images": [{"id": 1, "file_name": "white.png", "height": SIDE, "width": SIDE}],
        "annotations": [box],
        "categories": [{"id": 1, "name": "red"}, {"id": 2, "name": "blue"}],
    }
    (folder / "val.json").write_text(json.dumps(coco))
    return folder / "val.json"


def endless(path: Path) -> Path:
    """Finds what `colours` does, and turns 10^18 times in a loop where a picture is bright: the
    noise that engines are built with is not."""
    model = onnx.load(colours(path).path)
    graph = model.graph
    (boxes,) = (node for node in graph.node if "boxes" in node.output)
    boxes.output[0] = "found"
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["goes_on"]),
            helper.make_node("Add", ["sum", "sum"], ["next_sum"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next_sum", TensorProto.FLOAT, []),
        ],
    )
    graph.node.extend(
        [
            helper.make_node("ReduceMax", ["means"], ["mean"], keepdims=0),
            helper.make_node("Add", ["mean", "a_quarter"], ["more"]),
            helper.make_node("Floor", ["more"], ["bright"]),
            helper.make_node("Mul", ["bright", "many"], ["as_many"]),
            helper.make_node("Cast", ["as_many"], ["turns"], to=TensorProto.INT64),
            helper.make_node("Loop", ["turns", "", "zero"], ["nothing_more"], body=body),
            helper.make_node("Add", ["found", "nothing_more"], ["boxes"]),
        ]
    )
    for name, value in (("many", 1e18), ("a_quarter", 0.25)):
        graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
    onnx.save(model, path)
    return path


def test_evaluate_and_predict_end_and_say_how_to_raise_the_limit(
    cli: Cli, engine: Path, data: Path, tmp_path: Path
) -> None:
    for line in (
        ("evaluate", engine, "--data", data, "--sizes", f"{SIDE},64", *LIMIT),
        ("predict", engine, data.parent / "white.png", "--out", tmp_path, *LIMIT),
    ):
        said = cli(*line)
        assert said.code == 1, said
        last = said.err.strip().splitlines()[-1]
        assert f"The engine of {engine.name} did not end within 2 s" in last
        assert "Raise the limit with --timeout-s" in last


def test_after_a_call_without_end_no_other_size_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Size] = []

    def late(engine: object, evaluator: object, data: object, size: Size, *_: object) -> None:
        tried.append(size)
        if size.height > SIDE:
            raise EngineError("The engine did not end", "it hangs", "Wait.", reason_code="timeout")

    monkeypatch.setattr(engine_candidates, "_accuracy", late)
    monkeypatch.setattr("bench.accuracy.engine.find_evaluator", lambda *_: SimpleNamespace())
    nothing: Any = None
    sizes = [Size(side, side) for side in (SIDE, 64, 96, 128)]
    found = dict(engine_candidates.evaluate_engine(nothing, nothing, nothing, sizes))
    assert tried == sizes[:2]
    assert list(found) == sizes
    assert str(found[sizes[3]]) == (
        "This size was not tried: at 64x64, the engine did not end. Wait."
    )


@pytest.mark.skipif(sys.platform == "win32", reason="it has other signals")
def test_ctrl_c_ends_a_call_without_end_and_leaves_nothing(
    engine: Path, data: Path, tmp_path: Path
) -> None:
    """Python hears nothing while a library is at work, so the work is in another process."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, "evaluate", str(engine), "--data", str(data)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        try:
            assert soon(lambda: any(temporary.glob("*/given.bin")))
            command.send_signal(signal.SIGINT)
            _, said = command.communicate(timeout=PATIENCE_S)
        finally:
            command.kill()
    assert command.returncode == 128 + signal.SIGINT, said
    assert "Interrupted" in said
    assert list(temporary.iterdir()) == []

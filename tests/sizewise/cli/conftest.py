"""A tiny detector as an ONNX file, and the command line called in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bench.sweep import sweep
from sizewise.cli.front import run_command_line
from sizewise.core.onnxfiles.model import write_card
from sizewise.core.specs import ModelCard
from tests.bench.factories import launch_in_process, quietly


@dataclass(frozen=True)
class Said:
    """What a command line gave: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


Cli = Callable[..., Said]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    def call(*arguments: object) -> Said:
        code = run_command_line([str(a) for a in arguments])
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return call


@pytest.fixture
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of a tiny training wait for each other for much longer than they compute."""
    monkeypatch.setattr("sizewise.core.machine.cores.allowed_cpus", lambda: frozenset({0}))


@pytest.fixture
def quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing disturbs a sweep: the tests beside it would have it measure every round again."""
    monkeypatch.setattr("bench.sweep.sweep", partial(sweep, watch=quietly))


@pytest.fixture
def measured_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep on a quiet machine whose engines live in this process, for tests of something else
    than how it measures: each child takes a second or two."""
    here = partial(sweep, launch=launch_in_process, watch=quietly)
    monkeypatch.setattr("bench.sweep.sweep", here)


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "tiny.onnx")


def write_tiny(path: Path) -> Path:
    """One 8-pixel-stride convolution: images [b, 3, h, w] → mask_logits-like maps."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((4, 3, 8, 8)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["images", "w"], ["maps"], strides=[8, 8])],
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["b", 4, "h8", "w8"])],
        [numpy_helper.from_array(weights, "w")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    write_card(proto, ModelCard(network="tiny", stride=8))
    onnx.save(proto, path)
    return path


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans without what shows them, which takes longer than all else."""
    making = "sizewise.pipeline.records.planning.making"
    monkeypatch.setattr(f"{making}.save", lambda figure, path: None)
    monkeypatch.setattr(f"{making}.plan_figure", lambda plan: None)
    monkeypatch.setattr(f"{making}.why_no_page", lambda name: f"{name} is not written.")

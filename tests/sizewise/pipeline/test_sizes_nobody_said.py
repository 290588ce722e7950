"""Models that take the picture's size: Paddle's take the height first, RT-DETR the width."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

import sizewise as sw
from sizewise.core.errors import InputError, UsageError
from tests.bench.models import colours
from tests.bench.pictures import write_pictures

NAME = "orig_target_sizes"
Command = Callable[[Path, Path], object]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A detector that is given a size, too."""
    path = colours(tmp_path / "sized.onnx").path
    proto = onnx.load(path)
    proto.graph.input.append(helper.make_tensor_value_info(NAME, TensorProto.INT64, ["batch", 2]))
    onnx.save(proto, path)
    return path


def evaluated(model: Path, data: Path) -> object:
    return sw.evaluate(model, data=str(data), sizes="64,64x96")


def measured(model: Path, data: Path) -> object:
    keys: dict[str, Any] = {"backends": ["onnxruntime"], "strategies": ["dynamic"]}
    return sw.bench(model, out=data.parent / "bench", data=str(data), sizes="64,64x96", **keys)


def predicted(model: Path, data: Path) -> object:
    return sw.predict(model, data.parent / "0.png", out=data.parent / "drawn", size="64x96")


@pytest.mark.parametrize("command", [evaluated, measured, predicted])
def test_nothing_is_found_by_a_size_whose_order_nobody_said(
    command: Command, model: Path, tmp_path: Path
) -> None:
    with pytest.raises((InputError, UsageError)) as caught:
        command(model, write_pictures(tmp_path))
    assert f"its input {NAME} is given height, width, which nobody said" in caught.value.why
    assert "64x96 is not square" in caught.value.why
    assert f"{NAME}=height,width or width,height" in caught.value.why

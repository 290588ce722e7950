"""Adaptive pooling of free sizes, against PyTorch's own kernels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from exporter.export import export
from sizewise.core.errors import ExportError
from sizewise.core.specs import ModelCard, Size

CARD = ModelCard(network="pools", stride=8)


class Pools(nn.Module):
    """All kinds of them, over maps whose sides are free."""

    names = ("grid", "largest", "rows", "columns", "half", "line", "best")

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        rows, columns = images.shape[2:]
        line = images.flatten(2)
        return (
            functional.adaptive_avg_pool2d(images, (3, 6)),
            functional.adaptive_max_pool2d(images, (5, 2)),
            functional.adaptive_avg_pool2d(images, (None, 1)),
            functional.adaptive_avg_pool2d(images, (1, None)),
            functional.adaptive_avg_pool2d(images, (rows // 2, columns // 2)),
            functional.adaptive_avg_pool1d(line, 7),
            functional.adaptive_max_pool1d(line, 7),
        )


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> onnxruntime.InferenceSession:
    path = tmp_path_factory.mktemp("pools") / "pools.onnx"
    export(Pools(), CARD, path, output_names=Pools.names, example=Size(40, 64))
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@settings(max_examples=30)
@given(
    batch=st.integers(1, 3),
    height=st.integers(2, 20).map(lambda n: n * 8),
    width=st.integers(2, 20).map(lambda n: n * 8),
)
def test_pools_of_any_size_agree_with_eager(
    session: onnxruntime.InferenceSession, batch: int, height: int, width: int
) -> None:
    images = torch.rand(batch, 3, height, width)
    given = session.run(None, {"images": images.numpy()})
    for ours, theirs in zip(given, Pools()(images), strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5, atol=1e-6)


class One(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return functional.adaptive_avg_pool2d(images, 1).flatten(1)


def test_a_pool_of_one_cell_is_a_mean_as_before(tmp_path: Path) -> None:
    path = tmp_path / "one.onnx"
    export(One(), CARD, path, output_names=("one",), example=Size(40, 64))
    types = {node.op_type for node in onnx.load(path).graph.node}
    assert "ReduceMean" in types
    assert not types & {"MatMul", "Range"}


class Odd(nn.Module):
    """Three rows of what is no multiple of three."""

    def forward(self, images: Tensor) -> Tensor:
        return functional.adaptive_max_pool2d(images, 3)


def test_a_maximum_of_a_fixed_size_that_is_no_multiple_is_exported(tmp_path: Path) -> None:
    path = tmp_path / "odd.onnx"
    export(Odd(), CARD, path, output_names=("odd",), example=Size(40, 64), dynamic=False)
    images = torch.rand(2, 3, 40, 64)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.run(None, {"images": images.numpy()})
    np.testing.assert_array_equal(given, Odd()(images).numpy())


class Places(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        values, places = functional.adaptive_max_pool2d(images, 3, return_indices=True)
        return values + places


class Free(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        free: Any = (None, 1)
        return functional.adaptive_max_pool2d(images, free)


@pytest.mark.parametrize("module", [Places(), Free()])
def test_maxima_with_places_or_of_free_grids_are_refused(module: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"in \S*test_pooling.py:\d+ \(.*adaptive_max") as caught:
        export(module, CARD, tmp_path / "a.onnx", output_names=("a",), example=Size(40, 64))
    assert re.search("indices|values alone", caught.value.todo)

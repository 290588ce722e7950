"""Suppression inside a graph: every engine finds what NumPy finds, at every strategy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from engines.registry import find_backend
from engines.store.opening import open_engine
from exporter.suppression.convert import with_suppression
from sizewise.core.errors import BuildError
from sizewise.core.specs import (
    EngineArtifact,
    EngineSpec,
    ExportedModel,
    Profile,
    Size,
    Suppression,
)
from tests.exporter.detectors import Floats, suppressed, write_cells

Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
SIZES = (Size(64, 64), Size(64, 96), Size(128, 96))
THIS = Suppression(max_detections=20)
SIDE = 40
MARGIN = 1e-4


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    folder = tmp_path_factory.mktemp("suppressed")
    return with_suppression(write_cells(folder / "cells.onnx"), THIS, folder / "made.onnx")


def blocks(images: int, size: Size, seed: int) -> Floats:
    """[B, rows, columns, 3]: the colours of 8×8 pixels, of which no two are nearly equal."""
    shape = (images, size.height // 8, size.width // 8, 3)
    ranks = np.random.default_rng(seed).permutation(np.prod(shape)) + 1
    return (ranks / (ranks.size + 1)).reshape(shape).astype(np.float32)


def pictures(colours: Floats) -> Floats:
    whole = colours.repeat(8, axis=1).repeat(8, axis=2)
    return np.ascontiguousarray(whole.transpose(0, 3, 1, 2))


def expected(colours: Floats) -> Floats:
    """What there is to find, as long as no overlap is too close to the threshold to be sure."""
    cells = colours.reshape(len(colours), -1, 3)
    low = cells[..., [2, 1]] * 80
    boxes = np.concatenate([low, low + SIDE], axis=2)
    around = (replace(THIS, iou_threshold=THIS.iou_threshold + d) for d in (-MARGIN, 0, MARGIN))
    below, found, above = (suppressed(boxes, cells[..., :2], each) for each in around)
    assert_array_equal(below, above)
    return found


def spec(backend: str, batch: int, *sizes: Size) -> EngineSpec:
    found = find_backend(backend)
    return EngineSpec(
        backend=backend,
        strategy="static" if len(sizes) == 1 else "dynamic",
        profiles=(Profile.spanning(sizes),),
        batch_size=batch,
        graph_fusion=found.default_graph_fusion,
        options=found.options_type(),
    )


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("sizes", [SIZES[1:2], SIZES], ids=["static", "dynamic"])
def test_an_engine_finds_what_numpy_finds(
    build: Build, model: ExportedModel, backend: str, batch: int, sizes: tuple[Size, ...]
) -> None:
    pytest.importorskip(backend)
    artifact = build(model, spec(backend, batch, *sizes))
    assert artifact.achieved.summary == "fp32"
    with open_engine(artifact) as session:
        for size in (*sizes, sizes[0]):
            colours = blocks(batch, size, seed=1)
            colours[1:] *= np.array([0.3, 0.2], np.float32)[: batch - 1, None, None, None]
            found = session.infer({"pictures": pictures(colours)})["detections"]
            assert_allclose(found, expected(colours), atol=1e-3)
            counts = (found[..., 5] >= 0).sum(axis=1)
            assert counts[0] == THIS.max_detections
            assert batch == 1 or (0 < counts[1] < THIS.max_detections and counts[2] == 0)


@pytest.mark.parametrize("beside", [False, True])
def test_the_torch_back_end_has_no_such_program(
    model: ExportedModel, tmp_path: Path, beside: bool
) -> None:
    """Not even where the program of an earlier export stands beside the file."""
    pytest.importorskip("torch")
    here = replace(model, path=tmp_path / "made.onnx")
    if beside:
        here.program_path.write_bytes(b"of another export")
    with pytest.raises(BuildError, match="NMS is in its graph") as caught:
        find_backend("torch_eager").build(here, spec("torch_eager", 1, *SIZES), tmp_path)
    assert caught.value.reason_code == "unsupported_source"

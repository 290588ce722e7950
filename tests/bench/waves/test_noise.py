"""What NMS inside finds in the noise that calls are given, and in a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from bench.audit.cells import engine_of
from docs.make.method.noise import CANDIDATES, NMS, SIZE, detector, picture_of
from engines.base import Array, example_inputs
from engines.store.opening import open_engine
from sizewise.core.specs import EngineArtifact, Size


def _scores(folder: Path, pictures: Array) -> Array:
    """Of the graph without NMS."""
    session = onnxruntime.InferenceSession(
        folder / "cells.onnx", providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run(["scores"], {"pictures": pictures})[0])


@pytest.fixture
def engine(tmp_path: Path, built_here: None) -> EngineArtifact:
    return engine_of(detector(tmp_path), "onnxruntime", Size(160, 160), 1, tmp_path / "engines")


def test_noise_has_no_candidate_and_a_picture_has_some(
    engine: EngineArtifact, tmp_path: Path
) -> None:
    size = Size(160, 160)
    noise, picture = example_inputs(engine, 1, size), {"pictures": picture_of(size)}
    with open_engine(engine) as session:
        for given, some in ((noise, False), (picture, True)):
            session.bind(given)
            session.enqueue()
            session.synchronize()
            found = session.outputs()["detections"]
            assert bool((found[..., 5] >= 0).any()) is some
            above = _scores(tmp_path, given["pictures"]) > NMS.score_threshold
            assert bool(above.any()) is some


def test_the_picture_of_the_page_has_so_many_candidates(tmp_path: Path) -> None:
    detector(tmp_path)
    scores = _scores(tmp_path, picture_of(SIZE))
    assert scores.shape[1] == SIZE.pixels // 64
    assert np.count_nonzero(scores > NMS.score_threshold) == CANDIDATES

"""Engines of a sweep: what is found out about their models, once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import builds
from bench.builds import Builds
from bench.waves.launch import Limits
from bench.waves.measured import State
from sizewise.core.errors import InferenceError
from sizewise.core.specs import EngineSpec, Profile, Size


def planned(backend: str, side: int) -> Any:
    size = Size(side, side)
    spec = EngineSpec(backend=backend, strategy="static", profiles=(Profile.fixed(size),))
    model = SimpleNamespace(sha256="ab")
    trial = SimpleNamespace(spec=spec, cell=None)
    return SimpleNamespace(model=model, trial=trial, python="")


def test_a_model_that_gives_no_finite_numbers_makes_its_trials_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO turns some NaN into numbers, so that its own outputs say nothing."""
    asked: list[Size] = []

    def not_finite(model: object, batch_size: int, size: Size, *, timeout_s: float) -> None:
        asked.append(size)
        raise InferenceError("No", "NaN", "Look.", reason_code="numerics")

    monkeypatch.setattr(builds, "obtain_engine", lambda *_, **__: "built")
    monkeypatch.setattr(builds, "demand_finite", not_finite)
    made = Builds(tmp_path, Limits(timeout_s=60))
    for side in (64, 96):
        with pytest.raises(InferenceError) as caught:
            made.obtain(planned("openvino", side))
        assert State.of(caught.value).status == "invalid"
    assert asked == [Size(64, 64)]

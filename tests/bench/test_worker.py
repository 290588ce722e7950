"""The worker in this process: what it weighs, and what it calls."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.timing import readings
from bench.worker import Worker
from engines.backends.fake import FakeOptions, FakeSession
from engines.base import Array
from engines.store.cache import obtain_engine
from sizewise.core import codec
from sizewise.core.specs import EngineArtifact, EngineSpec, Profile, Size
from sizewise.core.trials import Memory
from tests.bench.models import colours

LIBRARIES, OPENING, CALLS = 100, 300, 200
"""Peaks in bytes: before the engine is opened, of its opening alone, and of its calls alone."""


@pytest.fixture
def engine(tmp_path: Path, built_here: None) -> EngineArtifact:
    sizes = (Size(32, 32), Size(64, 64))
    spec = EngineSpec(
        backend="fake",
        strategy="dynamic",
        profiles=(Profile.spanning(sizes),),
        options=FakeOptions(),
    )
    return obtain_engine(colours(tmp_path / "model.onnx"), spec, tmp_path / "engines")


@pytest.mark.parametrize("own_peak", [True, False], ids=["set back", "for good"])
def test_peaks_are_apart_where_the_system_sets_them_back(
    engine: EngineArtifact, monkeypatch: pytest.MonkeyPatch, own_peak: bool
) -> None:
    peaks = iter([LIBRARIES, OPENING, CALLS if own_peak else OPENING])
    monkeypatch.setattr(readings, "peak_bytes", lambda: next(peaks))
    monkeypatch.setattr(readings, "reset_peak", lambda: own_peak)
    monkeypatch.setattr(readings, "resident_bytes", lambda: 150)
    monkeypatch.setattr(readings, "device_bytes", lambda: None)
    worker = Worker(str(engine.path), "32x32")
    worker.open()
    worker.warm_up(1)
    assert codec.from_plain(worker.memory(), Memory) == Memory(
        before_bytes=LIBRARIES,
        peak_bytes=OPENING,
        run_peak_bytes=CALLS if own_peak else None,
        rest_bytes=150,
    )
    worker.close()


def test_where_peaks_are_for_good_a_larger_one_in_calls_is_the_peak_of_both(
    engine: EngineArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    peaks = iter([LIBRARIES, OPENING, OPENING + CALLS])
    monkeypatch.setattr(readings, "peak_bytes", lambda: next(peaks))
    monkeypatch.setattr(readings, "reset_peak", lambda: False)
    worker = Worker(str(engine.path), "32x32")
    worker.open()
    memory = codec.from_plain(worker.memory(), Memory)
    assert (memory.peak_bytes, memory.run_peak_bytes) == (OPENING + CALLS, None)
    worker.close()


def test_without_peaks_there_is_no_memory(
    engine: EngineArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "peak_bytes", lambda: None)
    worker = Worker(str(engine.path), "32x32")
    worker.open()
    assert worker.memory() is None
    worker.close()


def test_a_walk_calls_the_engine_at_each_size_and_then_at_its_own(
    engine: EngineArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[tuple[int, ...]] = []
    bind = FakeSession._bind

    def noting(session: FakeSession, images: Array, further: Mapping[str, Array]) -> None:
        bound.append(images.shape[2:])
        bind(session, images, further)

    worker = Worker(str(engine.path), "32x32")
    worker.open()
    monkeypatch.setattr(FakeSession, "_bind", noting)
    worker.walk(["40x48", "32x32", "64x64"])
    assert bound == [(40, 48), (32, 32), (64, 64), (32, 32)]
    worker.close()

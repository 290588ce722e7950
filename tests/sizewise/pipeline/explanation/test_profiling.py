"""Profiles of layers: what a runtime does not tell, what fails, and what disturbs them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engines.explaining import LayerTime, LayerTimes
from sizewise.core.errors import BuildError
from sizewise.core.specs import Size
from sizewise.core.specs.explained.layers import EngineTime, LayerRun
from sizewise.core.trials import Reading
from sizewise.pipeline.explanation.profiling import Profiles, profile_layers
from tests.sizewise.pipeline.heard import Heard

SIZE = Size(32, 64)
OURS, PARENT = Path("net.int8.onnx"), Path("net.onnx")


def times(total_ms: float, **layers: float) -> LayerTimes:
    found = {name: LayerTime(ms=ms, precision="int8") for name, ms in layers.items()}
    return LayerTimes(total_ms=total_ms, layers=found)


def profiled(
    patch: pytest.MonkeyPatch, known: dict[Path, LayerTimes], heard: Heard, load: float = 0.0
) -> Profiles:
    """Of layers a and b; a file that is not ``known`` fails."""

    def profile(model: Any, *_: object) -> LayerTimes:
        if model.path not in known:
            raise BuildError("It failed", "it did", "Try again.")
        return known[model.path]

    patch.setattr("sizewise.pipeline.models.one_engine.profiled", profile)
    patch.setattr("bench.gate.reading", lambda *_: Reading(load=load))
    ours: Any = SimpleNamespace(path=OURS)
    parent: Any = SimpleNamespace(path=PARENT)
    given: Any = heard
    return profile_layers(
        ours, parent, ("a", "b"), backends=("fake",), sizes=(SIZE,), reporter=given
    )


def test_a_layer_gains_what_it_takes_less_than_in_the_parent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {OURS: times(4.0, a=1.0), PARENT: times(9.0, a=3.0, b=2.0)}
    found = profiled(monkeypatch, known, heard := Heard())
    (run,) = found.runs["a"]
    assert run == LayerRun(
        backend="fake", size=SIZE, precision="int8", ms=1.0, share=0.25, gained_ms=2.0
    )
    assert found.runs["b"] == (LayerRun(backend="fake", size=SIZE),), "it is not told here"
    (time,) = found.engines
    assert time == EngineTime(backend="fake", size=SIZE, total_ms=4.0, layers_ms=1.0, parent_ms=9.0)
    assert (found.disturbed, heard.remarks) == ("", [])


def test_where_the_parent_fails_nothing_is_known_of_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    found = profiled(monkeypatch, {OURS: times(4.0, a=1.0)}, Heard())
    (run,) = found.runs["a"]
    assert (run.ms, run.gained_ms) == (1.0, None)
    assert [one.file for one in found.refused] == [PARENT]
    assert found.engines[0].parent_ms is None


def test_where_the_file_fails_its_parent_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    found = profiled(monkeypatch, {PARENT: times(9.0, a=3.0)}, Heard())
    assert [one.file for one in found.refused] == [OURS]
    assert (found.engines, found.runs) == ((), {"a": (), "b": ()})


def test_times_on_a_busy_machine_are_said_to_be_unreliable(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {OURS: times(4.0, a=1.0), PARENT: times(9.0, a=3.0)}
    found = profiled(monkeypatch, known, heard := Heard(), load=0.5)
    assert found.disturbed == "other programs took 50 % of the cores"
    (said,) = heard.remarks
    assert said.startswith("Times of layers are unreliable: other programs took 50 % of the cores.")

"""The layers that a limit keeps, by errors and profiles that are made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from exporter.sensitivity import Sensitivity
from sizewise.core.errors import BuildError, ExportError
from sizewise.core.specs import KeptLayer, Size
from sizewise.core.specs.explained.layers import EngineTime, LayerRun
from sizewise.pipeline.accuracy.keeping import keep_fewest
from sizewise.pipeline.explanation.profiling import Profiles, Refused
from tests.sizewise.pipeline.heard import Heard

SIZE = Size(32, 64)
HARMLESS = {f"harmless{k}": (1e-4, 1.0) for k in range(6)}
"""Error and ms gained of layers that cost no accuracy."""


@dataclass
class Made:
    """A conversion and its profile: error and ms gained by layer, and the points that each loses.
    ``refusal`` is why no engine could be profiled."""

    monkeypatch: pytest.MonkeyPatch
    layers: Mapping[str, tuple[float, float]]
    points: Mapping[str, float]
    precision: str = "int8"
    refusal: str = ""
    heard: Heard = field(default_factory=Heard)

    def kept(self, limit: float, already: tuple[str, ...] = ()) -> tuple[KeptLayer, ...]:
        errors = [Sensitivity(layer=name, error=error) for name, (error, _) in self.layers.items()]
        errors.sort(key=lambda one: -one.error)
        able = SimpleNamespace(
            can_run=lambda: SimpleNamespace(ok=True),
            precisions=("int8", "int8+fp16"),
            refused_precisions={},
        )
        home = "sizewise.pipeline.accuracy.keeping"
        self.monkeypatch.setattr("exporter.sensitivity.layer_errors", lambda *_: tuple(errors))
        self.monkeypatch.setattr(f"{home}.profilers", lambda: {"fake": able})
        self.monkeypatch.setattr(f"{home}.profile_layers", self._profile)
        conversion: Any = SimpleNamespace(
            precision=SimpleNamespace(name=self.precision),
            settings=SimpleNamespace(median_size=(SIZE,)),
            layers=tuple(self.layers),
            model=SimpleNamespace(path=Path("net.onnx")),
            graph=lambda kept: kept,
            draft=lambda graph, path: path,
        )
        reporter: Any = self.heard
        return keep_fewest(conversion, already, limit, self._loss, reporter)

    def _loss(self, further: tuple[str, ...]) -> float:
        return sum(points for name, points in self.points.items() if name not in further)

    def _profile(self, *_: object, **__: object) -> Profiles:
        if self.refusal:
            error = BuildError("It failed", self.refusal, "Try again.")
            refused = Refused(backend="fake", size=SIZE, file=Path("net.onnx"), error=error)
            return Profiles(runs={}, engines=(), refused=(refused,))
        runs = {
            name: (LayerRun(backend="fake", size=SIZE, gained_ms=gained),)
            for name, (_, gained) in self.layers.items()
        }
        time = EngineTime(backend="fake", size=SIZE, total_ms=9.0, layers_ms=9.0)
        return Profiles(runs=runs, engines=(time,))


def test_what_costs_little_and_gains_nothing_is_kept_before_what_gains_a_lot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Either would meet the limit."""
    layers = HARMLESS | {"idle": (0.1, 0.0), "fast": (0.5, 5.0)}
    made = Made(monkeypatch, layers, {"idle": 0.6, "fast": 0.9})
    (kept,) = made.kept(1.0)
    assert kept == KeptLayer(layer="idle", error=0.1, gained_ms=0.0, backends=("fake",), size=SIZE)
    assert made.heard.remarks == [
        "Layers are ranked by their error at the heads per ms gained, in fake at 32x64.",
        "These layers stay in FP32: idle (error 10.00%, +0.000 ms gained).",
    ]


def test_where_no_engine_can_be_profiled_errors_alone_rank_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layers = HARMLESS | {"idle": (0.1, 0.0), "fast": (0.5, 5.0)}
    made = Made(monkeypatch, layers, {"idle": 0.6, "fast": 0.9}, refusal="it did")
    (kept,) = made.kept(1.0)
    assert kept == KeptLayer(layer="fast", error=0.5)
    ranking, said = made.heard.remarks
    assert ranking == (
        "Layers are ranked by their error at the heads alone, for no back end here tells the time "
        "of each (fake: net.onnx can't be profiled: It failed: it did. Try again.)."
    )
    assert said == "These layers stay in FP32: fast (error 50.00%)."


def test_a_back_end_that_does_not_take_the_precision_is_not_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Made(monkeypatch, HARMLESS | {"a": (0.5, 1.0)}, {"a": 2.0}, precision="fp8")
    assert [one.layer for one in made.kept(1.0)] == ["a"]
    assert "(fake: it takes no fp8)" in made.heard.remarks[0]


def test_where_half_of_them_by_ms_are_not_enough_errors_alone_rank_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one that loses all is the last by ms, and the first by its error."""
    idle = {f"idle{k}": (0.1, 0.0) for k in range(7)}
    made = Made(monkeypatch, idle | {"fast": (0.5, 100.0)}, {"fast": 9.0})
    assert [one.layer for one in made.kept(1.0)] == ["fast"]
    assert any("not enough in this order" in one for one in made.heard.remarks)


@pytest.mark.parametrize(("precision", "rest"), [("int8", "FP32"), ("int8+fp16", "FP16")])
def test_where_half_of_them_are_not_enough_the_worst_are_named(
    monkeypatch: pytest.MonkeyPatch, precision: str, rest: str
) -> None:
    every = {f"bad{k}": (0.5, 1.0) for k in range(4)}
    made = Made(monkeypatch, every, dict.fromkeys(every, 2.0), precision=precision)
    with pytest.raises(ExportError, match=f"4.00 points with the 2 .* layers in {rest}; .*bad0"):
        made.kept(1.0)


def test_layers_that_were_requested_are_neither_ranked_nor_kept_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Made(monkeypatch, HARMLESS | {"a": (0.5, 1.0), "b": (0.4, 1.0)}, {"b": 2.0})
    assert [one.layer for one in made.kept(1.0, already=("a",))] == ["b"]


def test_an_error_without_end_does_not_get_into_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made(monkeypatch, HARMLESS | {"a": (float("inf"), 1.0)}, {"a": 2.0})
    (kept,) = made.kept(1.0)
    assert (kept.layer, kept.error) == ("a", None)
    assert "a (error without end, +1.000 ms gained)" in made.heard.remarks[-1]

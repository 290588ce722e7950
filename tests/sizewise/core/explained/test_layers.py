"""Layers in the order in which keeping them out of a precision pays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizewise.core.specs import Size
from sizewise.core.specs.explained.layers import (
    EngineTime,
    ExplainedLayer,
    LayerRun,
    by_cost_per_ms,
)

SIZE = Size(32, 32)


def explained(name: str, *gained: float | None, **known: Any) -> ExplainedLayer:
    runs = tuple(LayerRun(backend="fake", size=SIZE, gained_ms=ms) for ms in gained)
    return ExplainedLayer(
        name=name, requested="int8", converted=known.pop("converted", True), runs=runs, **known
    )


def names(layers: list[ExplainedLayer]) -> list[str]:
    return [one.name for one in by_cost_per_ms(layers)]


def test_layers_are_sorted_by_what_they_cost_per_ms() -> None:
    layers = [
        explained("kept", 0.0, error=0.9, converted=False),
        explained("unmeasured", 1.0),
        explained("unknown gain", None, error=0.5),
        explained("cheap", 1.0, error=0.1),
        explained("dear", 0.1, error=0.1),
        explained("harmless", 0.1, error=0.4, accuracy_loss=-0.1),
        explained("costs points", 1.0, error=0.3, accuracy_loss=2.0),
        explained("only costs", -0.1, error=0.2, accuracy_loss=0.1),
        explained("points, unknown gain", None, error=0.3, accuracy_loss=1.0),
    ]
    found = names(layers)
    assert found[:4] == ["only costs", "costs points", "harmless", "points, unknown gain"]
    assert found[4:7] == ["dear", "cheap", "unknown gain"]
    assert set(found[7:]) == {"kept", "unmeasured"}


def test_what_costs_a_little_and_gains_nothing_is_before_what_costs_more_and_gains_a_lot() -> None:
    little = explained("little", 0.0, error=0.02, accuracy_loss=0.2)
    more = explained("more", 1.0, error=0.1, accuracy_loss=2.0)
    assert names([more, little]) == ["little", "more"]


def test_what_costs_next_to_nothing_is_not_first_because_it_gains_nothing() -> None:
    """A profile does not tell a gain of nothing from a small one."""
    others = [explained(f"other {k}", 1.0, error=0.05) for k in range(3)]
    nothing = explained("nothing", -1e-6, error=1e-6)
    assert names([nothing, *others])[-1] == "nothing"


def test_the_gain_is_the_mean_of_the_back_ends_that_tell_it() -> None:
    assert explained("a", 1.0, None, 2.0, error=0.1).gained_ms == pytest.approx(1.5)
    assert explained("a", None, error=0.1).gained_ms is None
    assert explained("a", 1.0, error=0.1, converted=False).gained_ms is None


COSTS = st.integers(1, 1000).map(lambda k: k / 1000)
GAINS = st.floats(1e-3, 1e3)


@given(st.lists(COSTS, max_size=9), GAINS)
def test_where_all_gain_the_same_or_nothing_is_known_the_cost_decides(
    errors: list[float], gain: float
) -> None:
    expected = sorted(range(len(errors)), key=lambda k: -errors[k])
    for gained in ((), (gain,), (-gain,)):
        layers = [explained(str(k), *gained, error=error) for k, error in enumerate(errors)]
        assert names(layers) == [str(k) for k in expected]


@given(st.lists(st.tuples(COSTS, st.integers(-9, 99)), max_size=9), st.sampled_from([0.25, 4.0]))
def test_the_order_is_the_same_in_any_unit_of_time(
    layers: list[tuple[float, int]], unit: float
) -> None:
    found = [
        names([explained(str(k), gain * by, error=cost) for k, (cost, gain) in enumerate(layers)])
        for by in (1.0, unit)
    ]
    assert found[0] == found[1]


@given(st.lists(st.tuples(COSTS, GAINS), min_size=2, max_size=9))
def test_what_costs_more_and_gains_no_more_is_before(layers: list[tuple[float, float]]) -> None:
    made = [explained(str(k), gain, error=cost) for k, (cost, gain) in enumerate(layers)]
    order = [layers[int(name)] for name in names(made)]
    for place, (cost, gain) in enumerate(order):
        assert not any(less * 1.01 < cost and gain <= more for less, more in order[:place])


def test_the_rest_of_an_engine_is_what_no_layer_takes() -> None:
    rest = EngineTime(backend="b", size=SIZE, total_ms=4.0, layers_ms=3.0).rest
    assert (rest.ms, rest.share) == (1.0, 0.25)
    whole = EngineTime(backend="b", size=SIZE, total_ms=4.0, layers_ms=3.0, parent_ms=9.0).whole
    assert (whole.ms, whole.share, whole.gained_ms) == (4.0, 1.0, 5.0)
    assert EngineTime(backend="b", size=SIZE, total_ms=0.0, layers_ms=0.0).rest.share is None

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.timing.harness import Turn, measure_turn, warm_up
from engines.base import Array, Session
from sizewise.core.errors import InferenceError


@dataclass
class Scripted(Session):
    """Each call takes the next of ``latencies``, half of it in ``synchronize``."""

    latencies: Iterator[int]
    answer: float = 1.0
    now_ns: int = 0
    collecting: list[bool] = field(default_factory=list)

    def _bind(self, images: Array, further: Mapping[str, Array]) -> None:
        raise NotImplementedError

    def enqueue(self) -> None:
        self._latency = next(self.latencies)
        self.now_ns += self._latency // 2
        self.collecting.append(gc.isenabled())

    def synchronize(self) -> None:
        self.now_ns += self._latency - self._latency // 2

    def outputs(self) -> dict[str, Array]:
        return {"scores": np.array([self.answer, 0.5], np.float32), "count": np.array([1])}


def turn(calls: int, total_ns: int, cold: int = 0) -> Turn:
    return Turn(pause_s=0, cold_calls=cold, calls=calls, seconds=total_ns / 1e9)


@given(
    calls=st.integers(1, 20),
    cold=st.integers(0, 3),
    total=st.integers(0, 1000),
    latencies=st.lists(st.integers(1, 100), min_size=1),
)
@settings(deadline=None)
def test_a_turn_lasts_as_long_as_was_asked_and_not_a_call_longer(
    calls: int, cold: int, total: int, latencies: list[int]
) -> None:
    script = latencies * 1030
    session = Scripted(iter(script))
    sample = measure_turn(session, lambda: session.now_ns, turn(calls, total, cold))
    assert list(sample.latency_ns) == script[: len(sample.latency_ns)]
    assert sample.cold == cold
    assert sample.latency_ns[cold:] == sample.warm_ns
    count = len(sample.warm_ns)
    assert count >= calls
    assert sum(sample.warm_ns) >= total
    assert count == calls or sum(sample.warm_ns[:-1]) < total
    assert not any(session.collecting)
    assert gc.isenabled()


def test_one_call_that_takes_longer_than_a_second_is_enough() -> None:
    session = Scripted(iter([1_100_000_000] * 9))
    sample = measure_turn(session, lambda: session.now_ns, turn(5, 60_000_000, cold=2))
    assert (len(sample.latency_ns), sample.cold) == (2, 1)


def test_cold_calls_stand_in_no_figure() -> None:
    """Of a session whose first two calls in each turn cost double, figures are as without them."""
    script = [200, 200, 100, 100, 100, 100, 100]
    session = Scripted(iter(script))
    sample = measure_turn(session, lambda: session.now_ns, turn(5, 0, cold=2))
    assert sample.warm_ns == (100,) * 5
    assert list(sample.latency_ns) == script


@pytest.mark.parametrize("answer", [float("nan"), float("inf")])
def test_outputs_that_are_no_numbers_are_an_error(answer: float) -> None:
    with pytest.raises(InferenceError, match="scores is not finite") as caught:
        warm_up(Scripted(iter([]), answer=answer), calls=0)
    assert caught.value.reason_code == "numerics"


def test_warming_up_calls_as_often_as_was_asked() -> None:
    session = Scripted(iter(range(100)))
    warm_up(session, calls=7)
    assert next(session.latencies) == 7

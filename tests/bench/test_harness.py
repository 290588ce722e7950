from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.harness import Turn, measure_block, warm_up
from engines.base import Array, Session
from sizewise.core.errors import InferenceError


@dataclass
class Scripted(Session):
    """Each call takes the next of ``latencies``, half of it in ``synchronize``."""

    latencies: Iterator[int]
    answer: float = 1.0
    now_ns: int = 0
    collecting: list[bool] = field(default_factory=list)

    def _bind(self, images: Array) -> None:
        raise NotImplementedError

    def enqueue(self) -> None:
        self._latency = next(self.latencies)
        self.now_ns += self._latency // 2
        self.collecting.append(gc.isenabled())

    def synchronize(self) -> None:
        self.now_ns += self._latency - self._latency // 2

    def outputs(self) -> dict[str, Array]:
        return {"scores": np.array([self.answer, 0.5], np.float32), "count": np.array([1])}


@given(
    calls=st.integers(1, 20),
    total=st.integers(0, 1000),
    latencies=st.lists(st.integers(1, 100), min_size=1),
)
@settings(deadline=None)
def test_a_block_lasts_as_long_as_was_asked_and_not_a_call_longer(
    calls: int, total: int, latencies: list[int]
) -> None:
    script = latencies * 1020
    session = Scripted(iter(script))
    turn = Turn(rebuild=0, process=3, round=4, calls=calls, seconds=total / 1e9)
    block = measure_block(session, lambda: session.now_ns, turn)
    count = len(block.latency_ns)
    assert list(block.latency_ns) == script[:count]
    assert count >= calls
    assert sum(block.latency_ns) >= total
    assert count == calls or sum(block.latency_ns[:-1]) < total
    assert (block.process, block.round) == (3, 4)
    assert not any(session.collecting)
    assert gc.isenabled()


@pytest.mark.parametrize("answer", [float("nan"), float("inf")])
def test_outputs_that_are_no_numbers_are_an_error(answer: float) -> None:
    with pytest.raises(InferenceError, match="scores is not finite") as caught:
        warm_up(Scripted(iter([]), answer=answer), calls=0)
    assert caught.value.reason_code == "numerics"


def test_warming_up_calls_as_often_as_was_asked() -> None:
    session = Scripted(iter(range(100)))
    warm_up(session, calls=7)
    assert next(session.latencies) == 7

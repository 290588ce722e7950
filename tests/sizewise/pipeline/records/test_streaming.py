"""What a stream is compared with: how many pictures run, and what the plan says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.streaming import Streamed
from sizewise.core.specs import Size
from sizewise.core.specs.plan import Plan
from sizewise.core.specs.traffic import Traffic
from sizewise.pipeline.records.planning import streaming
from tests.sizewise.core.planned import LARGE, SMALL, planned

MS = {SMALL: 2.0, LARGE: 6.0}
NEW = Size(64, 64)
SLOWER = 1.5


@pytest.fixture(autouse=True)
def no_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each place takes what the plan says, on a machine that is slower; others take 3 ms."""

    def stream(
        engines: Sequence[Path],
        places: Sequence[tuple[int, Size]],
        order: Sequence[int],
        **limits: Any,
    ) -> Streamed:
        del engines, limits
        alone = tuple(SLOWER * MS.get(size, 3.0) for _, size in places)
        return Streamed(
            places=tuple(places),
            order=tuple(order),
            stream_ms=tuple(alone[one] for one in order),
            alone_ms=alone,
            resident_bytes=2**20,
        )

    monkeypatch.setattr("bench.streaming.stream", stream)


def replayed(plan: Plan, *sizes: Size, **limits: Any) -> streaming.Replayed:
    came = Traffic.of(sizes, name="x", made="x")
    return streaming.replayed(plan, came, Path(), None, timeout_s=1.0, **limits)


def test_the_pace_is_that_of_the_places_that_the_plan_knows() -> None:
    found = replayed(planned(), Size(48, 96), Size(64, 64), Size(200, 200))
    assert found.pace == pytest.approx(SLOWER)
    assert found.unplanned == 1
    assert found.expected.mean_ms == pytest.approx((2 + 3.25 + 6) / 3)
    # Also the places of the plan where no picture came.
    assert {one.place.input for one in replayed(planned(), NEW).alone} == {SMALL, LARGE, NEW}
    assert replayed(planned(), NEW).pace is None


@pytest.mark.parametrize(
    ("mean_ms", "processes", "most", "count"),
    [(1.0, 1, 1000, 1000), (1.0, 5, 400, 400), (1000.0, 5, 400, 12), (1e6, 3, 1000, 1)],
)
def test_so_many_pictures_run_as_take_a_minute(
    mean_ms: float, processes: int, most: int, count: int
) -> None:
    plan = planned()
    slow = replace(plan, predicted=replace(plan.predicted, mean_ms=mean_ms))
    found = replayed(slow, *[Size(200, 200)] * 1500, processes=processes, most=most)
    assert found.pictures == count


def test_pictures_spread_as_in_their_own_process() -> None:
    found = replayed(planned(), *[Size(200, 200)] * 300)
    assert found.spread == pytest.approx([1.0] * len(found.spread))

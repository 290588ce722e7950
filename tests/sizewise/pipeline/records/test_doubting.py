"""A plan says what it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from reports.choice.planning.deciding import decide
from sizewise.core.specs import Size
from sizewise.core.specs.traffic import Traffic
from sizewise.pipeline.records.planning.doubting import unknown
from sizewise.pipeline.records.planning.setting import Sources, read_sources
from tests.reports.choice.planning.test_plans import setting

MEASURED, OTHER = Size(256, 256), Size(192, 256)


@pytest.fixture(scope="module")
def sources(planned_results: Path) -> Sources:
    return read_sources(planned_results, None)


def doubts(sources: Sources, sizes: Sequence[Size], *, measure: bool = False) -> str:
    """Of a plan of the dynamic engine, which was measured at squares."""
    known = setting(Traffic.of(sizes, name="made", made="By hand."))
    dynamic = tuple(group for group in known.groups if not group.is_static)
    decided = decide(replace(known, groups=dynamic))
    assert decided is not None
    return "\n".join(map(str, unknown(decided, sources, measure=measure, is_rated=False)))


def test_memory_at_inputs_that_were_not_measured_is_doubted(sources: Sources) -> None:
    said = doubts(sources, [MEASURED, OTHER])
    assert "openvino dynamic may take more memory: it was measured at 4 sizes" in said
    assert "the plan runs it at 1 other; some libraries keep memory for each" in said
    assert "measure measures it" in said


def test_memory_at_inputs_that_were_measured_is_not(sources: Sources) -> None:
    assert "more memory" not in doubts(sources, [MEASURED])


def test_memory_that_was_measured_over_the_traffic_is_not(sources: Sources) -> None:
    assert "more memory" not in doubts(sources, [MEASURED, OTHER], measure=True)

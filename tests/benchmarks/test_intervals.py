"""What the interval of an accuracy takes: resamples of all images, once for each row.

``docs.make.method.bootstrap`` records its seconds.
"""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from sizewise.core.evidence import Evidence, accuracy_interval
from tests.sizewise.core.evidence.sized import EXTENTS, evidence_of


@pytest.mark.benchmark(group="the interval of AP, by bootstrap over images")
@pytest.mark.parametrize("name", EXTENTS)
def test_an_interval_by_bootstrap(benchmark: BenchmarkFixture, name: str) -> None:
    def fresh() -> tuple[tuple[Evidence, str], dict[str, str]]:
        """Evidence remembers its resamples."""
        return (evidence_of(EXTENTS[name]), "ap"), {}

    found = benchmark.pedantic(accuracy_interval, setup=fresh, rounds=3)  # type: ignore[no-untyped-call]
    assert found.low is not None
    assert found.low < found.point

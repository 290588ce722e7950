"""No changed byte of an engine, a manifest or timings reaches a back end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.damaged.campaign import KINDS, campaign
from tests.engines.damaged.stock import BACKENDS, QUICK, make_stock


@pytest.mark.parametrize(
    ("cases", "names"),
    [(2 * len(KINDS), QUICK), pytest.param(3000, BACKENDS, marks=pytest.mark.slow)],
)
def test_none_reaches_a_back_end(tmp_path: Path, cases: int, names: tuple[str, ...]) -> None:
    found = campaign(cases, 14, tmp_path, make_stock(tmp_path, names))
    assert found.violations == []
    assert found.cases == sum(found.counts.values()) == cases
    assert found.counts["built anew by name, refused by path"] > cases / 2
    assert found.counts["built anew by name, opened by path"]  # signed ones in the wrong place
    assert found.counts["taken by name, opened by path"]  # written in another way
    assert found.counts["timings measured again"]

"""What is below nothing has no ratio."""

from __future__ import annotations

import pytest

from reports.published.reproduced import Found, correlated, with_ratios
from reports.published.table import read_published

TABLE = read_published("training-gains-by-factor")


@pytest.mark.parametrize(("total", "ratio"), [(2.0, 0.5), (-2.0, None), (0.0, None)])
def test_a_gain_is_no_share_of_a_loss(total: float, ratio: float | None) -> None:
    cells = {(1, "gain"): Found(value=1.0), (TABLE.reference, "gain"): Found(value=total)}
    assert with_ratios(TABLE, cells)[1, "gain"].ratio == ratio


def test_what_has_no_logarithm_has_no_correlation() -> None:
    assert correlated([(1, 1), (2, 2), (3, 4)]) is not None
    assert correlated([(1, 1), (2, 2), (3, -4)]) is None

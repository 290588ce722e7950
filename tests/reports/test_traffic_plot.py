"""The picture of a traffic, of any shape."""

from __future__ import annotations

from io import BytesIO

import pytest

from reports.plots.traffic import traffic_figure
from sizewise.core.specs import Size
from sizewise.core.specs.traffic import Traffic


@pytest.mark.parametrize(
    "stream",
    [
        [Size(1, 1)],
        [Size(480, 640)] * 3,
        [Size(1, 60_000), Size(60_000, 1)],
        [Size(side, 2 * side) for side in range(1, 1000)],
    ],
    ids=["one", "alike", "thin", "many"],
)
def test_any_traffic_is_drawn(stream: list[Size]) -> None:
    figure = traffic_figure(Traffic.of(stream, name="a $x$ of " + 80 * "n", made=""))
    figure.savefig(BytesIO(), format="png")
    assert len(figure.axes) == 3

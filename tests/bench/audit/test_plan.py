"""What an audit measures in the time that it has."""

from __future__ import annotations

import pytest

from bench.audit.cells import affordable
from bench.audit.plan import plan_of
from sizewise.core.stats import RIGORS

ALL = ("onnxruntime", "openvino", "torch_eager", "torch_compile")


def test_three_minutes_have_waves_enough_for_an_answer() -> None:
    """As many of the twins as a sweep rests on, and as many of a cell as make an interval."""
    plan = plan_of(3)
    assert plan.twin_waves >= RIGORS["quick"].min_waves
    assert plan.cell_waves >= 6
    assert 60 * plan.twin_minutes + plan.cell_s + plan.input_s < 0.95 * 180


@pytest.mark.parametrize(("minutes", "waves"), [(0.1, 3), (3.0, 8), (60.0, 48)])
def test_longer_audits_have_more_waves(minutes: float, waves: int) -> None:
    assert plan_of(minutes).twin_waves == waves


@pytest.mark.parametrize(("minutes", "taken"), [(3, ALL[:2]), (5.9, ALL[:2]), (6, ALL)])
def test_pytorch_waits_for_longer_audits(minutes: float, taken: tuple[str, ...]) -> None:
    found, left_out = affordable(ALL, plan_of(minutes).with_torch)
    assert found == taken
    assert [one.label for one in left_out] == [f"{n} at 416x416" for n in ALL if n not in taken]
    assert all("--minutes 6" in one.reason for one in left_out)


def test_where_there_is_only_pytorch_it_does_not_wait() -> None:
    assert affordable(ALL[2:], with_torch=False) == (ALL[2:], ())

"""``sw.traffic``, ``sw.plan`` and ``sw.replay``: values in, values out, and nothing printed."""

from __future__ import annotations

from pathlib import Path

import pytest

import sizewise as sw
from sizewise.core.specs.stored_plan import read_plan
from tests.sizewise.sweeps import PICTURES

STREAM = tuple(sw.Size(height, width) for width, height in PICTURES)


@pytest.fixture
def came() -> sw.Traffic:
    return sw.Traffic.of(STREAM, name="mine", made="Written down.")


def test_sizes_are_counted_planned_replayed_and_served(
    came: sw.Traffic, planned_results: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    results = planned_results
    capfd.readouterr()
    files = sw.traffic(came, out=tmp_path / "traffic")
    assert files.traffic == came

    options = sw.PlanOptions(max_memory_mib=1)
    with pytest.raises(sw.SizewiseError) as caught:
        sw.plan(results, came, options=options, out=tmp_path / "plan")
    assert caught.value.todo == "Raise max_memory_mib, or loosen the others."
    made = sw.plan(
        str(results),
        files.stored,
        options=options,
        max_memory_mib="4000",
        max_engines=2,
        out=tmp_path / "plan",
    )
    assert made.plan == read_plan(made.path)
    assert len(made.plan.engines) == 2

    replayed = sw.replay(made, files, pictures=5)
    assert replayed.pictures == 5
    # The fake's clock is scripted: a call takes what it took in the sweep.
    assert replayed.measured.mean_ms == pytest.approx(replayed.expected.mean_ms, rel=0.02)

    with sw.EnginePool(made, load="lazy", layout="b_c_h_w") as pool:
        assert {one.name for one in pool.members} == {one.name for one in made.plan.engines}
    assert capfd.readouterr() == ("", "")


def test_errors_name_the_parameter(came: sw.Traffic, tmp_path: Path) -> None:
    file, out = tmp_path / "results.sqlite", tmp_path / "plan"
    with pytest.raises(sw.SizewiseError, match="max_memory_mib is missing: it is required"):
        sw.plan(file, came, out=out)
    with pytest.raises(sw.SizewiseError, match="min_ap and max_loss_points can't both be given"):
        sw.plan(file, came, max_memory_mib=9, min_ap=0.5, max_loss_points=1, out=out)
    with pytest.raises(sw.SizewiseError, match="There is no option memory"):
        sw.plan(file, came, memory=9, out=out)
    with pytest.raises(sw.SizewiseError, match="Invalid value 0 for pictures"):
        sw.replay(out, came, pictures=0)
    with pytest.raises(sw.SizewiseError, match="pattern can't be given for mine"):
        sw.traffic(came, pattern="x", out=out)
    assert not out.exists()


def test_what_is_no_traffic_or_plan_is_a_sentence(came: sw.Traffic) -> None:
    with pytest.raises(sw.SizewiseError, match="None is no traffic: its type is NoneType"):
        sw.plan("results.sqlite", None, max_memory_mib=9)  # type: ignore[arg-type]
    with pytest.raises(sw.SizewiseError, match="7 is no plan: its type is int"):
        sw.replay(7, came)  # type: ignore[arg-type]

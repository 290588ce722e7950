from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from exporter.checks.parity import check, compare
from exporter.checks.probes import Probe, Reference
from exporter.checks.tolerance import demand_sensitive, influences
from sizewise.core.errors import ExportError, ParityError
from sizewise.core.specs import ParityCheck, Size

PROBE = Probe(batch_size=2, size=Size(64, 96))
Outputs = Mapping[str, NDArray[Any]]


def compared(expected: list[float], given: list[float]) -> ParityCheck:
    return compare(PROBE, "map", np.array(expected), np.array(given), influence=1.0)


@given(st.sampled_from([(1.0, np.nan), (np.nan, 1.0), (np.nan, np.nan)]))
def test_a_nan_on_either_side_fails(pair: tuple[float, float]) -> None:
    assert not compared([1.0, pair[0]], [1.0, pair[1]]).passed


def test_equal_infinities_agree_and_others_fail() -> None:
    assert compared([1.0, np.inf], [1.0, np.inf]).passed
    assert not compared([1.0, np.inf], [1.0, 5.0]).passed
    assert not compared([1.0, 5.0], [1.0, np.inf]).passed
    assert not compared([np.inf], [-np.inf]).passed


@given(st.floats(1e-3, 1e6), st.floats(0, 10))
def test_the_tolerance_goes_by_what_the_image_changes(influence: float, factor: float) -> None:
    expected = np.array([0.0, influence])
    given = expected + factor * 2e-4 * influence
    result = compare(PROBE, "map", expected, given, influence=influence)
    assert result.passed or factor > 1
    assert not result.passed or factor < 1.2


def reference(outputs: Outputs) -> Reference:
    return Reference(probe=PROBE, outputs=outputs)


SOUND = reference({"map": np.arange(8, dtype=np.float32).reshape(2, 4)})


def test_a_form_that_agrees_gives_one_check_for_each_output() -> None:
    (result,) = check("graph", lambda probe: SOUND.outputs, [SOUND])
    assert (result.output, result.size, result.batch_size) == ("map", PROBE.size, 2)
    assert (result.max_abs_error, result.absmax, result.passed) == (0.0, 7.0, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.zeros((2, 4), np.float32), "compute different values|different shapes"),
        (np.zeros((1, 8), np.float32), r"float32 \[1, 8\] instead of float32 \[2, 4\]"),
        (np.zeros((2, 4), np.float64), "float64"),
    ],
)
def test_a_form_that_differs_is_refused(given: NDArray[Any], said: str) -> None:
    with pytest.raises(ParityError, match=said):
        check("graph", lambda probe: {"map": given}, [SOUND])


def test_what_rounding_costs_the_module_itself_is_allowed_and_no_more() -> None:
    outputs = SOUND.outputs["map"]
    shaky = replace(SOUND, rerun=lambda: {"map": outputs + np.float32(0.01)})
    (result,) = check("graph", lambda probe: {"map": outputs - np.float32(0.03)}, [shaky])
    assert result.max_abs_error == pytest.approx(0.03, rel=1e-4)
    assert result.tolerance == pytest.approx(0.04, rel=0.05)
    with pytest.raises(ParityError, match=r"the error of \w+ is 0\.05"):
        check("graph", lambda probe: {"map": outputs - np.float32(0.05)}, [shaky])
    with pytest.raises(ParityError, match=r"the error of \w+ is 0\.03"):
        check("graph", lambda probe: {"map": outputs - np.float32(0.03)}, [SOUND])


def test_a_form_that_does_not_run_is_refused() -> None:
    def run(probe: Probe) -> Outputs:
        raise RuntimeError("shapes\nand more")

    with pytest.raises(ParityError, match=r"does not run at 64x96, batch 2.*: shapes\."):
        check("graph", run, [SOUND])


def test_influence_is_the_least_that_another_image_changed() -> None:
    other = reference({"map": SOUND.outputs["map"] / 2})
    assert influences([SOUND, other]) == {"map": 2.0}


def test_one_output_that_sees_the_image_is_enough() -> None:
    anchors = np.full((2, 4), 100.0, np.float32)
    with pytest.raises(ExportError, match="another image changes anchors by 0"):
        demand_sensitive([reference({"anchors": anchors})])
    demand_sensitive([reference({"anchors": anchors, **SOUND.outputs})])


def test_what_rounding_may_cost_ends_at_a_share_of_what_another_image_changes() -> None:
    """A module that draws its values differs from itself by anything."""
    outputs = SOUND.outputs["map"]
    wild = replace(SOUND, rerun=lambda: {"map": outputs + np.float32(3.0)})
    with pytest.raises(ParityError, match=r"the error of map is 1, and the limit is 0\.201"):
        check("graph", lambda probe: {"map": outputs - np.float32(1.0)}, [wild])
    labels = reference({"map": outputs.astype(np.int64)})
    steps = replace(labels, rerun=lambda: {"map": labels.outputs["map"] + 1})
    check("graph", lambda probe: {"map": labels.outputs["map"] - 3}, [steps])

"""What a report says of subnormal numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from reports.findings.flushing import what_flushing_changes
from reports.rows.results import rows_of
from sizewise.core.trials import FirstCall, Flushing, Result
from tests.reports.conftest import Lab


def beside(result: Result, ratio: float) -> Result:
    found = Flushing(share=0.04, as_is_ns=(8e6,) * 3, flushed_ns=(8e6 * ratio,) * 3)
    return replace(result, first_calls=(FirstCall(wave=1, open_ns=1, flushing=found),))


@pytest.mark.parametrize(("ratio", "said"), [(0.25, True), (0.85, False), (1.5, True)])
def test_engines_that_change_by_a_fifth_are_named_with_the_option(ratio: float, said: bool) -> None:
    lab = Lab()
    plain = lab.ok(lab.trial("onnxruntime"))
    (one, other) = rows_of([beside(lab.ok(lab.trial("openvino")), ratio), plain], {})
    assert one.flushed_ratio == pytest.approx(ratio)
    assert math.isnan(other.flushed_ratio)
    text = what_flushing_changes([one, other])
    assert bool(text) == said
    if said:
        assert "openvino static at 128×128" in text
        assert f"{8 * ratio:.3g} ms instead of 8 ms" in text
        assert "flush_subnormals=true" in text
        assert "4 %" in text
        assert "onnxruntime" not in text


def test_a_failure_beside_the_calls_has_a_name_in_words() -> None:
    lab = Lab()
    first = FirstCall(wave=1, open_ns=1, failures={"flushing": "It broke."})
    (row,) = rows_of([replace(lab.ok(lab.trial()), first_calls=(first,))], {})
    assert row.beside_reasons == ("with subnormal numbers taken as zero: It broke.",)

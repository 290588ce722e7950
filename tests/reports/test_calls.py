"""First calls and the parts of a call, from raw nanoseconds to the page."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import call_tables
from reports.calls import call_figures
from reports.load import Records, select_records
from reports.markdown import compose
from sizewise.specs import Size
from sizewise.stats import summarize
from sizewise.trials import FirstCall, Part, Result
from tests.reports.test_tables import cells

if TYPE_CHECKING:
    from tests.reports.conftest import Lab

nanoseconds = st.integers(1, 10**10)
COPIES = {"host-to-device": 1, "compute": 8, "device-to-host": 1}


def read(lab: Lab, *results: Result) -> Records:
    return select_records([lab.run(results)], "x")


def with_calls(result: Result, first: float, change: float | None) -> Result:
    """First calls that take so many times the median latency."""
    median_ns = summarize(result).latency_ms * 1e6
    return replace(
        result,
        first_calls=tuple(
            FirstCall(
                process=process,
                open_ns=round(first * median_ns),
                change_ns=None if change is None else round(change * median_ns),
            )
            for process in range(3)
        ),
    )


def with_parts(result: Result, shares: dict[str, int]) -> Result:
    return replace(
        result,
        parts=tuple(
            Part(name=name, process=process, latency_ns=(share * 10**6,) * 5)
            for process in range(2)
            for name, share in shares.items()
        ),
    )


@given(st.lists(st.tuples(nanoseconds, st.none() | nanoseconds), min_size=1, max_size=7))
def test_figures_are_medians_over_processes(
    lab: Lab, calls: Sequence[tuple[int, int | None]]
) -> None:
    first_calls = tuple(
        FirstCall(process=process, open_ns=opened, change_ns=changed)
        for process, (opened, changed) in enumerate(calls)
    )
    result = replace(lab.ok(lab.trial()), first_calls=first_calls)
    found = call_figures(result)
    changes = [changed for _, changed in calls if changed is not None]
    assert found["first_ms"] == statistics.median(opened for opened, _ in calls) / 1e6
    assert math.isnan(found["change_ms"]) == (not changes)
    if changes:
        assert found["change_ms"] == statistics.median(changes) / 1e6
    failed = call_figures(replace(result, status="failed"))
    assert math.isnan(failed["first_ms"])
    assert math.isnan(failed["change_ms"])


def test_a_burst_in_one_process_does_not_move_the_parts(lab: Lab) -> None:
    calm, burst = (3, 3, 900), (900, 900, 900)
    parts = (
        Part(name="compute", process=process, latency_ns=samples)
        for process, samples in enumerate((calm, calm, burst))
    )
    found = call_figures(replace(lab.ok(lab.trial()), parts=tuple(parts)))
    assert found["parts"] == (("compute", 3 / 1e6),)


def test_first_calls_stand_beside_the_median(lab: Lab) -> None:
    dynamic = with_calls(lab.ok(lab.trial(strategy="dynamic")), 40, 1.5)
    static = with_calls(lab.ok(lab.trial()), 3, None)
    frame = read(lab, static, dynamic).frame
    first = cells(call_tables.first_table(frame))
    assert first["openvino static", "128x128"].endswith(" (3.0×)")
    assert first["openvino dynamic", "128x128"].endswith(" (40×)")
    shown_ms = float(first["openvino dynamic", "128x128"].split()[0])
    assert shown_ms == pytest.approx(40 * summarize(dynamic).latency_ms, rel=0.01)
    change = cells(call_tables.change_table(frame))
    assert list(change) == [("openvino dynamic", "128x128")]
    assert change["openvino dynamic", "128x128"].endswith(" (1.5×)")


def test_parts_have_their_share_of_their_sum(lab: Lab) -> None:
    parted = with_parts(lab.ok(lab.trial()), COPIES)
    other = with_parts(lab.ok(lab.trial("onnxruntime")), {"compute": 5})
    frame = read(lab, parted, other, lab.ok(lab.trial("torch_eager"))).frame
    assert call_tables.part_table(frame).splitlines()[0].split("|")[3].strip() == (
        "host-to-device (ms)"
    )
    shown = cells(call_tables.part_table(frame))
    assert {name for name, _ in shown} == {"openvino static", "onnxruntime static"}
    assert shown["openvino static", "host-to-device (ms)"] == "1.00 (10%)"
    assert shown["openvino static", "compute (ms)"] == "8.00 (80%)"
    assert shown["onnxruntime static", "compute (ms)"] == "5.00 (100%)"
    assert shown["onnxruntime static", "device-to-host (ms)"] == "–"


def test_a_failure_at_another_size_is_told_without_folders(lab: Lab) -> None:
    result = lab.ok(lab.trial(strategy="dynamic", size=Size(192, 192)))
    why = "The engine | at /home/me/x/plan failed. Build another."
    reason = FirstCall(process=0, open_ns=5, change_reason=why)
    told = call_tables.change_failures(read(lab, replace(result, first_calls=(reason,))).frame)
    assert told == (
        "- openvino dynamic at 192x192, after another shape: "
        "The engine \\| at plan failed. Build another."
    )


def test_the_page_has_sections_for_what_was_measured_only(lab: Lab) -> None:
    plain = lab.ok(lab.trial())
    full = with_parts(with_calls(plain, 9, None), COPIES)

    def page(result: Result) -> str:
        return compose(read(lab, result), ("a.",), {})

    assert "## First calls\n\n| first call of all" in page(full)
    assert "## Parts of a call\n\n| engine" in page(full)
    assert "first call after another shape" not in page(full)
    assert "First calls" not in page(plain)
    assert "Parts of a call" not in page(plain)

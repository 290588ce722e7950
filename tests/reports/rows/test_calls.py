"""First calls and the parts of a call, from raw nanoseconds to the page."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference

from reports.load import Records, select_records
from reports.markdown import compose
from reports.rows.calls import call_columns
from reports.tables import calls as call_tables
from reports.tables import ways as way_tables
from sizewise.core.specs import Size
from sizewise.core.stats import summarize
from sizewise.core.trials import FirstCall, Part, Result, ShapeChange
from tests.reports.test_tables import cells

if TYPE_CHECKING:
    from tests.reports.conftest import Lab

nanoseconds = st.integers(1, 10**10)
COPIES = {"host-to-device": 1, "compute": 8, "device-to-host": 1}


def read(lab: Lab, *results: Result) -> Records:
    return select_records([lab.run(results)], "x")


def change_to(
    size: Size, first_ns: int, *later_ns: int, back_ns: int, batch_size: int = 1
) -> ShapeChange:
    return ShapeChange(
        batch_size=batch_size, size=size, first_ns=first_ns, later_ns=later_ns, back_ns=back_ns
    )


def with_calls(
    result: Result, first: float, change: ShapeChange | None = None, back: float = 1
) -> Result:
    """Calls after opening, and back, that take so many times the median latency."""
    median_ns = summarize(result).latency_ms.point * 1e6
    back_ns = round(back * median_ns)
    first_calls = (
        FirstCall(
            wave=wave,
            open_ns=round(first * median_ns),
            load_ns=7_000_000,
            change=replace(change, back_ns=back_ns) if change else None,
        )
        for wave in range(3)
    )
    return replace(result, first_calls=tuple(first_calls))


def with_parts(result: Result, shares: dict[str, int]) -> Result:
    return replace(
        result,
        parts=tuple(
            Part(name=name, wave=wave, latency_ns=(share * 10**6,) * 5)
            for wave in range(2)
            for name, share in shares.items()
        ),
    )


changes = st.builds(
    ShapeChange,
    batch_size=st.just(1),
    size=st.just(Size(64, 96)),
    first_ns=nanoseconds,
    later_ns=st.lists(nanoseconds, min_size=1, max_size=5).map(tuple),
    back_ns=nanoseconds,
)


@given(st.lists(st.tuples(nanoseconds, st.none() | changes), min_size=1, max_size=7))
def test_figures_are_geometric_means_over_processes(
    lab: Lab, calls: Sequence[tuple[int, ShapeChange | None]]
) -> None:
    first_calls = tuple(
        FirstCall(wave=wave, open_ns=opened, load_ns=2 * opened, change=changed)
        for wave, (opened, changed) in enumerate(calls)
    )
    result = replace(lab.ok(lab.trial()), first_calls=first_calls)
    found = call_columns(result)
    mean_ms = statistics.geometric_mean(opened for opened, _ in calls) / 1e6
    assert (found["first_call_ms"], found["load_ms"]) == pytest.approx((mean_ms, 2 * mean_ms))
    assert math.isnan(found["first_call_low_ms"]) == (len(calls) < 3)
    made = [changed for _, changed in calls if changed]
    assert found["other_shape"] == ("64×96" if made else "")
    known: dict[str, list[float]] = {
        "other_first_ms": [change.first_ns for change in made],
        "other_later_ms": [statistics.median(change.later_ns) for change in made],
        "return_ms": [change.back_ns for change in made],
    }
    for name, values in known.items():
        assert math.isnan(found[name]) == (not made)
        if made:
            assert found[name] == pytest.approx(statistics.geometric_mean(values) / 1e6)
    (failed,) = read(lab, replace(result, status="failed")).rows
    assert failed.other_shape == ""
    assert all(math.isnan(getattr(failed, name)) for name in ("first_call_ms", *known))


def test_what_processes_differ_by_is_in_the_interval_of_a_figure(lab: Lab) -> None:
    """Student's t on the logarithms of what each process took, by SciPy."""
    rng = np.random.default_rng(2)
    took = [[round(ns) for ns in np.exp(rng.normal(16, 0.2, 5))] for _ in range(4)]
    first_calls = tuple(
        FirstCall(
            wave=wave,
            load_ns=load,
            open_ns=opened,
            change=change_to(Size(64, 96), there, there, back_ns=back),
        )
        for wave, (load, opened, there, back) in enumerate(zip(*took, strict=True))
    )
    (row,) = read(lab, replace(lab.ok(lab.trial()), first_calls=first_calls)).rows
    for name, values in zip(("load", "first_call", "other_first", "return"), took, strict=True):
        logs = np.log(np.array(values) / 1e6)
        ends = reference.t.interval(0.95, 4, logs.mean(), reference.sem(logs))
        found = [getattr(row, f"{name}_{end}_ms") for end in ("low", "high")]
        assert found == pytest.approx(list(np.exp(ends)))
    shown = cells(call_tables.cold_start_table([row]))["openvino static", "loading (ms)"]
    assert shown == f"{row.load_ms:.2f} ({row.load_low_ms:.2f}–{row.load_high_ms:.2f})"


def test_a_burst_in_one_process_does_not_move_the_parts(lab: Lab) -> None:
    calm, burst = (3, 3, 900), (900, 900, 900)
    parts = (
        Part(name="compute", wave=wave, latency_ns=samples)
        for wave, samples in enumerate((calm, calm, burst))
    )
    found = call_columns(replace(lab.ok(lab.trial()), parts=tuple(parts)))
    assert found["parts"] == (("compute", 3 / 1e6),)
    assert found["compute_ms"] == 3 / 1e6


def test_first_calls_stand_beside_the_median_and_those_elsewhere_beside_later_ones(
    lab: Lab,
) -> None:
    change = change_to(Size(192, 192), 12_000_000, 9_000_000, 2_000_000, 1_900_000, back_ns=1)
    dynamic = with_calls(lab.ok(lab.trial(strategy="dynamic")), 40, change, back=1.5)
    static = with_calls(lab.ok(lab.trial()), 3)
    shown = cells(call_tables.cold_start_table(read(lab, static, dynamic).rows))
    opening, there, back = (
        "first call (ms)",
        "at another shape (ms)",
        "return to a known size (ms)",
    )
    assert shown["openvino static", opening].endswith("), 3.0×")
    assert shown["openvino static", "loading (ms)"] == "7.00 (7.00–7.00)"
    assert shown["openvino static", there] == shown["openvino static", back] == "–"
    assert shown["openvino dynamic", opening].endswith("), 40×")
    shown_ms = float(shown["openvino dynamic", opening].split()[0])
    assert shown_ms == pytest.approx(40 * summarize(dynamic).latency_ms.point, rel=0.01)
    assert shown["openvino dynamic", there] == "192×192: 12.0 (12.0–12.0), 6.0×"
    assert shown["openvino dynamic", back].endswith("), 1.5×")


def test_another_batch_is_named_where_the_size_is_the_same(lab: Lab) -> None:
    change = change_to(Size(128, 128), 3_000_000, 1_000_000, back_ns=1, batch_size=8)
    shown = cells(
        call_tables.cold_start_table(read(lab, with_calls(lab.ok(lab.trial()), 3, change)).rows)
    )
    assert shown["openvino static", "at another shape (ms)"] == "batch 8: 3.00 (3.00–3.00), 3.0×"


def test_parts_have_their_share_of_their_sum(lab: Lab) -> None:
    parted = with_parts(lab.ok(lab.trial()), COPIES)
    other = with_parts(lab.ok(lab.trial("onnxruntime")), {"compute": 5})
    rows = read(lab, parted, other, lab.ok(lab.trial("torch_eager"))).rows
    assert call_tables.part_table(rows).splitlines()[0].split("|")[3].strip() == "H2D (ms)"
    shown = cells(call_tables.part_table(rows))
    assert {name for name, _ in shown} == {"openvino static", "onnxruntime static"}
    assert shown["openvino static", "H2D (ms)"] == "1.00 (10 %)"
    assert shown["openvino static", "compute (ms)"] == "8.00 (80 %)"
    assert shown["onnxruntime static", "compute (ms)"] == "5.00 (100 %)"
    assert shown["onnxruntime static", "D2H (ms)"] == "–"


def test_the_way_from_picture_to_objects_stands_beside_its_parts(lab: Lab) -> None:
    shares = {"read": 2, "letterbox": 1, "engine": 8, "decode": 3, "whole": 15}
    result = lab.ok(lab.trial())
    way = with_parts(result, shares).parts
    rows = read(lab, replace(result, end_to_end=way), lab.ok(lab.trial("onnxruntime"))).rows
    assert (rows[0].end_to_end_ms, rows[0].decode_ms) == pytest.approx((15, 3))
    assert rows[0].parts == ()
    shown = cells(way_tables.way_table(rows))
    assert {name for name, _ in shown} == {"openvino static"}
    assert shown["openvino static", "end to end (ms)"] == "15.0"  # two processes
    assert shown["openvino static", "letterbox (ms)"] == "1.00"


def test_a_failure_at_another_size_is_told_without_folders(lab: Lab) -> None:
    result = lab.ok(lab.trial(strategy="dynamic", size=Size(192, 192)))
    why = "The engine | at /home/me/x/plan failed. Build another."
    reason = FirstCall(wave=0, open_ns=5, change_reason=why)
    told = call_tables.change_failures(read(lab, replace(result, first_calls=(reason,))).rows)
    assert told == (
        "- openvino dynamic at 192×192, at another shape: "
        "The engine \\| at plan failed. Build another."
    )


def test_what_failed_beside_the_calls_is_told_once_and_the_figures_stay(lab: Lab) -> None:
    why = "The picture /home/me/3.png can't be decoded: it is cut off. Replace it."
    first_calls = (
        FirstCall(wave=0, open_ns=5, failures={"end_to_end": why}),
        FirstCall(wave=1, open_ns=5, change_reason="It broke.", failures={"end_to_end": "Later."}),
        FirstCall(wave=2, open_ns=5, failures={"walk": "It grew."}),
    )
    rows = read(lab, replace(lab.ok(lab.trial()), first_calls=first_calls)).rows
    assert rows[0].status == "ok"
    assert not math.isnan(rows[0].latency_ms)
    engine = "- openvino static at 128×128"
    assert call_tables.change_failures(rows).splitlines() == [
        f"{engine}, at another shape: It broke.",
        f"{engine}, from picture to objects: The picture 3.png can't be decoded: it is cut off. "
        "Replace it.",
        f"{engine}, memory after all sizes: It grew.",
    ]


def test_the_page_has_sections_for_what_was_measured_only(lab: Lab) -> None:
    plain = lab.ok(lab.trial())
    full = with_parts(with_calls(plain, 9), COPIES)

    def page(result: Result) -> str:
        return compose(read(lab, result), ("a.",), {})

    assert "## Cold start\n\n| engine" in page(full)
    assert "From picture to objects" not in page(full)
    assert "## Parts of a call\n\n| engine" in page(full)
    assert "at another shape (ms)" not in page(full)
    assert "Cold start" not in page(plain)
    assert "Parts of a call" not in page(plain)

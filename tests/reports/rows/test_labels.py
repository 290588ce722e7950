from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.analysis.pairs import find_pairs
from reports.columns import Row
from reports.load import select_records
from reports.rows.labels import constants
from reports.rows.results import _precision
from sizewise.core.specs import BatchRange, Size
from sizewise.core.trials import Build, Trial

if TYPE_CHECKING:
    from tests.reports.conftest import Lab


def table(lab: Lab, trials: list[Trial]) -> tuple[Row, ...]:
    return select_records([lab.run([lab.bad(trial) for trial in trials])], "x").rows


def names(lab: Lab, *trials: Trial) -> list[str]:
    return [row.engine for row in table(lab, list(trials))]


def test_a_name_says_no_more_than_is_needed(lab: Lab) -> None:
    static, dynamic = lab.trial(), lab.trial(strategy="dynamic")
    assert names(lab, static) == ["openvino static"]
    assert names(lab, static, dynamic) == ["openvino static", "openvino dynamic"]
    int8 = lab.trial(precision="int8", model_sha256="b" * 64)
    assert names(lab, static, int8) == ["openvino fp32 static", "openvino int8 static"]
    assert names(lab, static, lab.trial(threads=4)) == [
        "openvino static threads 2",
        "openvino static threads 4",
    ]


@pytest.mark.parametrize(
    ("requested", "achieved", "shown"),
    [
        ("int8", "int8 54, fp32 1", "int8"),
        ("int8", "fp32", "int8 file in fp32"),
        ("int8+bf16", "int8 54, bf16 1", "int8+bf16"),
        ("int8+bf16", "int8, bf16 between", "int8+bf16"),
        ("int8+fp16", "int8 54, bf16 1", "int8+fp16 file in int8+bf16"),
        ("int8+fp16", "int8", "int8+fp16 file in int8"),
        ("int8+fp16", "its 3 layers hide what they compute: typed as the graph is", "int8+fp16"),
        ("int8", "unknown (no driver)", "int8"),
    ],
)
def test_a_row_says_what_an_engine_runs_in_where_it_is_another(
    requested: str, achieved: str, shown: str
) -> None:
    build = Build(build_s=1.0, size_bytes=1, achieved=achieved, peak_bytes=1)
    assert _precision(requested, build) == shown


def test_a_retrained_model_is_another_engine(lab: Lab) -> None:
    old, new = lab.trial(), lab.trial(model_sha256="b" * 64)
    assert names(lab, old, new) == [
        "openvino static model aaaaaaaa",
        "openvino static model bbbbbbbb",
    ]


def test_dynamic_engines_for_other_sizes_are_told_apart(lab: Lab) -> None:
    wide = lab.trial(strategy="dynamic")
    narrow = lab.trial(strategy="dynamic", sizes=(Size(128, 128), Size(192, 192)))
    assert names(lab, wide, narrow) == [
        "openvino dynamic 128×128–320×320",
        "openvino dynamic 128×128–192×192",
    ]


def with_options(trial: Trial, options: str) -> Trial:
    return replace(trial, cell=replace(trial.cell, options=options))


def test_engines_that_differ_in_options_or_batches_alone_are_told_apart(lab: Lab) -> None:
    plain = lab.trial(batch_size=4)
    several = replace(plain, spec=replace(plain.spec, batch_range=BatchRange(1, 8)))
    trials = (plain, with_options(plain, "tf32=true"), several)
    assert names(lab, *trials) == [
        "openvino static",
        "openvino static tf32=true",
        "openvino static batches 1 to 8",
    ]
    assert constants(table(lab, list(trials[1:2])))[-3:] == [
        "options tf32=true",
        "threads 2",
        "streams 1",
    ]


def test_engines_of_other_options_are_no_pair(lab: Lab) -> None:
    static, dynamic = lab.ok(lab.trial()), lab.ok(lab.trial(strategy="dynamic"))
    other = replace(dynamic, trial=with_options(dynamic.trial, "tf32=true"))
    assert len(find_pairs(select_records([lab.run([static, dynamic])], "x").rows)) == 1
    assert not find_pairs(select_records([lab.run([static, other])], "x").rows)


def test_what_has_no_column_is_numbered_alike_in_all_strategies(lab: Lab) -> None:
    first = [lab.trial(), lab.trial(strategy="dynamic")]
    again = [replace(t, builder=9) for t in first]
    rows = table(lab, [*first, *again])
    assert [row.engine for row in rows] == [
        "openvino static #1",
        "openvino dynamic #1",
        "openvino static #2",
        "openvino dynamic #2",
    ]
    assert [row.family for row in rows] == ["openvino #1"] * 2 + ["openvino #2"] * 2


def test_versions_and_thread_policies_are_told_apart_where_they_differ(lab: Lab) -> None:
    one = lab.trial()
    newer = replace(one, backend_version="2.0")
    waiting = replace(one, spec=replace(one.spec, thread_policy="threads spin"))
    assert names(lab, one, newer) == ["openvino 1.0 static", "openvino 2.0 static"]
    assert names(lab, one, waiting) == [
        "openvino static threads wait",
        "openvino static threads spin",
    ]
    assert names(lab, one, lab.trial(replica=1))[1] == "openvino static replica 1"


def test_an_earlier_harness_is_named_even_where_there_is_no_other(lab: Lab) -> None:
    old = replace(lab.trial(), harness=1)
    assert names(lab, old) == ["openvino static earlier harness"]
    assert names(lab, old, lab.trial()) == ["openvino static earlier harness", "openvino static"]


TRIALS = st.fixed_dictionaries(
    {
        "backend": st.sampled_from(["openvino", "onnxruntime"]),
        "strategy": st.sampled_from(["static", "dynamic"]),
        "size": st.sampled_from([Size(128, 128), Size(192, 128)]),
        "precision": st.sampled_from(["fp32", "int8"]),
        "network": st.sampled_from(["yolov3", "yolov2"]),
        "batch_size": st.integers(1, 2),
        "threads": st.integers(1, 2),
        "model_sha256": st.sampled_from(["a" * 64, "b" * 64]),
        "replica": st.integers(0, 1),
    }
)


@settings(deadline=None, max_examples=25)
@given(st.lists(TRIALS, min_size=1, max_size=12), st.lists(st.integers(1, 3), min_size=12))
def test_no_engine_has_two_rows_at_one_size(
    lab: Lab, wanted: list[dict[str, str]], counts: list[int]
) -> None:
    trials = [lab.trial(**kind) for kind in wanted]  # type: ignore[arg-type]
    varied = [
        replace(trial, builder=count, harness=1 + count // 2, backend_version=str(count))
        for trial, count in zip(trials, counts, strict=False)
    ]
    rows = table(lab, varied)
    assert len({(row.engine, row.size) for row in rows}) == len(rows)


def test_what_names_leave_out_is_told_once(lab: Lab) -> None:
    rows = table(lab, [lab.trial(), lab.trial(threads=4)])
    assert constants(rows) == [
        "network yolov3",
        "fusion none",
        "precision fp32",
        "graph fusion all",
        "batch 1",
        "streams 1",
    ]

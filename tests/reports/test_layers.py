"""Layers in the report: those that stay out of a precision, and what ``explain`` found."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from reports.explained import Explained, read_explained
from reports.load import Records, select_records
from reports.markdown import compose, write_report
from sizewise.core import codec
from sizewise.core.specs import KeptLayer, Size
from sizewise.core.specs.explained.layers import EngineTime, ExplainedLayer, LayerRun
from sizewise.core.specs.explained.records import LayerRecord, write_layers

if TYPE_CHECKING:
    from tests.reports.conftest import Lab

SIZE = Size(320, 256)
MODEL = "1" * 64
ENGINES = (
    EngineTime(backend="onnxruntime", size=SIZE, total_ms=4.0, layers_ms=3.0, parent_ms=9.0),
    EngineTime(backend="openvino", size=SIZE, total_ms=2.0, layers_ms=1.0),
)


def runs(*precisions: str | None, gained: float | None = 0.25) -> tuple[LayerRun, ...]:
    return tuple(
        LayerRun(
            backend=engine.backend,
            size=SIZE,
            precision=precision,
            ms=None if precision is None else 0.5,
            share=None if precision is None else 0.5 / engine.total_ms,
            gained_ms=None if precision is None else gained,
        )
        for engine, precision in zip(ENGINES, precisions, strict=True)
    )


LAYERS = (
    ExplainedLayer(
        name="stem_*conv*",
        requested="int8",
        converted=True,
        error=0.12345,
        accuracy_loss=1.5,
        runs=runs("int8", "int8", gained=-0.25),
    ),
    ExplainedLayer(
        name="body", requested="int8", converted=True, error=0.01, runs=runs("int8", None)
    ),
    ExplainedLayer(name="head", requested="fp32", converted=False, runs=runs("fp32", "fp32")),
)


def explained(lab: Lab) -> LayerRecord:
    return LayerRecord(
        model="net.int8.onnx",
        model_sha256=MODEL,
        parent_sha256="2" * 64,
        precision="int8",
        environment=lab.where,
        layers=LAYERS,
        engines=ENGINES,
        measured_on="digits train",
        data="digits val",
    )


def records(lab: Lab, **facts: object) -> Records:
    results = [lab.ok(lab.trial(precision="int8", model_sha256=MODEL))]
    models = [{"sha256": MODEL} | facts]
    return select_records([lab.run(results, configuration=codec.to_json({"models": models}))], "x")


def section(text: str) -> str:
    found: str = text.split("## Layers\n")[1].split("\n## ", maxsplit=1)[0]
    return found


def cells(text: str) -> list[list[str]]:
    """The rows of all tables, without their rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in rows if set("".join(row)) - set("-:")]


def test_each_layer_has_its_row_in_the_order_of_the_explanation(lab: Lab) -> None:
    text = compose(records(lab), ("a.",), {}, Explained(records=(explained(lab),)))
    head, *rows = cells(section(text))
    assert head == [
        *("layer", "requested", "error, alone in int8", "points lost"),
        *("onnxruntime 320×256", "share of time", "ms", "ms gained"),
        *("openvino 320×256", "share of time", "ms", "ms gained"),
    ]
    assert rows == [
        [
            *(r"stem\_\*conv\*", "int8", "12.35 %", "1.50"),
            *("int8", "12.5 %", "0.500", "-0.250"),
            *("int8", "25.0 %", "0.500", "-0.250"),
        ],
        ["body", "int8", "1.00 %", "–", "int8", "12.5 %", "0.500", "+0.250", "–", "–", "–", "–"],
        [
            *("head", "fp32", "–", "–", "fp32", "12.5 %", "0.500", "–"),
            *("fp32", "25.0 %", "0.500", "–"),
        ],
        ["all other nodes", "", "", "", "", "25.0 %", "1.000", "", "", "50.0 %", "1.000", ""],
        [
            *("all nodes", "", "", ""),
            *("", "100.0 %", "4.000", "+5.000", "", "100.0 %", "2.000", "–"),
        ],
    ]
    assert "**net.int8.onnx**, layer by layer. Errors were measured on digits train." in text
    assert "Points were measured on digits val" in text
    page = MarkdownIt("commonmark").enable("table").render(section(text))
    assert page.count("<table>") == 1
    assert page.count("<tr>") == 6


def test_points_have_a_column_where_some_were_measured(lab: Lab) -> None:
    unscored = replace(
        explained(lab), data="", layers=tuple(replace(one, accuracy_loss=None) for one in LAYERS)
    )
    told = section(compose(records(lab), ("a.",), {}, Explained(records=(unscored,))))
    assert "points lost" not in told
    assert "Points were measured" not in told
    assert {len(row) for row in cells(told)} == {11}


def test_what_disturbed_the_profiles_is_told(lab: Lab) -> None:
    busy = replace(explained(lab), disturbed="other programs took 42 % of the cores")
    told = section(compose(records(lab), ("a.",), {}, Explained(records=(busy,))))
    assert "Its times are unreliable: other programs took 42 % of the cores." in told


def test_layers_that_stay_out_of_a_precision_are_named_with_the_reason(lab: Lab) -> None:
    kept = [
        KeptLayer(
            layer="slow", error=0.031, gained_ms=-0.02, backends=("a", "b"), size=Size(288, 288)
        ),
        KeptLayer(layer="odd", error=None),
    ]
    found = records(lab, kept=["asked", "slow", "odd"], kept_in="fp16", kept_for=kept)
    head, *rows = cells(section(compose(found, ("a.",), {})))
    assert head == ["model", "layer", "stays in", "why"]
    assert [row[1:] for row in rows] == [
        ["asked", "fp16", "as requested"],
        [
            *("slow", "fp16"),
            "limit of the accuracy loss: error 3.10 %, -0.020 ms gained (a and b at 288×288)",
        ],
        ["odd", "fp16", "limit of the accuracy loss: error –; no back end told its time"],
    ]


def test_without_any_there_is_no_such_section(lab: Lab) -> None:
    assert "## Layers" not in compose(records(lab), ("a.",), {})


def test_another_machine_and_another_model_are_left_out(
    lab: Lab, other_lab: Lab, tmp_path: Path
) -> None:
    write_layers(explained(other_lab), tmp_path)
    write_layers(replace(explained(lab), model_sha256="3" * 64), tmp_path)
    ours = records(lab)
    found = read_explained(tmp_path, ours)
    assert found.records == ()
    told = section(compose(ours, ("a.",), {}, found))
    assert "Left out: explanations of net.int8.onnx from another environment" in told
    assert cells(told) == []


@pytest.mark.usefixtures("empty_pictures")
@pytest.mark.parametrize("beside", [True, False])
def test_a_report_reads_what_lies_beside_the_results(
    lab: Lab, tmp_path: Path, beside: bool
) -> None:
    results = [lab.mend(lab.ok(lab.trial(precision="int8", model_sha256=MODEL)), accuracy=None)]
    path = lab.file(tmp_path / "results.sqlite", lab.run(results, configuration=json.dumps({})))
    write_layers(explained(lab), tmp_path if beside else tmp_path / "elsewhere")
    text = write_report(path, tmp_path / "report").path.read_text(encoding="utf-8")
    assert ("## Layers" in text) == beside

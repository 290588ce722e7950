"""An engine that finds nothing, or whose outputs are in doubt, leads nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reports.analysis.front import pareto_front
from reports.choice.deciding import decide
from reports.findings.find import find
from reports.load import Records, select_records
from reports.plots.sweep import _latency_title, draw
from reports.tables.by_size import latency_table
from sizewise.core import codec
from sizewise.core.specs import Deviation, Size
from sizewise.core.trials import Accuracy, Result

if TYPE_CHECKING:
    from tests.reports.conftest import Lab


def scored(result: Result, ap: float) -> Result:
    accuracy = Accuracy(images=10, data_sha256="d" * 64, ap=ap, ap50=ap)
    return replace(result, accuracy=accuracy)


def read(lab: Lab, fastest: float, second: float, third: float) -> Records:
    """OpenVINO is the fastest, then ONNX Runtime, then PyTorch; each with its AP."""
    backends = {"openvino": fastest, "onnxruntime": second, "torch_eager": third}
    results = [scored(lab.ok(lab.trial(name)), ap) for name, ap in backends.items()]
    return select_records([lab.run(results)], "x")


def bold(records: Records) -> list[str]:
    rows = latency_table(records.verdicts).splitlines()[2:]
    return [row.split("|")[1].strip() for row in rows if "**" in row]


def titles(records: Records) -> dict[str, str]:
    """Of each plot."""
    plots = draw(records.verdicts).items()
    return {name: plot.axes[0].get_title(loc="left").replace("\n", " ") for name, plot in plots}


def test_the_fastest_that_finds_something_leads(lab: Lab) -> None:
    records = read(lab, 0.0, 0.4, 0.4)
    assert bold(records) == ["onnxruntime static"]
    assert _latency_title(records.rows, records.verdicts).startswith(
        "onnxruntime static is the fastest"
    )
    (contest,) = records.verdicts.contests
    assert {row.backend for row in pareto_front(contest, records.verdicts)} == {"onnxruntime"}
    said = find(records)
    assert decide(records)[0].startswith("Ship onnxruntime")
    assert "the accuracy is 0: openvino static at 128×128" in said[0]


@pytest.mark.parametrize("ap", [0.1, 0.4])
def test_where_all_find_something_nothing_is_said_of_it(lab: Lab, ap: float) -> None:
    records = read(lab, ap, 0.4, 0.4)
    assert bold(records) == ["openvino static"]
    assert not any("accuracy is 0" in sentence for sentence in find(records))


def test_where_none_finds_anything_none_is_recommended(lab: Lab) -> None:
    records = read(lab, 0.0, 0.0, 0.0)
    assert bold(records) == []
    for name in ("latency.png", "accuracy.png"):
        assert titles(records)[name] == "No engine finds anything"
    (contest,) = records.verdicts.contests
    assert pareto_front(contest, records.verdicts) == []
    assert decide(records)[0] == "Ship nothing: no engine finds anything."
    said = find(records)
    assert "the accuracy is 0: openvino static at 128×128, onnxruntime static at" in said[0]


FAR, FARTHER = (
    Deviation(
        size=Size(320, 256),
        output="output",
        part=part,
        max_abs_error=0.1,
        absmax=1.0,
        relative_error=error,
        bound=0.2,
    )
    for part, error in (("boxes", 0.25), ("scores", 0.4))
)


def in_doubt(lab: Lab, *backends: str, ap: float | None = None) -> Records:
    """OpenVINO is the fastest, then ONNX Runtime; models of ``backends`` are out of bound."""
    results = []
    for digit, backend in enumerate(("openvino", "onnxruntime")):
        result = lab.ok(lab.trial(backend, precision="int8", model_sha256=f"{digit}" * 64))
        results.append(replace(result, accuracy=None) if ap is None else scored(result, ap))
    models = [
        {
            "sha256": result.trial.model_sha256,
            "out_of_bound": [codec.to_plain(one) for one in (FAR, FARTHER)],
        }
        for result in results
        if result.trial.cell.backend in backends
    ]
    run = replace(lab.run(results), configuration=codec.to_json({"models": models}))
    return select_records([run], "x")


def test_the_fastest_whose_error_is_allowed_leads_where_accuracy_is_unknown(lab: Lab) -> None:
    records = in_doubt(lab, "openvino")
    assert bold(records) == []  # one is left, and led by none
    assert _latency_title(records.rows, records.verdicts) == "Latency of onnxruntime static"
    assert decide(records)[0].startswith("Ship onnxruntime static at 128×128: of 2 engines, the ")
    (doubt, *_) = find(records)
    assert "out of bound: openvino static (output scores 40% off at 320×256, 20% allowed)" in doubt


def test_where_the_error_of_all_is_out_of_bound_none_is_recommended(lab: Lab) -> None:
    records = in_doubt(lab, "openvino", "onnxruntime")
    assert decide(records)[0].startswith("Ship nothing: the error of every engine")
    told = titles(records)["latency.png"]
    assert told == "The error of every engine against FP32 is out of bound"


def test_an_accuracy_that_was_measured_says_more_than_the_error(lab: Lab) -> None:
    records = in_doubt(lab, "openvino", ap=0.4)
    assert bold(records) == ["openvino static"]
    assert not any("out of bound" in sentence for sentence in find(records))
    assert records.rows[0].out_of_bound

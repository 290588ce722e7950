"""docs/gpu.md and the reports below docs/gpu say what the records of GPUs say."""

from __future__ import annotations

import pytest

from docs.make.gpu import page as gpu
from reports.findings.find import find
from reports.markdown import compose
from reports.plots.sweep import draw

PARTS = [(name, part) for name, one in gpu.records().items() for part in one["networks"]]


def test_the_page_is_what_the_records_give() -> None:
    assert gpu.PAGE.read_text(encoding="utf-8") == gpu.rendered(gpu.records())


@pytest.mark.parametrize(("name", "part"), PARTS, ids=lambda one: str(one)[:40])
def test_a_report_is_what_its_runs_give(name: str, part: gpu.Record) -> None:
    """Its text; pictures depend on the machine that draws them."""
    records = gpu.taken(part)
    text = compose(records, find(records), draw(records.verdicts))
    report = gpu.REPORTS / gpu.folder_of(name, part) / "report.md"
    assert report.read_text(encoding="utf-8") == text


def test_what_is_missing_is_said() -> None:
    where = {
        "devices": ["NVIDIA Made-up 9000, driver 1.2"],
        "cpu": "a CPU",
        "cores": 4,
        "packages": {"torch": "2.11.0", "numpy": "2"},
    }
    record = {
        "environment": where,
        "left_out": {"tensorrt": "TensorRT is not installed"},
        "networks": [{"network": "multiscale/absi", "width": "narrow", "runs": []}],
    }
    text = gpu.rendered({"gpu-nvidia-made-up-9000": record})
    assert "## NVIDIA Made-up 9000\n" in text
    assert "driver 1.2, a CPU with 4 cores, torch 2.11.0." in text
    assert "Not measured: tensorrt: TensorRT is not installed." in text
    assert "(gpu/nvidia-made-up-9000-narrow-multiscale-absi/report.md)" in text

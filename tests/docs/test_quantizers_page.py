"""What the page says of our int8 files beside other quantizers, by the record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from docs.make.engines import pages
from docs.make.quantizers import tables
from docs.make.quantizers.others import FORMS

WHERE = {
    "environment": {"cpu": "any", "cores": 2, "cpu_flags": ["avx2", "avx512_vnni"]},
    "commit": "0123456789ab",
    "changed_files": [],
    "started": "2026-01-01",
    "ended": "2026-01-02",
}


def a_round(openvino: float, onnxruntime: float, noise: float = 1.0) -> dict[str, float]:
    """Ours ÷ the best of the others, in each library."""
    forms = {f"onnxruntime, {form}": 10.0 + place for place, form in enumerate(FORMS)}
    return forms | {
        "openvino, NNCF": 5.0,
        "openvino, ours": 5.0 * openvino * noise,
        "onnxruntime, ours": 10.0 * onnxruntime * noise,
        "onnxruntime, FP32": 20.0,
        "openvino, FP32": 15.0,
    }


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(pages, "MEASURED", tmp_path)

    def lines(cases: dict[str, Sequence[dict[str, float]]], planned: int = 3) -> list[str]:
        pages.write_record(tables.NAME, WHERE | {"planned": planned, "cases": cases})
        return tables.quantizers()

    return lines


NOISE = (0.999, 1.0, 1.001)


def test_claims_hold_where_all_is_measured_and_near(said: Any) -> None:
    rounds = [a_round(0.98, 1.0, noise) for noise in NOISE]
    found = said({"net at 320": rounds, "net at 416": rounds})
    assert found[0].startswith("- openvino: the claim holds: ours takes at most 1.02 times")
    assert "It is 0.980 (0.97" in found[0]
    assert found[1].startswith("- onnxruntime: the claim holds")
    assert "| net at 320 | 3 | 0.980 (" in found[5]
    assert "| U8S8 |" in found[5]
    assert found[-1].endswith("The processor has avx2, avx512_vnni.")


def test_a_case_that_lies_wholly_above_is_named_and_decides(said: Any) -> None:
    near, far = ([a_round(size, 1.0, noise) for noise in NOISE] for size in (0.9, 1.1))
    found = said({"near": near, "far": far, "third": near})
    assert found[0].startswith("- openvino: the claim does not hold")
    assert found[0].endswith("Wholly above 1.05: far.")
    assert "the claim holds" in found[1]


@pytest.mark.parametrize(("planned", "noise"), [(4, NOISE), (3, (0.9, 1.0, 1.1))])
def test_too_few_rounds_or_too_much_noise_show_nothing(
    said: Any, planned: int, noise: tuple[float, ...]
) -> None:
    found = said({"net": [a_round(1.0, 1.0, one) for one in noise]}, planned)
    assert all("the claim is not shown to hold" in line for line in found[:2])
    assert said({}, 3)[0]


def test_without_a_record_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MEASURED", tmp_path)
    assert tables.quantizers() == [pages.MISSING]

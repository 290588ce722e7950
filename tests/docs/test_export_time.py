"""What the page says of the time of an export, by the record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from docs.make.engines import pages
from docs.make.engines.export_tables import export_time

WHERE = {
    "environment": {"cpu": "any", "cores": 2},
    "commit": "0123456789ab",
    "changed_files": [],
    "started": "2026-01-01",
    "ended": "2026-01-02",
    "reference": "abc",
    "precisions": "fp16,int8",
    "export_s": {"before": 50.0, "now": 30.0},
}


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(pages, "MEASURED", tmp_path)

    def lines(shares: Sequence[float], planned: int = 3) -> list[str]:
        rounds = [{"before": 100.0, "now": 100.0 * share} for share in shares]
        pages.write_record("export-time", WHERE | {"planned": planned, "rounds": rounds})
        return export_time()

    return lines


def test_the_claim_is_judged_by_its_interval(said: Any) -> None:
    found = said((0.299, 0.3, 0.301))
    assert found[0].startswith("The claim holds: four precisions take at most 0.35")
    assert "It is 0.300 (0.29" in found[0]
    assert "| FP32, from PyTorch | 50.0 | 30.0 |" in found
    assert "| fp16,int8, round 2 | 100.0 | 30.0 |" in found
    assert said((0.399, 0.4, 0.401))[0].startswith("The claim does not hold")
    assert said((0.25, 0.35, 0.45))[0].startswith("The claim is not shown to hold")


def test_too_few_rounds_show_nothing(said: Any) -> None:
    assert said((0.3, 0.3))[0].startswith("The claim is not shown to hold")
    assert said((0.3,))[0].startswith("The claim is not shown to hold")
    assert said(()) == ["Not measured yet: run `make engines`."]


def test_nothing_is_said_without_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MEASURED", tmp_path)
    assert export_time() == ["Not measured yet: run `make engines`."]

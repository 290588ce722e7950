"""Damaged and hostile ONNX files: a sentence, or the outputs of the file; sizewise stays alive."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from engines.libraries import installed_version
from tests.engines.mutants.campaign import is_violation, outcomes
from tests.engines.mutants.mutating import STRUCTURAL

pytest.importorskip("onnxruntime")


def test_forty_mutants_are_refused_or_equal(tmp_path: Path) -> None:
    found = list(outcomes(tmp_path, 40))
    assert [one for one in found if is_violation(one)] == []
    counts = Counter(one["outcome"] for one in found)
    assert min(counts["refused"], counts["equal"]) >= 5, counts


def test_most_mutants_are_of_the_structure() -> None:
    assert STRUCTURAL >= 0.6


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
def test_five_thousand_mutants_are_refused_or_equal(tmp_path: Path) -> None:
    backends = ("onnxruntime", "openvino") if installed_version("openvino") else ("onnxruntime",)
    bad = [one for one in outcomes(tmp_path, 5000, backends=backends) if is_violation(one)]
    assert bad == []

"""Damaged and hostile ONNX files: a sentence, or the outputs of the file; sizewise stays alive, and
opens nothing that is not the model's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.engines.mutants.campaign import TELLING, outcomes, violation
from tests.engines.mutants.mutating import STRUCTURAL
from tests.engines.mutants.seeds import SEEDS

pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and watches by inotify")


def test_forty_mutants_are_refused_or_equal(tmp_path: Path) -> None:
    """Without strace, for it takes time: the canaries are watched."""
    found = list(outcomes(tmp_path, 40, backends=("onnxruntime",), trace=False))
    told = TELLING.summed(found)
    assert told["violations"] == []
    ends = [one["outcome"] for one in found]
    assert min(ends.count("refused"), ends.count("equal")) >= 4, ends
    assert {one["model"] for one in found} == set(SEEDS)


def test_most_mutants_of_ten_models_are_of_the_structure() -> None:
    assert STRUCTURAL >= 0.6
    assert len(SEEDS) >= 10


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"outcome": "equal", "stage": "judge", "outside": []}, ""),
        ({"outcome": "refused", "stage": "parent", "outside": []}, ""),
        ({"outcome": "died", "stage": "child", "outside": []}, ""),
        ({"outcome": "died", "stage": "parent", "outside": []}, "died in the stage parent: "),
        ({"outcome": "differs", "stage": "judge", "outside": []}, "differs in the stage judge: "),
        ({"outcome": "refused", "stage": "parent", "outside": ["c.bin"]}, "opened c.bin"),
    ],
)
def test_a_violation_is_what_harms_more_than_one_engine(found: dict[str, str], said: str) -> None:
    assert violation(found) == said


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
def test_five_thousand_mutants_are_refused_or_equal(tmp_path: Path) -> None:
    assert TELLING.summed(outcomes(tmp_path, 5000))["violations"] == []
